"""What fills up or empties is followed in a straight line, and only where there is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.trend import NEVER, QUARTER_MS, WINDOW_MS, QuarterHour, Trend, quarter_of

HOUR_MS = 3_600_000
START_MS = 1_764_000_000_000


def followed(values, *, every_ms=300_000, fills=False, quarters=None):
    """The trend after *values*, one each *every_ms*."""
    trend = Trend(fills=fills, quarters=quarters)
    for n, value in enumerate(values):
        trend.add(START_MS + n * every_ms, value)
    return trend


@given(
    begin=st.floats(0.2, 1.0), an_hour=st.floats(0.001, 0.02), hours=st.integers(2, 30), fills=st.booleans()
)
def test_a_steady_loss_is_followed_to_its_end(begin, an_hour, hours, fills):
    left = [begin - an_hour * n / 12 for n in range(12 * hours) if begin - an_hour * n / 12 > 0.01]
    trend = followed([1 - it if fills else it for it in left], fills=fills)
    if len(left) > 12:
        assert trend.left == pytest.approx(left[-1] / an_hour * 3600, rel=1e-6)


def test_what_lies_level_or_grows_is_not_running_out():
    assert followed([0.5] * 100).left is None
    assert followed([0.2 + n / 1000 for n in range(100)]).left is None
    assert followed([0.5 - n / 1e9 for n in range(100)]).left is None, "beyond ten years nothing is said"


def test_nothing_is_said_before_an_hour_of_readings():
    values = [0.5 - n / 1000 for n in range(16)]
    assert followed(values[:12]).left is None
    assert followed(values).left is not None


def test_what_is_used_up_is_used_up_at_once_and_without_any_history():
    assert followed([0.0]).left == 0
    assert followed([1.0], fills=True).left == 0
    assert followed([1.02], fills=True).left == 0


def test_only_the_last_24_hours_count():
    quiet, falling = [0.9] * (12 * 48), [0.9 - n / 12 / 100 for n in range(12 * 25)]
    assert followed(quiet + falling).left == pytest.approx(falling[-1] / 0.01 * 3600, rel=1e-6)


def test_a_clean_up_at_noon_is_part_of_the_line():
    # It loses 24 points a day and wins back 20 of them: a sawtooth whose line falls less than its teeth.
    day = [0.9 - n / 12 / 100 + (0.2 if n > 144 else 0) for n in range(288)]
    left = followed(day).left
    assert left is None or left > day[-1] / 0.01 * 3600


def test_what_was_kept_by_the_quarter_goes_on_as_if_nothing_had_been_missed():
    values = [0.8 - n / 2000 for n in range(120)]
    kept = {}
    for n, value in enumerate(values[:60]):
        at_ms = START_MS + n * 300_000
        quarter = kept.get(quarter_of(at_ms), QuarterHour())
        kept[quarter_of(at_ms)] = quarter.plus(QuarterHour(1, at_ms - quarter_of(at_ms), value))
    again = Trend(fills=False, quarters=kept)
    for n, value in enumerate(values[60:], 60):
        again.add(START_MS + n * 300_000, value)
    assert again.left == pytest.approx(followed(values).left, rel=1e-9)


def test_a_reading_that_comes_late_changes_nothing():
    trend = followed([0.8 - n / 2000 for n in range(60)])
    before = trend.left
    trend.add(START_MS, 0.1)
    assert trend.left == before


def test_a_day_each_second_stays_small():
    trend = Trend(fills=False)
    for n in range(2 * WINDOW_MS // 10_000):
        trend.add(START_MS + n * 10_000, 0.9 - n / 1e6)
    assert len(trend._quarters) <= WINDOW_MS // QUARTER_MS + 2


def test_a_check_each_second_draws_its_line_once_a_minute_and_goes_by_the_newest_value():
    trend = followed([0.8 - n / 2000 for n in range(60)])
    at_ms, before = START_MS + 59 * 300_000, trend.left
    trend.add(at_ms + 1000, 0.4)
    assert trend.left == pytest.approx(before * 0.4 / (0.8 - 59 / 2000))


def test_ten_years_is_what_an_expectation_takes_for_never():
    from datetime import timedelta

    assert timedelta(seconds=NEVER) == timedelta(days=3650)
