"""Fifty times kill -9 where a hub does more than write: nothing acknowledged is lost, and the next start works.

At the checkpoints of months that ended, in the middle of a migration, of a backup, of a restore, and of a reload. The
moment of each kill is drawn from the time that the whole takes, by a seed that a failure names.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.acceptance.estate import ROOT, Hub, Process, until
from tests.acceptance.past import MONTHS, PARTS, configured, found, lived, moved_into, schema, sound
from watch.errors import Trouble
from watch.stores.sqlite.opening import _migrations
from watch.web.hub_client import asked, place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

SEED = int(os.environ.get("THREENINES_SEED", "0")) or random.randrange(1, 10**6)
READINGS = 12_000  # so that copying a store takes long enough to be killed in the middle


def chance(what: str, lane: int) -> random.Random:
    print(f"THREENINES_SEED={SEED}: {what}, lane {lane}")  # shown when the test fails
    return random.Random(f"{SEED} {what} {lane}")


@pytest.fixture(scope="module")
def pasts(tmp_path_factory) -> dict[str, Path]:
    """Stores to begin from: months without a checkpoint; the same with many readings; another, longer one."""
    folder = tmp_path_factory.mktemp("pasts")

    async def made() -> dict[str, Path]:
        return {
            "plain": await lived(folder / "plain"),
            "large": await lived(folder / "large", readings=READINGS),
            "other": await lived(folder / "other", readings=READINGS, months=MONTHS - 1, seed=8),
        }

    return asyncio.run(made())


async def killed_after(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether *process* still ran after *seconds*, and so was killed."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), seconds)
        return False
    with suppress(ProcessLookupError):
        process.kill()
    return await process.wait() == -9


async def in_lanes(work: Callable[[int, int], Awaitable[None]], kills: int, lanes: int = 2) -> None:
    """Run *work* as lane 0, 1 … with its share of *kills* each."""
    async with asyncio.TaskGroup() as group:
        for lane in range(lanes):
            group.create_task(work(lane, (kills + lane) // lanes))


@asynccontextmanager
async def ending(*processes: Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for process in processes:
            if process.running is not None and process.running.returncode is None:
                await process.kill()


async def verb(folder: Path, *words: str) -> Process:
    process = Process([sys.executable, "-m", "watch", *words], folder, {"PYTHONPATH": str(ROOT)})
    await process.start()
    return process


async def ended(folder: Path, *words: str) -> tuple[int, str]:
    process = await verb(folder, *words)
    return await process.running.wait(), process.said()


async def begun(hub: Hub) -> None:
    """Start *hub*; return once it answers on its socket."""
    await hub.start()
    await until(lambda: _answers(hub), what="the hub answers")


async def _answers(hub: Hub) -> bool:
    assert hub.running.returncode is None, hub.said()
    with suppress(OSError, ValueError):
        return bool(await asyncio.to_thread(asked, hub.folder / "threenines.db", "status", {}))
    return False


async def works(folder: Path) -> None:
    """A hub starts on what was left in *folder*, answers, ends in peace, and leaves a record that holds."""
    hub = Hub(folder, configured())
    before = found(folder / "threenines.db")
    async with ending(hub):
        await begun(hub)
        assert await hub.kill(15) == 0, hub.said()
    assert sound(folder / "threenines.db").keeps(before)


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def made_checkpoints(store: Path) -> int:
    return sum(kind == "checkpoint" for kind, _, _ in found(store).entries)


async def test_a_hub_killed_at_its_checkpoints_makes_them_all_the_same(tmp_path, pasts):
    """10 kills, two or three a store, until a last hub makes what is missing."""
    whole = await _all_made(moved_into(pasts["plain"], tmp_path / "whole"))

    async def lane(number: int, kills: int) -> None:
        random_, store = chance("checkpoints", number), moved_into(pasts["plain"], tmp_path / str(number))
        for kill in range(kills):
            if kill == 1 and number % 2:
                await _killed(store, random_.uniform(0.2, 1), writes=False)  # at whatever a start does
            else:
                await _killed(store, random_.uniform(0, 0.9) * whole)
        await _all_made(store)

    await in_lanes(lane, 10, lanes=4)  # a hub waits for its turns more than it computes


async def _killed(store: Path, seconds: float, *, writes: bool = True) -> None:
    """Kill a hub *seconds* after it was started, or after it *writes* for the first time."""
    hub = Hub(store.parent, configured())
    async with ending(hub):
        await (_writing(hub) if writes else hub.start())
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.running.wait(), seconds)
        assert hub.running.returncode is None, f"it ended by itself: {hub.said()}"
        before = found(store)
        assert await hub.kill() == -9
    assert sound(store).keeps(before)


async def _writing(hub: Hub) -> None:
    """Start *hub*; return once it has written an entry, from when on it makes checkpoints, or has none to make."""
    store = hub.folder / "threenines.db"
    entries, due = len(found(store).hashes), made_checkpoints(store) < MONTHS - 1
    await begun(hub)
    if due:
        await until(lambda: len(found(store).hashes) > entries, what=f"it writes; {hub.said()}")


async def _all_made(store: Path) -> float:
    """Let a hub make all checkpoints and days; the seconds that took from its first entry on."""
    hub = Hub(store.parent, configured())
    async with ending(hub):
        await _writing(hub)
        began = time.monotonic()
        await until(
            lambda: made_checkpoints(store) >= MONTHS - 1 and hub.rows("SELECT 1 FROM day"),
            what=f"all checkpoints and days; {hub.said()}",
        )
        took = time.monotonic() - began
        assert await hub.kill(15) == 0, hub.said()
    months = [subject for kind, subject, _ in sound(store).entries if kind == "checkpoint"]
    assert len(months) == len(set(months)), "a month has one checkpoint"
    assert months == sorted(months)
    return took


# ---- a migration ---------------------------------------------------------------------------------------------------

REWRITES = """
CREATE TABLE later AS SELECT * FROM observation;
DROP TABLE observation;
ALTER TABLE later RENAME TO observation;
CREATE INDEX later_at ON observation (at_ms);
CREATE TABLE later AS SELECT * FROM evidence;
DROP TABLE evidence;
ALTER TABLE later RENAME TO evidence;
CREATE INDEX evidence_entry ON evidence (entry);
"""
MIGRATES = f"""
import sys
from pathlib import Path
from watch.stores.sqlite.opening import _migrations, hold, writable
print("ready", flush=True)
sys.stdin.readline()
path = Path(sys.argv[1])
hold(path)
writable(path, [*_migrations(), ("0002.sql", {REWRITES!r})]).close()
print("done", flush=True)
"""


async def test_a_migration_killed_anywhere_moves_the_schema_whole_and_after_its_copy(tmp_path, pasts):
    """12 kills; after each, another migration ends what was begun."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance("migration", number)
        before = found(pasts["large"])
        took = await _migrated(moved_into(pasts["large"], tmp_path / f"whole{number}"))
        for kill in range(kills):
            store = moved_into(pasts["large"], tmp_path / f"{number}-{kill}")
            await _migrated(store, random_.uniform(0, 1) * took)
            _migrated_or_not(store, before)
            await _migrated(store)
            assert schema(store) == 2
            _migrated_or_not(store, before)

    await in_lanes(lane, 12)


