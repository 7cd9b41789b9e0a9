"""Devices played by FakeNOS, which knows nothing of NetWolf, for as long as standard input is open.

Usage: fakenos_devices.py PLATFORM=COMMAND...

Prints one line of JSON when all listen: for each platform its port, and what FakeNOS answers to the command.
The password is in FAKENOS_PASSWORD, the user is netwolf.
"""

import json
import os
import socket
import sys

from fakenos import FakeNOS


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


wanted = dict(argument.split("=", 1) for argument in sys.argv[1:])
hosts = {
    platform: {
        "username": "netwolf",
        "password": os.environ["FAKENOS_PASSWORD"],
        "port": free_port(),
        "platform": platform,
    }
    for platform in wanted
}
network = FakeNOS(
    inventory={
        "default": {
            "server": {
                "plugin": "ParamikoSshServer",
                "configuration": {"address": "127.0.0.1", "timeout": 1},
            },
        },
        "hosts": hosts,
    }
)
network.start()
ready = {}
for platform, command in wanted.items():
    output = network.hosts[platform].nos.commands[command]["output"]
    ready[platform] = {
        "port": hosts[platform]["port"],
        "command": command,
        # Some outputs are made by a function of the moment; those are looked at, not compared.
        "output": output if isinstance(output, str) else None,
    }
print(json.dumps(ready), flush=True)
sys.stdin.read()
network.stop()
