"""Our clock goes with the machine's, but not wherever somebody sets it."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.fakes import START_MS
from watch.clock import SystemClock

MINUTE, HOUR, YEAR = 60_000, 3_600_000, 31_536_000_000


class Machine:
    """The clocks of a machine: the wall clock can be set, both go on during a suspend."""

    def __init__(self, wall_ms: int = START_MS) -> None:
        self.wall_ms, self.boot_ms = wall_ms, 5_000_000
        self.clock = SystemClock(lambda: self.wall_ms, lambda: self.boot_ms)

    def goes_on(self, ms: int) -> None:
        self.wall_ms += ms
        self.boot_ms += ms

    def runs(self, seconds: int) -> list[int]:
        """Our time after each of so many seconds."""
        times = []
        for _ in range(seconds):
            self.goes_on(1000)
            self.clock.adjust()
            times.append(self.clock.now_ms())
        return times


def test_it_begins_at_the_wall_clocks_time():
    assert abs(SystemClock().now_ms() - time.time_ns() // 1_000_000) < 1000


@pytest.mark.parametrize(("ahead_ms", "goes_on"), [(0, True), (4_999, True), (5_001, False), (YEAR, False)])
def test_a_record_a_little_ahead_is_gone_on_from_and_one_far_ahead_needs_a_new_epoch(ahead_ms, goes_on):
    machine = Machine()
    machine.clock.go_on_from(START_MS + ahead_ms)
    assert machine.clock.now_ms() == START_MS + (ahead_ms if goes_on else 0)


def test_what_is_on_record_long_ago_does_not_move_it():
    machine = Machine()
    machine.clock.go_on_from(5)
    assert machine.clock.now_ms() == START_MS


def test_a_machine_that_has_lost_its_clock_goes_on_from_the_record_and_is_never_followed():
    machine = Machine(wall_ms=0)
    machine.clock.go_on_from(START_MS)
    assert machine.clock.now_ms() == START_MS, "1970 cannot be right: no epoch begins there"
    machine.runs(3600)
    assert machine.clock.step is not None
    assert machine.clock.step.follow_ms is None
    assert not machine.clock.must_follow


@pytest.mark.parametrize("skew_ms", [-4_900, 4_900])
def test_a_small_difference_is_slewed_away_without_a_step(skew_ms):
    machine = Machine()
    machine.wall_ms += skew_ms
    times = machine.runs(2000)
    assert machine.clock.now_ms() == machine.wall_ms
    assert all(995 <= b - a <= 1005 for a, b in itertools.pairwise(times))
    assert machine.clock.step is None


@pytest.mark.parametrize("skew_ms", [-10 * YEAR, -HOUR, -6_000, 6_000, HOUR, 10 * YEAR])
def test_a_step_moves_no_time_of_ours_and_is_over_when_the_wall_clock_is_back(skew_ms):
    machine = Machine()
    before = machine.runs(10)[-1]
    machine.wall_ms += skew_ms
    assert machine.runs(200)[-1] == before + 200_000
    assert machine.clock.step is not None
    assert (machine.clock.step.at_ms, machine.clock.step.skew_ms) == (before + 1000, skew_ms)
    assert not machine.clock.must_follow
    machine.wall_ms -= skew_ms
    assert machine.runs(1)[-1] == before + 201_000
    assert machine.clock.step is None


def test_a_step_that_lasts_is_followed_and_each_further_step_begins_the_wait_again():
    machine = Machine()
    machine.wall_ms += HOUR
    machine.runs(299)
    assert not machine.clock.must_follow
    machine.wall_ms += HOUR
    machine.runs(300)
    assert not machine.clock.must_follow
    machine.runs(1)
    assert machine.clock.must_follow
    again = machine.clock.anew()
    assert again.now_ms() == machine.wall_ms
    assert again.step is None


def test_the_time_of_a_suspend_is_counted_and_is_no_step():
    machine = Machine()
    before = machine.runs(10)[-1]
    machine.goes_on(HOUR)
    assert machine.runs(1)[-1] == before + HOUR + 1000
    assert machine.clock.step is None