async def _migrated(store: Path, within: float | None = None) -> float:
    """Migrate *store*, or be killed *within* seconds; the seconds it took."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MIGRATES, str(store), cwd=store.parent, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await process.stdout.readline() == b"ready\n"
    began = time.monotonic()
    process.stdin.write(b"go\n")
    if within is None:
        assert await process.stdout.readline() == b"done\n"
        took = time.monotonic() - began
        assert await process.wait() == 0
    else:
        await killed_after(process, within)
        took = within
    process.stdin.close()
    return took


def _migrated_or_not(store: Path, before) -> None:
    """Nothing of *before* is lost, the schema is the old one or the new one, and then the copy is whole."""
    copy = store.with_name(f"{store.name}.schema-1")
    version = schema(store)
    assert version in (1, 2)
    if version == 2:
        assert copy.exists(), "the schema has moved and there is no copy"
    if copy.exists():
        assert copy.stat().st_mode & 0o077 == 0, "the copy is for its owner alone"
        assert sound(copy) == before
    assert sound(_as_schema_1(store)) == before


def _as_schema_1(store: Path) -> Path:
    """A copy of *store* that today's program reads; its own tables are as the migration left them."""
    target = store.with_name("look.db")
    target.unlink(missing_ok=True)
    source, copy = apsw.Connection(str(store)), apsw.Connection(str(target))
    try:
        with copy.backup("main", source, "main") as pages:
            pages.step(-1)
        copy.execute(f"PRAGMA user_version={len(_migrations())}")
    finally:
        source.close()
        copy.close()
    return target


