"""A real hub under strain: stopped and continued, out of files, with probes that never end. Its targets are healthy.

The same at full size, with figures in seconds, is `python -m bench overload`.
"""

from __future__ import annotations

import json
import signal
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.acceptance.estate import Hub, Process, listening, nginx, until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

WITHIN = 120  # seconds: only against hanging
PLUGIN = '''
"""Kinds that never end, in two ways."""

import asyncio
import threading
from dataclasses import dataclass

from watch.core.reading import Reading
from watch.probes.base import Described, probe

DOC = """Wait for ever.

    Options:
        name: Whatever.

    Facts:
        warmth (count): Whatever.

    Reasons:
        ok, timeout

    Example:
        {kind}: x
    """


@probe("deaf", main="name")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeafProbe(Described):
    __doc__ = DOC.format(kind="deaf")
    name: str

    def peer(self) -> str:
        return ""

    async def run(self, *, now) -> Reading:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass


@probe("threaded", main="name")
@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadedProbe(Described):
    __doc__ = DOC.format(kind="threaded")
    name: str

    def peer(self) -> str:
        return ""

    async def run(self, *, now) -> Reading:
        await asyncio.to_thread(threading.Event().wait)
'''


def with_kinds(folder: Path) -> Path:
    """A folder to put on the path: a package with the kinds above."""
    (folder / "endless.py").write_text(PLUGIN)
    info = folder / "endless-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: endless\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[watch.probes]\ndeaf = endless:DeafProbe\nthreaded = endless:ThreadedProbe\n"
    )
    return folder


@pytest.fixture
async def target(tmp_path) -> AsyncIterator[int]:
    folder, port = tmp_path / "target", free_port()
    folder.mkdir()
    server = nginx(folder, port)
    await server.start()
    await until(lambda: listening(port), within=WITHIN, what="nginx answers")
    yield port
    await server.kill()


def configured(port: int, checks: int, more: str = "") -> str:
    lines = [f'    c{n}: {{http: "http://127.0.0.1:{port}/"}}' for n in range(checks)]
    return (
        dedent("""\
        service: {name: Strained, timezone: UTC}
        defaults: {every: 1s, timeout: 2s, retry_every: 300ms}
        components:
          web:
        """)
        + "    checks:\n"
        + "\n".join("  " + line for line in lines)
        + f"\n{more}"
    )


async def troubles(hub: Hub) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{hub.operators}/healthz") as answer,
    ):
        return str((await answer.json())["facts"]["troubles"])


async def unready(hub: Hub) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{hub.operators}/readyz") as answer,
    ):
        return "" if answer.status == 200 else await answer.text()


def readings(hub: Hub) -> int:
    (count,) = hub.rows("SELECT count(*) FROM observation")[0]
    return int(count)


def worse(hub: Hub) -> list[str]:
    """Every state but up and unknown that is on record."""
    rows = hub.rows("SELECT body FROM ledger WHERE kind = 'transition'")
    return [state for (body,) in rows if (state := json.loads(body)["to"]) not in ("up", "unknown")]


async def test_a_hub_that_was_stopped_for_longer_than_its_states_hold_says_so_and_blames_nobody(
    tmp_path, target
):
    folder = tmp_path / "hub"
    folder.mkdir()
    (tmp_path / "other").mkdir()
    hub, other = Hub(folder, configured(target, 20)), Hub(tmp_path / "other", configured(target, 1))
    await hub.begin()
    await other.begin()
    try:
        hub.running.send_signal(signal.SIGSTOP)
        before = readings(other)
        await until(
            lambda: readings(other) > before + 8,
            within=WITHIN,
            what="another hub reads for longer than 4.5 s",
        )
        hub.running.send_signal(signal.SIGCONT)
        await until(
            lambda: _says(hub, "the hub did not run for"), within=WITHIN, what="it says that it was away"
        )
        await until(hub.ready, within=WITHIN, what="it is ready again")
        assert worse(hub) == []
        kinds = [kind for (kind,) in hub.rows("SELECT kind FROM ledger WHERE kind = 'absence'")]
        assert kinds, "its absence is on record"
    finally:
        await hub.kill()
        await other.kill()


async def test_a_hub_with_too_few_files_asks_what_it_can_and_says_so(tmp_path, target):
    folder = tmp_path / "hub"
    folder.mkdir()
    slow = Process([sys.executable, "-c", _SLOW.format(port=(port := free_port()))], tmp_path)
    await slow.start()
    await until(lambda: listening(port), within=WITHIN, what="the slow server answers")
    hub = Hub(folder, configured(port, 100))
    hub.command = ["prlimit", "--nofile=64:64", *hub.command]
    await hub.start()
    try:
        await until(
            lambda: _says(hub, "checks are asked on time", unready),
            within=WITHIN,
            what="it says that it is overloaded",
        )
        assert worse(hub) == []
        assert "Too many open files" not in hub.said()
    finally:
        await hub.kill()
        await slow.kill()


_SLOW = """
import asyncio
async def answer(reader, writer):
    try:
        await reader.readuntil(b"\\r\\n\\r\\n")
        await asyncio.sleep(1.5)
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        await writer.drain()
    except Exception:
        pass
    writer.close()
async def main():
    await (await asyncio.start_server(answer, "127.0.0.1", {port}, backlog=1024)).serve_forever()
asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["deaf", "threaded"])
async def test_sigterm_ends_a_hub_whatever_its_probes_do(tmp_path, kind):
    folder = tmp_path / "hub"
    folder.mkdir()
    text = (
        "service: {name: Endless, timezone: UTC}\n"
        f"components: {{web: {{checks: {{home: {{{kind}: x, every: 1s, timeout: 500ms}}}}}}}}\n"
    )
    hub = Hub(folder, text)
    hub.env["PYTHONPATH"] += f":{with_kinds(tmp_path)}"
    await hub.start()
    try:
        if kind == "deaf":
            said = "checks that give only unknown: web/home (internal: our probe did not stop at its timeout)"
            await until(lambda: _says(hub, said), within=WITHIN, what="it is said")
            assert worse(hub) == []
        else:
            await until(hub.ready, within=WITHIN, what="it was asked")
        assert await hub.kill(signal.SIGTERM) == 0
        assert "Stopped; all readings are on disk." in hub.said()
    finally:
        if hub.running.returncode is None:
            await hub.kill()


async def _says(hub: Hub, words: str, asked: Callable[[Hub], Awaitable[str]] = troubles) -> bool:
    try:
        return words in await asked(hub)
    except aiohttp.ClientError:
        assert hub.running.returncode is None, hub.said()
        return False
