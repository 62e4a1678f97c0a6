"""A hub whose disk is full, for as long as one likes, with an outage in the middle of it.

The disk is a small ext4 in a loop device or a small tmpfs, which the file of somebody else fills up; for who may not
mount one, and in `make test`, it is a limit on the size of the hub's files.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from tests.acceptance.estate import Hub, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.alerts.receiver import Receiver

LIMITS = {"ext4": "an ext4 of 16 MiB", "tmpfs": "a tmpfs of 16 MiB", "limit": "RLIMIT_FSIZE"}
_SIZE = 16 << 20  # bytes
CONFIG = """
service: {{name: Acme, timezone: UTC}}
defaults: {{every: 1s, timeout: 500ms, retry_every: 300ms, confirm: {{down: 2, up: 2}}}}
components: {{web: {{checks: {{home: {{http: "{url}/home"}}}}}}}}
people: {{alice: {{channels: ["{phone}/alice"]}}}}
alerts: [{{when: down, components: all}}, {{when: monitor}}]
alerting: {{group_wait: 0s, resolve_hold: 1s, reopen: 1s, flapping: {{start: 1000}}}}
"""


class Target:
    """A web server that answers 503 while it is `down`."""

    async def __aenter__(self):
        self.down = False
        app = web.Application()
        app.router.add_get("/home", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(status=503 if self.down else 200)


class Scene:
    """A hub that watches one target and pages alice; its store is on *disk*, a small one of its own, if there is one."""

    def __init__(self, folder: Path, target: Target, phone: Receiver, disk: Path | None = None) -> None:
        self.target, self.phone, self.disk = target, phone, disk
        text = CONFIG.format(url=target.url, phone=phone.url)
        self.hub = Hub(folder, text if disk is None else f"{text}store: sqlite:///{disk}/threenines.db\n")
        self.hub.store = (disk or folder) / "threenines.db"

    def full(self, full: bool) -> None:
        """Fill the disk up, or make room; without a disk let no file of the hub grow beyond 16 KiB, or let all grow."""
        if self.disk is not None:
            (_fill if full else Path.unlink)(self.disk / "of-somebody-else")
            return
        pid = self.hub.running.pid
        size = 16_384 if full else resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    async def page(self, *words: str) -> str:
        """The first page to alice that has all *words*; two that waited for each other are one."""

        def found() -> str | None:
            texts = [f"{body['title']}\n{body['message']}" for _, body in self.phone.received]
            return next((t for t in texts if all(word in t for word in words)), None)

        def told() -> str:
            return f"a page with {words} beside {[body['title'] for _, body in self.phone.received]}"

        try:
            return await until(found, what="told")
        except AssertionError as error:
            raise AssertionError(f"{told()}; the hub said {self.hub.said()}") from error

    async def facts(self) -> dict:
        return json.loads((await self.hub.answer(self.hub.operators, "/healthz"))[1])["facts"]

    async def ready(self, ready: bool) -> None:
        async def is_so():
            return (await self.hub.answer(self.hub.operators, "/readyz"))[0] == (200 if ready else 503)

        await until(is_so, what=f"ready is {ready}; the hub said {self.hub.said()}")

    async def outage(self, lasts: float = 0) -> tuple[int, int]:
        """An outage of *lasts* seconds, told to alice and shown on the page; between which instants it was."""
        began = time.time_ns() // 1_000_000
        self.target.down = True
        await self.page("DOWN", "web")
        assert await self.hub.public("web") == "major_outage"
        await asyncio.sleep(lasts)
        self.target.down = False
        ended = time.time_ns() // 1_000_000
        await self.page("RESOLVED", "web")
        return began, ended

    async def recorded(self, began: int, ended: int) -> None:
        """The ledger has the outage, with its true instants."""
        columns = "effective_ms, json_extract(body, '$.to'), json_extract(body, '$.latest_ms')"
        sql = f"SELECT {columns} FROM ledger WHERE kind = 'transition' AND json_extract(body, '$.latest_ms') >= ?"
        found = self.hub.rows(f"{sql} ORDER BY seq", began)
        assert [to for _, to, _ in found] == ["down", "up"], found
        # A reading has the instant when it was begun: what it saw, it saw then or until its answer came.
        (down, _, down_seen), (_, _, up_seen) = found
        assert down <= ended, found
        assert began <= down_seen <= up_seen, found
        assert ended <= up_seen, found
        code, said = await self.hub.verb("ledger", "verify")
        assert code == 0, said


def _fill(file: Path) -> None:
    """Write *file* until nothing more fits on its disk."""
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 4096, 512):
            with suppress(OSError):
                while True:
                    out.write(bytes(size))
        with suppress(OSError):
            os.fsync(out.fileno())


@contextmanager
def small_disk(kind: str, folder: Path) -> Iterator[Path | None]:
    """A disk of *kind*, one of `LIMITS`, mounted in *folder* during the block; None where the limit is not a disk's."""
    if kind == "limit":
        yield None
        return
    place, image = folder / "disk", folder / "image"
    place.mkdir()
    if kind == "ext4":
        with image.open("wb") as file:
            file.truncate(_SIZE)
        _run("mkfs.ext4", "-q", "-m", "0", str(image))
        _run("mount", "-o", "loop", str(image), str(place))
    else:
        _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(place))
    try:
        yield place
    finally:
        _run("umount", "--lazy", str(place))