# ---- backups -------------------------------------------------------------------------------------------------------


async def test_a_backup_killed_anywhere_is_whole_or_absent_and_the_next_one_works(tmp_path, pasts):
    """8 kills of `threenines backup` where no hub runs."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance("backup", number)
        store = moved_into(pasts["large"], tmp_path / str(number))
        folder, before, took = store.parent, found(store), await _backed_up(store.parent, "whole.db")
        for kill in range(kills):
            target = folder / f"copy{kill}.db"
            process = await verb(folder, "backup", target.name)
            # Half of them in the middle of writing, and not before.
            if kill % 2:
                await until(lambda t=target: _partial(t).exists() or t.exists(), what="it writes")
            await killed_after(process.running, random_.uniform(0, 0.1 if kill % 2 else took))
            if target.exists():
                assert sound(target) == before
                target.unlink()
            await _backed_up(folder, target.name)
            assert sound(target) == before
            assert not _partial(target).exists()
        await works(folder)

    await in_lanes(lane, 8)


async def test_a_hub_killed_at_a_backup_leaves_it_whole_or_absent(tmp_path, pasts):
    """4 kills of the hub that writes the copy; the command then makes it by itself."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance("backup of a hub", number)
        store = moved_into(pasts["large"], tmp_path / str(number))
        for kill in range(kills):
            await _killed_writing(store, store.with_name(f"copy{kill}.db"), random_.uniform(0, 0.1))
        await works(store.parent)

    await in_lanes(lane, 4)


async def _killed_writing(store: Path, target: Path, seconds: float) -> None:
    hub = Hub(store.parent, configured())
    async with ending(hub):
        await begun(hub)
        process = await verb(store.parent, "backup", target.name)
        await until(lambda: _partial(target).exists() or target.exists(), what="it writes")
        await killed_after(hub.running, seconds)
        before = found(store)
        code = await process.running.wait()
    # The hub may have died between its copy and its answer.
    assert code == 0 or "exists already" in process.said(), process.said()
    after = sound(store)
    assert after.keeps(before)
    assert after.keeps(sound(target))
    assert not _partial(target).exists()


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


async def _backed_up(folder: Path, name: str) -> float:
    began = time.monotonic()
    code, out = await ended(folder, "backup", name)
    assert code == 0, out
    return time.monotonic() - began


# ---- restoring -----------------------------------------------------------------------------------------------------


