"""How a configuration takes effect: entries, beliefs, alerts and board, in small steps.

All of it is one change. The caller lets nothing else in between the first step and the last: readings before it are
judged by the former terms, readings after it by the new ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.core.ledger import Kind
from watch.hub.definitions import ENDED, changed_terms, ended_subjects, rename_entries, renames
from watch.hub.leaving import Leaving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.hub.awaited import Awaited
    from watch.hub.intake import Intake
    from watch.hub.on_call import OnCall
    from watch.hub.plan import Plan
    from watch.hub.reasked import Reasked
    from watch.hub.recorder import Recorder
    from watch.hub.standings import Standings
    from watch.hub.troubles import Troubles
    from watch.ports import Clock, Desk

_MS = timedelta(milliseconds=1)
_AT_ONCE = 200  # removals recorded before the loop may do something else


class Adoption:
    """Applies plans to everything in the hub that follows them."""

    def __init__(
        self, recorder: Recorder, intake: Intake, standings: Standings, troubles: Troubles, awaited: Awaited,
        reasked: Reasked, on_call: OnCall, desk: Desk, clock: Clock,
    ) -> None:  # fmt: skip
        self._recorder, self._intake, self._standings = recorder, intake, standings
        self._troubles, self._awaited, self._desk, self._clock = troubles, awaited, desk, clock
        self._on_call, self._reasked = on_call, reasked
        self._leaving = Leaving()
        self._hold_ms = 0

    def steps(self, plan: Plan) -> Iterator[None]:
        """Apply *plan*, a little at each step. Only the last step changes what others see of the hub."""
        recorder, intake, book = self._recorder, self._intake, self._recorder.book
        now, settings = self._clock.now_ms(), plan.settings
        parts = renames(settings, book)
        for kind, subject, body in rename_entries(parts, book):
            recorder.entry(kind, subject, body, now_ms=now)
            yield
        if parts:
            yield from intake.rename(parts)
            self._desk.rename(parts)
        before, changed = set(book.checks), set()
        for found in changed_terms(plan.terms, book):
            if found is not None:
                kind, subject, body = found
                recorder.entry(kind, subject, body, now_ms=now)
                if kind is Kind.CHECK and subject in before:
                    changed.add(subject)
            yield
        gone = []
        for subject_gone in ended_subjects(plan.terms, book):
            if subject_gone is not None:
                gone.append(subject_gone)
            yield
        self._hold_ms = settings.alerting.resolve_hold // _MS
        for kind, subject in self._leaving.plan(gone, self._hold_ms, now):
            recorder.entry(kind, subject, ENDED, now_ms=now)
            yield
        yield from intake.plan(plan, changed, self._leaving.confirmations(book.bodies), now)
        yield from self._troubles.plan(plan)
        self._awaited.plan(settings.checks.keys(), now)
        yield from self._standings.renew(plan, parts, now)
        self._reasked.plan(plan)
        self._on_call.plan(settings)
        self._desk.plan(settings)
        intake.renew(changed, self._clock.now_ms())

    def end(self, now_ms: int) -> bool:
        """Record the end of what was removed and has not come back; False when there is more of it."""
        ended = self._leaving.over(self._hold_ms, now_ms, _AT_ONCE)
        for (kind, subject), at_ms in ended:
            self._recorder.entry(kind, subject, ENDED, now_ms=now_ms, effective_ms=at_ms)
            if kind is Kind.CHECK:
                self._intake.leave(subject, at_ms)
        return len(ended) < _AT_ONCE
