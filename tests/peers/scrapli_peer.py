"""scrapli with its asyncssh transport, as its documentation shows: a driver a device, `send_command` for each poll.

Host keys are not verified.
"""

import asyncio
import functools

import asyncssh  # noqa: F401  scrapli imports it with the first connection, which would count as a login's cost
from scrapli.driver.core import AsyncIOSXEDriver

import common


async def connect(args, address, port):
    driver = AsyncIOSXEDriver(
        host=address,
        port=port,
        auth_username=args.username,
        auth_password=args.password,
        auth_strict_key=False,
        transport="asyncssh",
        transport_options={"asyncssh": {"encryption_algs": common.GCM}} if args.gcm else {},
        # The simulated devices have no enable secret, and polls need no privilege.
        default_desired_privilege_level="exec",
    )
    await driver.open()
    return driver


async def poll(driver):
    response = await driver.send_command(common.COMMAND)
    return common.value_of(response.result)


def peer(args):
    asyncio.run(
        common.measure(
            args,
            "scrapli",
            functools.partial(connect, args),
            common.start_tasks(poll, args.interval),
        )
    )


common.main(peer, __doc__)
