"""A check is slow only against its own last week, for long enough, and never by guesswork."""

from __future__ import annotations

from datetime import timedelta

import pytest

from watch.core.sketch import Sketch
from watch.core.slowness import READINGS, USUAL_HOURS, USUAL_READINGS, Recent, Slowness, SlowTerms, usual_p95

TERMS = SlowTerms()
MINUTE = 60_000
EVERY = timedelta(seconds=30)
HELD = TERMS.held_ms(EVERY)


def looked(
    slowness: Slowness, from_ms: int, to_ms: int, recent: float | None, usual: float | None = 0.2
) -> None:
    for at_ms in range(from_ms, to_ms + 1, MINUTE):
        slowness.look(at_ms, recent, usual, TERMS, HELD)


def test_it_begins_when_twice_the_usual_was_held_and_it_says_since_when():
    slowness = Slowness()
    looked(slowness, 0, HELD - MINUTE, 0.5)
    assert slowness.since_ms is None
    looked(slowness, HELD, HELD, 0.5)
    assert slowness.since_ms == 0


def test_it_ends_under_a_lower_factor_than_it_began_with():
    slowness = Slowness(since_ms=0)
    looked(slowness, 0, 2 * HELD, 0.35)  # 1.75 times
    assert slowness.since_ms == 0
    looked(slowness, 3 * HELD, 4 * HELD, 0.29)
    assert slowness.since_ms is None


@pytest.mark.parametrize(
    ("recent", "usual", "slow"),
    [(0.005, 0.002, False), (0.101, 0.002, False), (0.103, 0.002, True), (5.0, 3.0, False), (6.1, 3.0, True)],
)
def test_a_few_milliseconds_are_no_slowness_however_many_times_the_usual(recent, usual, slow):
    slowness = Slowness()
    looked(slowness, 0, 2 * HELD, recent, usual)
    assert (slowness.since_ms is not None) is slow


def test_a_break_begins_the_hold_anew():
    slowness = Slowness()
    looked(slowness, 0, HELD - MINUTE, 0.5)
    looked(slowness, HELD, HELD, None)
    looked(slowness, HELD + MINUTE, 2 * HELD - MINUTE, 0.5)
    assert slowness.since_ms is None


@pytest.mark.parametrize(("recent", "usual"), [(None, 0.2), (0.1, None), (None, None)])
def test_while_nothing_is_known_what_was_slow_stays_slow_and_what_was_not_does_not_become_so(recent, usual):
    for since_ms in (None, 7):
        slowness = Slowness(since_ms)
        looked(slowness, 0, 3 * HELD, recent, usual)
        assert slowness.since_ms == since_ms


def test_a_few_slow_minutes_are_over_before_they_have_held():
    """Each half minute a reading: four minutes of 2 s among answers of 200 ms, then the same for half an hour."""
    for bad_minutes, slow in ((4, False), (30, True)):
        recent, slowness, ever = Recent(TERMS.window_ms(EVERY)), Slowness(), False
        for at_ms in range(0, 90 * MINUTE, 30_000):
            bad = 30 * MINUTE <= at_ms < (30 + bad_minutes) * MINUTE
            recent.add(at_ms, 2.0 if bad else 0.2)
            slowness.look(at_ms, recent.p95(at_ms), 0.2, TERMS, HELD)
            ever |= slowness.since_ms is not None
        assert ever is slow
        assert slowness.since_ms is None or bad_minutes == 30


def test_with_few_readings_nothing_is_said():
    recent = Recent(TERMS.window_ms(EVERY))
    for n in range(READINGS - 1):
        recent.add(n * 1000, 1.0)
    assert recent.p95(READINGS * 1000) is None
    recent.add(READINGS * 1000, 1.0)
    assert recent.p95(READINGS * 1000) == pytest.approx(1.0, rel=0.05)
    assert recent.p95(READINGS * 1000 + 2 * TERMS.window_ms(EVERY)) is None


def test_a_check_that_is_asked_rarely_has_a_window_of_its_own():
    hour = timedelta(hours=1)
    assert TERMS.window_ms(hour) == 20 * 3_600_000
    recent = Recent(TERMS.window_ms(hour))
    for n in range(40):
        recent.add(n * 3_600_000, 1.0)
    assert recent.p95(39 * 3_600_000) == pytest.approx(1.0, rel=0.05)
    assert TERMS.held_ms(hour) > TERMS.window_ms(hour)


def test_a_week_says_what_is_usual_only_with_readings_enough_in_hours_enough():
    week = Sketch()
    for n in range(USUAL_READINGS):
        week.add(1.0 if n < 90 else 3.0)
    assert usual_p95(USUAL_HOURS, week) == pytest.approx(3.0, rel=0.05)
    assert usual_p95(USUAL_HOURS - 1, week) is None
    few = Sketch()
    few.add(1.0)
    assert usual_p95(168, few) is None
