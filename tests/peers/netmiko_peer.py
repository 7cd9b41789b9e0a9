"""netmiko, a thread a session, as its users do; a thousand or so is all that one process bears.

Host keys are not verified.
"""

import concurrent.futures
import threading
import time

from netmiko import ConnectHandler

import common

# Paramiko's first choice, which costs more than the curve25519 that all others use here.
SLOWER_KEY_EXCHANGE = {"kex": ["mlkem768x25519-sha256"]}


def connect(args, address, port):
    for attempt in range(1, common.LOGIN_ATTEMPTS + 1):
        try:
            return ConnectHandler(
                device_type="cisco_ios",
                host=address,
                port=port,
                username=args.username,
                password=args.password,
                use_keys=False,
                allow_agent=False,
                disabled_algorithms=SLOWER_KEY_EXCHANGE,
            )
        except Exception as error:
            if attempt == common.LOGIN_ATTEMPTS:
                raise common.Trouble(f"cannot log in to {address}: {type(error).__name__}: {error}") from error


def forever(session, due, interval, tally):
    try:
        while True:
            time.sleep(max(0, due - time.monotonic()))
            # Without the argument, netmiko asks for the prompt again before each command.
            common.value_of(session.send_command(common.COMMAND, auto_find_prompt=False))
            tally.done(due)
            due = tally.next(due, interval)
    except Exception as error:
        tally.failed(error)


def peer(args):
    meter = common.Meter("netmiko")
    meter.bare()
    with concurrent.futures.ThreadPoolExecutor(common.LOGINS_AT_ONCE) as pool:
        sessions = list(pool.map(lambda device: connect(args, *device), args.devices))
    meter.up(len(sessions))
    for session, due in zip(sessions, common.phases(sessions, args.interval)):
        threading.Thread(target=forever, args=(session, due, args.interval, meter.tally), daemon=True).start()
    time.sleep(args.settle)
    meter.measuring()
    time.sleep(args.seconds)
    meter.finish()


common.main(peer, __doc__)
