"""Checks that are asked once: what waited for us is asked again, and only then decided."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tests.fakes import check
from tests.yardstick import slice_of_work
from watch.clock import SystemClock
from watch.core.reading import Reading, Reason, Verdict
from watch.vantage.once import ask_once

TIMEOUT = timedelta(milliseconds=400)
UP = Reading(Verdict.UP, Reason.OK)


@dataclass
class Probe:
    """Answers, or never does; *holds*: for how many of its runs it holds the loop for longer than others may wait."""

    silent: bool = False
    holds: int = 0
    runs: list[float] = field(default_factory=list)

    async def run(self, *, now):
        self.runs.append(time.monotonic())
        if len(self.runs) <= self.holds:
            while time.monotonic() - self.runs[-1] < TIMEOUT.total_seconds():
                slice_of_work()
        if self.silent:
            await asyncio.Event().wait()
        return UP


async def read(**probes: Probe) -> dict[str, tuple[Verdict, Reason]]:
    """What is said of each, which is said once."""
    said, times = {}, Counter()

    def told(asked, reading, seconds):
        said[asked.name] = (reading.verdict, reading.reason)
        times[asked.name] += 1
        assert seconds >= 0

    await ask_once(
        [replace(check(name), probe=probe, timeout=TIMEOUT) for name, probe in probes.items()],
        SystemClock(),
        told,
    )
    assert set(times.values()) <= {1}
    return said


async def decided(**probes: Probe) -> dict[str, tuple[Verdict, Reason]]:
    """What is said of each by a machine that has time for it: a busy one is asked again."""
    while True:
        said = await read(**probes)
        if (Verdict.UNKNOWN, Reason.OVERLOADED) not in said.values():
            return said


async def test_what_answers_is_up_and_what_does_not_is_down():
    said = await decided(a=Probe(), b=Probe(silent=True))
    assert said == {"a": (Verdict.UP, Reason.OK), "b": (Verdict.DOWN, Reason.TIMEOUT)}


async def test_a_silent_target_that_waited_for_us_is_asked_again_before_it_is_down():
    silent, holding = Probe(silent=True), Probe(holds=1)
    said = await decided(a=silent, b=holding)
    assert said == {"a": (Verdict.DOWN, Reason.TIMEOUT), "b": (Verdict.UP, Reason.OK)}
    assert len(silent.runs) >= 2


async def test_a_target_that_waited_for_us_each_time_is_unknown_and_not_down():
    silent = Probe(silent=True)

    async def held() -> None:
        while True:
            until = time.monotonic() + TIMEOUT.total_seconds() / 2
            while time.monotonic() < until:
                slice_of_work()
            await asyncio.sleep(0.03)

    holding = asyncio.create_task(held())
    try:
        assert await read(a=silent) == {"a": (Verdict.UNKNOWN, Reason.OVERLOADED)}
    finally:
        holding.cancel()
    assert len(silent.runs) == 3


async def test_more_checks_than_run_at_once_are_all_asked_once():
    probes = {f"p{n}": Probe() for n in range(200)}
    said = await read(**probes)
    assert set(said) == set(probes)
    assert {len(probe.runs) for probe in probes.values()} == {1}
