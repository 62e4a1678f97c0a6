"""Maintenance windows, in the four ways to write when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watch.core.window import Opens, occurrences

from .conftest import WEB

HOUR = 3_600_000


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def window(desk, text, zone="UTC"):
    settings = desk.settings(
        f"service: {{timezone: {zone}}}\nmaintenance: {{w: {{components: all, {text}}}}}\n{WEB}"
    )
    return settings.windows["w"]


def first(it, since="2026-12-01T00:00"):
    return occurrences(it, ms(since), ms(since) + 90 * 24 * HOUR)[0].span


def test_from_and_to_are_wall_clock_to_wall_clock_in_the_services_zone(desk):
    it = window(desk, "from: 2026-12-05 22:00, to: 2026-12-06 02:00", "America/Los_Angeles")
    assert first(it) == (ms("2026-12-06T06:00"), ms("2026-12-06T10:00"))


def test_a_zone_that_is_written_beats_the_services(desk):
    it = window(desk, "from: 2026-12-05 22:00 Europe/Berlin, to: 2026-12-06T02:00", "America/Los_Angeles")
    assert first(it) == (ms("2026-12-05T21:00"), ms("2026-12-06T01:00"))


def test_z_is_utc(desk):
    it = window(desk, "from: 2026-12-05T22:00Z, to: 2026-12-05T23:30:00Z", "America/Los_Angeles")
    assert first(it) == (ms("2026-12-05T22:00"), ms("2026-12-05T23:30"))


def test_start_and_duration_are_elapsed_time_where_from_and_to_are_not(desk):
    elapsed = window(desk, "start: 2026-10-31 20:00, duration: 12h", "America/New_York")
    walled = window(desk, "from: 2026-10-31 20:00, to: 2026-11-01 08:00", "America/New_York")
    assert [
        (b - a) / HOUR for a, b in (first(elapsed, "2026-10-01T00:00"), first(walled, "2026-10-01T00:00"))
    ] == [12, 13]


def test_when_is_weekly(desk):
    it = window(desk, 'when: "Sat,Sun 00:00-03:00 America/New_York"')
    assert first(it) == (ms("2026-12-05T05:00"), ms("2026-12-05T08:00"))


def test_when_without_a_zone_is_in_the_services(desk):
    assert first(window(desk, "when: Sat 00:00-03:00", "Europe/Berlin")) == (
        ms("2026-12-04T23:00"),
        ms("2026-12-05T02:00"),
    )


@pytest.mark.parametrize(("key", "hours"), [("length", 5), ("duration", 4)])
def test_an_rrule_lasts_a_length_by_the_wall_clock_or_a_duration_in_elapsed_time(desk, key, hours):
    it = window(
        desk, f"rrule: FREQ=MONTHLY;BYDAY=1SU, first: 2026-10-04 00:00, {key}: 4h", "America/New_York"
    )
    start, end = occurrences(it, ms("2026-10-20T00:00"), ms("2026-11-20T00:00"))[0].span
    assert (start, (end - start) / HOUR) == (ms("2026-11-01T04:00"), hours)


def test_flags_are_read_and_default_to_announcing_only(desk):
    bare = window(desk, "when: Sat 00:00-03:00")
    assert (bare.opens, bare.suppress_alerts, bare.sla_exclude, bare.max_outage, bare.announced_ms) == (
        Opens.ALWAYS,
        False,
        False,
        None,
        None,
    )
    full = window(
        desk,
        "when: Sat 00:00-03:00, class: hardware, opens: when_announced, suppress_alerts: true, sla_exclude: true,"
        " max_outage: 60s, announced: 2026-11-23 09:00",
        "America/Los_Angeles",
    )
    assert (full.class_, full.opens, full.suppress_alerts, full.sla_exclude) == (
        "hardware",
        Opens.WHEN_ANNOUNCED,
        True,
        True,
    )
    assert (full.max_outage, full.announced_ms) == (timedelta(seconds=60), ms("2026-11-23T17:00"))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("when: Sat 00:00-03:00", "Sat 00:00-03:00"),
        ("from: 2026-12-05 22:00, to: 2026-12-06 02:00", "2026-12-05 22:00 – 2026-12-06 02:00"),
        ("start: 2026-12-05 22:00, duration: 90m", "2026-12-05 22:00 for 1h30m"),
        ("rrule: FREQ=DAILY, first: 2026-12-05 22:00, length: 1h", "FREQ=DAILY from 2026-12-05 22:00 for 1h"),
    ],
)
def test_a_window_keeps_how_it_was_written(desk, written, text):
    assert window(desk, written).text == text


def test_components_are_spelled_out(desk):
    settings = desk.settings(
        "maintenance: {a: {components: all, when: Sat 00:00-01:00}, b: {components: [x], when: Sat 00:00-01:00}}\n"
        'components: {x: {checks: {h: {http: "http://127.0.0.1/"}}}, y: {contains: [x]}}\n'
    )
    assert (settings.windows["a"].components, settings.windows["b"].components) == (("x", "y"), ("x",))
