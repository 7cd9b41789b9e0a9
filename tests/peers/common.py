"""What all peers share: arguments, devices, phases, the measuring window and the result.

    bare ---> logging in ---> up ---> settling ---> measuring ---> measured
    (imports done, no session)        (polling from here on)       (result printed, process ends)

A peer says each phase on standard output as a line of JSON, so that `peers.py` can ask the simulated devices for
their counts at that moment; the last line is the result. CPU is user and system time of this whole process.

Polls begin only when all sessions are up: what is spent before is the logins' cost and nothing else.
"""

import argparse
import array
import asyncio
import json
import os
import re
import resource
import sys
import threading
import time
from pathlib import Path

COMMAND = "show processes cpu | include CPU"
VALUE = re.compile(r"CPU utilization for five seconds: +(\d+)%")
VALUE_IN_BYTES = re.compile(VALUE.pattern.encode())

# What asyncssh spends least on. NetWolf prefers it by itself; netdev and scrapli leave the choice to asyncssh, which
# prefers ChaCha20 and takes long over it.
GCM = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]

# More logins at once only make each of them wait longer for the one core.
LOGINS_AT_ONCE = 50
# A busy machine may let a login time out; a device that refuses three times is a fault.
LOGIN_ATTEMPTS = 3
# Room for what a process holds open besides its sessions.
SPARE_DESCRIPTORS = 200

_DEVICE = re.compile(r'address: "([^"]+)", port: (\d+)')


class Trouble(Exception):
    """What a person is told; it ends the peer."""


def arguments(purpose):
    """What every peer takes."""
    parser = argparse.ArgumentParser(description=purpose.splitlines()[0])
    parser.add_argument(
        "--inventory", action="append", required=True, metavar="FILE", help="devices, as the simulator writes them"
    )
    parser.add_argument("--username", default="netwolf", metavar="NAME")
    parser.add_argument("--password-file", required=True, metavar="FILE")
    parser.add_argument(
        "--interval", type=float, default=1.0, metavar="S", help="from one poll of a device to the next"
    )
    parser.add_argument("--settle", type=float, default=5.0, metavar="S", help="polling before the window")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="the window")
    parser.add_argument("--gcm", action="store_true", help="use AES-GCM where the library would not by itself")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input does")
    args = parser.parse_args()
    args.password = Path(args.password_file).read_text().splitlines()[0]
    args.devices = [device for path in args.inventory for device in _devices(path)]
    _allow_descriptors(len(args.devices))
    if args.exit_with_parent:
        threading.Thread(target=_end_with_standard_input, daemon=True).start()
    return args


def _devices(path):
    """Addresses and ports of an inventory; its lines are regular, so no YAML library is needed."""
    return [(address, int(port)) for address, port in _DEVICE.findall(Path(path).read_text())]


