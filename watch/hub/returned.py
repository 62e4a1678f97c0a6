"""What a hub would believe first if it came back now: for those who read the store while no hub runs.

While no hub runs nobody writes down that a state has lapsed, though it has. What a hub would write first on its return
is added here, in memory: with or without a hub, what nobody asked is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.book import began
from watch.core.ledger import LedgerChain
from watch.hub.asked import asked_from
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.intake import Intake
from watch.hub.recorder import LedgerEnd, Recorder

if TYPE_CHECKING:
    from watch.core.book import Book
    from watch.core.settings import Settings
    from watch.ports import Reads


def returned(settings: Settings, reads: Reads, book: Book, now_ms: int) -> Intake:
    """What is believed at *now_ms*; *book* learns of the absence. Nothing is written."""
    last = reads.last_entry()
    end = LedgerEnd() if last is None else LedgerEnd(LedgerChain(last.seq, last.recorded_ms))
    intake = Intake(Recorder(book, end), reads.beliefs(), reads.latest())
    intake.sights.resume(*reads.darks(), intake.beliefs)
    intake.plan(settings, (), now_ms)
    miss(settings, intake, now_ms)
    while not intake.sweep(now_ms):
        pass
    return intake


def miss(settings: Settings, intake: Intake, now_ms: int) -> None:
    """What our own vantage points did not read while no hub ran, which is until *now_ms*."""
    for vantage in settings.vantages.values():
        seen = [
            b.last_ms for (_, v), b in intake.beliefs.items() if v == vantage.name and b.last_ms is not None
        ]
        if vantage.local and seen:
            intake.away(vantage.name, max(seen), now_ms)


def board_of(settings: Settings, intake: Intake, book: Book, now_ms: int) -> Board:
    """How everything stands by what is believed."""
    asked = asked_from(settings)
    standings = {
        name: standing_of(check, intake, asked[name], book, now_ms) for name, check in settings.checks.items()
    }
    return Board(settings, standings, lambda key, state, now: began(book, key, state, now), now_ms)
