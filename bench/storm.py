"""How the pager fares in a storm: a real hub on one core, real pages to a receiver that stamps when they arrive.

(a) `outage`: 1,000 components fail at once and return; (b) `flapping`: 10,000 checks go down and come back every 30 s
for ten minutes, and something unrelated fails in the middle; (c) `single`: 100 outages one after another, each for
another person.

python -m bench storm [outage | flapping | single …]
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.storm_scene import Scene, quantile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.storm_scene import Letter

COMPONENTS, CHECKS, OUTAGES = 1_000, 10_000, 100
FLAP_S, FLAPPING_S = 30, 600
_EVERYBODY = """
people: {alice: {channels: ["RECEIVER/alice"]}}
alerts: [{when: down, components: all}]
"""
_BANK = """
people: {alice: {channels: ["RECEIVER/alice"]}, bob: {channels: ["RECEIVER/bob"]}}
catch_all: [alice]
escalations: {bank: [{page: bob}]}
alerts: [{when: down, components: all}, {when: down, components: [bank], escalate: bank}]
"""


@dataclass(slots=True)
class Result:
    """What was seen in one trial: what must hold, and the figures behind it."""

    name: str
    goals: list[tuple[str, bool]] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return all(reached for _, reached in self.goals)

    def text(self) -> str:
        goals = [f"  {'reached' if reached else 'MISSED ':8}  {goal}" for goal, reached in self.goals]
        return "\n".join([self.name, *goals, *(f"            {figure}" for figure in self.figures)])


def _outage(folder: Path) -> Result:
    """1,000 components fail at once and return."""
    result = Result(f"{COMPONENTS:,} components fail at once and return")
    with Scene(folder, COMPONENTS, _EVERYBODY) as scene:
        scene.targets.down(0, COMPONENTS)
        scene.until(lambda: scene.count("resolved_ms IS NULL") == COMPONENTS and scene.told(), 180)
        outage, failed = scene.letters("alice"), scene.spent()
        scene.targets.up(0, COMPONENTS)
        scene.until(lambda: not scene.count("resolved_ms IS NULL") and scene.told(), 400)
        recovery, returned = scene.letters("alice")[len(outage) :], scene.spent()
        first = scene.delays()[0]
    result.goals = [
        (
            f"the first page left {first * 1000:.0f} ms after the observation that confirmed it (150)",
            first < 0.15,
        ),
        (
            f"{len(outage)} pages for the outage (5), {len(recovery)} for the recovery (3)",
            len(outage) <= 5 and len(recovery) <= 3,
        ),
        (
            f"of {COMPONENTS:,} they name or count {_told(outage):,} as failed, {_told(recovery):,} as returned",
            _told(outage) >= COMPONENTS and _told(recovery) >= COMPONENTS,
        ),
    ]
    result.figures = [f"the outage: {failed}", f"the recovery: {returned}"]
    return result


def _told(letters: list[Letter]) -> int:
    """How many alerts *letters* speak of, by their titles: `[Storm] DOWN: c1, c2 (+7); 2 resolved`."""
    return sum(alerts_in(it.title) for it in letters)


def alerts_in(title: str) -> int:
    first, *others = title.partition(": ")[2].split("; ")
    names, _, more = first.partition(" (+")
    counted = sum(int(other.split()[0]) for other in others)
    return len(names.split(", ")) + int(more.partition(")")[0] or 0) + counted


def _flapping(folder: Path) -> Result:
    """10,000 checks go down and come back all the time."""
    result = Result(f"{CHECKS:,} checks flap every {FLAP_S} s for {FLAPPING_S // 60} min")
    parts = {"bank": CHECKS}
    with Scene(folder, CHECKS, _BANK, more=parts, every="30s") as scene:
        for half in range(FLAPPING_S // FLAP_S):
            (scene.targets.up if half % 2 else scene.targets.down)(0, CHECKS)
            if half == FLAPPING_S // FLAP_S // 2:
                scene.targets.down(CHECKS, CHECKS + 1)
            scene.passes(FLAP_S)
        spent, letters = scene.spent(), scene.letters("alice")
        changes = scene.transitions()
        unrelated = scene.delay_of("bank", "bob")
        beside = scene.heard_after("bank", "alice")
    result.goals = [
        (f"{len(letters)} pages in {FLAPPING_S // 60} min (50)", len(letters) <= 50),
        (f"p99 of the loop's lag {spent.lag(0.99) * 1000:.0f} ms (100)", spent.lag(0.99) < 0.1),
        (
            (
                f"an unrelated page left after {_seconds(unrelated)} (30 s);"
                f" in the letters of whom the storm pages, after {_seconds(beside)}"
            ),
            unrelated is not None and unrelated < 30 and beside is not None and beside < 30,
        ),
    ]
    result.figures = [
        f"{changes:,} confirmed changes: {spent}",
        f"letters of up to {max(map(_size, letters), default=0):,} characters",
    ]
    return result


def _size(letter: Letter) -> int:
    return len(letter.title) + len(letter.body)


def _seconds(found: float | None) -> str:
    return "never" if found is None else f"{found:.1f} s"


def _single(folder: Path) -> Result:
    """100 outages, each of another component and for another person."""
    result = Result(f"{OUTAGES} outages one after another")
    numbers = range(OUTAGES)
    people = ", ".join(f'p{n}: {{channels: ["RECEIVER/p{n}"]}}' for n in numbers)
    policies = ", ".join(f"e{n}: [{{page: p{n}}}]" for n in numbers)
    rules = ", ".join(f"{{when: down, components: [c{n}], escalate: e{n}}}" for n in numbers)
    text = f"\npeople: {{{people}}}\ncatch_all: [p0]\nescalations: {{{policies}}}\nalerts: [{rules}]\n"
    with Scene(folder, OUTAGES, text) as scene:
        scene.passes(10)
        idle = scene.spent()
        for number in numbers:
            scene.targets.down(number, number + 1)
            scene.passes(0.5)
        scene.until(lambda: scene.count("1") == OUTAGES and scene.told(), 60)
        spent, delays, parts = scene.spent(), scene.delays(), scene.parts()
    median, last = quantile(delays, 0.5), quantile(delays, 0.99)
    result.goals = [
        (f"{len(delays)} of {OUTAGES} paged", len(delays) == OUTAGES),
        (
            f"median from the confirming observation to the receiver's socket {median * 1000:.0f} ms (50)",
            median < 0.05,
        ),
        (f"p99 {last * 1000:.0f} ms (300)", last < 0.3),
    ]
    more = spent.cpu - idle.cpu / idle.wall * spent.wall
    result.figures = [
        f"medians: {parts}",
        f"processor time: {more / OUTAGES * 1000:.0f} ms a page more than while nothing happens; {spent}",
    ]
    return result


TRIALS: dict[str, Callable[[Path], Result]] = {"outage": _outage, "flapping": _flapping, "single": _single}


def run(names: tuple[str, ...], folder: Path, say: Callable[[str], None]) -> tuple[str, bool]:
    """Run the trials *names*, or all; the table, and whether all goals are reached."""
    results = []
    for name in names or TRIALS:
        say(name)
        before = time.monotonic()
        result = TRIALS[name](folder / name)
        result.figures.append(f"load {os.getloadavg()[0]:.1f}, {time.monotonic() - before:.0f} s in all")
        results.append(result)
    return "\n".join(result.text() for result in results), all(result.held for result in results)
