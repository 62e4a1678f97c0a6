"""Timelines agree with a walk over every millisecond."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.core.shapes import AXIS, BELIEFS, instants, loose_items, loose_spans, timelines
from watch.core.component import composed_state
from watch.core.spans import union
from watch.core.timeline import (
    State,
    composed,
    filled,
    merged,
    overlaid,
    settled,
    spans_of,
    state_at,
    stretches,
    within,
)

UP, DOWN, DEGRADED, UNKNOWN, EXCLUDED = State.UP, State.DOWN, State.DEGRADED, State.UNKNOWN, State.EXCLUDED
tidy_spans = loose_spans.map(union)


def walked(timeline) -> list[State]:
    """The state at every millisecond of the axis."""
    states = [UNKNOWN] * AXIS
    for start, end, state in timeline:
        states[start:end] = [state] * (end - start)
    return states


def is_tidy(timeline) -> bool:
    return all(a < b for a, b, _ in timeline) and all(
        a[1] < b[0] or (a[1] == b[0] and a[2] != b[2]) for a, b in pairwise(timeline)
    )


@given(loose_items)
def test_where_items_overlap_down_beats_degraded_beats_up(items):
    rank = [UNKNOWN, UP, DEGRADED, DOWN]
    expected = [UNKNOWN] * AXIS
    for start, end, state in items:
        for ms in range(start, end):
            expected[ms] = max(expected[ms], state, key=rank.index)
    assert walked(settled(items)) == expected
    assert is_tidy(settled(items))


@given(timelines())
def test_settling_changes_nothing_that_is_settled(timeline):
    assert settled(timeline) == timeline


@given(timelines(), instants)
def test_the_state_at_an_instant_is_the_items_or_unknown(timeline, ms):
    assert state_at(timeline, ms) == [*walked(timeline), UNKNOWN][ms]


@given(timelines(), instants, instants)
def test_a_filled_timeline_covers_every_instant(timeline, a, b):
    lo, hi = min(a, b), max(a, b)
    whole = filled(timeline, lo, hi)
    assert walked(whole)[lo:hi] == walked(timeline)[lo:hi]
    assert sum(end - start for start, end, _ in whole) == hi - lo
    assert is_tidy(whole)


@given(timelines(), tidy_spans)
def test_within_keeps_what_lies_in_the_spans(timeline, spans):
    inside = {ms for start, end in spans for ms in range(start, end)}
    before = walked(timeline)
    assert walked(within(timeline, spans)) == [before[ms] if ms in inside else UNKNOWN for ms in range(AXIS)]


@given(timelines(), tidy_spans)
def test_an_overlay_hides_the_timeline_and_its_gaps_and_nothing_else(timeline, spans):
    inside = {ms for start, end in spans for ms in range(start, end)}
    before = walked(timeline)
    after = overlaid(timeline, spans, EXCLUDED)
    assert walked(after) == [EXCLUDED if ms in inside else before[ms] for ms in range(AXIS)]
    assert is_tidy(after)


@given(timelines(), st.sampled_from(BELIEFS[:3]))
def test_the_spans_of_a_state_are_where_it_holds(timeline, state):
    expected = [ms for ms, held in enumerate(walked(timeline)) if held == state]
    assert [ms for start, end in spans_of(timeline, state) for ms in range(start, end)] == expected


@given(st.lists(timelines((*BELIEFS, EXCLUDED)), min_size=1, max_size=5), st.data())
def test_composing_timelines_is_composing_states_at_every_instant(members, data):
    k = data.draw(st.integers(1, len(members)))
    expected = [composed_state(states, k) for states in zip(*map(walked, members), strict=True)]
    found = composed(members, lambda c: composed_state([s for s in State for _ in range(c[s])], k), 0, AXIS)
    assert walked(found) == expected
    assert is_tidy(found)


@given(st.lists(timelines(), min_size=1, max_size=4), instants, instants)
def test_stretches_tell_each_members_state_between_its_changes(members, a, b):
    lo, hi = min(a, b), max(a, b)
    told = [
        (start, end, list(states), dict(counts)) for start, end, states, counts in stretches(members, lo, hi)
    ]
    for start, end, states, counts in told:
        assert counts == {state: states.count(state) for state in State}
        for ms in range(start, end):
            assert states == [walked(member)[ms] for member in members]
    assert sum(end - start for start, end, _, _ in told) == hi - lo


def test_touching_items_of_one_state_are_one_item():
    assert merged([(0, 5, UP), (5, 5, DOWN), (5, 9, UP), (9, 12, DOWN)]) == [(0, 9, UP), (9, 12, DOWN)]


def test_no_members_compose_to_one_stretch():
    assert composed([], lambda _: UNKNOWN, 0, 10) == [(0, 10, UNKNOWN)]
