"""Amounts read as people write them, exactly, and nothing is guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.quantity import duration, duration_text, instant, literal, percentage, size
from watch.core.reading import FactType

LOCAL_TIMES = json.loads((Path(__file__).parents[1] / "vectors" / "local_time.json").read_text())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("1h30m", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("800ms", timedelta(milliseconds=800)),
        ("1 week", timedelta(weeks=1)),
        ("2 days", timedelta(days=2)),
        ("1.5 hours", timedelta(minutes=90)),
        ("26H", timedelta(hours=26)),
        ("0s", timedelta(0)),
        (" 5 min ", timedelta(minutes=5)),
    ],
)
def test_a_duration_reads_as_people_write_it(text, expected):
    assert duration(text) == expected


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("5", "write 5s, 5m, 5h or 5d"),
        ("", "write it like 30s"),
        ("soon", "write it like 30s"),
        ("5 fortnights", "one of ms, s, m, h, d, w"),
        ("30m1h", "largest first"),
        ("1h1h", "each unit once"),
        ("-5s", "write it like"),
        ("99999999999w", "longer than a century"),
        ("0.0000001s", "finer than a microsecond"),
        ("9" * 400, "write it like"),
    ],
)
def test_a_duration_that_could_be_misread_is_refused_with_its_cure(text, cure):
    with pytest.raises(ValueError, match=cure):
        duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_000)))
def test_what_is_written_reads_back_as_it_was(lasting):
    assert duration(duration_text(lasting)) == lasting


def test_a_duration_is_written_with_the_units_it_needs():
    assert duration_text(timedelta(days=1, hours=2)) == "1d2h"
    assert duration_text(timedelta(milliseconds=1500)) == "1s500ms"
    assert duration_text(timedelta(microseconds=1500)) == "1.5ms"
    assert duration_text(timedelta(0)) == "0s"
    assert duration_text(timedelta(seconds=-90)) == "-1m30s"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1GiB", 2**30), ("500MB", 5 * 10**8), ("1.5 KiB", 1536), ("12 b", 12), ("2TB", 2 * 10**12)],
)
def test_a_size_says_whether_it_counts_by_1000_or_1024(text, expected):
    assert size(text) == expected


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("500", "500MB or 500MiB"),
        ("500M", "500MB or 500MiB"),
        ("5 potatoes", "5PB"),
        ("3 x", "MB or MiB"),
        ("", "like 500MB"),
        ("0.3B", "whole number"),
    ],
)
def test_a_size_without_a_clear_unit_is_refused_with_its_cure(text, cure):
    with pytest.raises(ValueError, match=cure):
        size(text)


def test_a_percentage_is_exact():
    assert percentage("99.9%") == Fraction(999, 1000)
    assert percentage("99.95 %") == Fraction(9995, 10000)
    assert percentage("0%") == 0
    assert percentage("100%") == 1


@pytest.mark.parametrize(
    ("text", "cure"),
    [("99.9", "like 99.9%"), ("100.1%", "more than 100%"), ("-1%", "like"), ("1e2%", "like")],
)
def test_a_percentage_that_is_none_is_refused(text, cure):
    with pytest.raises(ValueError, match=cure):
        percentage(text)


@pytest.mark.parametrize("vector", LOCAL_TIMES, ids=lambda v: f"{v['tz']} {v['local']}")
def test_a_wall_clock_reads_as_the_vectors_say(vector):
    expected = datetime.fromisoformat(vector["utc"])
    assert instant(f"{vector['local'].replace('T', ' ')} {vector['tz']}") == expected
    assert instant(vector["local"], ZoneInfo(vector["tz"])) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T02:00:00Z",
        "2026-11-23 02:00 UTC",
        "2026-11-23T03:00+01:00",
        "2026-11-22 21:00 America/New_York",
        "2026-11-23T03:00:00+0100",
    ],
)
def test_an_instant_may_name_its_zone_in_several_ways(text):
    assert instant(text) == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert instant(text, ZoneInfo("Asia/Tokyo")) == datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("2026-11-23 02:00", "names no time zone"),
        ("2026-02-30 02:00 UTC", "not in the calendar"),
        ("2026-11-23 25:00 UTC", "not in the calendar"),
        ("2026-11-23", "write it like"),
        ("2026-11-23 02:00 America/NewYork", "like America/New_York"),
        ("2026-11-23 02:00 New_York", "like America/New_York"),
        ("2026-11-23 02:00 ../../etc/passwd", "write it like"),
        ("0001-01-01 00:00 UTC", "from 1970"),
        ("2026-11-23T02:00+99:99", "not in the calendar|not a time"),
    ],
)
def test_an_instant_that_is_none_is_refused_with_its_cure(text, cure):
    with pytest.raises(ValueError, match=cure):
        instant(text)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("2s", FactType.DURATION, 2.0),
        ("0", FactType.DURATION, 0),
        ("1KiB", FactType.BYTES, 1024),
        ("10%", FactType.RATIO, 0.1),
        ("200", FactType.COUNT, 200),
        ("-0.5", FactType.COUNT, -0.5),
        ("2026-11-23T02:00:00Z", FactType.INSTANT, 1795399200.0),
        ("true", FactType.BOOL, True),
        ("OK", FactType.TEXT, "OK"),
    ],
)
def test_a_literal_is_read_in_the_base_unit_of_its_fact(text, kind, expected):
    assert literal(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind", "cure"),
    [
        ("5", FactType.RATIO, "write 5%"),
        ("5s", FactType.COUNT, "without a unit"),
        ("yes", FactType.BOOL, "true nor false"),
        ("5", FactType.DURATION, "5s, 5m, 5h or 5d"),
    ],
)
def test_a_literal_of_the_wrong_kind_is_refused_with_its_cure(text, kind, cure):
    with pytest.raises(ValueError, match=cure):
        literal(text, kind)


@given(text=st.text(max_size=40), kind=st.sampled_from(FactType))
def test_whatever_is_written_reads_or_is_a_value_error(text, kind):
    for read in (duration, size, percentage, instant, lambda t: literal(t, kind)):
        try:
            read(text)
        except ValueError:
            continue