async def test_a_restore_killed_anywhere_leaves_the_old_store_or_the_new_one(tmp_path, pasts):
    """5 kills of `threenines restore`."""
    old, new = found(pasts["large"]), found(pasts["other"])

    async def lane(number: int, kills: int) -> None:
        random_ = chance("restore", number)
        took = await _restored(moved_into(pasts["large"], tmp_path / f"whole{number}"), pasts["other"])
        for kill in range(kills):
            store = moved_into(pasts["large"], tmp_path / f"{number}-{kill}")
            process = await verb(store.parent, "restore", str(pasts["other"]))
            if kill % 2:  # its verification is over then
                lock = store.with_name(f"{store.name}.lock")
                await until(lambda p=process, f=lock: _over(p) or f.exists(), what="it begins")
            await killed_after(process.running, random_.uniform(0, 0.3 if kill % 2 else took))
            assert sound(store) in (old, new)
            for kept in store.parent.glob("*.before-restore*"):
                assert kept.name.startswith(".") or kept.name.endswith("-journal") or sound(kept) == old
            await _restored(store, pasts["other"])
            assert sound(store) == new
            await works(store.parent)

    await in_lanes(lane, 5)


async def test_a_restore_killed_where_there_was_no_store_does_not_hinder_the_next_one(tmp_path, pasts):
    """3 kills, as soon as there is something in the store's place."""
    random_ = chance("restore to nowhere", 0)
    for kill in range(3):
        store = moved_into(pasts["other"], tmp_path / str(kill))
        store.unlink()
        process = await verb(store.parent, "restore", str(pasts["other"]))
        while not (store.exists() or _over(process)):
            await asyncio.sleep(
                0.001
            )  # finer than `until`: what comes then takes some hundredths of a second
        await killed_after(process.running, random_.uniform(0, 0.02))
        await _restored(store, pasts["other"])
        assert sound(store) == found(pasts["other"])


def _over(process: Process) -> bool:
    return process.running is not None and process.running.returncode is not None


async def _restored(store: Path, backup: Path) -> float:
    began = time.monotonic()
    code, out = await ended(store.parent, "restore", str(backup))
    assert code == 0, out
    return time.monotonic() - began


# ---- reloading -----------------------------------------------------------------------------------------------------


async def test_a_hub_killed_at_a_reload_has_on_record_what_it_answered(tmp_path, pasts):
    """8 kills while a component comes or goes, a second reload waits, and the file has a mistake now and then."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance("reload", number)
        store = moved_into(pasts["plain"], tmp_path / str(number))
        answered = 0
        for kill in range(kills):
            hub = Hub(store.parent, configured())
            async with ending(hub):
                await begun(hub)
                answered += await _reloaded_and_killed(hub, f"extra{kill}", random_)
            kept = sound(store).entries
            assert sum(kind == "command" and subject == "reload" for kind, subject, _ in kept) >= answered
            assert any("alice" in body for kind, _, body in kept if kind == "command") or not answered
        await works(store.parent)

    await in_lanes(lane, 8)


async def _reloaded_and_killed(hub: Hub, extra: str, random_: random.Random) -> int:
    """Reload and reload until killed; how many were answered. What was answered is on record with its terms."""
    store, file = hub.folder / "threenines.db", hub.folder / "checks.yaml"
    listen = file.read_text().splitlines()[-1]
    texts = [f"{configured(parts)}{listen}\n" for parts in (PARTS, (*PARTS, extra))] + ["components: [1\n"]
    answers: list[dict] = []

    async def reloads() -> None:
        turn = 1
        with suppress(OSError, ValueError):
            while True:
                file.write_text(texts[turn % 3])
                with suppress(Trouble):
                    answers.append(await asyncio.to_thread(asked, store, "reload", {}, by="alice"))
                turn += 1

    both = [asyncio.create_task(reloads()) for _ in range(2)]
    await killed_after(hub.running, random_.uniform(0, 0.6))
    before = found(store)
    await asyncio.gather(*both)
    after = sound(store)
    assert after.keeps(before)
    added = any(
        f"component {extra}" in answer["added"] for answer in answers
    )  # back within the hold: never gone
    begun_ = sum(k == "component" and s == extra and "ended" not in b for k, s, b in after.entries)
    assert begun_ >= added, "a component was answered as added and is not on record"
    place(store).unlink(missing_ok=True)
    return len(answers)
