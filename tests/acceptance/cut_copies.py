"""Power cuts in the middle of what copies a whole store: a restore and a migration (`cuts.py` says what a disk may hold).

A cut leaves the former store or the new one; once the program had answered, the new one. What a migration or a restore
keeps of the former store is whole, or has no name yet.
"""

from __future__ import annotations

import random
import shutil
import sys
from typing import TYPE_CHECKING

import apsw

from tests.acceptance.copies import MIGRATES, TODAY, as_today
from tests.acceptance.cuts import Disk, instants, recorded, recording
from tests.acceptance.estate import ROOT, Process, rows
from tests.acceptance.past import Found, found, moved_into, schema, sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_KEPT = ("threenines.db", ".threenines.db")


async def in_restores(folder: Path, pasts: dict[str, Path], seed: int, cuts: int) -> None:
    """`threenines restore` in the place of another store."""
    old, new = found(pasts["large"]), found(pasts["other"])

    def examined(store: Path, answered: bool) -> None:
        _recovered(store)
        assert sound(store) in ([new] if answered else [old, new])
        for former in store.parent.glob("threenines.db.before-restore"):
            assert sound(former) == old
        assert not answered or list(store.parent.glob("threenines.db.before-restore"))

    command = [sys.executable, "-m", "watch", "restore", str(pasts["other"])]
    await _cut(moved_into(pasts["large"], folder / "whole"), command, f"{seed} cut restores", cuts, examined)


async def in_restores_of_damaged(folder: Path, pasts: dict[str, Path], seed: int, cuts: int) -> None:
    """`threenines restore` in the place of a store with a damaged page, which is moved aside as it is."""
    new, store = found(pasts["other"]), moved_into(pasts["large"], folder / "whole")
    [(root,)] = rows(store, "SELECT rootpage FROM sqlite_master WHERE name = 'ledger'")
    whole = bytearray(store.read_bytes())
    whole[4096 * (root - 1) : 4096 * root] = b"\xa5" * 4096
    store.write_bytes(whole)

    def examined(store: Path, answered: bool) -> None:
        kept = [f for f in (store, store.with_name(f"{store.name}.before-restore")) if f.exists()]
        assert store in kept, "no store is there: a hub that starts now would make an empty one"
        assert bytes(whole) in [f.read_bytes() for f in kept], "the damaged store is lost"
        if answered or store.read_bytes() != whole:
            assert sound(store) == new

    command = [sys.executable, "-m", "watch", "restore", str(pasts["other"])]
    await _cut(store, command, f"{seed} cut restores of damaged", cuts, examined)


async def in_migrations(folder: Path, pasts: dict[str, Path], seed: int, cuts: int) -> None:
    """A migration that rewrites two tables, after its copy."""
    before = found(pasts["large"])

    def examined(store: Path, answered: bool) -> None:
        _recovered(store)
        copy = store.with_name(f"{store.name}.schema-{TODAY}")
        assert schema(store) in ([TODAY + 1] if answered else [TODAY, TODAY + 1])
        assert schema(store) == TODAY or copy.exists(), "the schema has moved and there is no copy"
        assert not copy.exists() or sound(copy) == before
        assert _as_before(store) == before

    store = moved_into(pasts["large"], folder / "whole")
    await _cut(store, [sys.executable, "-c", MIGRATES, str(store)], f"{seed} cut migrations", cuts, examined)


def _as_before(store: Path) -> Found:
    return sound(as_today(store))


def _recovered(store: Path) -> None:
    """Undo what was half done, as whoever opens the store to write does; its schema is not looked at."""
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    connection.close()


async def _cut(
    store: Path, command: list[str], seed: str, cuts: int, examined: Callable[[Path, bool], None]
) -> None:
    """Run *command* in the folder of *store*, and let the current go at *cuts* instants of it and after its end."""
    trace, chance, place = store.parent.with_name("trace"), random.Random(seed), store.parent.with_name("cut")
    disk = Disk(store.parent, _KEPT)
    command = ["sh", "-c", 'exec "$@" </dev/null', "sh", *command]  # a migration waits for its standard input
    process = Process(recording(trace, command), store.parent, {"PYTHONPATH": str(ROOT)})
    await process.start()
    assert await process.running.wait() == 0, process.said()
    ops = await recorded(trace, store.parent, _KEPT)
    played = 0
    for number, instant in enumerate([*instants(ops, cuts, chance), len(ops) - 1]):
        for op in ops[played : instant + 1]:
            disk.play(op)
        played = instant + 1
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name, content in disk.cut(chance).items():
            (place / name).write_bytes(content)
        try:
            examined(place / store.name, played == len(ops))
        except BaseException as error:
            error.add_note(
                f"seed {seed}, cut {number} after call {instant} of {len(ops)}; the files are in {place}"
            )
            raise
