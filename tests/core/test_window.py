"""Which occurrences of a window count, and which of them an SLA takes out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from tests.core.shapes import DAY, HOUR, NEW_YORK, at
from watch.core.schedule import Length
from watch.core.window import (
    Announcement,
    Occurrence,
    OneOff,
    Opens,
    Window,
    collapses,
    occurrences,
    opened,
    parse_weekly,
)

MINUTE = 60_000
NOVEMBER = at("2026-11-01", NEW_YORK), at("2026-12-01", NEW_YORK)


def window(rule="Sat 00:00-03:00 America/New_York", **options) -> Window:
    rule = parse_weekly(rule) if isinstance(rule, str) else rule
    return Window(name="hardware", components=("web",), rule=rule, **options)


def saturday(day: int, hour: int, minute: int = 0) -> int:
    return at(f"2026-11-{day:02}T{hour:02}:{minute:02}", NEW_YORK)


def told(
    start: int, end: int, when: int, recorded: int | None = None, window: str = "hardware"
) -> Announcement:
    return Announcement(window, start, end, when, when if recorded is None else recorded)


def test_occurrences_are_named_after_their_window_and_whole():
    assert occurrences(window(), saturday(7, 1), saturday(7, 2)) == [
        Occurrence(saturday(7, 0), saturday(7, 3), "hardware")
    ]


def test_an_always_open_window_counts_whenever_its_rule_says():
    assert [o.span for o in opened(window(), *NOVEMBER, [])] == [
        (saturday(d, 0), saturday(d, 3)) for d in (7, 14, 21, 28)
    ]


def test_a_standing_window_nobody_announced_counts_for_nothing():
    assert opened(window(opens=Opens.WHEN_ANNOUNCED), *NOVEMBER, []) == []


def test_a_standing_window_counts_where_it_was_announced_for_real_work():
    announced = told(saturday(14, 1), saturday(14, 2), saturday(7, 0))
    assert [o.span for o in opened(window(opens=Opens.WHEN_ANNOUNCED), *NOVEMBER, [announced])] == [
        announced.span
    ]


def test_an_announcement_opens_no_more_than_the_rule_permits():
    announced = told(saturday(14, 1), saturday(14, 9), saturday(7, 0))
    assert [o.span for o in opened(window(opens=Opens.WHEN_ANNOUNCED), *NOVEMBER, [announced])] == [
        (saturday(14, 1), saturday(14, 3))
    ]


def test_an_announcement_of_another_window_opens_nothing():
    announced = told(saturday(14, 0), saturday(14, 3), saturday(7, 0), window="updates")
    assert opened(window(opens=Opens.WHEN_ANNOUNCED), *NOVEMBER, [announced]) == []


def test_an_announcement_adds_time_to_a_window_that_is_always_open():
    added = told(saturday(14, 3), saturday(14, 5), saturday(7, 0))
    assert added.span in [o.span for o in opened(window(), *NOVEMBER, [added])]


def test_a_standing_window_begun_by_verb_is_open_from_then():
    begun = told(saturday(14, 0, 20), saturday(14, 3), saturday(14, 0, 20))
    assert opened(window(opens=Opens.WHEN_ANNOUNCED), saturday(14, 0), saturday(14, 0, 10), [begun]) == []
    assert opened(window(opens=Opens.WHEN_ANNOUNCED), saturday(14, 0, 30), saturday(14, 0, 31), [begun]) != []


def test_a_window_that_collapses_names_the_night():
    nightly = window("daily 02:30-03:15 America/New_York")
    assert collapses(nightly, at("2026-01-01"), at("2027-01-01")) == [date(2026, 3, 8)]


def test_a_window_may_be_a_one_off_with_a_duration():
    once = window(OneOff(datetime(2026, 11, 1, 0, 30), Length(timedelta(hours=2), elapsed=True), NEW_YORK))
    [occurrence] = occurrences(once, *NOVEMBER)
    assert occurrence.to_ms - occurrence.from_ms == 2 * HOUR


def test_a_negative_max_outage_is_refused():
    with pytest.raises(ValueError, match="write 0s or more"):
        window(max_outage=timedelta(seconds=-1))


def test_a_window_is_open_at_its_first_millisecond_and_shut_at_its_last():
    start, end = saturday(7, 0), saturday(7, 3)
    assert opened(window(), start, start + 1, []) != []
    assert opened(window(), end, end + 1, []) == []
    assert opened(window(), start - DAY, start, []) == []
