"""Runs a program under the rules of a systemd unit that need no init system: confine.py UNIT PROGRAM ARG...

These are the unit's SystemCallFilter=, MemoryDenyWriteExecute=, RestrictAddressFamilies=, RestrictNamespaces=,
NoNewPrivileges=, an empty CapabilityBoundingSet=, LimitNOFILE=, LimitCORE= and UMask=. A call that the filter
does not allow kills the process instead of failing, so that nothing is refused unseen.
"""

import ctypes
import os
import resource
import subprocess
import sys

ALLOW, KILL = 0x7FFF0000, 0x80000000
EQUAL, GREATER, MASKED = 4, 6, 7
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
NAMESPACES = 0x7E020080
PR_CAPBSET_DROP = 24
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}


class Argument(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_uint),
        ("compare", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    ]


seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_init.argtypes = [ctypes.c_uint32]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
seccomp.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.POINTER(Argument),
]


class Filter:
    """One seccomp filter; several stack, and the strictest answer holds."""

    def __init__(self, default):
        self.context = seccomp.seccomp_init(default)

    def rule(self, action, name, *arguments):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        # Names of other architectures.
        if number < 0:
            return
        array = (Argument * len(arguments))(*arguments)
        check(seccomp.seccomp_rule_add_array(self.context, action, number, len(arguments), array), name)

    def load(self):
        check(seccomp.seccomp_load(self.context), "seccomp_load")


def check(result, what):
    if result != 0:
        sys.exit(f"{what}: {os.strerror(-result)}")


def fails_with(errno):
    return 0x00050000 | errno


def settings(unit):
    """The unit's settings by name, each with all its values in their order."""
    found = {}
    with open(unit, encoding="utf-8") as lines:
        for line in lines:
            name, equals, value = line.strip().partition("=")
            if equals and not line.startswith("#"):
                found.setdefault(name, []).append(value)
    return found


def calls(name):
    """The system calls of a set, or the one that is named."""
    if not name.startswith("@"):
        return {name}
    shown = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True
    )
    lines = [line.strip() for line in shown.stdout.splitlines()[1:]]
    members = [line for line in lines if line and not line.startswith("#")]
    return set().union(*map(calls, members))


def allowed(values):
    """What a list of SystemCallFilter= comes to, the first of which allows."""
    result = calls("@default")
    for value in values:
        named = set().union(*map(calls, value.lstrip("~").split()))
        result = result - named if value.startswith("~") else result | named
    return result


def drop_capabilities():
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as last:
        for capability in range(int(last.read()) + 1):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def limit(kind, value):
    resource.setrlimit(kind, (int(value), int(value)))


def main():
    unit, command = settings(sys.argv[1]), sys.argv[2:]
    last = {name: values[-1] for name, values in unit.items()}
    limit(resource.RLIMIT_CORE, last["LimitCORE"])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit(resource.RLIMIT_NOFILE, min(int(last["LimitNOFILE"]), hard))
    os.umask(int(last["UMask"], 8))
    if last["CapabilityBoundingSet"] == "":
        drop_capabilities()
    rest = Filter(ALLOW)
    if last["MemoryDenyWriteExecute"] == "yes":
        both = PROT_WRITE | PROT_EXEC
        rest.rule(fails_with(EPERM), "mmap", Argument(2, MASKED, both, both))
        for name in ("mprotect", "pkey_mprotect"):
            rest.rule(fails_with(EPERM), name, Argument(2, MASKED, PROT_EXEC, PROT_EXEC))
        rest.rule(fails_with(EPERM), "shmat", Argument(2, MASKED, SHM_EXEC, SHM_EXEC))
    if last["RestrictNamespaces"] == "yes":
        rest.rule(fails_with(ENOSYS), "clone3")
        rest.rule(fails_with(EPERM), "unshare")
        rest.rule(fails_with(EPERM), "setns")
        for bit in range(64):
            if NAMESPACES & 1 << bit:
                rest.rule(fails_with(EPERM), "clone", Argument(0, MASKED, 1 << bit, 1 << bit))
    families = {FAMILIES[name] for name in last["RestrictAddressFamilies"].split()}
    for family in set(range(max(families))) - families:
        rest.rule(fails_with(EAFNOSUPPORT), "socket", Argument(0, EQUAL, family))
    rest.rule(fails_with(EAFNOSUPPORT), "socket", Argument(0, GREATER, max(families)))
    only = Filter(KILL)
    names = allowed(unit["SystemCallFilter"])
    for name in sorted(names):
        only.rule(ALLOW, name)
    # SQLite tries it as root, which the unit's user is not, and goes on where it is refused.
    if "fchown" not in names:
        only.rule(fails_with(EPERM), "fchown")
    rest.load()
    only.load()
    os.execvp(command[0], command)


main()
