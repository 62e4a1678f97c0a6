"""The board, kept up to date with what is believed.

10,000 checks may change at once when a vantage point goes blind. They are processed in slices, so that the event loop
is not blocked for long. A reload carries over how everything stands; only what it touches is composed anew.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from watch.core.book import began
from watch.core.marks import Edge
from watch.hub.asked import doubled_onsite
from watch.hub.board import Board
from watch.hub.check_standing import standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.book import Book
    from watch.core.standing import CheckStanding
    from watch.core.timeline import Timeline
    from watch.hub.intake import Intake
    from watch.hub.plan import Plan
    from watch.hub.troubles import Troubles
    from watch.ports import Clock

SLICE = 0.005  # seconds of work before the loop may do something else


class Standings:
    """How all checks and components stand, by the newest plan."""

    def __init__(self, plan: Plan, intake: Intake, book: Book, troubles: Troubles, clock: Clock) -> None:
        self._intake, self._book, self._troubles, self._clock = intake, book, troubles, clock
        self._unseen: dict[str, CheckStanding] = {}
        self.plan, self.board = plan, Board(plan, {}, partial(began, book), self._drawn)

    def renew(self, plan: Plan, parts: Mapping[str, str], now_ms: int) -> Iterator[None]:
        """Replace the plan, in small steps; the board is replaced with the last one.

        Args:
            parts: Components that have other keys now: former key → new key.
        """
        former, before = self.board, self.plan
        self.plan = plan
        touched = self._intake.changed_checks | ({*plan.asked} if _moved(before, plan) else set())
        checks, fresh = {}, {}
        for name in plan.settings.checks:
            if name in touched or name not in former.checks or _differs(name, before, plan):
                checks[name] = fresh[name] = self._standing(name, now_ms)
            else:
                checks[name] = former.checks[name]
            yield
        board = Board(plan, checks, partial(began, self._book), self._drawn)
        yield from board.fill(now_ms, former, parts)
        self._intake.changed_checks.clear()
        self._intake.doubled = frozenset(key for key in self._intake.doubled if key[0] in checks)
        self._double(fresh)
        self.board = board
        self._unseen.clear()
        self._note_unseen(board.checks.values())

    async def update(self, changed: set[str]) -> bool:
        """Update the board for *changed* checks in slices; return whether anything changed."""
        loop = asyncio.get_running_loop()
        board, names = self.board, changed & self.plan.settings.checks.keys()
        until = loop.time() + SLICE
        for fresh in board.update(names, self._stands, self._clock.now_ms):
            if fresh:
                self._double({standing.name: standing for standing in fresh})
                self._note_unseen(fresh)
            if loop.time() >= until:
                await asyncio.sleep(0)
                until = loop.time() + SLICE
        self.tell_unseen()
        return bool(names)

    def tell_unseen(self) -> None:
        """Say which checks none of several vantage points can see."""
        self._troubles.unseen(tuple(self._unseen.values()), self._clock.now_ms())

    def _note_unseen(self, fresh: Iterable[CheckStanding]) -> None:
        for standing in fresh:
            if standing.about_us and len(self.plan.asked[standing.name]) > 1:
                self._unseen[standing.name] = standing
            elif self._unseen:
                self._unseen.pop(standing.name, None)

    def _double(self, fresh: Mapping[str, CheckStanding]) -> None:
        intake, plan = self._intake, self.plan
        intake.doubled = doubled_onsite(intake.doubled, fresh, plan.settings, self._book, plan.asked)

    def _drawn(self, name: str, from_ms: int, to_ms: int) -> Timeline:
        return self._book.check_timeline(name, Edge.FOUND, from_ms, to_ms)

    def _stands(self, name: str) -> CheckStanding:
        return self._standing(name, self._clock.now_ms())

    def _standing(self, name: str, now_ms: int) -> CheckStanding:
        check, vantages = self.plan.settings.checks[name], self.plan.asked[name]
        return standing_of(check, self._intake, vantages, self._book, now_ms)


def _moved(before: Plan, after: Plan) -> bool:
    """Whether a vantage point is at another site: then everybody's quorum may be another."""
    sites = [{v.name: v.site for v in plan.settings.vantages.values()} for plan in (before, after)]
    return sites[0] != sites[1]


def _differs(name: str, before: Plan, after: Plan) -> bool:
    """Whether the vantage points of check *name* are combined in another way."""
    was, now = before.settings.checks.get(name), after.settings.checks[name]
    if was is None or before.asked[name] != after.asked[name]:
        return True
    if was is now or (was.audience, was.down_when, was.sources) == (now.audience, now.down_when, now.sources):
        parts = before.settings.components, after.settings.components
        return parts[0][was.component].site != parts[1][now.component].site
    return True
