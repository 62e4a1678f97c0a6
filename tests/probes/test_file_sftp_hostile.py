"""The file probe over SFTP against servers that misbehave: SSH by asyncssh, SFTP by a script."""

from __future__ import annotations

import asyncio
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncssh
import pytest

from tests.probes.wires import Meter, ask, assumed, said
from tests.yardstick import HOLD
from watch.core.settings import Secret

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CANARY = "canary-5d1c"
FOLDER, FILE = 0o40755, 0o100644


def string(data):
    return struct.pack("!I", len(data)) + data


def packet(kind, number, rest=b""):
    return string(struct.pack("!BI", kind, number) + rest)


def about(size=5, mode=FILE):
    return struct.pack("!IQIII", 1 | 4 | 8, size, mode, 0, int(NOW.timestamp()))


def names(*some, mode=FILE):
    return struct.pack("!I", len(some)) + b"".join(
        string(name) + string(b"-rw-") + about(mode=mode) for name in some
    )


VERSION, STATUS, HANDLE, DATA, NAME, ATTRS = 2, 101, 102, 103, 104, 105
END = struct.pack("!I", 1) + string(b"") + string(b"")
# By the type of the question: OPEN, CLOSE, READ, OPENDIR, READDIR, STAT. A folder with one file of five bytes.
KIND = {
    3: [(HANDLE, string(b"f"))],
    4: [(STATUS, struct.pack("!I", 0) + string(b"") * 2)],
    5: [(DATA, string(b"12345"))],
    11: [(HANDLE, string(b"d"))],
    12: [(NAME, names(b"a.age")), (STATUS, END)],
    17: [(ATTRS, about(4096, FOLDER))],
}


class Session(asyncssh.stream.SSHServerStreamSession):
    """What asyncssh would have done by its own SFTP server."""

    def __init__(self, serve):
        super().__init__(serve)
        self._serve = serve

    def subsystem_requested(self, subsystem):
        return subsystem == "sftp"

    def session_started(self):
        streams = asyncssh.SSHReader(self, self._chan), asyncssh.SSHWriter(self, self._chan)
        self._conn.create_task(self._serve(*streams))


class Anybody(asyncssh.SSHServer):
    def __init__(self, serve):
        self._serve = serve

    def session_requested(self):
        return Session(self._serve) if self._serve else False

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return password == CANARY


def script(answers, *, greeting=None, silent_at=None):
    """An SFTP server: *answers* by type of question, the last one again and again."""
    greeting = packet(VERSION, 3) if greeting is None else greeting

    async def serve(stdin, stdout):
        said = dict.fromkeys(answers, 0)
        try:
            await stdin.readexactly(9)
            stdout.write(greeting)
            while True:
                size = int.from_bytes(await stdin.readexactly(4), "big")
                asked = await stdin.readexactly(size)
                kind, number = asked[0], int.from_bytes(asked[1:5], "big")
                if kind == silent_at:
                    continue
                told = answers[kind][min(said[kind], len(answers[kind]) - 1)]
                said[kind] += 1
                stdout.write(told(number) if callable(told) else packet(told[0], number, told[1]))
        except (asyncio.IncompleteReadError, OSError, asyncssh.Error):
            pass
        stdout.channel.exit(0)

    return serve


