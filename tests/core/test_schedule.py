"""Rules on the wall clock come to the right spans, on the nights the clocks change above all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.shapes import BERLIN, DAY, HOUR, LORD_HOWE, NEW_YORK, at, iso
from watch.core.localtime import to_utc_ms
from watch.core.schedule import (
    Length,
    OneOff,
    Recurring,
    Weekly,
    collapsed_dates,
    parse_weekly,
    spans_of_rule,
)
from watch.core.spans import total

YEAR = at("2026-01-01T00:00"), at("2027-01-01T00:00")
zones = st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")])
minutes = st.integers(0, 24 * 60 - 1)
lengths = st.builds(
    lambda m, e: Length(timedelta(minutes=m), elapsed=e), st.integers(1, 3 * 24 * 60), st.booleans()
)
weeklies = st.builds(
    lambda days, m, length, zone: Weekly(days, time(m // 60, m % 60), length, zone),
    st.frozensets(st.integers(0, 6), min_size=1),
    minutes,
    lengths,
    zones,
)
# Around every change of the clocks of 2026, and anywhere else in it.
near_changes = st.sampled_from(
    ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-07-01"]
)
ranges = st.builds(
    lambda day, hours, length: (at(day) + hours * HOUR, at(day) + (hours + length) * HOUR),
    near_changes,
    st.integers(-48, 48),
    st.integers(1, 24 * 14),
)


def by_brute_force(rule, lo: int, hi: int):
    """Try every local day that could matter, and some that could not."""
    found = []
    day = date(2026, 2, 1)
    while day < date(2026, 12, 31):
        if day.weekday() in rule.days:
            start = datetime.combine(day, rule.start)
            begin = to_utc_ms(start, rule.zone)
            elapsed = rule.length.time // timedelta(milliseconds=1)
            end = begin + elapsed if rule.length.elapsed else to_utc_ms(start + rule.length.time, rule.zone)
            if begin < end and begin < hi and end > lo:
                found.append((begin, end))
        day += timedelta(days=1)
    return sorted(found)


@given(weeklies, ranges)
def test_a_weekly_rule_agrees_with_trying_every_day(rule, span):
    assert spans_of_rule(rule, *span) == by_brute_force(rule, *span)


@given(weeklies, ranges)
def test_a_weekly_rule_and_its_rrule_are_the_same(rule, span):
    days = ",".join(("MO", "TU", "WE", "TH", "FR", "SA", "SU")[d] for d in sorted(rule.days))
    start = datetime.combine(date(2020, 1, 1), rule.start)
    recurring = Recurring(f"FREQ=WEEKLY;BYDAY={days}", start, rule.length, rule.zone)
    assert spans_of_rule(recurring, *span) == spans_of_rule(rule, *span)


@given(weeklies, ranges, st.integers(0, 24 * 14))
def test_asking_in_two_parts_finds_the_same_occurrences(rule, span, hours):
    lo, hi = span
    middle = min(lo + hours * HOUR, hi)
    parts = (
        {*spans_of_rule(rule, lo, middle), *spans_of_rule(rule, middle, hi)}
        if middle > lo
        else set(spans_of_rule(rule, lo, hi))
    )
    assert sorted(parts) == spans_of_rule(rule, lo, hi)


@pytest.mark.parametrize(("sunday", "hours"), [("2026-03-08", 3), ("2026-03-15", 4), ("2026-11-01", 5)])
def test_from_to_is_wall_clock_to_wall_clock(sunday, hours):
    rule = parse_weekly("Sun 01:00-05:00 America/New_York")
    [(start, end)] = spans_of_rule(rule, at(sunday, NEW_YORK), at(sunday, NEW_YORK) + DAY)
    assert start == at(f"{sunday}T01:00", NEW_YORK)
    assert end - start == hours * HOUR


@pytest.mark.parametrize("sunday", ["2026-03-08", "2026-03-15", "2026-11-01"])
def test_start_and_duration_is_elapsed_time(sunday):
    rule = Recurring(
        "FREQ=WEEKLY", datetime(2026, 1, 4, 1), Length(timedelta(hours=4), elapsed=True), NEW_YORK
    )
    [(start, end)] = spans_of_rule(rule, at(sunday, NEW_YORK), at(sunday, NEW_YORK) + DAY)
    assert end - start == 4 * HOUR


def test_a_start_that_the_clocks_skip_takes_the_offset_before_the_gap():
    rule = OneOff.between(datetime(2026, 3, 8, 2, 30), datetime(2026, 3, 8, 4), NEW_YORK)
    assert spans_of_rule(rule, *YEAR) == [(at("2026-03-08T07:30"), at("2026-03-08T08:00"))]


def test_an_ambiguous_start_is_its_first_occurrence():
    rule = OneOff.between(datetime(2026, 11, 1, 1, 30), datetime(2026, 11, 1, 3), NEW_YORK)
    assert spans_of_rule(rule, *YEAR) == [(at("2026-11-01T05:30"), at("2026-11-01T08:00"))]


def test_half_an_hour_of_lord_howe_is_half_an_hour():
    [(start, end)] = spans_of_rule(
        parse_weekly("Sun 01:00-03:00 Australia/Lord_Howe"), at("2026-04-04"), at("2026-04-05")
    )
    assert end - start == 2.5 * HOUR


def test_a_one_off_that_ends_before_it_starts_is_refused_with_a_cure():
    with pytest.raises(ValueError, match="give a later end"):
        OneOff.between(datetime(2026, 12, 6, 2), datetime(2026, 12, 5, 22), NEW_YORK)
    with pytest.raises(ValueError, match="give a later end"):
        OneOff.between(datetime(2026, 12, 6, 2), datetime(2026, 12, 6, 2), NEW_YORK)


def test_a_one_off_that_a_clock_change_leaves_nothing_of_is_refused_saying_why():
    with pytest.raises(
        ValueError, match=r"the clocks of America/New_York make 03:30; .* a start and a duration"
    ):
        OneOff.between(datetime(2026, 3, 8, 2, 30), datetime(2026, 3, 8, 3, 15), NEW_YORK)


def test_a_recurring_window_that_collapses_excludes_nothing_that_night_and_names_it():
    rule = parse_weekly("daily 02:30-03:15 America/New_York")
    assert collapsed_dates(rule, *YEAR) == [date(2026, 3, 8)]
    assert spans_of_rule(rule, at("2026-03-08T05:00"), at("2026-03-08T12:00")) == []
    assert total(spans_of_rule(rule, *YEAR)) == 364 * 45 * 60_000


def test_a_window_across_midnight_belongs_to_the_day_it_opens():
    rule = parse_weekly("Fri 23:00-03:00 Europe/Berlin")
    assert [
        iso(start) for start, _ in spans_of_rule(rule, at("2026-06-06T00:30"), at("2026-06-06T00:31"))
    ] == ["2026-06-05T21:00"]
    assert spans_of_rule(rule, at("2026-06-05T00:30"), at("2026-06-05T00:31")) == []


def test_occurrences_are_half_open_at_both_ends_of_what_is_asked():
    rule = OneOff.between(datetime(2026, 6, 1, 1), datetime(2026, 6, 1, 2), ZoneInfo("UTC"))
    start, end = at("2026-06-01T01:00"), at("2026-06-01T02:00")
    assert spans_of_rule(rule, start - HOUR, start) == []
    assert spans_of_rule(rule, end, end + HOUR) == []
    assert spans_of_rule(rule, end - 1, end) == [(start, end)]


@pytest.mark.parametrize(
    ("text", "days", "start", "hours"),
    [
        ("Sat,Sun 00:00-03:00 America/New_York", {5, 6}, time(0), 3),
        ("sat, sun 00:00 - 03:00 America/New_York", {5, 6}, time(0), 3),
        ("Mon-Fri 08:00-18:00 America/New_York", {0, 1, 2, 3, 4}, time(8), 10),
        ("Fri-Mon,Wed 8:00-18:00 America/New_York", {4, 5, 6, 0, 2}, time(8), 10),
        ("daily 22:00-02:00 America/New_York", set(range(7)), time(22), 4),
        ("Saturday 00:00-24:00 America/New_York", {5}, time(0), 24),
        ("Sun 23:30:00-00:00 America/New_York", {6}, time(23, 30), 0.5),
    ],
)
def test_a_weekly_rule_is_read_as_people_write_it(text, days, start, hours):
    assert parse_weekly(text) == Weekly(frozenset(days), start, Length(timedelta(hours=hours)), NEW_YORK)


def test_a_weekly_rule_without_a_zone_takes_the_one_given():
    assert parse_weekly("Sat 07:00-08:00", BERLIN).zone == BERLIN


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Sat 03:00-03:00 America/New_York", "begins when it ends; for a whole day write 00:00-24:00"),
        ("Sat 24:00-02:00 America/New_York", "begins when it ends"),
        ("Sat 03:00-25:00 America/New_York", "'25:00' is no time of day"),
        ("Sat 3pm-4pm America/New_York", "no time of day"),
        ("Sat 03:60-04:00 America/New_York", "no time of day"),
        ("Caturday 03:00-04:00 America/New_York", "'Caturday' is no day"),
        ("Sat- 03:00-04:00 America/New_York", "'' is no day"),
        ("Saturnday,, 03:00-04:00 UTC", "no day"),
        ("Sat 03:00-04:00 Mars/Olympus", "no time zone is called 'Mars/Olympus'"),
        ("Sat 03:00-04:00", "names no time zone"),
        ("whenever", "no weekly rule"),
        ("Sat" + " " * 1_000_000, "is too long"),
        ("", "no weekly rule"),
    ],
)
def test_a_weekly_rule_that_is_refused_says_why(text, says):
    with pytest.raises(ValueError, match=says):
        parse_weekly(text)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Length(timedelta(0)), "give it a length"),
        (lambda: Length(timedelta(days=400)), "at most 366 days"),
        (
            lambda: Weekly(frozenset(), time(1), Length(timedelta(hours=1)), NEW_YORK),
            "must be some of 0 to 6",
        ),
        (
            lambda: Recurring("FREQ=SECONDLY", datetime(2026, 1, 1), Length(timedelta(hours=1)), NEW_YORK),
            "write DAILY",
        ),
        (lambda: OneOff(datetime(9999, 12, 31), Length(timedelta(days=2)), NEW_YORK), "the year 9999"),
        (
            lambda: OneOff(datetime(2026, 1, 1, tzinfo=UTC), Length(timedelta(days=2)), NEW_YORK),
            "already has a zone",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused(build, says):
    with pytest.raises(ValueError, match=says):
        build()
