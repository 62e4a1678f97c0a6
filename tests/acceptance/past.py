"""A store with months behind it that nobody made a checkpoint of yet, and ways to look at what a kill has left."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, NamedTuple

import apsw

from bench.history import DAY_MS, _blink, _change, _story
from tests.fakes import observation
from watch.clock import SystemClock
from watch.config import load
from watch.core.book import Book
from watch.core.confirm import Belief
from watch.core.timeline import State
from watch.hub.definitions import entries_for
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.verification import figures_fault, record_verified
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore, reading
from watch.stores.sqlite.opening import checked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PARTS = tuple(f"part{n}" for n in range(4))
HEAD = """
service: {name: Acme, timezone: America/Los_Angeles}
defaults: {every: 1s, timeout: 10s, retry_every: 300ms}
"""
MONTHS = 4  # and so at least three checkpoints that are due


def configured(parts: Iterable[str] = PARTS) -> str:
    """A configuration of *parts*; port 1 of the loopback refuses every connection."""
    lines = (f'  {part}: {{checks: {{port: {{tcp: "127.0.0.1:1"}}}}}}\n' for part in parts)
    return f"{HEAD}components:\n{''.join(lines)}"


async def lived(
    folder: Path, *, months: int = MONTHS, readings: int = 0, seed: int = 7, text: str = "", a_month: int = 20
) -> Path:
    """The store of a hub that ran for *months* in *folder* and made no checkpoint; *readings* fill it up.

    Args:
        text: Its configuration; that of all `PARTS` if empty.
        a_month: Changes of a check.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checks.yaml").write_text(text or configured())
    settings = load(folder / "checks.yaml", secrets=False, environ={}).settings
    store, recorder, now = SqliteStore(settings.store), Recorder(Book(), LedgerEnd()), SystemClock().now_ms()
    begin, chance, checks = now - months * 30 * DAY_MS, random.Random(seed), list(settings.checks)
    for kind, subject, body in entries_for(settings, recorder.book):
        recorder.entry(kind, subject, body, now_ms=begin)
    states = dict.fromkeys(checks, State.UNKNOWN)
    for name in checks:
        _change(recorder, states, name, begin)
    for day_ms in range(begin, now - DAY_MS, DAY_MS):
        for moment, name, kind in _story(checks, day_ms, day_ms + DAY_MS, a_month, chance):
            if kind is None:
                _blink(recorder, checks, moment)
            else:
                _change(recorder, states, name, moment)
    for name, state in states.items():
        since = recorder.book.marks[name]["local"][-1].effective_ms
        recorder.batch.beliefs[name, "local"] = Belief(state, since, now - 60_000)
    await store.commit(recorder.take())
    if readings:
        detail = "a reading of the last two days " * 5
        await store.commit(
            Batch([observation(checks[0], now - n, detail=detail) for n in range(readings, 0, -1)])
        )
    await store.close()
    return settings.store


def moved_into(store: Path, folder: Path) -> Path:
    """A copy of *store*, which nobody holds, in a new *folder*."""
    folder.mkdir(parents=True)
    (folder / "checks.yaml").write_text(configured())
    shutil.copy(store, folder / store.name)
    return folder / store.name


class Found(NamedTuple):
    """What a store holds: the hash of each entry by its seq, and the last entries' kinds and subjects."""

    hashes: dict[int, str]
    entries: list[tuple[str, str, str]]

    def keeps(self, before: Found) -> bool:
        """Whether all that was read *before* is still there."""
        return before.hashes.items() <= self.hashes.items()


def found(store: Path) -> Found:
    """What *store* holds now, whoever writes it."""
    with reading(store) as reads:
        entries = list(reads.entries())
    return Found({e.seq: e.hash for e in entries}, [(e.kind, e.subject, e.body) for e in entries])


def sound(store: Path) -> Found:
    """What *store*, which nobody holds, holds; fails unless every page, entry and figure in it holds."""
    checked(store)
    with reading(store) as reads:
        verdict = record_verified(reads)
        assert verdict.broken is None, verdict.broken
        assert verdict.entries, "the ledger is empty"
        assert (fault := figures_fault(reads, store)) is None, fault
    return found(store)


def schema(store: Path) -> int:
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(connection.execute("PRAGMA user_version").get)
    finally:
        connection.close()
