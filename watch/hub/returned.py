"""The beliefs of a hub that would start now, for verbs that read the store while no hub runs.

While no hub runs, lapsed states are not recorded. The entries that a hub would write at its start are added in memory,
so a check that was not read is unknown with or without a hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from watch.core.book import TooThin, began
from watch.core.ledger import LedgerChain
from watch.core.marks import Edge
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.definitions import entries_for, rename_entries, renames
from watch.hub.intake import Intake
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.replay import DAY_MS, book_now
from watch.hub.taken_over import TakenOver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watch.core.book import Book
    from watch.core.clock_epoch import ClockEpoch
    from watch.core.settings import Check, Settings
    from watch.core.standing import CheckStanding
    from watch.core.timeline import State, Timeline
    from watch.hub.plan import Plan
    from watch.ports import Reads

T = TypeVar("T")


def board_now(plan: Plan, reads: Reads, store: Path, now_ms: int, epoch: ClockEpoch | None = None) -> Board:
    """How everything stands at *now_ms*; *epoch* is the clock epoch that begins then, if any."""

    def read(*, thin: bool) -> tuple[Intake, Book]:
        book = book_now(reads, store, now_ms - DAY_MS, pending=epoch, thin=thin)
        return returned(plan, reads, book, now_ms, epoch), book

    return board_of(plan, *read(thin=True), now_ms, whole=lambda: read(thin=False)[1])


def returned(plan: Plan, reads: Reads, book: Book, now_ms: int, epoch: ClockEpoch | None = None) -> Intake:
    """The beliefs at *now_ms*; adds the absence, and *epoch* if one begins, to *book*. Writes nothing."""
    settings = plan.settings
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
    for _ in intake.plan(plan, (), {}, now_ms):
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


def board_of(
    plan: Plan, intake: Intake, book: Book, now_ms: int, whole: Callable[[], Book] | None = None
) -> Board:
    """How everything stands by what is believed.

    Args:
        whole: The whole book, for what a thin *book* cannot tell; asked for once at most.
    """
    books = [book]

    def told(question: Callable[[Book], T]) -> T:
        try:
            return question(books[-1])
        except TooThin:
            assert whole is not None
            books.append(whole())
            return question(books[-1])

    def since(key: str, state: State, now_ms: int, near_ms: int) -> int:
        return told(lambda book: began(book, key, state, now_ms, near_ms))

    def standing(check: Check) -> CheckStanding:
        return told(lambda book: standing_of(check, intake, plan.asked[check.name], book, now_ms))

    def drawn(name: str, from_ms: int, to_ms: int) -> Timeline:
        return told(lambda book: book.check_timeline(name, Edge.FOUND, from_ms, to_ms))

    board = Board(plan, {name: standing(check) for name, check in plan.settings.checks.items()}, since, drawn)
    for _ in board.fill(now_ms):
        pass
    return board
