"""The conditions of alert rules that hold now, and whether a component has recovered from one.

The two are not opposites: while the state is unknown, no alert opens (except by a rule for `unknown`) and none
resolves. A rule for `degraded` ignores lost redundancy if the component has a rule for `redundancy_lost`, so that
one trouble gives one page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.alerts.flaps import Flaps
from watch.alerts.holding import Condition
from watch.core.measured import MEASURED, NothingMeasured, part_of
from watch.core.settings import AlertRule, Settings, When
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from watch.core.alert import Alert
    from watch.core.flapping import Flapping
    from watch.core.measured import Finding, Measures
    from watch.core.standing import OwnTrouble, Standing

# These notify the catch-all even without a rule for `monitor` (semantics §7).
_ALWAYS_NOTIFIED = ("hub_silent", "sender_stuck", "step_late", "person_unreached", "channel_lease")
_GOOD: Mapping[When, frozenset[State]] = {
    When.DOWN: frozenset((State.UP, State.DEGRADED)),
    When.DEGRADED: frozenset((State.UP,)),
    When.REDUNDANCY_LOST: frozenset((State.UP, State.DEGRADED)),
    When.UNKNOWN: frozenset((State.UP, State.DEGRADED, State.DOWN)),
}


def nobody(_: str) -> bool:
    """Every component was asked."""
    return False


class Conditions:
    """Finds the conditions of the rules that hold; looks only at components that stand otherwise than before.

    It remembers since when redundancy has been lost, and what flaps.

    Attributes:
        measures: What readings show without a change of state.
    """

    def __init__(self, settings: Settings, alerts: Iterable[Alert] = ()) -> None:
        self.flaps = Flaps(settings.alerting.flapping, alerts)
        self.measures: Measures = NothingMeasured()
        self._lost_since: dict[str, int] = {}
        self._seen: dict[str, int] = {}  # component → start of its state, at the last step
        self.plan(settings)

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._settings, self._rules = settings, _rules_by_key(settings)
        self.flaps.plan(settings.alerting.flapping)
        self._looked: dict[str, Standing] = {}  # how each stood at the last step
        self._held: dict[str, tuple[Condition, ...]] = {}  # of the components that have any, in their order
        self._findings: Mapping[str, Finding] = {}  # at the last step
        self._measured: dict[str, Condition] = {}

    def rename(self, parts: Mapping[str, str]) -> None:
        """Know components by other keys: former → new."""
        self.flaps.rename(parts)
        self._looked, self._held, self._findings, self._measured = {}, {}, {}, {}
        self._lost_since = {parts.get(key, key): at_ms for key, at_ms in self._lost_since.items()}
        self._seen = {parts.get(key, key): at_ms for key, at_ms in self._seen.items()}

    def watches(self, when: When, subject: str) -> bool:
        """Whether a rule still covers it; if none does, its alert closes."""
        if when is When.MONITOR:
            return bool(self._monitor_rules(subject))
        return (when, subject) in self._rules

    def covers(self, alert: Alert) -> bool:
        """Whether a rule still covers *alert*, and its check is still there if it is about one."""
        if alert.when is not When.FACT:
            return self.watches(alert.when, alert.subject)
        check = self._settings.checks.get(alert.cause)
        rules = self._of_condition(alert.when, alert.subject, alert.condition)
        return check is not None and any(check.kind in rule.tests for rule in rules)

    def recovered(self, key: str, when: When, standing: Standing) -> bool:
        """Whether an alert with *key* may resolve at *standing*."""
        return self.measures.well(key) if when in MEASURED else recovered(when, standing)

    def holding(
        self,
        now_ms: int,
        standings: Mapping[str, Standing],
        troubles: Sequence[OwnTrouble],
        unasked: Callable[[str], bool] = nobody,
    ) -> dict[str, Condition]:
        """The conditions that hold now, by key.

        Args:
            unasked: Whether a component is unknown only because it was not asked (again) yet.
        """
        self._look(now_ms, standings)
        found = {c.key: c for some in self._held.values() for c in some if not _waits(c, unasked)}
        found |= self._found()
        self.flaps.note(now_ms, found, standings, self.recovered)
        for key, flaps in self.flaps.flapping().items():
            if (condition := self._flapping(key, flaps, found.get(key))) is not None:
                found[key] = condition
        for trouble in troubles:
            rules = self._monitor_rules(trouble.key)
            if rules and now_ms >= trouble.pages_ms:
                condition = Condition(
                    when=When.MONITOR,
                    subject=trouble.key,
                    name=trouble.text,
                    since_ms=trouble.since_ms,
                    rules=rules,
                    detail=trouble.cure,
                )
                found[condition.key] = condition
        return found

    def _flapping(self, key: str, flaps: Flapping, held: Condition | None) -> Condition | None:
        """The condition that flaps, as one that holds since the flapping began; None without a rule for it."""
        assert flaps.since_ms is not None
        if held is not None:
            return replace(held, since_ms=flaps.since_ms, flapping=flaps, trouble_ms=held.since_ms)
        when, subject, check, condition = part_of(key)
        rules = self._of_condition(when, subject, condition)
        if not rules:
            return None
        return Condition(
            when=when, subject=subject, name=self._name(subject), since_ms=flaps.since_ms, rules=rules,
            cause=check, condition=condition, flapping=flaps,
        )  # fmt: skip

    def _of_condition(self, when: When, subject: str, condition: str) -> tuple[AlertRule, ...]:
        """The rules of that kind for *subject*; of those over facts, the ones with that condition."""
        return tuple(rule for rule in self._rules.get((when, subject), ()) if rule.condition == condition)

    def _found(self) -> Mapping[str, Condition]:
        """The conditions that readings show."""
        findings = self.measures.holding
        if findings is not self._findings:
            self._findings = findings
            self._measured = {key: it for key, one in findings.items() if (it := self._of_finding(one))}
        return self._measured

    def _of_finding(self, found: Finding) -> Condition | None:
        rules = self._of_condition(found.when, found.subject, found.condition)
        if not rules:
            return None
        return Condition(
            when=found.when, subject=found.subject, name=self._name(found.subject), rules=rules,
            since_ms=found.since_ms, detail=found.detail, cause=found.check, condition=found.condition,
        )  # fmt: skip

    def _look(self, now_ms: int, standings: Mapping[str, Standing]) -> None:
        """Find the conditions of the components that stand otherwise than at the last step."""
        looked, held, unsorted = self._looked, self._held, False
        if len(looked) > len(standings):
            for key in looked.keys() - standings.keys():
                del looked[key]
                held.pop(key, None)
        # Every turn of the hub, for all components, of which few have changed.
        for key, standing in [(k, s) for k, s in standings.items() if looked.get(k) is not s]:
            looked[key] = standing
            self._note_redundancy(now_ms, standing)
            if holds := tuple(self._of(standing)):
                unsorted |= key not in held
                held[key] = holds
            else:
                held.pop(key, None)
        if unsorted:
            self._held = {key: held[key] for key in standings if key in held}

    def _of(self, standing: Standing) -> Iterator[Condition]:
        if standing.state is State.UP and not standing.redundancy_lost:
            return
        for when in When:
            rules = self._rules.get((when, standing.key), ())
            if rules and self._holds(when, standing):
                lost = when is When.REDUNDANCY_LOST
                yield Condition(
                    when=when, subject=standing.key, name=self._name(standing.key), rules=rules,
                    since_ms=self._lost_since[standing.key] if lost else standing.since_ms,
                    reason=str(standing.reason), detail=standing.detail, cause=standing.cause,
                )  # fmt: skip

    def _holds(self, when: When, standing: Standing) -> bool:
        match when:
            case When.DOWN:
                return standing.state is State.DOWN
            case When.UNKNOWN:
                return standing.state is State.UNKNOWN
            case When.REDUNDANCY_LOST:
                return standing.redundancy_lost
            case When.DEGRADED:
                other_rule = standing.redundancy_lost and (When.REDUNDANCY_LOST, standing.key) in self._rules
                return standing.state is State.DEGRADED and not other_rule
            case When.MONITOR | When.SLOW | When.FACT:
                return False

    def _name(self, key: str) -> str:
        component = self._settings.components.get(key)
        return component.name if component is not None else key

    def _monitor_rules(self, subject: str) -> tuple[AlertRule, ...]:
        rules = self._rules.get((When.MONITOR, ""), ())
        if not rules and subject.partition(":")[0] in _ALWAYS_NOTIFIED:
            return (AlertRule(when=When.MONITOR, components=()),)
        return rules

    def _note_redundancy(self, now_ms: int, standing: Standing) -> None:
        key = standing.key
        if not standing.redundancy_lost:
            self._lost_since.pop(key, None)
        elif key not in self._lost_since:
            # In the middle of a state it was lost now; else with the state, or before the start of the hub.
            middle = self._seen.get(key) == standing.since_ms
            self._lost_since[key] = now_ms if middle else standing.since_ms
        self._seen[key] = standing.since_ms


def _waits(condition: Condition, unasked: Callable[[str], bool]) -> bool:
    """What was not asked yet, or not since we were away ourselves, is not missing: it may answer."""
    return condition.when is When.UNKNOWN and unasked(condition.subject)


def recovered(when: When, standing: Standing) -> bool:
    """Whether an alert of kind *when* may resolve at *standing*."""
    if when is When.REDUNDANCY_LOST and standing.redundancy_lost:
        return False
    return standing.state in _GOOD[when]


def _rules_by_key(settings: Settings) -> dict[tuple[When, str], tuple[AlertRule, ...]]:
    found: dict[tuple[When, str], tuple[AlertRule, ...]] = {}
    for rule in settings.alerts:
        for subject in rule.components or ("",):
            found[rule.when, subject] = (*found.get((rule.when, subject), ()), rule)
    return found
