"""This tree beside another checkout, in turns on the same core with the same libraries: the cost of a start, and the
cost of a check.

A start: CPU time until every one of 20 HTTP checks has run once, and the memory then; no other kind is configured, so
the cost of other kinds must not show. The servers that are asked are on the other core.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.cost import CHECKS, EVERY, KINDS, WINDOW
from bench.ours import ROOT, configuration, hub, started
from bench.process import cpu_seconds, resident_bytes
from bench.targets import answered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.targets import Targets

_CHECKS = 20
_WITHIN = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of both trees, round by round, in one unit."""

    what: str
    unit: str
    theirs: list[float]
    ours: list[float]

    @property
    def ratio(self) -> float:
        """The median of ours over the median of theirs."""
        return median(self.ours) / median(self.theirs)


def against(
    folder: Path, targets: Targets, other: Path, rounds: int, say: Callable[[str], None]
) -> list[Row]:
    """A start and a check of each kind, of the checkout *other* and of this one in turns."""
    trees = (other, ROOT)
    cpu, memory = _rows("a start", "s CPU"), _rows("memory after it", "MB")
    for number in range(rounds + 1):
        for tree in trees:
            say(f"{tree.name}, start {number}")
            seconds, size = _start(folder / f"{number}-{trees.index(tree)}", targets, tree)
            if number:  # the first of each compiles its bytecode and warms the disk's cache
                _side(cpu, tree).append(seconds)
                _side(memory, tree).append(size / 1e6)
    return [cpu, memory, *(_checks(folder, targets, trees, kind, rounds, say) for kind in KINDS)]


def _checks(
    folder: Path,
    targets: Targets,
    trees: tuple[Path, Path],
    kind: str,
    rounds: int,
    say: Callable[[str], None],
) -> Row:
    row = _rows(f"a check of kind {kind}", "µs CPU")
    for number in range(rounds):
        for tree in trees:
            say(f"{tree.name}, {kind}, round {number + 1} of {rounds}")
            text = configuration(kind, targets, CHECKS, EVERY)
            with hub(folder / f"{kind}-{number}-{trees.index(tree)}", text, targets.trust, tree) as h:
                spent = h.watched(WINDOW)
            _side(row, tree).append(spent.cpu / spent.checks * 1e6)
    return row


def _rows(what: str, unit: str) -> Row:
    return Row(what, unit, [], [])


def _side(row: Row, tree: Path) -> list[float]:
    return row.ours if tree == ROOT else row.theirs


def _start(folder: Path, targets: Targets, tree: Path) -> tuple[float, int]:
    with started(folder, configuration("http", targets, _CHECKS, 60), targets.trust, tree) as h:
        answered(f"{h.operators}/healthz")
        until = time.monotonic() + _WITHIN
        while h.figures().up < _CHECKS:
            if time.monotonic() > until:
                raise RuntimeError(f"not every check was up within {_WITHIN:g} s in {folder}")
            time.sleep(0.1)
        return cpu_seconds(h.pid), resident_bytes(h.pid)


def table(rows: list[Row], other: Path) -> str:
    """The rows as text: the median of each side with its least and most, and the ratio of the medians."""
    lines = [f"  {'':24}{other.name:>26}{'this tree':>26}    ratio"]
    for row in rows:
        sides = "".join(f"{_said(side):>26}" for side in (row.theirs, row.ours))
        lines.append(f"  {f'{row.what}, {row.unit}':24}{sides}{row.ratio:9.3f}")
    return "\n".join(lines)


def _said(some: list[float]) -> str:
    digits = 2 if median(some) < 10 else 1
    return f"{median(some):.{digits}f} ({min(some):.{digits}f} to {max(some):.{digits}f})"
