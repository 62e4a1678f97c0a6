"""Escalation policies: whom an alert calls, and after how long, until somebody acknowledges it.

A policy is a list of steps. `Policy` is what the configuration says; a `Plan` is the copy that an alert takes when it
opens, with the instants at which its steps are due. So a changed configuration changes no open alert, and a restart
finds every instant on disk.

* `after` counts from the opening of the alert, or from the beginning of the round.
* A step outside its `during` waits until these hours begin. The steps after it do not wait for it.
* With `repeat`, the next round begins that long after the last step of this one. It begins with the first step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from watch.core.schedule import parse_weekly, spans_of_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_AHEAD_MS = 30 * 86_400_000  # hours of a week begin within it, also when a clock change skips them


class Severity(StrEnum):
    """How much an alert matters; it decides how long an acknowledgement holds."""

    URGENT = "urgent"
    NORMAL = "normal"


class OnCall(Protocol):
    """A rotation, as far as a step needs it."""

    def at(self, at_ms: int) -> tuple[str, ...]:
        """The people who hold the pager at *at_ms* (Unix time in ms); empty when nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a policy.

    Args:
        page: The people and rotations whom it calls.
        after_ms: How long after the beginning of the round, in ms.
        during: The weekly hours in which it calls, like ``Mon-Fri 08:00-18:00 Europe/Budapest``; empty for any time.
    """

    page: tuple[str, ...]
    after_ms: int = 0
    during: str = ""

    def allowed_ms(self, at_ms: int) -> int:
        """The first instant from *at_ms* on at which it may call (Unix time in ms)."""
        if not self.during:
            return at_ms
        hours = spans_of_rule(parse_weekly(self.during), at_ms, at_ms + _AHEAD_MS)
        return max(hours[0][0], at_ms) if hours else at_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy of the configuration: its steps in order of `after_ms`, and after how long it begins again."""

    steps: tuple[Step, ...]
    repeat_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A policy as an alert has copied it, and how far it has come in this round.

    Args:
        policy: The name of the policy.
        began_ms: When this round began (Unix time in ms).
        due_ms: For each step, when it is due; None when it has been taken.
        last: The people whom the step that was taken last has called.
        rounds: How many rounds were before this one.
    """

    policy: str
    steps: tuple[Step, ...]
    repeat_ms: int | None
    began_ms: int
    due_ms: tuple[int | None, ...]
    last: tuple[str, ...] = ()
    rounds: int = 0

    @classmethod
    def of(cls, name: str, policy: Policy, now_ms: int) -> Plan:
        """The copy of *policy* for an alert that opens at *now_ms*."""
        due = tuple(now_ms + step.after_ms for step in policy.steps)
        return cls(policy=name, steps=policy.steps, repeat_ms=policy.repeat_ms, began_ms=now_ms, due_ms=due)

    def again(self, now_ms: int) -> Plan:
        """It with a round that begins at *now_ms*, with the first step."""
        due = tuple(now_ms + step.after_ms for step in self.steps)
        return replace(self, began_ms=now_ms, due_ms=due, last=(), rounds=self.rounds + 1)

    @property
    def again_ms(self) -> int | None:
        """When the next round begins (Unix time in ms); None when there is none."""
        if self.repeat_ms is None:
            return None
        return self.began_ms + max((step.after_ms for step in self.steps), default=0) + self.repeat_ms

    @property
    def next_ms(self) -> int | None:
        """When it goes on (Unix time in ms); None when it has come to its end."""
        times = [at for at in (*self.due_ms, self.again_ms) if at is not None]
        return min(times, default=None)

    @property
    def next_step(self) -> int | None:
        """The number of the step that is due next, from 0; None when all were taken."""
        left = [(at, n) for n, at in enumerate(self.due_ms) if at is not None]
        return min(left)[1] if left else None

    def at(self, step: int, due_ms: int | None) -> Plan:
        """It with *step* due at *due_ms*; None: the step has been taken."""
        return replace(self, due_ms=(*self.due_ms[:step], due_ms, *self.due_ms[step + 1 :]))

    def hurried(self, now_ms: int) -> Plan:
        """It with its next step due at *now_ms*."""
        step = self.next_step
        if step is None:
            return self
        due = self.due_ms[step]
        return self if due is not None and due <= now_ms else self.at(step, now_ms)

    def shifted(self, by_ms: int) -> Plan:
        """It on a clock that was set by *by_ms*. A step that waits for its hours looks at them again."""
        due = (
            at if at is None else min(at, self.began_ms + step.after_ms) if step.during else at
            for step, at in zip(self.steps, self.due_ms, strict=True)
        )  # fmt: skip
        shifted = tuple(None if at is None else at + by_ms for at in due)
        return replace(self, began_ms=self.began_ms + by_ms, due_ms=shifted)

    def renamed(self, names: Mapping[str, str]) -> Plan:
        """It with people's new names: former → new."""
        steps = tuple(replace(step, page=spelled(step.page, names)) for step in self.steps)
        return replace(self, steps=steps, last=spelled(self.last, names))

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Plan:
        """The plan in a stored row."""
        steps = tuple(Step(**{**step, "page": tuple(step["page"])}) for step in row["steps"])
        return cls(**{**row, "steps": steps, "due_ms": tuple(row["due_ms"]), "last": tuple(row["last"])})


def spelled(people: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """*people* by their new names (former → new), each once."""
    return tuple(dict.fromkeys(names.get(person, person) for person in people))
