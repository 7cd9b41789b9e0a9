"""netdev on asyncssh, in the way of NetWolf's ancestor: a task a device that connects, then sends, searches and sleeps.

As it sleeps a whole interval after each poll, its period is the interval plus the time of the poll, and it slips.

netdev 0.9.3 is of 2019, and two things of it are worked around in `Device`. Host keys are not verified.
"""

import asyncio
import functools
import time

from netdev.vendors import CiscoIOS

import common


class Device(CiscoIOS):
    """What keeps netdev from working today, or here."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # asyncssh has dropped its `loop` argument, which netdev passes on.
        del self._connect_params_dict["loop"]

    async def enable_mode(self, **_kwargs):
        """The simulated devices have no enable secret, and polls need no privilege."""
        return ""


async def connect(args, address, port):
    device = Device(
        host=address,
        port=port,
        username=args.username,
        password=args.password,
        device_type="cisco_ios",
        encryption_algs=common.GCM if args.gcm else (),
    )
    await device.connect()
    return device


def start(interval, devices, dues, tally):
    async def forever(device, due):
        try:
            await asyncio.sleep(due - time.monotonic())
            while True:
                began = time.monotonic()
                common.value_of(await device.send_command(common.COMMAND))
                tally.done(began)
                await asyncio.sleep(interval)
        except Exception as error:
            tally.failed(error)

    return [asyncio.ensure_future(forever(*pair)) for pair in zip(devices, dues)]


def peer(args):
    asyncio.run(
        common.measure(
            args,
            "netdev",
            functools.partial(connect, args),
            functools.partial(start, args.interval),
        )
    )


common.main(peer, __doc__)
