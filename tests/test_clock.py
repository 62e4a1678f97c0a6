"""Our clock goes with the machine's, but not wherever somebody sets it."""

from __future__ import annotations

import time

from watch.clock import SystemClock


def test_it_begins_at_the_wall_clocks_time():
    assert abs(SystemClock().now_ms() - time.time_ns() // 1_000_000) < 100


def test_it_does_not_begin_behind_what_is_on_record():
    clock = SystemClock()
    record_ms = clock.now_ms() + 50_000
    clock.hold(record_ms)
    assert record_ms <= clock.now_ms() < record_ms + 1000


def test_what_is_on_record_long_ago_does_not_move_it():
    clock = SystemClock()
    clock.hold(5)
    assert abs(clock.now_ms() - time.time_ns() // 1_000_000) < 100


def test_a_small_difference_is_slewed_away_and_a_large_one_is_said():
    clock = SystemClock()
    clock.hold(clock.now_ms() + 1000)
    before = clock.now_ms()
    for _ in range(10):
        clock.adjust()
    assert -1000 <= clock.skew_ms <= -900
    assert before - 60 <= clock.now_ms() <= before + 100
    clock.hold(clock.now_ms() + 3_600_000)
    ahead = clock.now_ms()
    for _ in range(10):
        clock.adjust()
    assert clock.skew_ms < -3_500_000
    assert clock.now_ms() >= ahead
