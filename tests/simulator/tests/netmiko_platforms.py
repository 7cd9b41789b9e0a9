"""Logs in to simulated devices of every platform with netmiko's class for it and uses them.

usage: netmiko_platforms.py HOST USERNAME PLATFORM=PORT...

The password comes from the environment variable NETMIKO_PASSWORD, the enable secret from
NETMIKO_SECRET. Prints "PLATFORM: ok" for each device that behaved, "PLATFORM: left out" where this
netmiko has no class, and ends with status 1 if any misbehaved.
"""

import os
import re
import sys
import traceback

from netmiko import ConnectHandler
from netmiko.ssh_dispatcher import CLASS_MAPPER

# Platform -> (device types of netmiko, the first known is taken; long command; its last words;
# a command that does not exist; what it is answered).
PLATFORMS = {
    "cisco_iosxe": (["cisco_xe"], "show interfaces", r"Tunnel0 is up", "show nothing", r"% Invalid input"),
    "cisco_nxos": (["cisco_nxos"], "show interface", r"Vlan20 is up", "show nothing", r"% Invalid command"),
    "cisco_iosxr": (["cisco_xr"], "show interfaces", r"MgmtEth0/RP0/CPU0/0 is up", "show nothing", r"% Invalid input"),
    "cisco_asa": (["cisco_asa"], "show interface", r"GigabitEthernet1/9 ", "show nothing", r"ERROR: % Invalid input"),
    "arista_eos": (["arista_eos"], "show interfaces", r"Ethernet4 is up", "show nothing", r"% Invalid input"),
    "juniper_junos": (["juniper_junos"], "show interfaces extensive", r"ge-0/0/3, Enabled", "show nothing", r"unknown command"),
    "nokia_sros": (["nokia_sros"], "admin display-config", r"port 40", "show nothing", r"Error: Bad command"),
    "nokia_sros_md": (["nokia_sros"], "admin show configuration", r"port 40", "show nothing", r"MINOR: "),
    "mikrotik_routeros": (["mikrotik_routeros"], "/interface print stats without-paging", r"sfp-sfpplus4 ", "/nothing", r"bad command name"),
    "huawei_vrp": (["huawei_vrp", "huawei"], "display interface", r"LoopBack0 current", "display nothing", r"Error: Unrecognized command"),
    "hp_comware": (["hp_comware"], "display interface", r"Ten-GigabitEthernet1/0/24 current", "display nothing", r"% Unrecognized command"),
    "hp_procurve": (["hp_procurve"], "show interfaces", r"^ +48 ", "show nothing", r"Invalid input: nothing"),
    "aruba_aoscx": (["aruba_aoscx"], "show interface", r"Interface 1/1/24 is up", "show nothing", r"Invalid input: nothing"),
    "fortinet_fortios": (["fortinet"], "show", r'edit "host-40"', "get nothing", r"Unknown action"),
    "paloalto_panos": (["paloalto_panos"], "show interface all", r"ethernet1/24 ", "show nothing", r"Unknown command: nothing"),
    "vyos": (["vyos"], "show interfaces", r"eth39 ", "show nothing", r"Invalid command: \[nothing\]"),
    "dell_os10": (["dell_os10"], "show interface", r"Ethernet 1/1/24 is up", "show nothing", r"% Error: Unrecognized"),
    "linux": (["linux"], "top -b -n 1", r"process50$", "nothing", r"nothing: command not found"),
}


def use(platform, host, port, username):
    """Logs in once and runs commands; raises where the device does not behave."""
    types, long_command, last, wrong, refusal = PLATFORMS[platform]
    device_type = next((name for name in types if name in CLASS_MAPPER), None)
    if device_type is None:
        return "left out"
    login = {
        "device_type": device_type,
        "host": host,
        "port": port,
        "username": username,
        "password": os.environ["NETMIKO_PASSWORD"],
        "secret": os.environ["NETMIKO_SECRET"],
        "allow_agent": False,
        "use_keys": False,
    }
    with ConnectHandler(**login) as device:
        output = device.send_command(long_command, read_timeout=30)
        if not re.search(last, output, re.MULTILINE):
            raise AssertionError(f"{long_command}: {output!r}")
        if re.search("more|MORE|More|any key", output):
            raise AssertionError(f"{long_command} was paged: {output!r}")
        again = device.send_command(long_command, read_timeout=30)
        if len(again.splitlines()) != len(output.splitlines()):
            raise AssertionError(f"{long_command} changed its form: {again!r}")
        refused = device.send_command(wrong, read_timeout=30)
        if not re.search(refusal, refused):
            raise AssertionError(f"{wrong}: {refused!r}")
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
