"""Recurrence rules agree with dateutil wherever it answers in time, and are refused where they could not be."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.core.shapes import BERLIN, NEW_YORK
from watch.core.recurrence import _period, recurrence, starts

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
START = datetime(2024, 1, 31, 2, 30)


def listed(text, first, last, start=START, zone=NEW_YORK):
    return list(starts(recurrence(text), start, zone, first, last))


def some(key, low, high, most=3):
    return st.lists(st.integers(low, high), min_size=1, max_size=most, unique=True).map(
        lambda numbers: f";{key}={','.join(map(str, numbers))}"
    )


def maybe(part):
    return st.one_of(st.just(""), part)


weekdays = st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True).map(
    lambda d: ";BYDAY=" + ",".join(d)
)
nth_days = st.tuples(st.sampled_from((-1, 1, 2, 3)), st.sampled_from(DAYS)).map(
    lambda nd: f";BYDAY={nd[0]}{nd[1]}"
)
ends = maybe(st.one_of(st.integers(1, 40).map(";COUNT={}".format), st.just(";UNTIL=20270315T120000")))
common = st.tuples(
    st.integers(1, 4).map(";INTERVAL={}".format),
    ends,
    maybe(st.just(";WKST=SU")),
    maybe(some("BYMONTH", 1, 12)),
)
rules = st.one_of(
    st.tuples(st.just("FREQ=DAILY"), common, maybe(weekdays), maybe(some("BYMONTHDAY", 1, 28))),
    st.tuples(st.just("FREQ=WEEKLY"), common, maybe(weekdays), maybe(some("BYHOUR", 0, 23))),
    st.tuples(st.just("FREQ=MONTHLY"), common, maybe(nth_days), st.just("")),
    st.tuples(st.just("FREQ=MONTHLY"), common, weekdays, maybe(some("BYSETPOS", 1, 4))),
    st.tuples(st.just("FREQ=MONTHLY"), common, maybe(some("BYMONTHDAY", -3, -1)), st.just("")),
    st.tuples(st.just("FREQ=YEARLY"), common, maybe(nth_days), st.just("")),
    st.tuples(st.just("FREQ=YEARLY"), common, some("BYWEEKNO", 1, 52), weekdays),
    st.tuples(st.just("FREQ=YEARLY"), common, some("BYYEARDAY", 1, 365), st.just("")),
).map(lambda parts: parts[0] + "".join(parts[1]) + parts[2] + parts[3])


@given(rules, st.integers(0, 1200), st.integers(0, 200))
def test_a_rule_expands_as_dateutil_expands_it(text, after, length):
    first = START.date() + timedelta(days=after)
    last = first + timedelta(days=length)
    bounded = text if "COUNT" in text or "UNTIL" in text else text + ";UNTIL=20291231T000000"
    assume(not never_matches(bounded))
    expected = [s for s in rrulestr(bounded, dtstart=START) if first <= s.date() <= last]
    assert listed(text, first, last) == expected


def never_matches(text: str) -> bool:
    """Whether dateutil would walk to the year 9999 over it."""
    return not listed(text, START.date(), date(2030, 1, 1))


def test_a_month_of_a_daily_rule_of_six_years_ago_costs_one_month():
    _period.cache_clear()
    found = listed("FREQ=DAILY", date(2032, 1, 1), date(2032, 1, 31), start=datetime(2026, 1, 1, 2))
    assert len(found) == 31
    assert _period.cache_info().misses == 1


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",  # it began on a Wednesday
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29;COUNT=3",
    ],
)
def test_a_rule_that_never_matches_costs_what_is_asked_and_no_more(text):
    _period.cache_clear()
    assert listed(text, date(2025, 1, 1), date(2026, 12, 31), start=datetime(2025, 1, 1, 2)) == []
    assert _period.cache_info().misses <= 24


def test_a_count_runs_from_the_beginning_not_from_what_is_asked():
    assert listed("FREQ=DAILY;COUNT=3", date(2024, 2, 1), date(2024, 12, 31)) == [
        datetime(2024, 2, 1, 2, 30),
        datetime(2024, 2, 2, 2, 30),
    ]


def test_nothing_happens_before_the_beginning():
    assert listed("FREQ=DAILY", date(2023, 1, 1), date(2024, 1, 31)) == [START]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20240203", datetime(2024, 2, 3, 2, 30)),  # a date means the whole day
        ("20240203T023000", datetime(2024, 2, 3, 2, 30)),
        ("20240203T022959", datetime(2024, 2, 2, 2, 30)),
        ("20240203T073000Z", datetime(2024, 2, 3, 2, 30)),  # 02:30 in New York
        ("20240203T072959Z", datetime(2024, 2, 2, 2, 30)),
    ],
)
def test_until_is_the_last_moment_for_a_start(until, last):
    assert listed(f"FREQ=DAILY;UNTIL={until}", date(2024, 1, 1), date(2024, 12, 31))[-1] == last


def test_an_until_in_utc_is_read_in_the_rules_own_zone():
    assert listed("FREQ=DAILY;UNTIL=20240203T072959Z", date(2024, 2, 3), date(2024, 2, 3), zone=BERLIN) != []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FREQ=SECONDLY", "write DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=MINUTELY;INTERVAL=5", "write DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=HOURLY", "write DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("BYDAY=SA", "write DAILY"),
        ("", "write one like"),
        ("every day", "write one like"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["SA"] * 100_000), "is too long"),
        ("FREQ=DAILY;INTERVAL=0", "1 to 1000"),
        ("FREQ=DAILY;INTERVAL=-1", "1 to 1000"),
        ("FREQ=DAILY;INTERVAL=99999999999999", "1 to 1000"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "no number"),
        ("FREQ=DAILY;INTERVAL=two", "no number"),
        ("FREQ=DAILY;COUNT=1000000", "out of range"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "not by both"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=WEEKLY;BYDAY=SAT", "no weekday"),
        ("FREQ=WEEKLY;BYDAY=2SA", "FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYSETPOS=1", "does not go with"),
        ("FREQ=DAILY;BYSECOND=1", "does not go with"),
        ("FREQ=YEARLY;BYEASTER=1", "does not go with"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "1 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "1 to 31"),
        ("FREQ=YEARLY;BYMONTH=-1", "1 to 12"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5;BYMINUTE=0,10,20,30,40,50", "36 starts a day"),
        ("FREQ=DAILY;UNTIL=tomorrow", "20261231"),
        ("FREQ=DAILY;UNTIL=20261341", "20261231"),
        ("DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "no part of a rule"),
    ],
)
def test_a_rule_that_is_refused_says_why(text, says):
    with pytest.raises(ValueError, match=says):
        recurrence(text)


def test_a_rule_may_carry_its_rfc_prefix_and_any_case():
    assert recurrence("rrule:freq=weekly;byday=sa;") == recurrence("FREQ=WEEKLY;BYDAY=SA")
