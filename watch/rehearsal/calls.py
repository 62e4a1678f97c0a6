"""Why somebody is paged: the rule that opened the alert, the step that called them, and who holds the pager.

It compares an alert's row with the one before it: the steps that were taken in between are those that called.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.alerts.open_alerts import CATCH_ALL, ms
from watch.core.alert import Event
from watch.core.quantity import duration_text
from watch.core.settings import When
from watch.rehearsal.wording import listed, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from watch.core.alert import Alert
    from watch.core.escalation import OnCall, Plan
    from watch.core.settings import AlertRule, Settings

_MS = timedelta(milliseconds=1)
Said = tuple[str, tuple[str, ...]]


class Calls:
    """Remembers for each alert and person what called them last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._whys: dict[tuple[int, str], tuple[str, tuple[str, ...]]] = {}  # the rules, and the steps
        self.heard: Callable[[int], Collection[str]] = lambda _: ()
        self.rotations: Callable[[], Mapping[str, OnCall]] = lambda: settings.rotations

    def note(self, before: Alert | None, after: Alert, now_ms: int) -> Iterator[Said]:
        """What is to be said of a changed alert, beside the pages that follow from it."""
        if after.open:
            yield from self._waiting(before, after, now_ms)
        if after.calls != (before.calls if before is not None else 0):
            self._called(before, after, now_ms)
        elif after.open and not after.recipients and self._taken(before, after):
            skipped = tuple(self._nobody(before, after, now_ms))
            yield f"no page: no step of the alert about {after.subject} reaches anybody", skipped
        if before is None or not after.open:
            if before is not None and before.open and after.muted and not after.by_hand:
                yield from self._unheard(after)
            return
        if before.ack is not None and after.ack is None and before.open:
            ended = "its time is over" if before.ack.until_ms <= now_ms else "the trouble got worse"
            text = f"the acknowledgement by {before.ack.by} of {after.subject} ends"
            yield text, (f"{ended}; the first step follows",)

    def _waiting(self, before: Alert | None, after: Alert, now_ms: int) -> Iterator[Said]:
        """The steps that were due and wait for their hours since *before*."""
        zone = self._settings.service.timezone
        for plan in after.plans:
            old = self._plan(before, plan.policy)
            for n, (step, due_ms) in enumerate(zip(plan.steps, plan.due_ms, strict=True)):
                waits = due_ms is not None and due_ms > max(now_ms, plan.began_ms + step.after_ms)
                if waits and due_ms is not None and (old is None or old.due_ms[n] != due_ms):
                    until = stamp(due_ms, zone, near_ms=now_ms)
                    text = f"no page to {listed(step.page)} about {after.subject} before {until}"
                    yield text, (f"escalation {plan.policy}, step {n + 1} calls in {step.during}",)

    @staticmethod
    def _plan(alert: Alert | None, policy: str) -> Plan | None:
        return None if alert is None else next((p for p in alert.plans if p.policy == policy), None)

    def _unheard(self, alert: Alert) -> Iterator[Said]:
        """Who was called, has not heard of *alert*, and will not."""
        heard = self.heard(alert.id)
        if people := [who for who in alert.recipients if who not in heard]:
            why = "acknowledged" if alert.ack is not None else "silenced"
            cause = f"it was {why} when it ended, and they had not heard of it"
            yield f"the alert about {alert.subject} is over, and {listed(people)} will not be told", (cause,)

    def why(self, event: Event, alerts: Sequence[Alert], person: str, now_ms: int) -> Iterator[str]:
        """Why *person* is told of *alerts* now."""
        if event is Event.TRIGGERED:
            yield from self._alarmed(alerts, person)
            return
        first = alerts[0] if alerts else None
        if first is None:
            return
        late = (
            "; nothing was delivered before it was over"
            if event is Event.MERGED
            else f"; {person} had been told"
        )
        if first.closing:
            yield f"closed: {first.closing}{late}"
        elif first.recovered_ms is not None:
            at = stamp(first.recovered_ms, self._settings.service.timezone, near_ms=now_ms)
            yield f"recovered at {at} and held for {duration_text(self._settings.alerting.resolve_hold)}{late}"

    def _alarmed(self, alerts: Sequence[Alert], person: str) -> Iterator[str]:
        """What called *person* for *alerts*: each cause once, with all that it is about."""
        causes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        instead = ("", ("catch_all: nobody whom the alert has called can be reached",))
        for alert in alerts:
            causes.setdefault(self._whys.get((alert.id, person), instead), []).append(_about(alert))
        for (rules, steps), subjects in causes.items():
            yield f"{rules} for {listed(subjects)}" if rules else f"for {listed(subjects)}"
            yield from steps

    # ---- steps ----

    def _called(self, before: Alert | None, after: Alert, now_ms: int) -> None:
        rules = self._rules(after, now_ms)
        taken = [(plan, n) for plan, steps in self._taken(before, after) for n in steps]
        for person in (who for who, call in after.called.items() if call == after.calls):
            steps = [line for plan, n in taken if (line := self._step(plan, n, person, now_ms))]
            instead = () if steps else ("catch_all: no step reaches anybody",)
            skipped = (f"skipped: {'; '.join(after.skipped)}",) if after.skipped else ()
            self._whys[after.id, person] = rules, (*steps, *instead, *skipped)

    def _taken(self, before: Alert | None, after: Alert) -> list[tuple[Plan, list[int]]]:
        """By plan of *after*, the steps that were taken since *before*."""
        found = []
        for plan in after.plans:
            old = self._plan(before, plan.policy)
            began = old is None or (old.began_ms, old.rounds) != (plan.began_ms, plan.rounds)
            steps = [
                n for n, due in enumerate(plan.due_ms)
                if due is None and (began or old is None or old.due_ms[n] is not None)
            ]  # fmt: skip
            if steps:
                found.append((plan, steps))
        return found

    def _step(self, plan: Plan, n: int, person: str, now_ms: int) -> str:
        """How step *n* of *plan* comes to call *person*; empty when it does not."""
        step = plan.steps[n]
        for name in step.page:
            rotation = self.rotations().get(name)
            if person != name and (rotation is None or person not in rotation.at(now_ms)):
                continue
            after = f", {duration_text(step.after_ms * _MS)} after the opening" if step.after_ms else ""
            again = f", round {plan.rounds + 1}" if plan.rounds else ""
            on_call = f": {person} is on call in {name}" if rotation is not None else f": {person}"
            if plan.policy == CATCH_ALL:
                return f"the rule has no `escalate`, so catch_all{again}{on_call}"
            return f"escalation {plan.policy}, step {n + 1}{after}{again}{on_call}"
        return ""

    def _nobody(self, before: Alert | None, after: Alert, now_ms: int) -> Iterator[str]:
        for plan, steps in self._taken(before, after):
            for n in steps:
                for name in plan.steps[n].page:
                    rotation = self.rotations().get(name)
                    gap = rotation is not None and not rotation.at(now_ms)
                    yield f"nobody is on call in {name}" if gap else f"{name} cannot be reached"
                if not plan.steps[n].page:
                    yield f"{plan.policy} names nobody"

    # ---- rules ----

    def _rules(self, alert: Alert, now_ms: int) -> str:
        """The rules that have opened *alert* or added to it: `rule 2 (down for 10m)`."""
        found = [
            f"rule {n} ({rule_text(rule)})" for n, rule in enumerate(self._settings.alerts, 1)
            if (rule.when, rule.condition) == (alert.when, alert.condition)
            and (rule.when is When.MONITOR or alert.subject in rule.components)
            and (rule.escalate or CATCH_ALL) in alert.policies
            and now_ms - alert.since_ms >= ms(rule.lasting)
        ]  # fmt: skip
        return listed(found) or f"always told ({alert.when})"


def _about(alert: Alert) -> str:
    return alert.subject if alert.when is not When.MONITOR else f"trouble of our own ({alert.subject})"


def rule_text(rule: AlertRule) -> str:
    """A rule's condition: `down for 10m`."""
    what = rule.condition or str(rule.when)
    return f"{what} for {duration_text(rule.lasting)}" if rule.lasting else what
