"""The diary of a rehearsal: what was confirmed, who was paged and why, who was not and why, in the order of time.

It is written from what the hub and the desk made: standings and rows. It decides nothing.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watch.alerts.page_happenings import letter_event
from watch.core.alert import Event
from watch.core.reading import Reason
from watch.core.timeline import State
from watch.rehearsal.calls import Calls
from watch.rehearsal.held_back import HeldBack
from watch.rehearsal.script import Fails
from watch.rehearsal.wording import listed, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watch.alerts.holding import Condition
    from watch.alerts.message import Letter
    from watch.alerts.reconciler import Reconciler
    from watch.core.alert import Alert, Notice
    from watch.core.settings import Settings
    from watch.core.standing import Standing
    from watch.rehearsal.estate import Estate, Turn
    from watch.rehearsal.script import Act

_SAYS = {Event.TRIGGERED: "alarm", Event.RESOLVED: "recovery", Event.MERGED: "late"}
_FAILED = {
    Fails.FOR_NOW: "does not take it; a retry follows",
    Fails.FOR_GOOD: "refuses it for good",
    Fails.UNUSABLE: "cannot be used, as apprise does not accept its URL",
    Fails.HANGS: "does not answer; a retry follows",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: an instant (Unix time in ms), what kind of line it is, its text, and why.

    Args:
        facts: The same for programs.
    """

    at_ms: int
    kind: str
    text: str
    why: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Diary:
    """Writes the lines of an estate from *from_ms* on.

    Attributes:
        alerts: The newest row of every alert, by id.
        pages: How often each person was paged, by event. letters: the rows of those that were delivered, and when.
        changed_ms: When anything changed last.
    """

    def __init__(self, settings: Settings, from_ms: int) -> None:
        self.lines: list[Line] = []
        self.pages: dict[str, Counter[Event]] = {person: Counter() for person in settings.people}
        self.letters: list[tuple[int, tuple[Notice, ...]]] = []
        self.changed_ms = 0
        self._changes: list[int] = []  # when what changed began, in order
        self._settings, self._from_ms = settings, from_ms
        self._known: dict[str, tuple[State, bool]] = {}
        self._troubles: dict[str, str] = {}
        self.alerts: dict[int, Alert] = {}
        self._calls = Calls(settings)
        self._held = HeldBack(settings)
        self._desk: Reconciler | None = None

    def follow(self, estate: Estate) -> None:
        """Write down what *estate* makes."""
        self._desk = estate.desk
        self._calls.rotations = lambda: estate.hub.on_call.rotations
        self._calls.heard = estate.desk.heard
        self._held.book = estate.hub.book
        self._held.conditions.measures = estate.hub.intake.measures

    def after_changes(self, now_ms: int, lasting_ms: int) -> int | None:
        """The first instant after *now_ms* at which a change has lasted for *lasting_ms*."""
        del self._changes[: bisect_right(self._changes, now_ms - lasting_ms)]
        return self._changes[0] + lasting_ms if self._changes else None

    def _change(self, now_ms: int, *since_ms: int) -> None:
        """Something changed now, and may have begun earlier."""
        self.changed_ms = now_ms
        for at_ms in {now_ms, *since_ms}:
            insort(self._changes, at_ms)

    @property
    def holding(self) -> Mapping[str, Condition]:
        """The conditions of rules that hold now."""
        return self._held.holding

    @property
    def quiet_trouble(self) -> bool:
        """Whether a maintenance window silences a trouble now: how long it may last is measured to the second."""
        return self._held.quiet

    # ---- what happens ----

    def turned(self, turn: Turn) -> None:
        """The hub has turned."""
        now = turn.now_ms
        for line in (*self._states(turn), *self._own(turn)):
            self._write(line)
        for alert in turn.batch.alerts.values():
            before = self.alerts.get(alert.id)
            self.alerts[alert.id] = alert
            self._change(now)
            for text, why in self._calls.note(before, alert, now):
                self._write(Line(now, "note", text, why, {"alert": alert.dedup_key}))
        if turn.batch.notices:
            self._change(now)
        assert self._desk is not None, "`follow` comes first"
        for subjects, text, why in self._held.look(turn, self._desk):
            self._write(Line(now, "no_page", text, why, {"subjects": subjects}))

    def sent(self, rows: Sequence[Notice], letter: Letter, how: Fails | None, now_ms: int) -> None:
        """A send of *letter*, which tells *rows*, has ended."""
        self._change(now_ms)
        person, channel = rows[0].lane
        who = f"{person}, channel {channel + 1}"
        about = [(row.event, [self.alerts[i] for i in row.alert_ids if i in self.alerts]) for row in rows]
        event = letter_event(rows)
        facts = {
            "person": person, "channel": channel + 1, "subject": letter.title, "event": str(event),
            "alerts": [alert.dedup_key for _, alerts in about for alert in alerts],
        }  # fmt: skip
        if how is not None:
            text = f"not delivered to {who}: the channel {_FAILED[how]}"
            self._write(Line(now_ms, "undelivered", text, (), facts))
            return
        if now_ms >= self._from_ms:
            self.pages.setdefault(person, Counter())[event] += 1
            self.letters.append((now_ms, tuple(rows)))
        why = tuple(line for said, alerts in about for line in self._calls.why(said, alerts, person, now_ms))
        text = f'page to {who}: "{letter.title}"'
        self._write(Line(now_ms, "page", text, why, facts | {"body": letter.body}))

    def acted(self, act: Act, refused: str, now_ms: int, before: int) -> None:
        """Somebody gave a command.

        Args:
            refused: Why it did nothing; empty when it was obeyed.
            before: The number of lines that came before it: what follows from it is written already.
        """
        why = (f"refused: {refused}",) if refused else ()
        facts = {"by": act.command.by, "verb": act.command.verb, "refused": refused}
        if now_ms >= self._from_ms:
            self.lines.insert(before, Line(now_ms, "act", f"{act.command.by} {act.told}", why, facts))
        self._change(now_ms)

    def remark(self, text: str, now_ms: int, **facts: Any) -> None:
        """Something else happened."""
        self._write(Line(now_ms, "note", text, (), facts))

    def _write(self, line: Line) -> None:
        if line.at_ms >= self._from_ms:
            self.lines.append(line)

    # ---- states ----

    def _states(self, turn: Turn) -> Iterator[Line]:
        """A line for all components that changed to the same state for the same reason."""
        found: dict[tuple[str, ...], list[Standing]] = {}
        for key, standing in turn.standings.items():
            state = (standing.state, standing.redundancy_lost)
            if self._known.get(key, (State.UP, False)) != state and not turn.unasked(key):
                self._known[key] = state
                why = f"{standing.reason}: {standing.detail}".removesuffix(": ")
                why = "" if standing.reason is Reason.OK else why
                found.setdefault((_state(standing), why), []).append(standing)
        for (state_text, why), standings in found.items():
            self._change(turn.now_ms, *(standing.since_ms for standing in standings))
            yield self._state_line(state_text, why, standings, turn.now_ms)

    def _state_line(self, state: str, why: str, standings: Sequence[Standing], now_ms: int) -> Line:
        keys = [standing.key for standing in standings]
        since_ms = min(standing.since_ms for standing in standings)
        began = stamp(since_ms, self._settings.service.timezone, near_ms=now_ms)
        since = f" since {began}" if since_ms < now_ms else ""
        causes = list(dict.fromkeys(s.cause for s in standings if s.cause))
        seen = f"{why} ({listed(causes)})" if why and causes else why
        text = f"{listed(keys)} {'is' if len(keys) == 1 else 'are'} {state}{since}"
        facts = {"components": keys, "state": str(standings[0].state), "since_ms": since_ms, "checks": causes}
        return Line(now_ms, "state", text, (seen,) if seen else (), facts)

    def _own(self, turn: Turn) -> Iterator[Line]:
        """Lines for troubles of the monitoring itself that begin and end."""
        now = {trouble.key: trouble.text for trouble in turn.troubles}
        for key in sorted(now.keys() - self._troubles.keys()):
            self._change(turn.now_ms)
            text = f"trouble of the monitoring itself: {now[key]}"
            why = () if self._held.covers(key) else ("no page: no rule has `when: monitor`",)
            yield Line(turn.now_ms, "us", text, why, {"trouble": key})
        for key in sorted(self._troubles.keys() - now.keys()):
            self._change(turn.now_ms)
            yield Line(turn.now_ms, "us", f"over: {self._troubles[key]}", (), {"trouble": key, "over": True})
        self._troubles = now


def _state(standing: Standing) -> str:
    if standing.redundancy_lost:
        return "degraded: its redundancy is lost"
    return "unknown" if standing.state is State.UNKNOWN else str(standing.state)


def said(event: Event) -> str:
    """What a page with *event* is, for a summary."""
    return _SAYS[event]
