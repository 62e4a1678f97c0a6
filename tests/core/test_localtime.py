"""The wall clock, the days on which it jumps, and months in a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.shapes import BERLIN, DAY, HOUR, LORD_HOWE, NEW_YORK, at
from watch.core.localtime import Month, from_utc_ms, local_day_bounds, to_utc_ms, zone_named
from watch.core.spans import total

months = st.builds(Month, st.integers(1971, 2100), st.integers(1, 12))


@given(months, st.timezones())
def test_the_days_of_a_month_sum_to_it_and_touch(month, zone):
    days = month.days(zone)
    lo, hi = month.bounds_ms(zone)
    assert days[0][0] == lo
    assert days[-1][1] == hi
    assert all(a[1] == b[0] for a, b in pairwise(days))
    assert total(days) == hi - lo


@given(months, st.timezones())
def test_months_follow_one_another_without_a_gap(month, zone):
    assert month.next().previous() == month
    assert month.bounds_ms(zone)[1] == month.next().bounds_ms(zone)[0]
    assert month < month.next()


@given(st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)), st.timezones())
def test_an_instant_is_in_the_month_that_contains_it(naive, zone):
    ms = to_utc_ms(naive, zone)
    lo, hi = Month.containing(ms, zone).bounds_ms(zone)
    assert lo <= ms < hi


@given(st.integers(0, 4_000_000_000_000), st.timezones())
def test_what_the_clock_shows_leads_back_except_in_the_second_of_two_hours(ms, zone):
    shown = from_utc_ms(ms, zone)
    back = to_utc_ms(shown.replace(tzinfo=None, fold=0), zone)
    assert back == ms or (shown.fold == 1 and back < ms)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (NEW_YORK, date(2026, 3, 8), 23),
        (NEW_YORK, date(2026, 11, 1), 25),
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (LORD_HOWE, date(2026, 10, 4), 23.5),
        (LORD_HOWE, date(2026, 4, 5), 24.5),
        (ZoneInfo("Asia/Kathmandu"), date(2026, 3, 8), 24),
        (ZoneInfo("Pacific/Apia"), date(2011, 12, 30), 0),  # it was never that day there
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone, day, hours):
    start, end = local_day_bounds(zone, day)
    assert end - start == hours * HOUR


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_jump():
    assert local_day_bounds(ZoneInfo("America/Santiago"), date(2026, 9, 6))[0] == at("2026-09-06T04:00")


def test_milliseconds_survive_both_ways():
    naive = datetime(2026, 11, 23, 2, 0, 0, 123_000)
    ms = to_utc_ms(naive, NEW_YORK)
    assert ms % 1000 == 123
    assert from_utc_ms(ms, NEW_YORK).replace(tzinfo=None) == naive


def test_a_time_that_has_a_zone_already_is_refused():
    with pytest.raises(ValueError, match="already has a zone"):
        to_utc_ms(datetime(2026, 1, 1, tzinfo=UTC), NEW_YORK)


def test_a_month_is_read_and_written_alike():
    assert str(Month.parse("2026-11")) == "2026-11"
    assert Month.parse("2026-12").next() == Month(2027, 1)
    assert Month.parse("2026-01").previous() == Month(2025, 12)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-0", "26-11", "2026/11", "", "2026-11-01", "1969-12", "٢٠٢٦-١١"]
)
def test_what_is_no_month_is_refused(text):
    with pytest.raises(ValueError, match="no month"):
        Month.parse(text)


def test_the_last_month_has_an_end():
    lo, hi = Month(9998, 12).bounds_ms(ZoneInfo("UTC"))
    assert hi - lo == 31 * DAY


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "America", "../etc/passwd", "", "/etc/localtime", "New York"]
)
def test_a_zone_that_does_not_exist_is_refused_with_an_example(name):
    with pytest.raises(ValueError, match="America/New_York"):
        zone_named(name)
