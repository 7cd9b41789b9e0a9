"""asyncssh by hand: the strongest Python poller that we could write.

What makes it lean: uvloop; AES-GCM, the cheapest cipher here; callbacks instead of streams, so no task is woken for a
poll; bytes instead of text; one timetable for all sessions, so no timer for each; the garbage collector kept away from
what lives as long as the sessions.

Host keys are not verified.
"""

import asyncio
import collections
import functools
import gc
import time

import asyncssh
import uvloop

import common

COMMAND = common.COMMAND.encode() + b"\n"
PAGER_OFF = b"terminal length 0\n"
# Polls that are due within this time are sent together. NetWolf's busy shards do the same.
BATCH = 0.004


class Session(asyncssh.SSHClientSession):
    """A kept shell: bytes come in pieces until they end in the prompt."""

    def __init__(self):
        self.buffer = b""
        self.prompt = None
        self.value = None
        self.due = None
        self.tally = None
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, channel):
        self.channel = channel

    def data_received(self, data, datatype):
        self.buffer += data
        if self.prompt is None:
            self._learn()
        elif self.buffer.endswith(self.prompt):
            output, self.buffer = self.buffer, b""
            if self.due is not None:
                self._polled(output)
            elif not self.ready.done():
                self.ready.set_result(None)

    def connection_lost(self, error):
        lost = error or ConnectionError("the device closed the session")
        if not self.ready.done():
            self.ready.set_exception(lost)
        elif self.tally:
            self.tally.failed(lost)

    def _learn(self):
        """The first line that ends as prompts do is the prompt."""
        line = self.buffer.rpartition(b"\n")[2].strip()
        if line.endswith((b">", b"#")):
            self.prompt, self.buffer = line, b""
            self.channel.write(PAGER_OFF)

    def poll(self, due):
        """Types the command."""
        self.due = due
        self.channel.write(COMMAND)

    def _polled(self, output):
        found = common.VALUE_IN_BYTES.search(output)
        if found:
            self.value = int(found[1])
            self.tally.done(self.due)
        else:
            self.tally.failed(ValueError(f"no value in {output!r}"))
        self.due = None


async def connect(options, address, port):
    """A session with its prompt and without a pager."""
    connection = await asyncssh.connect(address, port, options=options, config=None)
    _, session = await connection.create_session(Session, term_type="dumb", term_size=(200, 24), encoding=None)
    await session.ready
    return session


def start(interval, sessions, dues, tally):
    """Polls by one timetable; phases are spread, so it stays sorted when each session goes to its end again."""
    loop = asyncio.get_running_loop()
    timetable = collections.deque(zip(dues, sessions))
    for session in sessions:
        session.tally = tally
    gc.collect()
    gc.freeze()

    def turn():
        now = time.monotonic()
        while timetable[0][0] <= now:
            due, session = timetable.popleft()
            if session.due is None:
                session.poll(due)
            else:
                tally.skip(due)
            timetable.append((due + interval, session))
        loop.call_later(max(BATCH, timetable[0][0] - now), turn)

    turn()


def peer(args):
    options = asyncssh.SSHClientConnectionOptions(
        username=args.username,
        password=args.password,
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        config=None,
        preferred_auth="password",
        kex_algs=["curve25519-sha256"],
        encryption_algs=common.GCM,
        compression_algs=None,
    )
    uvloop.run(
        common.measure(
            args,
            "asyncssh",
            functools.partial(connect, options),
            functools.partial(start, args.interval),
        )
    )


common.main(peer, __doc__)
