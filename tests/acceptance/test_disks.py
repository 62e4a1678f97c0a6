"""A hub whose disk is full, fails, or loses the store, with an outage in the middle of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import time

import pytest
from aiohttp import web

from tests.acceptance.estate import Hub, Process, until
from tests.alerts.receiver import Serving

CONFIG = """
service: {{name: Acme, timezone: UTC}}
defaults: {{every: 1s, timeout: 500ms, retry_every: 300ms, confirm: {{down: 2, up: 2}}}}
components: {{web: {{checks: {{home: {{http: "{url}/home"}}}}}}}}
people: {{alice: {{channels: ["{phone}/alice"]}}}}
alerts: [{{when: down, components: all}}, {{when: monitor}}]
alerting: {{group_wait: 0s, resolve_hold: 1s, reopen: 1s}}
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
    """A hub that watches one target and pages alice."""

    def __init__(self, folder, target: Target, phone) -> None:
        self.target, self.phone = target, phone
        self.hub = Hub(folder, CONFIG.format(url=target.url, phone=phone.url))

    def full(self, full: bool) -> None:
        """Let no file of the hub grow beyond 16 KiB, or let all grow."""
        pid = self.hub.running.pid
        size = 16_384 if full else resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    async def page(self, *words: str) -> str:
        """The first page to alice that has all *words*."""

        def found():
            titles = [body["title"] for _, body in self.phone.received]
            return next((t for t in titles if all(word in t for word in words)), None)

        return await until(found, what=f"a page with {words}; the hub said {self.hub.said()}")

    async def facts(self) -> dict:
        return json.loads((await self.hub.answer(self.hub.operators, "/healthz"))[1])["facts"]

    async def ready(self, ready: bool) -> None:
        async def is_so():
            return (await self.hub.answer(self.hub.operators, "/readyz"))[0] == (200 if ready else 503)

        await until(is_so, what=f"ready is {ready}; the hub said {self.hub.said()}")

    async def outage(self) -> tuple[int, int]:
        """An outage from beginning to end, told to alice and shown on the page; between which instants it was."""
        began = time.time_ns() // 1_000_000
        self.target.down = True
        await self.page("DOWN", "web")
        assert await self.hub.public("web") == "major_outage"
        self.target.down = False
        ended = time.time_ns() // 1_000_000
        await self.page("RESOLVED", "web")
        return began, ended

    async def recorded(self, began: int, ended: int) -> None:
        """The ledger has the outage, with its true instants."""
        sql = "SELECT effective_ms, json_extract(body, '$.to') FROM ledger WHERE kind = 'transition' ORDER BY seq"
        found = [(at, to) for at, to in self.hub.rows(sql) if at >= began]
        assert [to for _, to in found] == ["down", "up"], found
        # Edges lie between the last reading before and the first reading after: one interval and one answer.
        assert began <= found[0][0] <= ended <= found[1][0]
        code, said = await self.hub.verb("ledger", "verify")
        assert code == 0, said


@pytest.fixture
async def scene(tmp_path):
    async with Target() as target, Serving() as phone:
        scene = Scene(tmp_path, target, phone)
        yield scene
        if scene.hub.running is not None and scene.hub.running.returncode is None:
            await scene.hub.kill()


async def test_an_outage_while_the_disk_is_full_is_told_in_time_and_recorded_afterwards(scene):
    await scene.hub.begin()
    scene.full(True)
    await scene.page("MONITORING TROUBLE", "the store takes no writes")
    await scene.ready(False)
    assert "largest size" in (await scene.facts())["store"]
    _, said = await scene.hub.verb("status")
    assert "the store takes no writes, all is kept in memory" in said
    outage = await scene.outage()
    scene.full(False)
    await scene.page("OVER", "the store takes no writes")
    await scene.ready(True)
    await scene.recorded(*outage)
    assert await scene.hub.kill(signal.SIGTERM) == 0, scene.hub.said()
    assert "all readings are on disk" in scene.hub.said()


async def test_a_hub_that_starts_on_a_full_disk_watches_and_pages_and_writes_it_down_later(scene):
    scene.hub.command = ["prlimit", "--fsize=16384:unlimited", *scene.hub.command]
    await scene.hub.start()
    await scene.page("MONITORING TROUBLE", "the store takes no writes")
    outage = await scene.outage()
    scene.full(False)
    await scene.ready(True)
    await scene.recorded(*outage)
    assert await scene.hub.kill(signal.SIGTERM) == 0, scene.hub.said()