@asynccontextmanager
async def misbehaving(serve):
    """Yield the options that point the kind at a server that does *serve*."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    with ThreadPoolExecutor(1) as pool:  # asyncssh's listening prepares its options on a thread
        asyncio.get_running_loop().set_default_executor(pool)
        listening = asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: Anybody(serve),
            server_host_keys=[key],
            encoding=None,
        )
        async with listening as acceptor:
            yield {
                "path": f"sftp://mon@127.0.0.1:{acceptor.get_port()}/backups/*.age",
                "password": Secret(CANARY),
                "host_key": key.export_public_key().decode().strip(),
                "now": NOW,
            }


async def test_a_server_that_does_not_tell_of_its_room_leaves_it_out():
    async with misbehaving(script(KIND)) as there:
        reading = await ask("file", **there, judge=assumed("file"))
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["count"], reading.facts["size"], reading.facts["age"]) == (1, 5, 0)
    assert not {"free", "available", "total", "inodes"} & set(reading.facts)
    assert CANARY not in repr(reading)


async def test_a_server_without_a_limit_has_a_number_that_can_be_kept():
    endless = struct.pack("!11Q", *[(1 << 64) - 1] * 11)
    greeting = string(struct.pack("!BI", VERSION, 3) + string(b"statvfs@openssh.com") + string(b"2"))
    async with misbehaving(script(KIND | {200: [(201, endless)]}, greeting=greeting)) as there:
        reading = await ask("file", **there)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["total"] == reading.facts["available"] == reading.facts["inodes"] == 1 << 62


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({17: [lambda _: b"\xff" * 4000]}, "limit"),
        ({17: [lambda _: b"\0\0\0\1x"]}, "protocol"),
        ({17: [lambda n: packet(ATTRS, n + 1, about())]}, "protocol"),
        ({17: [lambda n: packet(ATTRS, n, about()) * 2]}, "protocol"),
        ({17: [(ATTRS, about()[:-1])]}, "protocol"),
        ({17: [(ATTRS, struct.pack("!II", 1 << 31, (1 << 32) - 1))]}, "protocol"),
        ({17: [(HANDLE, string(b"f"))]}, "protocol"),
        ({17: [(STATUS, struct.pack("!I", 4))]}, "status"),
        ({17: [(STATUS, END)]}, "protocol"),
        ({17: [(STATUS, b"")]}, "protocol"),
        ({11: [(HANDLE, string(b"x" * 300))]}, "protocol"),
        ({12: [(NAME, names())]}, "protocol"),
        ({12: [(NAME, names(*[b"%d" % n for n in range(1000)]))]}, "limit"),
        ({12: [(NAME, struct.pack("!I", 1 << 31))]}, "limit"),
        ({12: [(NAME, names(b"../a.age"))]}, "protocol"),
        ({12: [(NAME, names(b"a" * 2000 + b".age"))]}, "protocol"),
        ({12: [(NAME, names(b"") + b"trailing")]}, "protocol"),
        (
            {12: [(NAME, struct.pack("!I", 1) + string(b"a.age") + string(b"") + about(1 << 62))]},
            "protocol",
        ),
        ({5: [(DATA, string(b"x" * 40_000))]}, "protocol"),
        ({5: [(DATA, string(b""))]}, "protocol"),
        ({5: [(DATA, struct.pack("!I", 1 << 31))]}, "protocol"),
    ],
)
async def test_an_answer_that_cannot_be_is_down(answers, reason):
    async with misbehaving(script(KIND | answers)) as there:
        reading = await ask("file", **there, seconds=5)
    assert said(reading) == ("down", reason), reading
    assert len(reading.detail) <= 200


@pytest.mark.parametrize("greeting", [packet(VERSION, 2), packet(STATUS, 3), b"\0\0\0\0", b"SSH" * 9])
async def test_another_greeting_is_down(greeting):
    async with misbehaving(script(KIND, greeting=greeting)) as there:
        reading = await ask("file", **there)
    assert said(reading) in (("down", "protocol"), ("down", "limit")), reading


async def test_folders_in_each_other_without_end_are_left():
    deep = {12: [(NAME, names(b"again", mode=FOLDER)), *[(STATUS, END)] * 3] * 100}
    async with misbehaving(script(KIND | deep)) as there:
        reading = await ask("file", **there | {"path": there["path"].replace("*.age", "**/*.age")}, seconds=5)
    assert said(reading) == ("down", "limit"), reading


async def test_a_server_that_offers_no_sftp_is_down():
    async with misbehaving(None) as there:
        reading = await ask("file", **there)
    assert said(reading) == ("down", "status"), reading
    assert "offers no SFTP" in reading.detail


async def test_a_server_that_hangs_up_is_a_reset():
    async def gone(stdin, stdout):
        stdout.channel.exit(0)

    async with misbehaving(gone) as there:
        assert said(await ask("file", **there)) == ("down", "reset")


@pytest.mark.parametrize("silent_at", [17, 12, 5])
async def test_a_server_that_falls_silent_is_a_timeout_that_says_where(silent_at):
    async with misbehaving(script(KIND, silent_at=silent_at)) as there:
        reading = await ask("file", **there, seconds=0.7)
    assert said(reading) == ("down", "timeout"), reading
    assert "looking at sftp://mon@" in reading.detail
    assert "did not end" in reading.detail


async def test_a_large_set_does_not_hold_the_loop():
    folder = [(NAME, names(*[b"f%d.age" % (1000 * at + n) for n in range(1000)])) for at in range(20)]
    async with misbehaving(script(KIND | {12: [*folder, (STATUS, END)]})) as there:
        await ask("file", **there, seconds=0.05)  # the first run pays for imports
    async with misbehaving(script(KIND | {12: [*folder, (STATUS, END)]})) as there, Meter() as meter:
        reading = await ask("file", **there, seconds=20)
    assert reading.facts["count"] == 20_000, reading
    assert meter.held < 2 * HOLD
