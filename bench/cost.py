"""The cost of one check of each kind: hub and exporter in turns, with the same targets at the same rate."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.blackbox import Exporter, exporting
from bench.ours import configuration, hub

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.targets import Targets

KINDS = ("http", "https", "tcp", "icmp")
RATE = 500  # checks a second
EVERY = 2  # seconds
CHECKS = RATE * EVERY
WINDOW = 6.0  # seconds: three rounds of all checks
_WARM = 200  # probes of the exporter before counting starts


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds, in CPU microseconds a check. *packed*: the exporter with gzip, as Prometheus asks."""

    kind: str
    ours: float
    theirs: float
    packed: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def costs(folder: Path, targets: Targets, rounds: int, say: Callable[[str], None]) -> list[Cost]:
    """The costs of checks of every kind; *say* is called with the progress."""
    with exporting(folder, targets.trust) as exporter:
        return [_cost(folder, targets, exporter, kind, rounds, say) for kind in KINDS]


def _cost(
    folder: Path, targets: Targets, exporter: Exporter, kind: str, rounds: int, say: Callable[[str], None]
) -> Cost:
    asked = [targets.asked(kind, number) for number in range(CHECKS)]
    exporter.cost(kind, asked[:_WARM], rate=RATE)
    ours, theirs, packed = list[float](), list[float](), list[float]()
    for turn in range(rounds):
        say(f"{kind}, round {turn + 1} of {rounds}")
        with hub(folder / f"{kind}-{turn}", configuration(kind, targets, CHECKS, EVERY), targets.trust) as h:
            spent = h.watched(WINDOW)
        ours.append(spent.cpu / spent.checks)
        theirs.append(exporter.cost(kind, asked[: CHECKS // 2], rate=RATE))
        packed.append(exporter.cost(kind, asked[CHECKS // 2 :], rate=RATE, gzip=True))
    return Cost(kind, *(median(found) * 1e6 for found in (ours, theirs, packed)))