async def test_a_hub_that_ends_on_a_full_disk_does_not_say_that_all_is_on_disk(scene):
    await scene.hub.begin()
    scene.full(True)
    await scene.ready(False)
    assert await scene.hub.kill(signal.SIGTERM) == 2
    assert "were only in memory" in scene.hub.said()
    assert "all readings are on disk" not in scene.hub.said()


async def test_a_store_that_is_removed_under_the_hub_is_told_and_there_again(scene):
    await scene.hub.begin()
    store = scene.hub.folder / "threenines.db"
    before = scene.hub.rows("SELECT seq, hash FROM ledger ORDER BY seq")
    for suffix in ("", "-wal", "-shm", ".lock", ".sock"):
        store.with_name(store.name + suffix).unlink()
    await scene.page("MONITORING TROUBLE", "was removed")
    await until(store.exists, what="the store is there again")
    await scene.page("MONITORING TROUBLE", "written anew")
    await scene.ready(True)
    code, said = await scene.hub.verb("reload")
    assert code == 0, said
    assert scene.hub.rows("SELECT seq, hash FROM ledger ORDER BY seq")[: len(before)] == before
    await scene.recorded(*await scene.outage())
    assert await scene.hub.kill(signal.SIGTERM) == 0, scene.hub.said()


async def test_a_file_of_others_in_the_place_of_the_store_is_left_alone_and_the_end_says_it(scene):
    await scene.hub.begin()
    store = scene.hub.folder / "threenines.db"
    store.unlink()
    store.write_bytes(b"of somebody else")
    await scene.page("MONITORING TROUBLE", "the store was re")
    await scene.ready(False)
    assert await scene.hub.kill(signal.SIGTERM) == 2
    assert "it is not overwritten" in scene.hub.said()
    assert store.read_bytes() == b"of somebody else"


async def test_a_failed_fsync_ends_the_hub_and_nothing_that_comes_after_it_is_said_or_written(scene):
    await scene.hub.begin()
    failing = Process(
        ["strace", "-f", "-qq", "-o", str(scene.hub.folder / "trace"), "-e", "trace=fsync,fdatasync",
         "-e", "inject=fsync,fdatasync:error=EIO", "-p", str(scene.hub.running.pid)],
        scene.hub.folder / "tmp",
    )  # fmt: skip
    failing.folder.mkdir()
    scene.target.down = True  # two bad readings from now on are a page
    await failing.start()
    try:
        async with asyncio.timeout(60):
            code = await scene.hub.running.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            failing.running.send_signal(signal.SIGINT)
        await failing.running.wait()
    assert code == 74, scene.hub.said()
    assert "fsync failed" in scene.hub.said()
    assert "all readings are on disk" not in scene.hub.said()
    assert (scene.hub.folder / "trace").read_text().count("INJECTED") == 1, "nothing was tried after it"
    told = [body["title"] for _, body in scene.phone.received if "DOWN" in body["title"]]
    downs = scene.hub.rows("SELECT count(*) FROM alert WHERE key = 'down:web'")[0][0]
    assert len(told) <= downs, "no page without its alert on disk"
    await scene.hub.begin()
    assert await scene.page("DOWN", "web"), "it goes on from what is on the disk"


async def test_a_store_with_a_damaged_page_is_read_and_paged_about_and_never_written(scene):
    await scene.hub.begin()
    await until(lambda: scene.hub.rows("SELECT count(*) FROM observation")[0][0] > 20, what="readings")
    assert await scene.hub.kill(signal.SIGTERM) == 0, scene.hub.said()
    store = scene.hub.folder / "threenines.db"
    [(root,)] = scene.hub.rows("SELECT rootpage FROM sqlite_master WHERE name = 'observation'")
    whole = bytearray(store.read_bytes())
    whole[4096 * (root - 1) : 4096 * root] = b"\xa5" * 4096
    store.write_bytes(whole)
    await scene.hub.start()
    await scene.page("MONITORING TROUBLE", "damaged")
    await scene.ready(False)
    _, said = await scene.hub.verb("status")
    assert "the database is damaged" in said
    await scene.outage()
    code, said = await scene.hub.verb("backup", str(scene.hub.folder / "copy.db"))
    assert (code, "only in memory" in said) == (2, True), said
    assert await scene.hub.kill(signal.SIGTERM) == 2
    assert "were only in memory" in scene.hub.said()
    assert store.read_bytes()[100:] == whole[100:], "every page but for the counters in the header"
