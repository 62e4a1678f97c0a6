"""A hub whose disk is full, fails, or loses the store, with an outage in the middle of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import pytest

from tests.acceptance.estate import Process, until
from tests.acceptance.full import Scene, Target, outage_while_full
from tests.alerts.receiver import Serving


@pytest.fixture
async def scene(tmp_path):
    async with Target() as target, Serving() as phone:
        scene = Scene(tmp_path, target, phone)
        yield scene
        if scene.hub.running is not None and scene.hub.running.returncode is None:
            await scene.hub.kill()


async def test_an_outage_while_the_disk_is_full_is_told_in_time_and_recorded_afterwards(scene):
    assert "largest size" in await outage_while_full(scene)


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
