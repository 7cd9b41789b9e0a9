"""Polls the same simulated devices with NetWolf and with its peers, in the same minutes, and compares the cost.

    core 0 ..     simulators (processes of at most 4,000 devices), this program
    the last      the client that is measured: `netwolf bench floor`, `netwolf bench sessions`, then each peer

Each client has fresh simulators, with the flags that `netwolf bench sessions` gives its own, and is measured as that
measures: CPU is user and system time of the client's process, polls and logins are counted by the devices, memory is
what the client grew by from before its first session until the end of the window.

Machines are shared and differ: compare the ratios of one run, not the figures of two.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from comparison import Comparison
from processes import READY, Cores, Others, Part, Trouble, output_of

HERE = Path(__file__).resolve().parent
PEERS = ("russh", "asyncssh", "netdev", "scrapli", "netmiko")

# As `netwolf bench sessions` has them; times are in seconds.
DEVICES_PER_SIMULATOR = 4000
KEY_EXCHANGE = ["--key-exchange", "curve25519"]
SPLIT = "2ms"
SETTLE = 5
PATIENCE = 60
SLOWEST_LOGINS = 40

# netmiko needs a thread for each session, and somewhat above a thousand of them get nothing done.
MOST_SESSIONS = {"netmiko": 400}
# Paramiko knows curve25519 by its first name only, `curve25519-sha256@libssh.org`. Devices that may use any key
# exchange know that name too, and the peer sees to it that this one is used.
KEY_EXCHANGES = {"netmiko": []}

UNITS = {"ms": 1e-3, "s": 1, "m": 60}


def progress(text):
    """Says how far it has come."""
    print(text, file=sys.stderr, flush=True)


class Devices:
    """Simulators with as many devices as are asked for."""

    def __init__(self, stack, run, sessions, key_exchange):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netwolf-peers-")))
        self.password = self.folder / "password"
        # Not to be guessed: loopback is open to other users of this machine.
        self.password.write_text(secrets.token_hex(16))
        self.password.chmod(0o600)
        self.inventories, self._simulators = [], []
        for number, first in enumerate(range(0, sessions, DEVICES_PER_SIMULATOR)):
            inventory = self.folder / f"inventory-{number}.yml"
            command = [run.netwolf, "simulator", "--devices", str(min(DEVICES_PER_SIMULATOR, sessions - first))]
            command += ["--addresses", f"127.{32 + number}.0.1", "--port", "0", "--name-prefix", f"s{number}-"]
            command += ["--username", "netwolf", "--password-file", self.password, "--split", SPLIT]
            command += key_exchange
            command += ["--inventory", inventory, "--announce", "--exit-with-parent"]
            name = f"simulator-{number}"
            simulator = stack.enter_context(Part(name, command, run.cores.rest, self.folder / f"{name}.log"))
            simulator.hear(READY)
            self.inventories.append(inventory)
            self._simulators.append(simulator)

    def counts(self):
        """Commands and logins so far."""
        totals = [simulator.ask()["totals"] for simulator in self._simulators]
        return sum(total["commands"] for total in totals), sum(total["logins"] for total in totals)


def measure_peer(run, name, sessions):
    """One peer, with devices of its own."""
    progress(f"{name}: starting {sessions} simulated devices")
    others = Others()
    with contextlib.ExitStack() as stack:
        devices = Devices(stack, run, sessions, KEY_EXCHANGES.get(name, KEY_EXCHANGE))
        command = [*run.programs[name], "--exit-with-parent"]
        command += ["--password-file", devices.password]
        command += [f"--inventory={inventory}" for inventory in devices.inventories]
        command += ["--interval", str(run.interval), "--settle", str(SETTLE), "--seconds", str(run.seconds)]
        command += ["--gcm"] if run.gcm else []
        peer = stack.enter_context(Part(name, command, run.cores.measured, devices.folder / f"{name}.log"))
        counts = {}
        while True:
            said = peer.hear(PATIENCE + sessions / SLOWEST_LOGINS + SETTLE + run.seconds)
            if "phase" not in said:
                break
            counts[said["phase"]] = devices.counts()
            progress(f"{name}: {said['phase']}")
    polls = counts["measured"][0] - counts["measuring"][0]
    logins = counts["up"][1] - counts["bare"][1]
    return {
        **said,
        "polls_per_second": polls / said["seconds"],
        "cpu_us_per_poll": said["cpu_seconds"] / polls * 1e6 if polls else None,
        "rss_bytes_per_session": said["rss_bytes"] / sessions,
        "login_cpu_ms": said["login_cpu_seconds"] / logins * 1e3,
        "others_cores": others.cores(),
    }


def measure_netwolf(run, verb, sessions):
    """`netwolf bench`, which starts its own devices and chooses the same cores."""
    progress(f"netwolf bench {verb}: {sessions} sessions")
    command = [run.netwolf, "bench", verb, "--sessions", str(sessions), "--interval", run.interval_text]
    command += ["--seconds", str(run.seconds), "--split", SPLIT, "--output", "json", "--quiet"]
    command += ["--settle", str(SETTLE)] if verb == "sessions" else []
    others = Others()
    figures = json.loads(output_of(command, run.cores.all, f"`netwolf bench {verb}`"))
    client = "NetWolf" if verb == "sessions" else "bare TCP, no SSH"
    return {"client": client, "others_cores": others.cores(), **figures}


def peers_python(folder, cores):
    """A virtual environment with what `requirements.txt` asks for; made once, and again when that changes."""
    requirements = HERE / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    python, mark = folder / "bin" / "python", folder / "installed"
    if not (mark.exists() and mark.read_text() == wanted):
        progress(f"installing the peers into {folder}")
        output_of([sys.executable, "-m", "venv", folder], cores, "making a virtual environment")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        output_of([*install, "--requirement", requirements], cores, "installing the peers with pip")
        mark.write_text(wanted)
    return python


def programs(run):
    """How each peer is started; what is missing is installed or built."""
    started = {}
    if "russh" in run.peers:
        progress("building the peer on russh")
        command = ["cargo", "build", "--release", "--manifest-path", HERE / "russh" / "Cargo.toml"]
        command += ["--message-format", "json"]
        messages = [json.loads(line) for line in output_of(command, run.cores.all, "`cargo build`").splitlines()]
        started["russh"] = [next(said["executable"] for said in messages if said.get("executable"))]
    in_python = [name for name in run.peers if name not in started]
    if in_python:
        python = peers_python(run.venv.resolve(), run.cores.all)
        started |= {name: [python, "-B", HERE / f"{name}_peer.py"] for name in in_python}
    return started


def compare(run):
    """Measures all, one after the other."""
    comparison = Comparison(run, SPLIT)
    comparison.add(measure_netwolf(run, "floor", run.sessions))
    comparison.add(measure_netwolf(run, "sessions", run.sessions))
    for name in run.peers:
        sessions = min(run.sessions, MOST_SESSIONS.get(name, run.sessions))
        try:
            while not measure_beside(run, comparison, name, sessions) and run.halve and sessions > 1:
                sessions //= 2
        except Trouble as trouble:
            # The others are still worth knowing.
            progress(f"{name}: {trouble}")
            comparison.failures.append(f"{name}: {trouble}")
    return comparison


def measure_beside(run, comparison, name, sessions):
    """A peer, and NetWolf with as many sessions. Whether the peer kept up."""
    if not comparison.knows(sessions):
        comparison.add(measure_netwolf(run, "sessions", sessions))
    comparison.add(measure_peer(run, name, sessions))
    return comparison.rows[-1]["kept_up"]


def seconds(text):
    """A length of time with its unit, as `netwolf` takes it."""
    found = re.fullmatch(r"(\d+)(ms|s|m)", text)
    if not found or int(found[1]) == 0:
        raise argparse.ArgumentTypeError("write it with a unit, such as `500ms` or `1s`")
    return int(found[1]) * UNITS[found[2]]


def names(text):
    """Peers, separated by commas."""
    wanted = text.split(",") if text else []
    unknown = sorted(set(wanted) - set(PEERS))
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no peer {unknown[0]!r}; there are {', '.join(PEERS)}")
    return wanted


def arguments():
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--netwolf", required=True, type=Path, metavar="PATH", help="the program, built for release")
    parser.add_argument("--sessions", type=int, default=2500, metavar="N", help="devices, each with a session [2500]")
    parser.add_argument(
        "--interval",
        dest="interval_text",
        default="1s",
        metavar="TIME",
        help="from one poll of a device to the next [1s]",
    )
    parser.add_argument("--seconds", type=int, default=10, metavar="S", help="how long to measure each [10]")
    parser.add_argument(
        "--peers", type=names, default=list(PEERS), metavar="NAME,...", help=f"which ones [{','.join(PEERS)}]"
    )
    parser.add_argument(
        "--halve",
        action="store_true",
        help="measure a peer that did not keep up again with half the sessions, NetWolf too",
    )
    parser.add_argument(
        "--gcm", action="store_true", help="let netdev and scrapli use AES-GCM, which they would not by themselves"
    )
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument(
        "--venv",
        type=Path,
        default=HERE.parents[1] / "target" / "peers",
        metavar="DIR",
        help="where the peers are installed [target/peers]",
    )
    run = parser.parse_args()
    try:
        run.interval = seconds(run.interval_text)
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --interval: {error}")
    if run.sessions < 1 or run.seconds < 1:
        parser.error("--sessions and --seconds are at least 1")
    return run


def main():
    """Measures, prints, and leaves nothing behind."""
    run = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if sys.version_info < (3, 11):
            raise Trouble("Python 3.11 or later is needed")
        run.netwolf = run.netwolf.resolve()
        if not os.access(run.netwolf, os.X_OK):
            hint = "hint: `cargo build --release --bin netwolf`, then name target/release/netwolf"
            raise Trouble(f"{run.netwolf} is no program\n{hint}")
        run.cores = Cores()
        run.programs = programs(run)
        comparison = compare(run)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 1
    print(comparison.json() if run.output == "json" else comparison.table())
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
