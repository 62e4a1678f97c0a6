"""The beliefs of a hub that would start now, for verbs that read the store while no hub runs.

While no hub runs, lapsed states are not recorded. The entries that a hub would write at its start are added in memory,
so a check that was not read is unknown with or without a hub.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from watch.core.book import began
from watch.core.ledger import LedgerChain
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.definitions import entries_for, rename_entries, renames
from watch.hub.intake import Intake
from watch.hub.plan import planned
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.taken_over import TakenOver

if TYPE_CHECKING:
    from watch.core.book import Book
    from watch.core.clock_epoch import ClockEpoch
    from watch.core.settings import Settings
    from watch.ports import Reads


def returned(
    settings: Settings, reads: Reads, book: Book, now_ms: int, epoch: ClockEpoch | None = None
) -> Intake:
    """The beliefs at *now_ms*; adds the absence, and *epoch* if one begins, to *book*. Writes nothing."""
    last = reads.last_entry()
    end = LedgerEnd() if last is None else LedgerEnd(LedgerChain(last.seq, last.recorded_ms))
    recorder, kept = Recorder(book, end), TakenOver(reads, now_ms, epoch)
    kept.begin(recorder)
    intake = Intake(recorder, kept)
    intake.sights.resume(*kept.darks(), intake.beliefs)
    parts = renames(settings, book)
    for kind, subject, body in rename_entries(parts, book):
        recorder.entry(kind, subject, body, now_ms=now_ms)
    for _ in intake.rename(parts) if parts else ():
        pass
    if epoch is not None:  # terms recorded ahead of it do not count: a hub would record them again
        for kind, subject, body in entries_for(settings, book):
            recorder.entry(kind, subject, body, now_ms=now_ms)
    for _ in intake.plan(planned(settings), (), {}, now_ms):
        pass
    miss(settings, intake, now_ms)
    while not intake.sweep(now_ms):
        pass
    return intake


def miss(settings: Settings, intake: Intake, now_ms: int) -> None:
    """Note the time until *now_ms* in which no hub ran as an absence of our own vantage points."""
    for vantage in settings.vantages.values():
        seen = [
            b.last_ms for (_, v), b in intake.beliefs.items() if v == vantage.name and b.last_ms is not None
        ]
        if vantage.local and seen:
            intake.away(vantage.name, max(seen), now_ms)


def board_of(settings: Settings, intake: Intake, book: Book, now_ms: int) -> Board:
    """How everything stands by what is believed."""
    plan = planned(settings)
    standings = {
        name: standing_of(check, intake, plan.asked[name], book, now_ms)
        for name, check in settings.checks.items()
    }
    board = Board(plan, standings, partial(began, book))
    for _ in board.fill(now_ms):
        pass
    return board