def _allow_descriptors(sessions):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and sessions + SPARE_DESCRIPTORS > most:
        raise Trouble(f"{sessions} sessions need more than the {most} files that this process may open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _end_with_standard_input():
    while sys.stdin.buffer.read1(4096):
        pass
    os._exit(1)


def cpu_seconds():
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_bytes():
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Tally:
    """What the polls gave. Polls of threads are counted too: appending to a list or an array is atomic."""

    def __init__(self):
        self.delays = array.array("d")
        self.skipped = array.array("d")
        self.errors = []

    def done(self, due):
        """A poll that was due at `due` (of `time.monotonic`) has given its value."""
        self.delays.append(time.monotonic() - due)

    def skip(self, due):
        """A poll was left out because the one before was not done."""
        self.skipped.append(due)

    def failed(self, error):
        """A poll went wrong; its session is polled no more."""
        self.errors.append(f"{type(error).__name__}: {error}")

    def next(self, due, interval):
        """When the next poll is due; those whose time has passed are skipped."""
        now = time.monotonic()
        due += interval
        while due < now:
            self.skip(due)
            due += interval
        return due


class Meter:
    """Readings at the phases and, from them, the result."""

    def __init__(self, client):
        self.client = client
        self.tally = Tally()
        self._readings = {}

    def say(self, phase, **more):
        """Takes a reading and tells that the phase has begun."""
        now = time.monotonic(), cpu_seconds(), resident_bytes()
        self._readings[phase] = now
        print(json.dumps({"phase": phase, **more}), flush=True)

    def bare(self):
        """All is imported and no session open: what memory and CPU are counted from."""
        self.say("bare")

    def up(self, sessions):
        """All sessions have their prompt."""
        self.sessions = sessions
        self.say("up")

    def measuring(self):
        """The window begins: what was counted before is forgotten, though not what went wrong."""
        self.tally.delays = array.array("d")
        self.tally.skipped = array.array("d")
        self.say("measuring")

    def finish(self):
        """The window ends: prints the result and ends the process, sessions and all.

        A farewell to thousands of devices would take longer than the measurement.
        """
        self.say("measured")
        print(json.dumps(self._result()), flush=True)
        os._exit(0)

    def _result(self):
        bare, up, first, last = (self._readings[phase] for phase in ("bare", "up", "measuring", "measured"))
        delays = sorted(self.tally.delays)
        quantile = lambda q: round(delays[int(q * (len(delays) - 1))] * 1e3, 3) if delays else None
        return {
            "client": self.client,
            "sessions": self.sessions,
            "seconds": last[0] - first[0],
            "values": len(delays),
            "skipped": len(self.tally.skipped),
            "errors": len(self.tally.errors),
            "first_error": self.tally.errors[0] if self.tally.errors else None,
            "p50_ms": quantile(0.50),
            "p99_ms": quantile(0.99),
            "cpu_seconds": last[1] - first[1],
            "login_cpu_seconds": up[1] - bare[1],
            "login_seconds": up[0] - bare[0],
            "rss_bytes": last[2] - bare[2],
        }


def phases(sessions, interval):
    """When each session is polled first: spread over one interval, so that the load is even."""
    start = time.monotonic() + 0.1
    return [start + interval * number / len(sessions) for number in range(len(sessions))]


def measure(args, client, connect, start):
    """An asyncio peer from start to end.

    `await connect(address, port)` gives a session that has its prompt. `start(sessions, dues, tally)` begins to poll
    and returns; `dues` are the first polls' times.
    """

    async def run():
        meter = Meter(client)
        meter.bare()
        sessions = await _log_in(args.devices, connect)
        meter.up(len(sessions))
        polling = start(sessions, phases(sessions, args.interval), meter.tally)
        await asyncio.sleep(args.settle)
        meter.measuring()
        await asyncio.sleep(args.seconds)
        del polling  # held until now, because the loop itself holds tasks only weakly
        meter.finish()

    return run()


async def _log_in(devices, connect):
    """Connects to all devices, some at once."""
    permits = asyncio.Semaphore(LOGINS_AT_ONCE)

    async def one(address, port):
        async with permits:
            for attempt in range(1, LOGIN_ATTEMPTS + 1):
                try:
                    return await connect(address, port)
                except Exception as error:
                    if attempt == LOGIN_ATTEMPTS:
                        raise Trouble(f"cannot log in to {address}: {type(error).__name__}: {error}") from error

    return await asyncio.gather(*(one(*device) for device in devices))


def start_tasks(poll, interval):
    """The usual way to poll: a task a session, each poll at its time. Makes the `start` that `measure` takes."""

    async def forever(session, due, tally):
        try:
            while True:
                await asyncio.sleep(due - time.monotonic())
                await poll(session)
                tally.done(due)
                due = tally.next(due, interval)
        except Exception as error:
            tally.failed(error)

    def start(sessions, dues, tally):
        return [asyncio.ensure_future(forever(session, due, tally)) for session, due in zip(sessions, dues)]

    return start


def value_of(output):
    """The load that the device tells."""
    found = VALUE.search(output)
    if not found:
        raise Trouble(f"no value in {output!r}")
    return int(found[1])


def main(peer, purpose):
    """Runs `peer(args)`; what a person can mend is told without a traceback."""
    try:
        peer(arguments(purpose))
    except (Trouble, OSError) as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        # Threads that still log in must not hold up the end.
        os._exit(1)
