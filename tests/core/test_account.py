"""The account of a month: its identity, its sums, and each of its rules by name."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.shapes import (
    AXIS,
    BERLIN,
    DAY,
    HOUR,
    LORD_HOWE,
    NEW_YORK,
    held,
    instants,
    loose_items,
    loose_spans,
    timelines,
)
from watch.core.account import (
    Account,
    TargetOutcome,
    account,
    account_of_span,
    excused_timeline,
    percentage,
    tallies,
)
from watch.core.component import composed_timeline
from watch.core.localtime import Month
from watch.core.spans import total, union
from watch.core.timeline import State, overlaid, settled, state_at

UP, DOWN, DEGRADED, UNKNOWN, EXCLUDED = State.UP, State.DOWN, State.DEGRADED, State.UNKNOWN, State.EXCLUDED
TARGET = Fraction("0.9")
tidy_spans = loose_spans.map(union)
perhaps_spans = st.one_of(st.none(), tidy_spans)
targets = st.fractions(0, 1, max_denominator=1000)


@st.composite
def cases(draw):
    """Everything an account depends on, on the short axis."""
    lo, hi = sorted((draw(instants), draw(instants)))
    return (
        (draw(loose_items), (lo, hi), draw(targets)),
        {
            "windows": draw(tidy_spans),
            "cap_ms": draw(st.one_of(st.none(), st.integers(0, AXIS))),
            "lifetime": draw(perhaps_spans),
            "service_hours": draw(perhaps_spans),
            "as_of_ms": draw(st.one_of(st.none(), instants)),
            "degraded_counts_as": draw(st.sampled_from([UP, DOWN])),
        },
    )


def by_the_millisecond(
    items, month, *, windows, cap_ms, lifetime, service_hours, as_of_ms, degraded_counts_as
):
    """The semantics read aloud: class every millisecond, then count."""
    whole = held([month])
    for limit in (lifetime, service_hours):
        whole = whole if limit is None else whole & held(limit)
    excluded = sorted(held(windows) & whole)  # only time in scope uses up the cap
    excluded = set(excluded if cap_ms is None else excluded[:cap_ms])
    scope = {ms for ms in whole if as_of_ms is None or ms < as_of_ms}
    timeline = settled(items)
    states = {ms: state_at(timeline, ms) for ms in scope - excluded}
    if degraded_counts_as is DOWN:
        states = {ms: DOWN if state is DEGRADED else state for ms, state in states.items()}
    count = list(states.values()).count
    return {
        "scope_ms": len(scope),
        "excluded_ms": len(scope & excluded),
        "up_ms": count(UP) + count(DEGRADED),
        "degraded_ms": count(DEGRADED),
        "down_ms": count(DOWN),
        "unknown_ms": count(UNKNOWN),
        "eligible_ms": len(whole - excluded) - count(UNKNOWN),
    }


@given(cases())
def test_every_millisecond_of_the_scope_is_in_exactly_one_class(case):
    (items, month, target), options = case
    found = account(items, month, target, **options)
    expected = by_the_millisecond(items, month, **options)
    assert found.budget_ms == (1 - target) * expected.pop("eligible_ms")
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.scope_ms == found.excluded_ms + found.down_ms + found.up_ms + found.unknown_ms


@given(cases())
def test_the_verdicts_agree_with_each_other(case):
    (items, month, target), options = case
    found = account(items, month, target, **options)
    if (
        found.strict in (TargetOutcome.MET, TargetOutcome.BREACHED)
        and found.verdict is not TargetOutcome.NO_DATA
    ):
        assert found.verdict is found.strict  # what must be so whatever happened unseen is so as measured
    assert (found.uptime is None) == (found.verdict is TargetOutcome.NO_DATA)
    if options["as_of_ms"] is None and found.verdict is not TargetOutcome.NO_DATA:
        assert (found.remaining_ms < 0) == (
            found.verdict is TargetOutcome.BREACHED
        )  # a whole month: budget and ratio are one


@given(timelines(), st.lists(instants, unique=True, min_size=2, max_size=8).map(sorted), perhaps_spans)
def test_days_sum_to_the_whole(timeline, cuts, counting):
    days = list(itertools.pairwise(cuts))
    whole = account_of_span(timeline, (cuts[0], cuts[-1]), counting)
    parts = tallies(timeline, days, counting)
    for name in ("scope_ms", "excluded_ms", "up_ms", "degraded_ms", "down_ms", "unknown_ms"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN, LORD_HOWE], ids=str)
@pytest.mark.parametrize("month", ["2026-03", "2026-04", "2026-10", "2026-11"])
def test_the_days_of_a_month_sum_to_its_account_whatever_the_clocks_do(zone, month):
    month = Month.parse(month)
    lo, hi = month.bounds_ms(zone)
    timeline = [
        (lo, lo + 9 * DAY, UP),
        (lo + 9 * DAY, lo + 9 * DAY + HOUR, DOWN),
        (lo + 9 * DAY + HOUR, hi - DAY, DEGRADED),
    ]
    whole = account(timeline, (lo, hi), TARGET)
    days = tallies(timeline, month.days(zone))
    assert sum(day.scope_ms for day in days) == whole.scope_ms == hi - lo
    assert sum(day.down_ms for day in days) == whole.down_ms == HOUR
    assert sum(day.up_ms for day in days) == whole.up_ms


@given(st.lists(st.tuples(timelines(), tidy_spans), min_size=1, max_size=4), st.data())
def test_a_cap_over_composed_members_leaves_what_was_measured(members, data):
    k = data.draw(st.integers(1, len(members)))
    cap = data.draw(st.integers(0, AXIS))
    measured = composed_timeline([timeline for timeline, _ in members], k, 0, AXIS)
    planned = composed_timeline(
        [overlaid(timeline, spans, EXCLUDED) for timeline, spans in members], k, 0, AXIS
    )
    found = excused_timeline(planned, measured, (), cap, (0, AXIS), [(0, AXIS)])
    left = cap
    for ms in range(AXIS):
        expected = state_at(planned, ms)
        if expected is EXCLUDED:
            expected, left = (EXCLUDED if left > 0 else state_at(measured, ms)), left - 1
        assert state_at(found, ms) == expected


def simple(*items, target=TARGET, **options) -> Account:
    return account([(0, 1000, UP), *items], (0, 1000), target, **options)


def test_an_account_without_data_has_no_uptime_and_no_verdict():
    nothing = account([], (0, 1000), TARGET)
    assert (nothing.uptime, nothing.display, nothing.verdict) == (None, None, TargetOutcome.NO_DATA)
    assert nothing.strict is TargetOutcome.UNDETERMINED
    assert nothing.coverage == 0


def test_a_month_wholly_in_maintenance_has_nothing_to_judge():
    found = simple(windows=[(0, 1000)])
    assert (found.verdict, found.strict, found.coverage, found.budget_ms) == (
        TargetOutcome.NO_DATA,
        TargetOutcome.NO_DATA,
        None,
        0,
    )


def test_a_component_that_did_not_live_in_the_month_has_nothing_to_judge():
    found = simple(lifetime=[(2000, 3000)])
    assert (found.scope_ms, found.strict, found.budget_ms) == (0, TargetOutcome.NO_DATA, 0)


def test_exactly_on_target_is_met_and_one_millisecond_more_is_not():
    assert simple((0, 100, DOWN)).verdict is TargetOutcome.MET
    assert simple((0, 101, DOWN)).verdict is TargetOutcome.BREACHED


def test_a_gap_that_could_decide_leaves_the_strict_verdict_open():
    assert account([(0, 850, UP)], (0, 1000), TARGET).strict is TargetOutcome.UNDETERMINED
    assert account([(0, 900, UP)], (0, 1000), TARGET).strict is TargetOutcome.MET
    assert account([(0, 800, UP), (800, 950, DOWN)], (0, 1000), TARGET).strict is TargetOutcome.BREACHED


def test_degraded_is_up_and_told_beside_it_unless_the_contract_says_down():
    degraded = (100, 300, DEGRADED)
    assert (simple(degraded).up_ms, simple(degraded).degraded_ms) == (1000, 200)
    strict = simple(degraded, degraded_counts_as=DOWN)
    assert (strict.up_ms, strict.degraded_ms, strict.down_ms) == (800, 0, 200)


def test_a_cap_is_used_up_in_time_order():
    found = simple((500, 600, DOWN), windows=[(100, 200), (500, 600)], cap_ms=130)
    assert (found.excluded_ms, found.down_ms) == (130, 70)


def test_excluded_time_that_members_compose_to_uses_up_the_cap_too():
    planned = [(0, 100, EXCLUDED), (100, 1000, UP)]
    found = account(planned, (0, 1000), TARGET, cap_ms=40, measured=[(0, 1000, DOWN)])
    assert (found.excluded_ms, found.down_ms, found.up_ms) == (40, 60, 900)
    assert account(planned, (0, 1000), TARGET, cap_ms=40).unknown_ms == 60  # nobody said what lies beneath


def test_the_budget_of_a_running_month_is_the_whole_months():
    found = simple((0, 50, DOWN), as_of_ms=200)
    assert (found.scope_ms, found.budget_ms, found.remaining_ms) == (200, 100, 50)
    assert found.verdict is TargetOutcome.BREACHED  # so far: 75 %, but nothing is lost yet


def test_planned_work_still_to_come_is_in_the_budget_already():
    found = simple(as_of_ms=200, windows=[(500, 600)])
    assert (found.excluded_ms, found.budget_ms) == (0, 90)


def test_what_is_unknown_shrinks_the_budget():
    assert account([(0, 800, UP)], (0, 1000), TARGET).budget_ms == 80


def test_downtime_is_told_in_whole_seconds_rounded_up():
    assert simple((0, 1, DOWN)).down_s == 1
    assert simple().down_s == 0


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_shown_percentage_is_never_more_than_the_truth(part, more):
    ratio = Fraction(part, part + more)
    shown = Fraction(percentage(ratio))
    assert shown <= ratio * 100 < shown + Fraction(1, 1000)


def test_no_days_have_no_tallies():
    assert tallies([(0, 10, UP)], []) == []


def test_tallies_of_spans_with_gaps_between_them():
    found = tallies([(0, 30, UP)], [(0, 10), (20, 40)])
    assert [(t.up_ms, t.unknown_ms) for t in found] == [(10, 0), (10, 10)]
    assert total([(0, 10), (20, 40)]) == sum(t.scope_ms for t in found)
