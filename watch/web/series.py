"""Per-check and per-component series, written by hand.

prometheus-client blocks the loop for 218 ms with 34,000 series, and a delayed loop spoils readings. Only the number
of a series changes, so the text before it is escaped once and kept, and all numbers are formatted in one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

STATES = ("up", "degraded", "down", "unknown")


@dataclass(frozen=True, slots=True)
class CheckSample:
    """The current state of one check.

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
    """The current figures of one component.

    Args:
        uptime: Exact ratio by window (``month``, ``90d``); None is omitted, not shown as 0.
        budget_remaining_ms: Error budget left, in ms; negative when it is overspent.
    """

    component: str
    uptime: Mapping[str, Fraction | None]
    budget_remaining_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The data for the hand-written series."""

    checks: Iterable[CheckSample] = ()
    components: Iterable[ComponentSample] = ()


class SeriesWriter:
    """Writes samples as Prometheus text (OpenMetrics without its last line); keeps the unchanging text."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def written(self, samples: Samples) -> bytes:
        """The series of *samples*; forgets checks that are no longer in them."""
        before, known = self._known, {}
        states, starts, seconds = [_HEADS["state"]], list[bytes](), list[float]()
        for c in samples.checks:
            check = before.get(c.check)
            if check is None or check.component != c.component:
                check = _Known(c.check, c.component)
            known[c.check] = check
            states.append(check.states[c.state])
            starts += check.starts(tuple(c.phases))
            seconds += c.phases.values()
        self._known = known
        timed = [_HEADS["phases"], *chain.from_iterable(zip(starts, _numbers(seconds), strict=True)), b"\n"]
        return b"".join([*states, *timed, *_accounts(tuple(samples.components))])


class _Known:
    """The unchanging text of one check's series."""

    __slots__ = ("_labels", "_phases", "_starts", "component", "states")

    def __init__(self, check: str, component: str) -> None:
        self.component = component
        self._labels = f'check="{_escaped(check)}",component="{_escaped(component)}"'
        self.states = _state_blocks(self._labels)
        self._phases: tuple[str, ...] = ()
        self._starts: tuple[bytes, ...] = ()

    def starts(self, phases: tuple[str, ...]) -> tuple[bytes, ...]:
        """The text before the seconds of each of *phases*, beginning with the line end of the line above."""
        if phases != self._phases:
            name = "threenines_probe_duration_seconds"
            lines = (f'\n{name}{{{self._labels},phase="{_escaped(phase)}"}} ' for phase in phases)
            self._phases, self._starts = phases, tuple(line.encode() for line in lines)
        return self._starts


def _numbers(seconds: list[float]) -> list[bytes]:
    # orjson formats floats ten times faster than "%.6f"; it writes numbers that are not finite as null.
    return orjson.dumps(seconds)[1:-1].replace(b"null", b"NaN").split(b",") if seconds else []


def _head(name: str, says: str) -> bytes:
    return f"# HELP {name} {says}\n# TYPE {name} gauge\n".encode()


_HEADS = {
    "state": _head("threenines_check_state", "1 for the state that a check is in, 0 for the others."),
    "phases": _head("threenines_probe_duration_seconds", "Duration of the last reading, by phase.").rstrip(),
    "uptime": _head(
        "threenines_uptime_ratio", "Up time over up and down time, without excluded maintenance; truncated."
    ),
    "budget": _head(
        "threenines_error_budget_remaining_seconds",
        "Downtime left in this month's error budget; negative when overspent.",
    ),
}


def _state_blocks(labels: str) -> dict[str, bytes]:
    """For each state, the lines of all four states."""
    names = [(state, f'threenines_check_state{{{labels},state="{state}"}}') for state in STATES]
    return {now: "".join([f"{n} {int(state == now)}\n" for state, n in names]).encode() for now in STATES}


def _accounts(components: tuple[ComponentSample, ...]) -> list[bytes]:
    ratios, budgets = [], []
    for c in components:
        labels = f'component="{_escaped(c.component)}"'
        ratios += [
            f'threenines_uptime_ratio{{{labels},window="{_escaped(window)}"}} {_truncated(ratio)}\n'
            for window, ratio in c.uptime.items()
            if ratio is not None
        ]
        if c.budget_remaining_ms is not None:
            seconds = c.budget_remaining_ms / 1000
            budgets.append(f"threenines_error_budget_remaining_seconds{{{labels}}} {seconds:.3f}\n")
    return [_HEADS["uptime"], "".join(ratios).encode(), _HEADS["budget"], "".join(budgets).encode()]


def _truncated(ratio: Fraction) -> str:
    """*ratio* with nine decimals, truncated: 1 means exactly 1."""
    whole, rest = divmod(ratio.numerator * 10**9 // ratio.denominator, 10**9)
    return f"{whole}.{rest:09d}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
