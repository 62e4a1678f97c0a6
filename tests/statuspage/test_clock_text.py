"""Times name their zone, and UTC beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from statuspage.clock_text import ClockText, stamp


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def clock(zone="America/Los_Angeles", now="2026-11-23T17:46:00"):
    return ClockText(ZoneInfo(zone), ms(now))


def text(markup):
    return markup.striptags().replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("zone", "instant", "shown"),
    [
        ("America/Los_Angeles", "2026-11-23T17:12:00", "09:12 PST (17:12 UTC)"),
        ("America/Los_Angeles", "2026-11-22T16:00:00", "Sun 22 Nov, 08:00 PST (16:00 UTC)"),
        ("America/Los_Angeles", "2026-11-24T02:00:00", "18:00 PST (Tue 24 Nov, 02:00 UTC)"),
        ("America/Los_Angeles", "2026-11-01T08:30:00", "Sun 1 Nov, 01:30 PDT (08:30 UTC)"),
        ("UTC", "2026-11-23T17:12:00", "17:12 UTC"),
        ("America/Sao_Paulo", "2026-11-23T17:12:00", "14:12 UTC-03 (17:12 UTC)"),
        ("Asia/Kathmandu", "2026-11-23T17:12:00", "22:57 UTC+0545 (17:12 UTC)"),
    ],
)
def test_a_moment_is_local_first_and_utc_beside_it(zone, instant, shown):
    assert text(clock(zone).moment(ms(instant))) == shown


def test_a_moment_carries_its_instant_for_machines():
    assert '<time datetime="2026-11-23T17:12:00.000Z">' in clock().moment(ms("2026-11-23T17:12:00"))


@pytest.mark.parametrize(
    ("begin", "end", "shown"),
    [
        ("2026-11-28T15:00:00", "2026-11-28T16:00:00", "Sat 28 Nov, 07:00–08:00 PST (15:00–16:00 UTC)"),
        (
            "2026-12-06T06:00:00",
            "2026-12-06T10:00:00",
            "Sat 5 Dec, 22:00 – Sun 6 Dec, 02:00 PST (Sun 6 Dec, 06:00–10:00 UTC)",
        ),
        ("2026-11-01T08:00:00", "2026-11-01T10:00:00", "Sun 1 Nov, 01:00 PDT–02:00 PST (08:00–10:00 UTC)"),
    ],
)
def test_a_span_names_each_day_and_zone_that_it_needs(begin, end, shown):
    assert text(clock().span(ms(begin), ms(end))) == shown


@pytest.mark.parametrize(
    ("begin", "end", "shown"),
    [
        ("2026-11-01T07:00:00", "2026-11-23T17:46:00", "1–23 November 2026"),
        ("2026-11-01T07:00:00", "2026-12-01T08:00:00", "1–30 November 2026"),
        ("2026-11-23T08:00:00", "2026-11-23T09:00:00", "23 November 2026"),
        ("2026-08-26T07:00:00", "2026-11-23T17:46:00", "26 August – 23 November 2026"),
        ("2025-12-30T08:00:00", "2026-01-02T08:00:00", "30 December 2025 – 1 January 2026"),
    ],
)
def test_a_period_names_the_days_it_touches(begin, end, shown):
    assert clock().period(ms(begin), ms(end)) == shown


def test_the_api_writes_milliseconds():
    assert stamp(1_790_000_000_239) == "2026-09-21T14:13:20.239Z"
