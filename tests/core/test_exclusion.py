"""Maintenance is taken out of an SLA when it was announced in time, and only then."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.core.shapes import AXIS, DAY, HOUR, NEW_YORK, at, held, instants, loose_spans
from watch.core.exclusion import excused, qualifying
from watch.core.schedule import spans_of_rule
from watch.core.spans import clipped, difference, intersection, total, union
from watch.core.window import Announcement, OneOff, Opens, Window, announced_spans, parse_weekly

UTC = ZoneInfo("UTC")
NOTICE = 72 * HOUR
NOVEMBER = at("2026-11-01"), at("2026-12-01")
EVER = at("2026-01-01")


def november(day: int, hour: int = 0, minute: int = 0) -> int:
    return at(f"2026-11-{day:02}T{hour:02}:{minute:02}")


def weekly(**options) -> Window:
    rule = parse_weekly("Sat 00:00-03:00 UTC")
    return Window(**{"name": "w", "components": ("web",), "rule": rule, "sla_exclude": True, **options})


def one_off(start: datetime, end: datetime, **options) -> Window:
    return weekly(rule=OneOff.between(start, end, UTC), **options)


def told(start: int, end: int, when: int, recorded: int | None = None) -> Announcement:
    return Announcement("w", start, end, when, when if recorded is None else recorded)


def counted(
    window: Window,
    *announcements: Announcement,
    recorded: int | None = EVER,
    notice: int | None = NOTICE,
    **options,
):
    records = {} if recorded is None else {window.name: recorded}
    return qualifying([window], announcements, records, notice, NOVEMBER, **options)


SATURDAYS = [(november(d), november(d, 3)) for d in (7, 14, 21, 28)]


def test_a_recurring_occurrence_inherits_its_rules_notice():
    assert counted(weekly(announced_ms=EVER)) == SATURDAYS


def test_notice_counts_from_the_hubs_record_when_that_is_later():
    assert counted(weekly(announced_ms=EVER), recorded=november(12)) == SATURDAYS[2:]


def test_notice_counts_from_the_announcement_when_that_is_later():
    assert counted(weekly(announced_ms=november(12))) == SATURDAYS[2:]


def test_notice_that_is_exact_suffices_and_one_millisecond_less_does_not():
    assert counted(weekly(announced_ms=november(7) - NOTICE)) == SATURDAYS
    assert counted(weekly(announced_ms=november(7) - NOTICE + 1)) == SATURDAYS[1:]


def test_what_was_never_announced_never_qualifies_where_notice_is_owed():
    assert counted(weekly()) == []
    assert counted(weekly(), notice=None) == SATURDAYS


def test_what_the_hub_has_no_record_of_does_not_qualify():
    assert counted(weekly(announced_ms=EVER), recorded=None) == []


def test_a_window_that_is_not_excluded_by_contract_takes_nothing_out():
    assert counted(weekly(announced_ms=EVER, sla_exclude=False)) == []


def test_a_standing_window_takes_out_what_was_announced_in_time():
    standing = weekly(opens=Opens.WHEN_ANNOUNCED, announced_ms=EVER)
    in_time = told(november(14), november(14, 2), november(10))
    late = told(november(21), november(21, 3), november(20))
    assert counted(standing, in_time, late) == [(november(14), november(14, 2))]


def test_an_announcement_backdated_by_its_author_counts_from_the_record():
    standing = weekly(opens=Opens.WHEN_ANNOUNCED)
    assert counted(standing, told(november(14), november(14, 3), november(1), recorded=november(13))) == []


def test_work_begun_by_verb_qualifies_only_where_no_notice_is_owed():
    standing = weekly(opens=Opens.WHEN_ANNOUNCED)
    begun = told(november(14, 1), november(14, 3), november(14, 1))
    assert counted(standing, begun) == []
    assert counted(standing, begun, notice=0) == [begun.span]


def test_enlarging_is_a_new_announcement_for_the_added_time_only():
    upgrade = one_off(datetime(2026, 11, 14, 0), datetime(2026, 11, 14, 3), announced_ms=november(1))
    late = told(november(14), november(14, 5), november(12))
    assert counted(upgrade, late) == [(november(14), november(14, 3))]
    in_time = told(
        november(14), november(14, 5), november(11, 1)
    )  # 71 h before its start, 74 h before what is new
    assert counted(upgrade, in_time) == [(november(14), november(14, 5))]


def test_extending_a_running_window_never_qualifies_however_long_the_notice():
    long_work = one_off(datetime(2026, 11, 2), datetime(2026, 11, 20), announced_ms=EVER)
    extension = told(november(20), november(22), november(10))  # ten days ahead, but it was running
    assert counted(long_work, extension) == [(november(2), november(20))]
    assert counted(long_work, extension, notice=0) == [(november(2), november(20))]
    elsewhere = told(november(21), november(22), november(10))  # not an extension: a day lies between
    assert counted(long_work, elsewhere) == [(november(2), november(20)), (november(21), november(22))]


def test_extending_what_was_itself_an_extension_does_not_qualify_either():
    work = one_off(datetime(2026, 11, 14, 0), datetime(2026, 11, 14, 3), announced_ms=EVER)
    first = told(november(14, 3), november(14, 4), november(14, 2))
    second = told(november(14, 4), november(14, 5), november(14, 2, 30))
    assert counted(work, first, second, notice=0) == [(november(14), november(14, 3))]


def test_an_extension_is_seen_across_the_end_of_the_month():
    work = one_off(datetime(2026, 10, 31, 22), datetime(2026, 11, 1), announced_ms=EVER)
    assert counted(work, told(november(1), november(1, 2), november(1) - HOUR), notice=0) == []


def test_announcing_a_window_nobody_had_announced_is_its_first_announcement():
    assert counted(weekly(), told(november(14), november(14, 3), november(8))) == [SATURDAYS[1]]


def test_windows_are_unioned():
    windows = [
        weekly(announced_ms=EVER),
        weekly(name="x", rule=parse_weekly("Sat 02:00-04:00 UTC"), announced_ms=EVER),
    ]
    records = {"w": EVER, "x": EVER}
    assert qualifying(windows, [], records, NOTICE, NOVEMBER) == [
        (november(d), november(d, 4)) for d in (7, 14, 21, 28)
    ]


def test_what_qualifies_is_cut_at_the_month():
    work = one_off(datetime(2026, 10, 31, 22), datetime(2026, 11, 1, 2), announced_ms=EVER)
    assert counted(work) == [(november(1), november(1, 2))]


def test_an_outage_longer_than_the_window_allows_is_downtime_from_there():
    rolling = weekly(announced_ms=EVER, max_outage=timedelta(seconds=60))
    outage = (november(7, 1), november(7, 1, 5))
    assert difference(SATURDAYS, counted(rolling, outages=[outage])) == [
        (november(7, 1, 1), november(7, 1, 5))
    ]


def test_outages_as_short_as_the_window_allows_are_excused_each_for_itself():
    rolling = weekly(announced_ms=EVER, max_outage=timedelta(seconds=60))
    outages = [(november(7, 1, m), november(7, 1, m) + 60_000) for m in (0, 10, 20)]
    assert counted(rolling, outages=outages) == SATURDAYS


def test_only_what_an_outage_lasts_inside_the_window_is_held_against_it():
    rolling = weekly(announced_ms=EVER, max_outage=timedelta(seconds=60))
    assert counted(rolling, outages=[(november(6, 23), november(7, 0) + 60_000)]) == SATURDAYS


def test_another_window_over_the_same_time_still_excuses_it():
    rolling = weekly(announced_ms=EVER, max_outage=timedelta(seconds=60))
    plain = weekly(name="x", announced_ms=EVER)
    outage = (november(7, 1), november(7, 2))
    assert (
        qualifying([rolling, plain], [], {"w": EVER, "x": EVER}, NOTICE, NOVEMBER, outages=[outage])
        == SATURDAYS
    )


@given(instants, instants, loose_spans.map(union), st.integers(0, AXIS))
def test_no_outage_is_excused_for_longer_than_allowed(start, length, outages, allowed):
    span = (start, start + length + 1)
    left = excused(span, outages, timedelta(milliseconds=allowed))
    assert held(left) <= held([span])
    for outage in outages:
        inside = clipped([outage], *span)
        assert total(intersection(left, inside)) == min(total(inside), allowed)
    assert held([span]) - held(left) <= held(outages)


announcements = st.lists(
    st.builds(
        lambda start, hours, ahead, late: Announcement(
            "w", start, start + hours * HOUR, start - ahead * HOUR, start - ahead * HOUR + late * HOUR
        ),
        st.integers(0, 29 * 24).map(lambda h: NOVEMBER[0] + h * HOUR),
        st.integers(1, 30),
        st.integers(-5, 200),
        st.integers(0, 100),
    ),
    max_size=5,
)


@given(announcements, st.sampled_from(Opens), st.sampled_from([None, 0, NOTICE]))
def test_what_qualifies_was_opened_and_was_told_of_in_time(told_of, opens, notice):
    window = weekly(opens=opens, announced_ms=november(9))
    found = qualifying([window], told_of, {"w": EVER}, notice, NOVEMBER)
    entitled = [
        span
        for one in told_of
        for span in announced_spans(window, one.span)
        if notice is None or span[1] - one.told_ms > notice
    ]
    rule = [
        s for s in spans_of_rule(window.rule, *NOVEMBER) if notice is None or s[0] - november(9) >= notice
    ]
    assert held_hours(found) <= held_hours(entitled) | held_hours(rule if opens is Opens.ALWAYS else [])
    assert held_hours(rule) <= held_hours(found) or opens is Opens.WHEN_ANNOUNCED


def held_hours(spans) -> set[int]:
    return held([(start // HOUR, end // HOUR) for start, end in spans])


def test_new_york_hours_qualify_by_new_york_hours():
    night = weekly(rule=parse_weekly("Sun 01:00-05:00 America/New_York"), announced_ms=EVER)
    found = qualifying(
        [night], [], {"w": EVER}, NOTICE, (at("2026-11-01", NEW_YORK), at("2026-11-01", NEW_YORK) + DAY)
    )
    assert total(found) == 5 * HOUR
