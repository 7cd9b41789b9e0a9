"""Logs in to simulated devices of several platforms with scrapli's definitions for them.

usage: scrapli_platforms.py HOST USERNAME PLATFORM=PORT...

The password comes from the environment variable SCRAPLI_PASSWORD, the enable secret from
SCRAPLI_SECRET. Prints "PLATFORM: ok" for each device that behaved, "PLATFORM: left out" where this
scrapli has no definition, and ends with status 1 if any misbehaved.
"""

import os
import sys
import traceback

from scrapli import AuthOptions, Cli, SessionOptions
from scrapli.auth import LookupKeyValue

# Platform -> (scrapli's definition, command, what stands in its output, a command that does not
# exist).
PLATFORMS = {
    "cisco_iosxe": ("cisco_iosxe", "show interfaces", "Tunnel0 is up", "show nothing"),
    "cisco_nxos": ("cisco_nxos", "show interface", "Vlan20 is up", "show nothing"),
    "cisco_iosxr": ("cisco_iosxr", "show interfaces", "MgmtEth0/RP0/CPU0/0 is up", "show nothing"),
    "arista_eos": ("arista_eos", "show interfaces", "Ethernet4 is up", "show nothing"),
    "juniper_junos": ("juniper_junos", "show interfaces extensive", "ge-0/0/3, Enabled", "show nothing"),
}


def definitions():
    """The names that this scrapli knows."""
    import scrapli

    folder = os.path.join(os.path.dirname(scrapli.__file__), "definitions")
    return {name.removesuffix(".yaml") for name in os.listdir(folder)}


def use(platform, host, port, username):
    """Logs in once and runs commands; raises where the device does not behave."""
    definition, command, expected, wrong = PLATFORMS[platform]
    if definition not in definitions():
        return "left out"
    device = Cli(
        host,
        port=port,
        definition_file_or_name=definition,
        auth_options=AuthOptions(
            username=username,
            password=os.environ["SCRAPLI_PASSWORD"],
            lookups=[LookupKeyValue("enable", os.environ["SCRAPLI_SECRET"])],
        ),
        session_options=SessionOptions(operation_timeout_s=60),
    )
    with device:
        result = device.send_input(command)
        if result.failed or expected not in result.result:
            raise AssertionError(f"{command}: {result.result!r}")
        if "More" in result.result or "more" in result.result:
            raise AssertionError(f"{command} was paged: {result.result!r}")
        refused = device.send_input(wrong)
        if not refused.failed:
            raise AssertionError(f"{wrong} was not refused: {refused.result!r}")
    return "ok"


def main():
    host, username, *devices = sys.argv[1:]
    failed = False
    for device in devices:
        platform, port = device.split("=")
        try:
            print(f"{platform}: {use(platform, host, int(port), username)}", flush=True)
        except Exception:  # Each platform is told, whatever became of the others.
            failed = True
            print(f"{platform}: failed\n{traceback.format_exc()}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
