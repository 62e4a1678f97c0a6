"""A component's month from the ledger: windows that changed, terms that changed, lifetimes, and what is never counted."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.ledgers import DAY, HOUR, MINUTE, UTC, Ledger
from tests.core.shapes import at
from watch.core.account import TargetOutcome, tallies
from watch.core.book import Book, Edge
from watch.core.figures import Excusing, account_so_far, figure, maintenance, terms_of, worked
from watch.core.ledger import Kind
from watch.core.localtime import Month, from_utc_ms
from watch.core.schedule import Length, OneOff, parse_weekly
from watch.core.spans import clipped, total
from watch.core.timeline import State, overlaid
from watch.core.window import Opens, Window

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
BEGIN, END = NOVEMBER.bounds_ms(UTC)
LONG_AFTER = at("2027-06-01T00:00")
NOTICE = 72 * HOUR


def month(**more) -> Ledger:
    """A ledger that begins in October with `web`, up from the beginning."""
    ledger = Ledger(at("2026-10-01T00:00"), **more)
    ledger.component("web", ["web/home"], at("2026-10-01T00:00"))
    ledger.goes("web/home", UP, at("2026-10-01T00:00"))
    return ledger


def outage(ledger: Ledger, start: int, end: int, name: str = "web/home") -> None:
    ledger.goes(name, DOWN, start)
    ledger.goes(name, UP, end)


def window(start: str, hours: float, *components: str, **more) -> Window:
    rule = OneOff(from_utc_ms(at(start), UTC).replace(tzinfo=None), Length(timedelta(hours=hours)), UTC)
    plain = {"sla_exclude": True, "announced_ms": at("2026-10-01T00:00")}
    return Window(name="work", components=components or ("web",), rule=rule, **(plain | more))


def november(ledger: Ledger, key: str = "web", now_ms: int = LONG_AFTER):
    return figure(ledger.book, key, NOVEMBER, now_ms)


# ---- the account


def test_a_month_without_trouble_is_a_hundred_percent_of_what_was_seen():
    account = november(month()).account
    assert (account.scope_ms, account.up_ms, account.uptime) == (30 * DAY, 30 * DAY, 1)
    assert account.verdict is account.strict is TargetOutcome.MET


def test_downtime_is_counted_to_the_millisecond_and_held_against_the_budget():
    ledger = month()
    outage(ledger, BEGIN + DAY, BEGIN + DAY + 43 * MINUTE + 12_001)
    account = november(ledger).account
    assert (account.down_ms, account.budget_ms) == (43 * MINUTE + 12_001, 43 * MINUTE + 12_000)
    assert (account.remaining_ms, account.verdict) == (-1, TargetOutcome.BREACHED)


def test_an_outage_over_the_end_of_a_month_is_divided_between_both():
    ledger = month()
    outage(ledger, END - HOUR, END + 2 * HOUR)
    downs = [figure(ledger.book, "web", m, LONG_AFTER).account.down_ms for m in (NOVEMBER, DECEMBER)]
    assert downs == [HOUR, 2 * HOUR]


def test_the_figure_carries_the_least_and_the_most_that_the_readings_allow():
    ledger = month()
    ledger.goes("web/home", DOWN, BEGIN + 100_000, sure=(BEGIN + 70_000, BEGIN + 110_000))
    ledger.goes("web/home", UP, BEGIN + 200_000, sure=(BEGIN + 170_000, BEGIN + 201_000))
    found = november(ledger)
    assert (found.down_min_ms, found.account.down_ms, found.down_max_ms) == (60_000, 100_000, 131_000)


def test_what_nobody_saw_is_unknown_and_neither_up_nor_down():
    ledger = month()
    ledger.goes("web/home", UNKNOWN, BEGIN + DAY)
    ledger.goes("web/home", UP, BEGIN + 2 * DAY)
    account = november(ledger).account
    assert (account.unknown_ms, account.uptime, account.strict) == (DAY, 1, TargetOutcome.UNDETERMINED)
    assert account.budget_ms == Fraction(29 * DAY, 1000)


def test_a_running_month_goes_to_now_and_its_budget_to_the_end():
    found = november(month(), now_ms=BEGIN + 10 * DAY)
    assert (found.as_of_ms, found.running) == (BEGIN + 10 * DAY, True)
    assert (found.account.scope_ms, found.account.budget_ms) == (10 * DAY, Fraction(30 * DAY, 1000))


@pytest.mark.parametrize("now_ms", [BEGIN, BEGIN - 5 * DAY])
def test_a_month_still_to_come_has_no_data(now_ms):
    found = november(month(), now_ms=now_ms)
    assert (found.account.scope_ms, found.account.verdict) == (0, TargetOutcome.NO_DATA)


def test_a_month_counts_from_the_component_s_first_instant_to_its_last():
    ledger = Ledger(BEGIN + 5 * DAY)
    ledger.component("web", ["web/home"], BEGIN + 5 * DAY)
    ledger.goes("web/home", UP, BEGIN + 5 * DAY)
    ledger.end(Kind.COMPONENT, "web", BEGIN + 15 * DAY)
    found = november(ledger)
    assert (found.account.scope_ms, found.account.unknown_ms) == (10 * DAY, 0)
    assert found.lifetime == ((BEGIN + 5 * DAY, BEGIN + 15 * DAY),)
    assert found.account.budget_ms == Fraction(10 * DAY, 1000)


def test_what_the_book_does_not_know_has_no_figure():
    with pytest.raises(KeyError):
        november(month(), "other")
    with pytest.raises(KeyError):
        figure(Book(), "web", NOVEMBER, LONG_AFTER)


def test_a_renamed_component_keeps_its_figure():
    ledger = month()
    outage(ledger, BEGIN + DAY, BEGIN + DAY + HOUR)
    ledger.window(window("2026-11-20T00:00", 2), BEGIN)
    before = november(ledger).account
    ledger.rename("site", "web", BEGIN + 3 * DAY)
    assert november(ledger, "site").account == before


# ---- terms


def test_a_target_changed_in_mid_month_applies_from_the_next():
    ledger = month(target="0.999")
    ledger.service(BEGIN + DAY, target="0.9")
    targets = [figure(ledger.book, "web", m, LONG_AFTER).account.target for m in (NOVEMBER, DECEMBER)]
    assert targets == [Fraction("0.999"), Fraction("0.9")]


def test_a_target_changed_at_the_first_instant_of_a_month_applies_to_it():
    ledger = month()
    ledger.service(BEGIN, target="0.9")
    assert november(ledger).account.target == Fraction("0.9")


def test_the_first_month_on_record_has_the_first_terms():
    ledger = Ledger(BEGIN + 5 * DAY, target="0.99")
    ledger.service(BEGIN + 6 * DAY, target="0.9999")
    assert terms_of(ledger.book, NOVEMBER).target == Fraction("0.99")
    assert terms_of(ledger.book, Month(2026, 1)).target == Fraction("0.99")


def test_a_zone_changed_in_mid_month_moves_no_month_that_has_begun():
    ledger = month()
    ledger.service(BEGIN + DAY, zone=ZoneInfo("Asia/Tokyo"))
    zones = [figure(ledger.book, "web", m, LONG_AFTER).zone for m in (NOVEMBER, DECEMBER)]
    assert zones == ["UTC", "Asia/Tokyo"]


def test_the_month_is_that_of_the_zone_it_is_asked_in():
    found = figure(month().book, "web", NOVEMBER, LONG_AFTER, zone="America/New_York")
    assert total([found.span]) == 30 * DAY + HOUR, "in November the clocks go back"


# ---- maintenance


def excluded(ledger: Ledger, key: str = "web") -> int:
    return november(ledger, key).account.excluded_ms


def test_maintenance_told_in_time_is_taken_out():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-06T23:00"))
    outage(ledger, at("2026-11-10T01:00"), at("2026-11-10T03:00"))
    account = november(ledger).account
    assert (account.excluded_ms, account.down_ms) == (2 * HOUR, HOUR)
    assert account.budget_ms == Fraction(30 * DAY - 2 * HOUR, 1000)


@pytest.mark.parametrize(("late_ms", "out"), [(0, 2 * HOUR), (1, 0)])
def test_notice_is_owed_to_the_millisecond(late_ms, out):
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-07T00:00") + late_ms)
    assert excluded(ledger) == out


def test_notice_counts_from_the_record_not_from_what_the_file_claims():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2, announced_ms=at("2026-11-01T00:00")), at("2026-11-09T00:00"))
    assert excluded(ledger) == 0


def test_an_announcement_still_to_be_made_counts_from_when_it_is():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2, announced_ms=at("2026-11-08T00:00")), at("2026-11-01T00:00"))
    assert excluded(ledger) == 0


@pytest.mark.parametrize(
    "flaw", [{"announced_ms": None}, {"sla_exclude": False}, {"opens": Opens.WHEN_ANNOUNCED}]
)
def test_a_window_unannounced_or_not_for_the_sla_or_only_permitted_takes_nothing_out(flaw):
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2, **flaw), at("2026-10-02T00:00"))
    assert excluded(ledger) == 0


def test_there_is_no_cap_on_what_the_service_s_own_terms_take_out():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 20 * 24), at("2026-10-02T00:00"))
    assert excluded(ledger) == 20 * DAY


def test_a_window_enlarged_too_late_keeps_what_was_told_in_time():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-10T00:00", 5), at("2026-11-09T00:00"))
    assert excluded(ledger) == 2 * HOUR


def test_a_window_enlarged_in_time_takes_all_of_it_out():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-10T00:00", 5), at("2026-11-06T00:00"))
    assert excluded(ledger) == 5 * HOUR


def test_a_running_window_is_never_extended():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-10T00:00", 200), at("2026-11-10T01:00"))
    assert excluded(ledger) == 2 * HOUR


def test_a_window_cut_short_excludes_no_more_than_it_ran():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 5), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-10T00:00", 1), at("2026-11-10T02:00"))
    assert excluded(ledger) == 2 * HOUR


def test_a_window_withdrawn_excludes_nothing_from_then_on():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 5), at("2026-11-01T00:00"))
    ledger.end(Kind.WINDOW, "work", at("2026-11-10T01:00"))
    assert excluded(ledger) == HOUR


def test_a_window_moved_too_late_excludes_neither_the_old_time_nor_the_new():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-11T00:00", 2), at("2026-11-09T00:00"))
    assert excluded(ledger) == 0


def test_nothing_recorded_today_excludes_what_is_over():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2, announced_ms=None), at("2026-11-01T00:00"))
    outage(ledger, at("2026-11-10T00:00"), at("2026-11-10T02:00"))
    before = november(ledger).account
    ledger.window(window("2026-11-10T00:00", 2), at("2026-11-12T00:00"))
    assert november(ledger).account == before


def test_a_component_added_to_a_window_has_the_notice_of_that_day():
    ledger = month()
    ledger.component("db", ["db/q"], at("2026-10-02T00:00"))
    ledger.window(window("2026-11-10T00:00", 2, "web"), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-10T00:00", 2, "web", "db"), at("2026-11-09T00:00"))
    assert (excluded(ledger, "web"), excluded(ledger, "db")) == (2 * HOUR, 0)


def test_every_occurrence_of_a_weekly_window_inherits_its_rule_s_notice():
    ledger = month()
    weekly = Window(
        name="work", components=("web",), rule=parse_weekly("Sat 00:00-03:00", UTC), sla_exclude=True,
        announced_ms=at("2026-10-01T00:00"),
    )  # fmt: skip
    ledger.window(weekly, at("2026-11-06T00:00"))  # the Saturday after has one day's notice
    assert excluded(ledger) == 3 * 3 * HOUR


def test_windows_that_overlap_are_united_not_summed():
    from dataclasses import replace

    ledger = month()
    first = window("2026-11-10T00:00", 3)
    ledger.window(first, at("2026-10-02T00:00"))
    ledger.window(replace(window("2026-11-10T01:00", 4), name="more"), at("2026-10-02T00:00"))
    assert excluded(ledger) == 5 * HOUR


def test_a_window_over_one_component_excuses_no_other():
    ledger = month()
    ledger.component("db", ["db/q"], at("2026-10-02T00:00"))
    ledger.goes("db/q", UP, at("2026-10-02T00:00"))
    ledger.window(window("2026-11-10T00:00", 2, "web"), at("2026-10-02T00:00"))
    outage(ledger, at("2026-11-10T00:00"), at("2026-11-10T02:00"), "db/q")
    account = november(ledger, "db").account
    assert (account.excluded_ms, account.down_ms) == (0, 2 * HOUR)


def contained() -> Ledger:
    """`all` needs both `web` and `db`; `web` has a window."""
    ledger = month()
    early = at("2026-10-02T00:00")
    ledger.component("db", ["db/q"], early)
    ledger.goes("db/q", UP, early)
    ledger.component("all", ["web", "db"], early)
    ledger.window(window("2026-11-10T00:00", 2, "web"), early)
    return ledger


def test_what_is_down_only_by_a_member_under_maintenance_is_excluded_too():
    ledger = contained()
    outage(ledger, at("2026-11-10T00:00"), at("2026-11-10T03:00"))
    account = november(ledger, "all").account
    assert (account.excluded_ms, account.down_ms) == (2 * HOUR, HOUR)


def test_another_member_s_outage_in_that_time_is_an_outage():
    ledger = contained()
    outage(ledger, at("2026-11-10T00:00"), at("2026-11-10T02:00"))
    outage(ledger, at("2026-11-10T01:00"), at("2026-11-10T02:00"), "db/q")
    account = november(ledger, "all").account
    assert (account.excluded_ms, account.down_ms) == (HOUR, HOUR)


def test_an_outage_longer_than_the_window_allows_is_downtime_beyond_that():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2, max_outage=timedelta(seconds=60)), at("2026-10-02T00:00"))
    outage(ledger, at("2026-11-10T00:10"), at("2026-11-10T00:11"))
    outage(ledger, at("2026-11-10T00:30"), at("2026-11-10T00:35"))
    account = november(ledger).account
    assert (account.down_ms, account.excluded_ms) == (4 * MINUTE, 2 * HOUR - 4 * MINUTE)


def test_editing_a_window_does_not_allow_the_outage_in_it_anew():
    ledger = month()
    short = timedelta(seconds=60)
    ledger.window(window("2026-11-10T00:00", 2, max_outage=short), at("2026-10-02T00:00"))
    ledger.goes("web/home", DOWN, at("2026-11-10T00:30"))
    ledger.window(window("2026-11-10T00:00", 2, max_outage=short, text="edited"), at("2026-11-10T00:40"))
    ledger.goes("web/home", UP, at("2026-11-10T00:50"))
    assert november(ledger).account.down_ms == 19 * MINUTE


def test_an_outage_that_a_window_came_to_forbid_is_downtime_from_then_on():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 2), at("2026-10-02T00:00"))
    ledger.goes("web/home", DOWN, at("2026-11-10T00:30"))
    edited = window("2026-11-10T00:00", 2, max_outage=timedelta(0))
    ledger.window(edited, at("2026-11-10T00:40"))
    ledger.goes("web/home", UP, at("2026-11-10T00:50"))
    assert november(ledger).account.down_ms == 10 * MINUTE


def test_what_was_worked_on_is_told_by_the_windows_as_they_then_stood():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 5), at("2026-11-01T00:00"))
    ledger.window(window("2026-11-10T00:00", 1, "db"), at("2026-11-10T02:00"))
    begin = at("2026-11-10T00:00")
    assert {k: [s for _, s in v] for k, v in worked(ledger.book, BEGIN, END).items()} == {
        "web": [(begin, begin + 2 * HOUR)]
    }


def test_what_is_planned_is_told_by_the_windows_now_in_force():
    ledger = month()
    ledger.window(window("2026-11-10T00:00", 5), BEGIN)
    ledger.window(window("2026-11-12T00:00", 1), BEGIN + HOUR)
    (found,) = maintenance(ledger.book, BEGIN, END)
    assert (found[1].from_ms, found[1].to_ms) == (at("2026-11-12T00:00"), at("2026-11-12T01:00"))
    ledger.end(Kind.WINDOW, "work", BEGIN + 2 * HOUR)
    assert maintenance(ledger.book, BEGIN, END) == []


# ---- properties over whatever a ledger may hold

minutes = st.integers(0, 40 * 24 * 60).map(lambda n: at("2026-10-25T00:00") + n * MINUTE)
events = st.one_of(
    st.tuples(st.just("goes"), st.sampled_from(["app/a", "app/b", "top/x"]), st.sampled_from([UP, DEGRADED, DOWN, UNKNOWN]), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("window"), st.sampled_from(["w", "v"]), st.sampled_from([("app",), ("top",), ("app", "top")]), st.integers(0, 400), st.integers(1, 30), st.sampled_from([None, 0, 600])),
    st.tuples(st.just("close"), st.sampled_from(["w", "v"])),
    st.tuples(st.just("needs"), st.sampled_from([1, 2])),
    st.tuples(st.just("target"), st.sampled_from(["0.99", "0.999"])),
)  # fmt: skip
stories = st.lists(st.tuples(minutes, events), max_size=25).map(
    lambda story: sorted(story, key=lambda e: e[0])
)


def told(story) -> Ledger:
    """The ledger of a story: app = a and b, top = app and x."""
    begin = at("2026-10-24T00:00")
    ledger = Ledger(begin)
    ledger.component("app", ["app/a", "app/b"], begin)
    ledger.component("top", ["app", "top/x"], begin)
    held = {}
    for when, (what, *rest) in story:
        if what == "goes":
            name, state, before, after = rest
            earliest = max(when - before * MINUTE, held.get(name, begin))
            ledger.goes(name, state, when, sure=(earliest, when + after * 1000))
            held[name] = when + after * 1000
        elif what == "window":
            name, components, hours, length, longest = rest
            rule = OneOff(
                from_utc_ms(when + hours * HOUR, UTC).replace(tzinfo=None),
                Length(timedelta(hours=length)),
                UTC,
            )
            outage_s = None if longest is None else timedelta(seconds=longest)
            ledger.window(
                Window(
                    name=name,
                    components=components,
                    rule=rule,
                    sla_exclude=True,
                    max_outage=outage_s,
                    announced_ms=0,
                ),
                when,
            )
        elif what == "close":
            if any(e.subject == rest[0] for e in ledger.entries):
                ledger.end(Kind.WINDOW, rest[0], when)
        elif what == "needs":
            ledger.component("app", ["app/a", "app/b"], when, needs=rest[0])
        else:
            ledger.service(when, target=rest[0])
    return ledger


@given(stories, minutes, st.sampled_from(["app", "top"]))
def test_the_least_the_found_and_the_most_are_in_order_and_the_scope_is_divided_whole(story, now_ms, key):
    found = figure(told(story).book, key, NOVEMBER, now_ms)
    a = found.account
    assert found.down_min_ms <= a.down_ms <= found.down_max_ms <= a.scope_ms
    assert a.scope_ms == a.excluded_ms + a.down_ms + a.up_ms + a.unknown_ms
    assert a == account_so_far(told(story).book, key, NOVEMBER, now_ms)


@given(stories, st.sampled_from(["app", "top"]))
def test_the_days_of_a_month_sum_to_the_month(story, key):
    book = told(story).book
    a = figure(book, key, NOVEMBER, LONG_AFTER).account
    out = Excusing(book, NOTICE)
    timeline = overlaid(
        book.component_timeline(key, Edge.FOUND, BEGIN, END, out), out(key, BEGIN, END), State.EXCLUDED
    )
    days = tallies(timeline, NOVEMBER.days(UTC), clipped(book.lifetime(key), BEGIN, END))
    for name in ("scope_ms", "excluded_ms", "up_ms", "degraded_ms", "down_ms", "unknown_ms"):
        assert sum(getattr(day, name) for day in days) == getattr(a, name), name


@given(stories, minutes)
def test_a_figure_is_a_function_of_the_entries_alone(story, now_ms):
    ledger = told(story)
    first = figure(ledger.book, "top", NOVEMBER, now_ms)
    assert figure(Book(list(ledger.entries)), "top", NOVEMBER, now_ms) == first


@given(stories, minutes)
def test_what_is_recorded_after_a_month_is_over_takes_nothing_more_out_of_it(story, late):
    ledger = told(story)
    before = figure(ledger.book, "top", NOVEMBER, LONG_AFTER)
    ledger.window(window("2026-11-10T00:00", 100, "app", "top"), END + 10 * DAY + late % DAY)
    assert figure(ledger.book, "top", NOVEMBER, LONG_AFTER).account == before.account
