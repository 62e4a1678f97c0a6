"""Kills in the middle of what copies a whole store: a migration, a backup, a restore (`moments.py` says how)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

import apsw

from tests.acceptance.estate import ROOT, Hub, Process, until
from tests.acceptance.moments import begun, chance, ended, ending, in_lanes, killed_after, verb, works
from tests.acceptance.past import configured, found, moved_into, schema, sound
from watch.stores.sqlite.opening import _migrations

if TYPE_CHECKING:
    from pathlib import Path

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
TODAY = len(_migrations())  # the schema of this program
MIGRATES = f"""
import sys
from pathlib import Path
from watch.stores.sqlite.opening import _migrations, hold, writable
print("ready", flush=True)
sys.stdin.readline()
path = Path(sys.argv[1])
hold(path)
writable(path, [*_migrations(), ("9001.sql", {REWRITES!r})]).close()
print("done", flush=True)
"""


async def of_migrations(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """The schema moves whole and after its copy; after each kill, another migration ends what was begun."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance(seed, "migration", number)
        before = found(pasts["large"])
        took = await _migrated(moved_into(pasts["large"], folder / f"whole{number}"))
        for kill in range(kills):
            store = moved_into(pasts["large"], folder / f"{number}-{kill}")
            await _migrated(store, random_.uniform(0, 1) * took)
            _migrated_or_not(store, before)
            await _migrated(store)
            assert schema(store) == TODAY + 1
            _migrated_or_not(store, before)

    await in_lanes(lane, kills)


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
    copy = store.with_name(f"{store.name}.schema-{TODAY}")
    version = schema(store)
    assert version in (TODAY, TODAY + 1)
    if version == TODAY + 1:
        assert copy.exists(), "the schema has moved and there is no copy"
    if copy.exists():
        assert copy.stat().st_mode & 0o077 == 0, "the copy is for its owner alone"
        assert sound(copy) == before
    assert sound(as_today(store)) == before


def as_today(store: Path) -> Path:
    """A copy of *store* that today's program reads; its own tables are as the migration left them."""
    target = store.with_name("look.db")
    target.unlink(missing_ok=True)
    source, copy = apsw.Connection(str(store)), apsw.Connection(str(target))
    try:
        with copy.backup("main", source, "main") as pages:
            pages.step(-1)
        copy.execute(f"PRAGMA user_version={TODAY}")
    finally:
        source.close()
        copy.close()
    return target


# ---- backups -------------------------------------------------------------------------------------------------------


async def of_backups(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """`threenines backup` where no hub runs: the copy is whole or absent, and the next one works."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance(seed, "backup", number)
        store = moved_into(pasts["large"], folder / str(number))
        beside, before, took = store.parent, found(store), await _backed_up(store.parent, "whole.db")
        for kill in range(kills):
            target = beside / f"copy{kill}.db"
            process = await verb(beside, "backup", target.name)
            # Half of them in the middle of writing, and not before.
            if kill % 2:
                await until(lambda t=target: _partials(t) or t.exists(), what="it writes")
            await killed_after(process.running, random_.uniform(0, 0.1 if kill % 2 else took))
            if target.exists():
                assert sound(target) == before
                target.unlink()
            await _backed_up(beside, target.name)
            assert sound(target) == before
            assert not _partials(target)
        await works(beside)

    await in_lanes(lane, kills)


async def of_hubs_at_a_backup(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """The hub that writes the copy: it is whole or absent, and the command then makes it by itself."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance(seed, "backup of a hub", number)
        store = moved_into(pasts["large"], folder / str(number))
        for kill in range(kills):
            await _killed_writing(store, store.with_name(f"copy{kill}.db"), random_.uniform(0, 0.1))
        await works(store.parent)

    await in_lanes(lane, kills)


async def _killed_writing(store: Path, target: Path, seconds: float) -> None:
    hub = Hub(store.parent, configured())
    async with ending(hub):
        await begun(hub)
        process = await verb(store.parent, "backup", target.name)
        await until(lambda: _partials(target) or target.exists(), what="it writes")
        await killed_after(hub.running, seconds)
        before = found(store)
        code = await process.running.wait()
    # The hub may have died between its copy and its answer.
    assert code == 0 or "exists already" in process.said(), process.said()
    after = sound(store)
    assert after.keeps(before)
    assert after.keeps(sound(target))
    assert not _partials(target)


def _partials(target: Path) -> list[Path]:
    """The files beside *target* that are not whole yet, or were left by a kill."""
    return list(target.parent.glob(f".{target.name}.*.partial"))


async def _backed_up(folder: Path, name: str) -> float:
    began = time.monotonic()
    code, out = await ended(folder, "backup", name)
    assert code == 0, out
    return time.monotonic() - began


# ---- restoring -----------------------------------------------------------------------------------------------------


async def of_restores(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """`threenines restore` leaves the old store or the new one, and the next one works."""
    old, new = found(pasts["large"]), found(pasts["other"])

    async def lane(number: int, kills: int) -> None:
        random_ = chance(seed, "restore", number)
        took = await _restored(moved_into(pasts["large"], folder / f"whole{number}"), pasts["other"])
        for kill in range(kills):
            store = moved_into(pasts["large"], folder / f"{number}-{kill}")
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

    await in_lanes(lane, kills)


async def of_restores_to_nowhere(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """Where there was no store, as soon as there is something in its place: it does not hinder the next one."""
    random_ = chance(seed, "restore to nowhere", 0)
    for kill in range(kills):
        store = moved_into(pasts["other"], folder / str(kill))
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
