"""Whom an open alert calls now: the steps that are due, one after the other, until somebody acknowledges it.

* A rotation is asked when its step is due: it names whoever holds the pager then.
* A step that reaches nobody is skipped: nobody is on call, or whom it names has no channel. The next step follows at
  once, and the notice says why. After the last step it is the catch-all's turn.
* When nobody whom the last step has called can be reached, the next step follows at once too.
* While the alert waits to be closed, nobody is called: neither by a step, nor at the end of an acknowledgement or of a
  silence. If the trouble is back before that, what came due in the meantime is taken at once.
* Two steps that call somebody within a few seconds are one call to them, and one letter.
* An acknowledgement stops the steps until its end; then a round begins with the first step. The same happens at the
  end of a silence, and when the alert gets more severe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from watch.core.alert import Alert
    from watch.core.escalation import OnCall, Plan, Step
    from watch.core.settings import Settings, When


@dataclass(frozen=True, slots=True)
class Call:
    """What the steps of an alert that are due now come to: the people, and why steps were skipped."""

    people: tuple[str, ...]
    skipped: tuple[str, ...]


class Escalator:
    """Takes the steps of alerts.

    Args:
        reaches: Whether a person has a channel now.
        lost: Whether a person whom an alert has called has not heard of it and cannot, at an instant (Unix time in ms).
        just_told: Whether a person got a letter about an alert right before an instant: they are not called again then.

    Attributes:
        rotations: Gives the rotations in force, by name; those of the settings unless somebody knows better.
    """

    def __init__(
        self, settings: Settings, reaches: Callable[[str], bool], lost: Callable[[Alert, str, int], bool],
        just_told: Callable[[Alert, str, int], bool] = lambda *_: False,
    ) -> None:  # fmt: skip
        self._settings, self._reaches, self._lost, self._just_told = settings, reaches, lost, just_told
        self.rotations: Callable[[], Mapping[str, OnCall]] = lambda: self._settings.rotations

    def plan(self, settings: Settings) -> None:
        """Replace the settings. The plans of open alerts stay; rotations and channels are those of now."""
        self._settings = settings

    def steps(
        self, alerts: Mapping[int, Alert], now_ms: int, silenced: Callable[[When, str], bool]
    ) -> list[Alert]:
        """The open ones of *alerts* that change by what is due at *now_ms* (Unix time in ms).

        Args:
            silenced: Whether a silence holds back alerts of a kind for a subject.
        """
        open_ = [alert for alert in alerts.values() if alert.open]
        after = [self.step(alert, now_ms, held=silenced(alert.when, alert.subject)) for alert in open_]
        return [new for old, new in zip(open_, after, strict=True) if new is not old]

    def step(self, alert: Alert, now_ms: int, *, held: bool) -> Alert:
        """*alert* after what is due at *now_ms* (Unix time in ms); itself when nothing is.

        Args:
            held: A silence holds it.
        """
        if alert.ending_ms is not None:
            return replace(alert, held=True) if held and not alert.held else alert
        if alert.ack is not None and alert.ack.until_ms <= now_ms:
            alert = anew(replace(alert, ack=None), now_ms)
        if held:
            return alert if alert.held else replace(alert, held=True)
        if alert.held:
            alert = replace(alert, held=False)
            alert = alert if alert.ack is not None else anew(alert, now_ms)
        return alert if alert.ack is not None else self._called(alert, now_ms)

    def _called(self, alert: Alert, now_ms: int) -> Alert:
        """*alert* after all calls that are due; a call that reaches nobody is followed by the next at once."""
        while any(self._moves(alert, plan, now_ms) for plan in alert.plans):
            alert = self._call(alert, now_ms)
        return alert

    def _call(self, alert: Alert, now_ms: int) -> Alert:
        taken = [self._taken(alert, plan, now_ms) for plan in alert.plans]
        plans = tuple(plan for plan, _ in taken)
        calls = [call for _, call in taken if call is not None]
        people = tuple(dict.fromkeys(person for call in calls for person in call.people))
        alert = replace(alert, plans=plans)
        if not people:
            return alert
        number = alert.calls + 1
        return replace(
            alert,
            calls=number,
            recipients=tuple(dict.fromkeys((*alert.recipients, *people))),
            called={**alert.called, **dict.fromkeys(people, number)},
            skipped=tuple(dict.fromkeys(why for call in calls for why in call.skipped)),
        )

    def _moves(self, alert: Alert, plan: Plan, now_ms: int) -> bool:
        """Whether something of *plan* is due, or its last step has reached nobody."""
        if plan.next_ms is not None and plan.next_ms <= now_ms:
            return True
        return bool(plan.last) and all(self._lost(alert, who, now_ms) for who in plan.last)

    def _taken(self, alert: Alert, plan: Plan, now_ms: int) -> tuple[Plan, Call | None]:
        """*plan* after its steps that are due, and whom they call; None when none is."""
        if plan.again_ms is not None and plan.again_ms <= now_ms and _due(plan, now_ms) is None:
            plan = plan.again(now_ms)
        people: list[str] = []
        skipped: list[str] = []
        lost = bool(plan.last) and all(self._lost(alert, who, now_ms) for who in plan.last)
        if lost:
            skipped.append(f"{_listed(plan.last)} cannot be reached")
            plan = replace(plan.hurried(now_ms), last=())
        taken = reached = False
        while (n := _due(plan, now_ms)) is not None:
            step = plan.steps[n]
            if (allowed_ms := step.allowed_ms(now_ms)) > now_ms:
                plan = plan.at(n, allowed_ms)
                continue
            taken = True
            found = list(self._people(step, now_ms))
            opens = n == 0 and not plan.rounds  # whom another policy has called need not be called for this
            plan = plan.at(n, None)
            if found:
                reached = True
                told = {who for who in found if n and self._just_told(alert, who, now_ms)}
                people += [who for who in found if who not in told and (not opens or who not in alert.called)]
                plan = replace(plan, last=tuple(dict.fromkeys(found)))
            else:
                skipped += self._why(step, now_ms)
                plan = plan.hurried(now_ms)
        if (taken or lost) and not reached:  # no step follows, or it waits for its hours
            people = [who for who in self._settings.catch_all if self._reaches(who)]
        return plan, Call(tuple(people), tuple(skipped)) if taken or lost else None

    def _people(self, step: Step, now_ms: int) -> Iterator[str]:
        """The people whom *step* reaches at *now_ms*."""
        for name in step.page:
            rotation = self.rotations().get(name)
            for who in (name,) if rotation is None else rotation.at(now_ms):
                if self._reaches(who):
                    yield who

    def _why(self, step: Step, now_ms: int) -> Iterator[str]:
        """Why *step* reaches nobody, for each name in it."""
        for name in step.page:
            rotation = self.rotations().get(name)
            if rotation is None:
                known = name in self._settings.people
                yield f"{name} has no channel" if known else f"{name} is no longer in the configuration"
            elif holders := rotation.at(now_ms):
                yield f"{_listed(holders)}, on call in {name}, has no channel"
            else:
                yield f"nobody is on call in {name}"


def anew(alert: Alert, now_ms: int, *, opening: bool = False) -> Alert:
    """*alert* with a round that begins at *now_ms* with the first step of each plan.

    Args:
        opening: It opens again: whom its first steps have called before, and who has not heard that it closed, is not
            called again.
    """
    plans = tuple(plan.again(now_ms) for plan in alert.plans)
    return replace(alert, plans=tuple(replace(p, rounds=0) for p in plans) if opening else plans)


def _due(plan: Plan, now_ms: int) -> int | None:
    """The step that is due at *now_ms*; None when none is."""
    step = plan.next_step
    due_ms = None if step is None else plan.due_ms[step]
    return step if due_ms is not None and due_ms <= now_ms else None


def _listed(people: tuple[str, ...]) -> str:
    return " and ".join(part for part in (", ".join(people[:-1]), *people[-1:]) if part)
