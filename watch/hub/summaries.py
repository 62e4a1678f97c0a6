"""Hourly latency sketches and quarter-hour sums of facts; no uptime figure depends on them.

They are written in slices, like beliefs that readings only renew. A crash may lose some minutes of percentiles, but
nothing of a timeline.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from watch.core.sketch import Sketch
from watch.core.trend import QuarterHour, quarter_of
from watch.hub.check_names import move

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.confirm import Belief
    from watch.core.reading import Observation
    from watch.ports import Batch

HOUR_MS = 3_600_000
_SLICES = 300
Key = tuple[str, str]


class Summaries:
    """What was not written yet, by (check, vantage point)."""

    def __init__(self) -> None:
        self._sketches: dict[Key, tuple[int, Sketch]] = {}
        self._quarters: dict[Key, dict[tuple[str, int], QuarterHour]] = {}
        self._slices: Iterator[Key] = iter(())

    def time(self, key: Key, o: Observation, batch: Batch) -> None:
        """Add the latency of *o* to its hour."""
        hour_ms = o.at_ms - o.at_ms % HOUR_MS
        held = self._sketches.get(key)
        if held is None or held[0] != hour_ms:
            self._write_sketch(key, batch)
            held = self._sketches[key] = (hour_ms, Sketch())
        if o.latency is not None:
            held[1].add(o.latency)

    def sum_up(self, key: Key, o: Observation, facts: Iterable[str]) -> None:
        """Add those of *facts* that *o* has to its quarter of an hour."""
        sums, quarter_ms = self._quarters.setdefault(key, {}), quarter_of(o.at_ms)
        for fact in facts:
            value = o.facts.get(fact)
            if isinstance(value, int | float):
                before = sums.get((fact, quarter_ms), QuarterHour())
                sums[fact, quarter_ms] = before.plus(QuarterHour(1, o.at_ms - quarter_ms, float(value)))

    def write(self, key: Key, batch: Batch) -> None:
        """Put what *key* has into *batch*."""
        self._write_sketch(key, batch)
        for (fact, quarter_ms), sums in self._quarters.pop(key, {}).items():
            before = batch.quarters.get((*key, fact, quarter_ms), QuarterHour())
            batch.quarters[(*key, fact, quarter_ms)] = before.plus(sums)

    def write_slice(self, beliefs: Mapping[Key, Belief], batch: Batch) -> None:
        """Put the next of *beliefs* and their sums into *batch*: all of them in five minutes, at a slice a second."""
        keys = list(islice(self._slices, len(beliefs) // _SLICES + 1))
        if not keys:
            self._slices = iter(list(beliefs))
        self.write_all({key: beliefs[key] for key in keys if key in beliefs}, batch)

    def write_all(self, beliefs: Mapping[Key, Belief], batch: Batch) -> None:
        """Put *beliefs* and their sums into *batch*."""
        for key, belief in beliefs.items():
            batch.beliefs[key] = belief
            self.write(key, batch)

    def rename(self, keys: Mapping[Key, Key]) -> None:
        """Know checks by other names: former → new."""
        move(self._sketches, keys)
        move(self._quarters, keys)

    def drop(self, key: Key) -> None:
        self._sketches.pop(key, None)
        self._quarters.pop(key, None)

    def _write_sketch(self, key: Key, batch: Batch) -> None:
        held = self._sketches.pop(key, None)
        if held is None:
            return
        before = batch.sketches.setdefault((*key, held[0]), held[1])
        if before is not held[1]:
            before.merge(held[1])
