"""Per-check and per-component series, written by hand.

prometheus-client takes 218 ms of the loop for 34,000 series, and a lagging loop spoils readings. The text of
a series changes only in its number, so what stands before it is escaped once and kept: a check costs one
dictionary look-up for its state and, after a new reading, one `%` for its phases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

STATES = ("up", "degraded", "down", "unknown")


@dataclass(frozen=True, slots=True)
class CheckSample:
    """What one check is now.

    Args:
        state: One of `STATES`.
        phases: Seconds of the last reading by phase, in a stable order; empty when there is none.
    """

    check: str
    component: str
    state: str
    phases: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComponentSample:
    """What one component's account is now.

    Args:
        uptime: Exact ratio by window (``month``, ``90d``); a None is left out, not shown as 0.
        budget_remaining_ms: Negative once the budget is overspent.
    """

    component: str
    uptime: Mapping[str, Fraction | None]
    budget_remaining_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """All that the hand-written series are made of."""

    checks: Iterable[CheckSample] = ()
    components: Iterable[ComponentSample] = ()


class Scribe:
    """Writes samples as Prometheus text (OpenMetrics but for its last line); keeps what does not change."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def written(self, samples: Samples) -> bytes:
        """The series of *samples*; checks that are no longer among them are forgotten."""
        before, known = self._known, {}
        states, phases = [*_HEADS["state"]], [*_HEADS["phases"]]
        for c in samples.checks:
            check = before.get(c.check)
            if check is None or check.component != c.component:
                check = _Known(c.check, c.component)
            known[c.check] = check
            states.append(check.states[c.state])
            if c.phases:
                phases.append(check.timed(c.phases))
        self._known = known
        return "".join([*states, *phases, *_accounts(tuple(samples.components))]).encode()


class _Known:
    """What was escaped and written for one check."""

    __slots__ = ("_form", "_labels", "_names", "_phases", "_text", "component", "states")

    def __init__(self, check: str, component: str) -> None:
        self.component = component
        self._labels = f'check="{_escaped(check)}",component="{_escaped(component)}"'
        self.states = _state_blocks(self._labels)
        self._names: tuple[str, ...] = ()
        self._phases: Mapping[str, float] | None = None
        self._form = self._text = ""

    def timed(self, phases: Mapping[str, float]) -> str:
        """The lines of *phases*; the same mapping, between two readings, gives the same text."""
        if phases is not self._phases:
            names = tuple(phases)
            if names != self._names:
                self._names, self._form = names, _phase_form(self._labels, names)
            self._phases, self._text = phases, self._form % tuple(phases.values())
        return self._text


def _head(name: str, says: str) -> tuple[str, ...]:
    return (f"# HELP {name} {says}\n", f"# TYPE {name} gauge\n")


_HEADS = {
    "state": _head("threenines_check_state", "1 for the state that a check is in, 0 for the others."),
    "phases": _head("threenines_probe_duration_seconds", "Duration of the last reading by phase."),
    "uptime": _head("threenines_uptime_ratio", "Up over up and down, maintenance excluded; truncated."),
    "budget": _head(
        "threenines_error_budget_remaining_seconds", "Downtime left this month; negative: overspent."
    ),
}


def _state_blocks(labels: str) -> dict[str, str]:
    """For each state, the lines of all four."""
    names = [(state, f'threenines_check_state{{{labels},state="{state}"}}') for state in STATES]
    return {now: "".join([f"{name} {int(state == now)}\n" for state, name in names]) for now in STATES}


def _phase_form(labels: str, phases: tuple[str, ...]) -> str:
    """A format with a place for each phase's seconds."""
    name = "threenines_probe_duration_seconds"
    starts = [f'{name}{{{labels},phase="{_escaped(phase)}"}}'.replace("%", "%%") for phase in phases]
    return "".join([f"{start} %.6f\n" for start in starts])


def _accounts(components: tuple[ComponentSample, ...]) -> list[str]:
    text = [*_HEADS["uptime"]]
    for c in components:
        labels = f'component="{_escaped(c.component)}"'
        text += [
            f'threenines_uptime_ratio{{{labels},window="{_escaped(window)}"}} {_truncated(ratio)}\n'
            for window, ratio in c.uptime.items()
            if ratio is not None
        ]
    text += _HEADS["budget"]
    for c in components:
        if c.budget_remaining_ms is not None:
            labels = f'component="{_escaped(c.component)}"'
            seconds = c.budget_remaining_ms / 1000
            text.append(f"threenines_error_budget_remaining_seconds{{{labels}}} {seconds:.3f}\n")
    return text


def _truncated(ratio: Fraction) -> str:
    """Nine decimals, never rounded up: 1 means exactly 1."""
    whole, rest = divmod(ratio.numerator * 10**9 // ratio.denominator, 10**9)
    return f"{whole}.{rest:09d}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
