"""Recorded history on the virtual clock, with the present or another configuration.

The hub is told what was believed, when it was recorded; from there on everything is its own: quorum, components, board,
alerts, escalations. The replay begins a day before the span, in silence: what was open then was paged before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core.alert import opening
from watch.core.confirm import Belief
from watch.core.delivery import Command
from watch.core.measured import MEASURED
from watch.core.reading import NOTHING, Observation, Reason, Verdict
from watch.core.timeline import State
from watch.rehearsal.blank_store import BlankStore
from watch.rehearsal.diary import Diary
from watch.rehearsal.estate import Estate
from watch.rehearsal.history import Away, Dimmed, Hushed, Lit, Ruled, Saw, Told
from watch.rehearsal.pace import Pace
from watch.rehearsal.script import Act
from watch.rehearsal.virtual_clock import VirtualClock
from watch.rehearsal.wording import listed, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.core.alert import Alert
    from watch.core.marks import Mark
    from watch.core.settings import Settings
    from watch.core.window import Window
    from watch.rehearsal.history import Happening, History, Key

_VERDICTS = {
    State.UP: Verdict.UP, State.DEGRADED: Verdict.DEGRADED, State.DOWN: Verdict.DOWN, State.UNKNOWN: Verdict.UNKNOWN,
}  # fmt: skip


class Replay:
    """Replays *history*; `diary` is what comes of it.

    Args:
        other: The configuration is not the one that was in force: its windows count instead of those on record.
    """

    def __init__(self, settings: Settings, history: History, *, other: bool) -> None:
        self._settings, self._history, self._other = settings, history, other
        self._clock = VirtualClock(history.lead_ms)
        self.diary = Diary(settings, history.from_ms)
        plan = settings if other else replace(settings, windows={})
        self._estate = Estate(
            plan, self._clock, self.diary, lambda *_: None,
            store=BlankStore(history.overrides), unasked=lambda _: False,
        )  # fmt: skip
        self.diary.follow(self._estate)
        self._pace = Pace(settings, self._estate, self.diary, self._windows(), history.lead_ms, history.to_ms)
        self._before: dict[Key, Belief] = {}  # what was believed before a blindness
        self.strangers: set[str] = set()  # recorded checks that are not in the configuration

    def _windows(self) -> Iterator[Window]:
        if self._other:
            yield from self._settings.windows.values()
            return
        yield from self._history.windows.values()
        for _, it in self._history.happenings:
            if isinstance(it, Ruled) and it.window is not None:
                yield it.window

    @property
    def alerts(self) -> Mapping[int, Alert]:
        """All alerts of the replay by id."""
        return self.diary.alerts

    async def run(self) -> None:
        """Let the span pass."""
        todo, hub = list(reversed(self._history.happenings)), self._estate.hub
        if not self._other:
            for name, window in self._history.windows.items():
                hub.book.windows[name] = [(self._clock.ms, window)]
        for check, vantage in self._keys():
            mark = self._history.states.get((check, vantage))
            if mark is not None:
                hub.book.marks.setdefault(check, {}).setdefault(vantage, []).append(mark)
            self._believe(check, vantage, mark)
        await self._estate.turn(sweep=False)
        while self._clock.ms < self._history.to_ms:
            now = self._clock.ms = self._pace.beat_ms(self._clock.ms, todo[-1][0] if todo else None)
            commands: list[Command] = []
            while todo and todo[-1][0] <= now:
                commands += self._happens(todo.pop()[1])
            before = len(self.diary.lines)
            receipts = await self._estate.turn(commands=commands, sweep=False)
            for command, receipt in zip(commands, receipts, strict=True):
                told = {"ack": "acknowledges", "resolve": "resolves by hand"}[command.verb]
                about = listed([str(word) for word in command.arguments.get("subjects", ())])
                refused = receipt.refused[0].why if receipt.refused else ""
                self.diary.acted(Act(now, command, f"{told} {about}"), refused, now, before)
        self._tell_strangers()

    def _keys(self) -> Iterator[Key]:
        """Each check of the configuration with each vantage point that asks it."""
        for vantage in self._settings.vantages.values():
            for check in self._settings.asked_from(vantage):
                yield check.name, vantage.name

    # ---- one thing that happened ----

    def _happens(self, it: Happening) -> Iterator[Command]:
        """Tell the hub of it; what people commanded is for the caller to give."""
        hub, now = self._estate.hub, self._clock.ms
        match it:
            case Saw():
                self._saw(it)
            case Dimmed():
                self._dim(it, now)
            case Lit():
                self._light(it, now)
            case Ruled() if not self._other:
                hub.book.windows[it.name] = [(now, it.window)]
            case Told():
                yield self._command(it)
            case Hushed():
                self._estate.desk.silence(it.silence, now)
            case Away():
                zone = self._settings.service.timezone
                span = f"{stamp(it.from_ms, zone)} to {stamp(it.until_ms, zone, near_ms=it.from_ms)}"
                self.diary.remark(f"the hub did not run from {span}: nobody could be paged then", now)

    def _saw(self, it: Saw) -> None:
        vantage = self._vantage(it.vantage)
        if it.check not in self._settings.checks or vantage is None:
            self.strangers.add(it.check)
            return
        self._estate.hub.book.marks.setdefault(it.check, {}).setdefault(vantage, []).append(it.mark)
        self._before.pop((it.check, vantage), None)
        self._believe(it.check, vantage, it.mark)

    def _vantage(self, recorded: str) -> str | None:
        """The vantage point of the configuration that stands for one on record; None when none does."""
        if recorded in self._settings.vantages:
            return recorded
        return self._settings.vantage.name if len(self._settings.vantages) == 1 else None

    def _believe(self, check: str, vantage: str, mark: Mark | None) -> None:
        """Let the hub believe what *mark* says; up when nothing is on record."""
        intake, now, key = self._estate.hub.intake, self._clock.ms, (check, vantage)
        state, since_ms = (State.UP, now) if mark is None else (mark.state, mark.effective_ms)
        intake.beliefs[key] = Belief(state, since_ms, now)
        reason, detail = (Reason.OK, "") if mark is None else (Reason(mark.reason), mark.detail)
        intake.latest[key] = Observation(
            check, vantage, since_ms, 0, 0, _VERDICTS[state], reason, detail, None, NOTHING, NOTHING
        )
        intake.changed_checks.add(check)

    def _dim(self, it: Dimmed, now: int) -> None:
        vantage, hub = self._vantage(it.vantage), self._estate.hub
        if vantage is None:
            return
        hub.intake.sights.blind.add(vantage)
        text = f"vantage point {vantage} is blind: its canaries do not answer"
        hub.troubles.note(f"vantage_blind:{vantage}", text, now)
        for key, belief in hub.intake.beliefs.items():
            if key[1] == vantage and belief.state is not State.UNKNOWN:
                self._before[key] = belief
                hub.intake.beliefs[key] = Belief(State.UNKNOWN, it.from_ms, now)
                hub.intake.changed_checks.add(key[0])

    def _light(self, it: Lit, now: int) -> None:
        vantage, hub = self._vantage(it.vantage), self._estate.hub
        if vantage is None:
            return
        if not it.check:
            hub.intake.sights.blind.discard(vantage)
            hub.troubles.note(f"vantage_blind:{vantage}", None, now)
            hub.intake.changed_checks |= {check for check, v in hub.intake.beliefs if v == vantage}
        elif (belief := self._before.pop((it.check, vantage), None)) is not None:
            hub.intake.beliefs[it.check, vantage] = belief
            hub.intake.changed_checks.add(it.check)

    def _command(self, it: Told) -> Command:
        """The command, about the alerts of the replay that stand for those that it was about."""
        body = it.entry.facts
        about = {opening(str(key)) for key in body.get("about", ())}
        mine = [
            alert for alert in self._estate.desk.alerts if alert.open and opening(alert.dedup_key) in about
        ]
        said = {
            key: value for key, value in dict(body.get("arguments", {})).items() if key in ("for", "reason")
        }
        subjects = [alert.subject for alert in mine] or sorted(about)
        words = [str(alert.id) for alert in mine] or sorted(about)
        return Command(
            verb=it.entry.subject, arguments=said | {"alert": words, "subjects": subjects},
            by=str(body.get("by", "")), account=str(body.get("account", "")),
        )  # fmt: skip

    def _tell_strangers(self) -> None:
        if any(rule.when in MEASURED for rule in self._settings.alerts):
            text = "rules for `slow` and for facts are not replayed: the record has states, not what readings measured"
            self.diary.remark(text, self._history.to_ms)
        if self.strangers:
            names = listed(sorted(self.strangers))
            self.diary.remark(f"on record, but not in this configuration: {names}", self._history.to_ms)
        recorded = {check for check, _ in self._history.states}
        recorded |= {it.check for _, it in self._history.happenings if isinstance(it, Saw)}
        if unknown := [name for name in self._settings.checks if name not in recorded]:
            text = f"in this configuration, but not on record, so taken as up: {listed(unknown)}"
            self.diary.remark(text, self._history.to_ms)
