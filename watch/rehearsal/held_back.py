"""Why nobody is paged for a trouble: no rule, a rule that still waits, a window, a silence, or the desk itself.

A line is written when the cause begins, not at each turn. A trouble that ends before its rule's `for` is over is told
then. What opens no alert for a cause that is none of these is told as held back by the alert desk.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.alerts.condition import Conditions
from watch.alerts.open_alerts import ms
from watch.core.figures import maintenance
from watch.core.quantity import duration_text
from watch.core.settings import When
from watch.core.timeline import State
from watch.rehearsal.calls import rule_text
from watch.rehearsal.wording import listed, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.alerts.dependencies import Held
    from watch.alerts.holding import Condition
    from watch.alerts.reconciler import Reconciler
    from watch.core.alert import Alert
    from watch.core.book import Book
    from watch.core.settings import Settings
    from watch.core.standing import Standing
    from watch.rehearsal.estate import Turn

_S = timedelta(seconds=1)
_WORDS = {State.DOWN: When.DOWN, State.DEGRADED: When.DEGRADED, State.UNKNOWN: When.UNKNOWN}
_SETTLING_MS = (
    5_000  # an alert that is due opens in the same turn; a cause that is not known yet may be over by then
)
Said = tuple[list[str], str, tuple[str, ...]]


class HeldBack:
    """Remembers what was said of which trouble.

    Attributes:
        holding: The conditions of rules that hold now, by key.
        book: Where the maintenance windows are.
        quiet: Whether a maintenance window silences one of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.conditions = Conditions(settings)
        self.book: Book | None = None
        self.holding: Mapping[str, Condition] = {}
        self.quiet = False
        self._told: dict[
            str, tuple[str, str]
        ] = {}  # by key of a condition: its subject, and why nobody is paged
        self._paged: set[str] = set()

    def covers(self, trouble: str) -> bool:
        """Whether a rule covers the own trouble with this key."""
        return self.conditions.watches(When.MONITOR, trouble)

    def look(self, turn: Turn, desk: Reconciler) -> Iterator[Said]:
        """What is to be said now: about which subjects, that nobody is paged, and why."""
        before = self.holding
        self.holding = self.conditions.holding(turn.now_ms, turn.standings, turn.troubles, turn.unasked)
        self.quiet = any(condition.subject in turn.quiet for condition in self.holding.values())
        alerts = {alert.key: alert for alert in desk.alerts}  # the last one of a key is the newest
        causes: dict[str, list[str]] = {}
        for condition in self._too_short(before, alerts, turn):
            causes.setdefault(_too_short(condition, turn.now_ms), []).append(condition.subject)
        said = dict(self._causes(turn, alerts, desk))
        for key, (subject, cause) in said.items():
            if self._told.get(key) != (subject, cause):
                causes.setdefault(cause, []).append(subject)
        self._told = said
        for cause, subjects in causes.items():
            yield subjects, f"no page for {listed(subjects)}", (cause,)

    def _causes(
        self, turn: Turn, alerts: Mapping[str, Alert], desk: Reconciler
    ) -> Iterator[tuple[str, tuple[str, str]]]:
        """By key, of which subject nobody is told now, and why."""
        for key, condition in self.holding.items():
            if (alert := alerts.get(key)) is not None and alert.open and not alert.held:
                self._paged.add(key)
            elif cause := self._cause(condition, alerts.get(key), turn, desk):
                yield key, (condition.subject, cause)
        for standing in turn.standings.values():
            if uncovered := self._uncovered(standing, turn):
                yield f"-:{standing.key}", (standing.key, uncovered)

    def _too_short(
        self, before: Mapping[str, Condition], alerts: Mapping[str, Alert], turn: Turn
    ) -> list[Condition]:
        """The conditions that ended before their rules' `for` was over, and of which nothing else was said."""
        open_subjects = {alert.subject for alert in alerts.values() if alert.open}
        found = [
            condition
            for key, condition in before.items()
            if not (key in self._paged or key in self._told or key in self.holding)
            and self._over(condition.subject, turn, open_subjects)
        ]
        self._paged &= self.holding.keys()
        return found

    def _over(self, subject: str, turn: Turn, open_subjects: set[str]) -> bool:
        """Whether all trouble of *subject* is over, and none of it was paged."""
        if subject in open_subjects or any(c.subject == subject for c in self.holding.values()):
            return False
        standing = turn.standings.get(subject)
        return standing is None or standing.state is State.UP

    def _cause(self, condition: Condition, newest: Alert | None, turn: Turn, desk: Reconciler) -> str:
        """Why the alert of *condition* is not open, or calls nobody; empty while its rules wait, or it is well."""
        began_ms = condition.since_ms if condition.flapping is None else condition.trouble_ms
        open_ = newest is not None and newest.open
        due_ms = (began_ms or 0) + min(ms(rule.lasting) for rule in condition.rules)
        if not open_ and (began_ms is None or turn.now_ms < due_ms):  # what flaps and is well opens nothing
            return ""
        silence = next(
            (s for s in desk.silences.all.values() if s.in_force(turn.now_ms)
             and s.matches(condition.when, condition.subject, self._settings.components)), None
        )  # fmt: skip
        zone = self._settings.service.timezone
        if condition.when is not When.MONITOR and condition.subject in turn.quiet and not open_:
            name, until_ms = self._window(condition.subject, turn.now_ms)
            until = f" until {stamp(until_ms, zone, near_ms=turn.now_ms)}" if until_ms else ""
            return f"maintenance window {name} suppresses alerts{until}"
        if silence is not None:
            until = stamp(silence.until_ms, zone, near_ms=turn.now_ms)
            return f"silence {silence.id} by {silence.by} holds until {until}: {silence.reason}"
        if newest is not None and newest.by_hand and not newest.open:
            return newest.closing
        settled = turn.now_ms >= due_ms + _SETTLING_MS
        held = desk.dependencies.held.get(condition.key)
        if held is not None and (settled or held.explained_by):
            return self._behind(held, turn.now_ms)
        return "the alert desk holds it back" if settled else ""

    def _behind(self, held: Held, now_ms: int) -> str:
        if held.explained_by:
            return f"it depends on {listed(held.explained_by)}, whose open alert tells of it"
        until = stamp(held.until_ms, self._settings.service.timezone, near_ms=now_ms)
        if held.again:
            causes = listed(held.waits_for)
            return f"it depends on {causes}, well again: it waits for its own next reading until {until}"
        return (
            f"it depends on {listed(held.waits_for)}, which may be the cause: it waits for that until {until}"
        )

    def _window(self, subject: str, now_ms: int) -> tuple[str, int]:
        """The window that silences *subject*, and when its occurrence ends; zero when that is not known."""
        found = [] if self.book is None else maintenance(self.book, now_ms, now_ms + 1)
        mine = ((w.name, o.to_ms) for w, o in found if w.suppress_alerts and subject in w.components)
        return next(mine, ("on record", 0))

    def _uncovered(self, standing: Standing, turn: Turn) -> str:
        """Why no rule can page for *standing*; empty when one can, or nothing is wrong."""
        when = _WORDS.get(standing.state)
        if when is None or turn.unasked(standing.key):
            return ""
        whens = (When.DEGRADED, When.REDUNDANCY_LOST) if standing.redundancy_lost else (when,)
        if any(self.conditions.watches(one, standing.key) for one in whens):
            return ""
        return f"no rule has `when: {whens[-1]}` for it"


def _too_short(condition: Condition, now_ms: int) -> str:
    rules = ", ".join(dict.fromkeys(rule_text(rule) for rule in condition.rules))
    lasted = duration_text((now_ms - condition.since_ms) // 1000 * _S)
    return f"it was over after {lasted}; its rule waits for longer ({rules})"