def mountable(folder: Path) -> bool:
    """Whether this process may mount a disk."""
    try:
        with small_disk("tmpfs", folder):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


async def outage_while_full(scene: Scene, seconds: float = 0) -> str:
    """The disk is full for *seconds*; an outage begins and is told after a third of them and lasts another third.

    Then there is room: the ledger tells the outage with its true instants, no reading is missing, and the hub ends in
    peace. What was seen, in words.
    """
    hub, third = scene.hub, seconds / 3
    await hub.begin()
    await until(lambda: hub.rows("SELECT 1 FROM observation"), what="a reading is on disk before it is full")
    scene.full(True)
    await scene.page("MONITORING TROUBLE", "the store takes no writes")
    await scene.ready(False)
    full = time.time_ns() // 1_000_000
    (before,) = hub.rows("SELECT max(at_ms) FROM observation")[0]
    _, said = await hub.verb("status")
    assert "the store takes no writes, all is kept in memory" in said
    why = (await scene.facts())["store"]
    await asyncio.sleep(third)
    outage = await scene.outage(third)
    await asyncio.sleep(third)
    await scene.ready(False)
    assert await hub.public("web") == "operational"
    assert hub.rows("SELECT max(at_ms) FROM observation")[0] == (before,), "it was not full all the time"
    scene.full(False)
    lasted = time.time_ns() // 1_000_000 - full
    await scene.page("OVER", "the store takes no writes")
    await scene.ready(True)
    await scene.recorded(*outage)
    assert await hub.kill(signal.SIGTERM) == 0, hub.said()
    assert "all readings are on disk" in hub.said()
    sql = "SELECT at_ms FROM observation WHERE at_ms BETWEEN ? AND ? ORDER BY at_ms"
    at = [at for (at,) in hub.rows(sql, before, full + lasted)]
    gap = max(later - earlier for earlier, later in pairwise(at))
    told = [body["title"] for _, body in scene.phone.received if "web" in body["title"]]
    assert [title.partition("] ")[2].split(":")[0].split()[0] for title in told] == ["DOWN", "RESOLVED"], told
    return (
        f"full for {lasted / 1000:.0f} s ({why}); an outage of {(outage[1] - outage[0]) / 1000:.0f} s in it was told "
        f"when it was, and is on record; {len(at)} readings of that time are on disk, the longest gap {gap / 1000:.1f} s"
    )
