"""Logs in to a simulated Cisco IOS device with netmiko and uses it as people do.

usage: netmiko_client.py HOST PORT USERNAME

The password comes from the environment variable NETMIKO_PASSWORD, the enable secret from
NETMIKO_SECRET. Ends with status 0 and the line "netmiko: ok" when all went as it does with a real
device; with a traceback otherwise.
"""

import os
import re
import sys

from netmiko import ConnectHandler, NetmikoAuthenticationException

CPU = re.compile(
    r"CPU utilization for five seconds: (\d+)%/(\d+)%; one minute: (\d+)%; five minutes: (\d+)%"
)
SHOWS = {
    "show version": r"Cisco IOS Software, .*, Version \S+, RELEASE SOFTWARE",
    "show processes cpu": r"^ PID Runtime\(ms\)",
    "show processes memory": r"^Processor Pool Total: +\d+ Used: +\d+ Free: +\d+$",
    "show interfaces": r"^Tunnel0 is up, line protocol is up",
    "show interfaces GigabitEthernet0/1": r"^GigabitEthernet0/1 is up",
    "show ip interface brief": r"^Loopback0 +\S+ +YES NVRAM +up +up",
    "show clock": r"^\*\d\d:\d\d:\d\d\.\d{3} UTC ",
    "show users": r"^\* +\d+ vty \d",
}


def expect(condition, message):
    """Fails with a message."""
    if not condition:
        raise AssertionError(message)


def main():
    host, port, username = sys.argv[1:4]
    login = {
        "device_type": "cisco_ios",
        "host": host,
        "port": int(port),
        "username": username,
        "password": os.environ["NETMIKO_PASSWORD"],
        "secret": os.environ["NETMIKO_SECRET"],
        "allow_agent": False,
        "use_keys": False,
    }
    with ConnectHandler(**login) as device:
        prompt = device.find_prompt()
        expect(prompt.endswith(">"), f"user prompt expected, got {prompt!r}")
        for command, pattern in SHOWS.items():
            output = device.send_command(command)
            expect(re.search(pattern, output, re.MULTILINE), f"{command}: {output!r}")
            expect("--More--" not in output, f"{command}: paged")
            expect(prompt not in output, f"{command}: prompt left in output")
        load = device.send_command("show processes cpu | include CPU")
        expect(CPU.fullmatch(load.strip()), f"filtered load: {load!r}")
        wrong = device.send_command("show ip intrface brief")
        expect("% Invalid input detected at '^' marker." in wrong, f"error: {wrong!r}")

        expect(not device.check_enable_mode(), "enabled too early")
        device.enable()
        expect(device.find_prompt().endswith("#"), "not enabled")
        expect("hostname" in device.send_command("show running-config"), "no configuration")
        device.send_config_set(["hostname renamed"])
        device.set_base_prompt()
        expect(device.find_prompt() == "renamed#", "hostname did not change")
        device.send_config_set([f"hostname {prompt[:-1]}"])
        device.set_base_prompt()
        device.save_config()
        device.exit_enable_mode()
        expect(device.find_prompt() == prompt, "not disabled")

    try:
        ConnectHandler(**{**login, "password": login["password"] + "x"})
    except NetmikoAuthenticationException:
        pass
    else:
        raise AssertionError("a wrong password logged in")
    print("netmiko: ok")


main()
