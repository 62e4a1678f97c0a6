"""k of n, and the words the public reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.component import (
    PublicStatus,
    composed_state,
    composed_timeline,
    public_status,
    redundancy_only,
)
from watch.core.timeline import State

UP, DOWN, DEGRADED, UNKNOWN, EXCLUDED = State.UP, State.DOWN, State.DEGRADED, State.UNKNOWN, State.EXCLUDED
members = st.lists(st.sampled_from(State), min_size=1, max_size=6)


@given(members, st.data())
def test_more_members_up_is_never_worse(states, data):
    k = data.draw(st.integers(1, len(states)))
    better = [DOWN, EXCLUDED, UNKNOWN, DEGRADED, UP]
    index = data.draw(st.integers(0, len(states) - 1))
    mended = [*states[:index], UP, *states[index + 1 :]]
    assert better.index(composed_state(mended, k)) >= better.index(composed_state(states, k))


@given(members, st.data())
def test_the_order_of_members_does_not_matter(states, data):
    k = data.draw(st.integers(1, len(states)))
    assert composed_state(data.draw(st.permutations(states)), k) == composed_state(states, k)


def test_all_members_are_needed_unless_fewer_are_asked_for():
    assert composed_state([UP, UP, DOWN]) is DOWN
    assert composed_state([UP, UP, DOWN], 2) is DEGRADED


def test_a_component_without_members_is_unknown():
    assert composed_state([]) is UNKNOWN
    assert composed_timeline([], None, 0, 10) == [(0, 10, UNKNOWN)]


@pytest.mark.parametrize("k", [0, 4, -1])
def test_needing_more_or_fewer_members_than_there_are_is_refused(k):
    with pytest.raises(ValueError, match="write 1 to 3"):
        composed_state([UP, UP, UP], k)


def test_a_member_that_is_only_unknown_takes_nothing_from_what_is_seen_to_work():
    assert composed_state([UP, UNKNOWN], 1) is UP
    assert composed_state([UP, DEGRADED, UNKNOWN], 2) is DEGRADED
    assert composed_state([UP, DOWN, UNKNOWN], 1) is DEGRADED


def test_unknown_members_that_could_save_it_make_it_unknown_not_down():
    assert composed_state([UP, DOWN, UNKNOWN], 2) is UNKNOWN
    assert composed_state([DOWN, DOWN, UNKNOWN], 2) is DOWN


def test_maintenance_of_one_does_not_hide_the_outage_of_another():
    assert composed_state([EXCLUDED, DOWN], 2) is DOWN
    assert composed_state([EXCLUDED, UP], 2) is EXCLUDED


def test_a_gap_in_one_member_is_unknown_for_all_of_it():
    assert composed_timeline([[(0, 10, UP)], [(0, 4, UP)]], None, 0, 10) == [(0, 4, UP), (4, 10, UNKNOWN)]


@pytest.mark.parametrize(
    ("states", "k", "only"),
    [
        ([UP, UP, DOWN], 2, True),
        ([UP, UP, UNKNOWN], 2, False),  # nothing is lost that was seen: it is plain up
        ([UP, DEGRADED, DOWN], 2, False),  # one of those that are left is itself degraded
        ([UP, DEGRADED], None, False),
        ([UP, UP], None, False),
        ([UP, DOWN], None, False),
    ],
)
def test_redundancy_is_all_that_was_lost_when_no_member_is_degraded(states, k, only):
    assert redundancy_only(states, k) is only


@pytest.mark.parametrize(
    ("state", "facts", "word"),
    [
        (UP, {}, PublicStatus.OPERATIONAL),
        (DEGRADED, {}, PublicStatus.DEGRADED_PERFORMANCE),
        (DEGRADED, {"redundancy_only": True}, PublicStatus.OPERATIONAL),
        (
            DEGRADED,
            {"redundancy_only": True, "show_redundancy_loss": True},
            PublicStatus.DEGRADED_PERFORMANCE,
        ),
        (DOWN, {"any_member_up": True}, PublicStatus.PARTIAL_OUTAGE),
        (DOWN, {}, PublicStatus.MAJOR_OUTAGE),
        (DOWN, {"in_maintenance": True}, PublicStatus.UNDER_MAINTENANCE),
        (UP, {"in_maintenance": True}, PublicStatus.UNDER_MAINTENANCE),
        (UNKNOWN, {}, None),
    ],
)
def test_the_public_reads(state, facts, word):
    assert public_status(state, **{"any_member_up": False, **facts}) is word
