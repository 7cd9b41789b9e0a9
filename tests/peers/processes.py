"""Child processes: started on their cores, asked, ended; and what the machine did for others meanwhile."""

import contextlib
import json
import os
import queue
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

# Patience, in seconds, with a child that has to start or to answer, and with one that has to end.
READY = 30
GRACE = 5


class Trouble(Exception):
    """What a person is told; the exit code is then 1."""


def spawn(command, cores, **options):
    """Starts a program on these cores, which it inherits from this thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        # In a group of its own, so that Ctrl-C reaches only us and we choose the order of the end.
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0, **options)
    finally:
        os.sched_setaffinity(0, before)


class Part:
    """A child that says lines of JSON, and ends when its standard input does."""

    def __init__(self, name, command, cores, log):
        self.name = name
        self._log = Path(log)
        with self._log.open("w") as errors:
            self._child = spawn(command, cores, stdin=subprocess.PIPE, stderr=errors)
        self._said = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        end(self._child)

    def _listen(self):
        for line in self._child.stdout:
            self._said.put(line)
        self._said.put(None)

    def hear(self, patience):
        """The next line that it says."""
        try:
            line = self._said.get(timeout=patience)
        except queue.Empty:
            raise Trouble(f"{self.name} said nothing for {patience:.0f} s; is the machine busy?") from None
        if line is None:
            raise Trouble(f"{self.name} has ended{self._last_words()}")
        try:
            return json.loads(line)
        except ValueError:
            raise Trouble(f"{self.name} said {line!r}") from None

    def ask(self):
        """Sends it a line and gives its answer."""
        try:
            self._child.stdin.write("\n")
            self._child.stdin.flush()
        except OSError:
            raise Trouble(f"{self.name} has ended{self._last_words()}") from None
        return self.hear(READY)

    def _last_words(self):
        lines = self._log.read_text(errors="replace").splitlines()[-5:]
        return ":\n" + "\n".join(lines) if lines else ""


def end(child):
    """Waits for a child's end, then makes an end of it."""
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def output_of(command, cores, what):
    """Runs a program to its end; its standard error is ours."""
    child = spawn(command, cores, stdin=subprocess.DEVNULL)
    try:
        output, _ = child.communicate()
    except BaseException:
        child.terminate()
        end(child)
        raise
    if child.returncode != 0:
        raise Trouble(f"{what} failed (exit code {child.returncode})\n{output}".rstrip())
    return output


class Cores:
    """The client has the last core for itself; everything else shares the others."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise Trouble("two cores are needed: one for the client, one for the devices")
        self.all, self.rest, self.measured = set(cores), set(cores[:-1]), {cores[-1]}
        os.sched_setaffinity(0, self.rest)


class Others:
    """How many cores were busy with what is not ours. Children count once they have ended and been waited for."""

    def __init__(self):
        self._begun = self._read()

    @staticmethod
    def _read():
        # User, nice and system time of all cores together.
        busy = sum(int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:4]) / os.sysconf("SC_CLK_TCK")
        used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return time.monotonic(), busy - sum(usage.ru_utime + usage.ru_stime for usage in used)

    def cores(self):
        """On average since this was made."""
        (begun, before), (now, after) = self._begun, self._read()
        return max(0.0, (after - before) / (now - begun))


def machine():
    """The machine in a few words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    cores = sum(line.startswith("processor") for line in lines)
    return f"{cores} cores of {model}"
