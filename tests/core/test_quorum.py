"""Many vantage points, one state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.shapes import AXIS, BELIEFS, timelines
from watch.core.quorum import (
    Confidence,
    Quorum,
    Seen,
    SelfAlert,
    SelfAlertKind,
    View,
    quorum,
    quorum_timeline,
)
from watch.core.settings import Audience
from watch.core.timeline import State, state_at

UP, DOWN, DEGRADED, UNKNOWN = BELIEFS[0], BELIEFS[2], BELIEFS[1], BELIEFS[3]
INTERNAL, PUBLIC, ANY = Audience.INTERNAL, Audience.PUBLIC, Audience.ANY


def seen(*, onsite=(), offsite=(), blind=()) -> list[Seen]:
    """Vantage points on-0, on-1, … and off-0, …; those named in *blind* are not healthy."""
    found = [Seen(f"on-{n}", True, s, f"on-{n}" not in blind) for n, s in enumerate(onsite)]
    return found + [Seen(f"off-{n}", False, s, f"off-{n}" not in blind) for n, s in enumerate(offsite)]


def impaired(vantage: str) -> SelfAlert:
    return SelfAlert(SelfAlertKind.VANTAGE_IMPAIRED, vantage)


NOBODY = SelfAlert(SelfAlertKind.NO_HEALTHY_VANTAGE)


@pytest.mark.parametrize("state", [UP, DEGRADED, DOWN])
def test_one_vantage_point_alone_is_believed_with_low_confidence(state):
    assert quorum(seen(onsite=[state])) == Quorum(state, Confidence.LOW)


@pytest.mark.parametrize(
    ("pool", "state"),
    [
        ([DOWN, DOWN, UP], DOWN),
        ([DOWN, UP, UP], DEGRADED),
        ([DOWN, UP], DEGRADED),  # a tie
        ([DOWN, DOWN, UP, UP], DEGRADED),
        ([DEGRADED, UP], DEGRADED),  # at least half
        ([DEGRADED, UP, UP], UP),
        ([DEGRADED, DEGRADED, UP], DEGRADED),
        ([DOWN, DOWN, UNKNOWN, UNKNOWN], DOWN),  # the silent are not in the pool
    ],
)
def test_a_strict_majority_of_the_pool_decides(pool, state):
    assert quorum(seen(onsite=pool)) == Quorum(state, Confidence.NORMAL)


@pytest.mark.parametrize(
    ("down_when", "pool", "state"),
    [
        ("any", [DOWN, UP, UP], DOWN),
        ("all", [DOWN, DOWN, UP], DEGRADED),
        ("all", [DOWN, DOWN], DOWN),
        (2, [DOWN, DOWN, UP, UP, UP], DOWN),
        (2, [DOWN, UP, UP], DEGRADED),
        (2, [DOWN], UNKNOWN),  # fewer than two can say
        (2, [UP, UNKNOWN], UNKNOWN),
    ],
)
def test_down_when_says_how_many_must_see_it(down_when, pool, state):
    assert quorum(seen(onsite=pool), down_when=down_when).state is state


def test_nobody_who_can_say_is_unknown_and_trouble_of_our_own():
    assert quorum(seen(onsite=[UNKNOWN])) == Quorum(UNKNOWN, Confidence.NONE, (NOBODY,))
    assert quorum([]) == Quorum(UNKNOWN, Confidence.NONE, (NOBODY,))


def test_a_blind_vantage_point_is_not_believed_and_says_so():
    assert quorum(seen(onsite=[DOWN, UP], blind=["on-0"])) == Quorum(UP, Confidence.LOW, (impaired("on-0"),))
    assert quorum(seen(onsite=[DOWN], blind=["on-0"])) == Quorum(
        UNKNOWN, Confidence.NONE, (impaired("on-0"), NOBODY)
    )


def test_internal_ignores_offsite():
    assert quorum(seen(onsite=[UP], offsite=[DOWN, DOWN]), INTERNAL).state is UP
    assert quorum(seen(offsite=[UP]), INTERNAL).state is UNKNOWN


def test_any_asks_everybody():
    assert quorum(seen(onsite=[UP], offsite=[DOWN, DOWN]), ANY) == Quorum(DOWN, Confidence.NORMAL)


def test_the_public_is_asked_from_elsewhere():
    assert quorum(seen(onsite=[UP], offsite=[DOWN, DOWN]), PUBLIC) == Quorum(DOWN, Confidence.NORMAL)


def test_a_site_that_sees_its_own_service_down_makes_it_degraded_for_the_public():
    assert quorum(seen(onsite=[DOWN], offsite=[UP, UP]), PUBLIC) == Quorum(DEGRADED, Confidence.NORMAL)
    assert quorum(seen(onsite=[DOWN], offsite=[UP, UP], blind=["on-0"]), PUBLIC).state is UP


def test_the_own_site_is_the_fallback_when_offsite_cannot_speak():
    found = quorum(seen(onsite=[DOWN, DOWN], offsite=[UP], blind=["off-0"]), PUBLIC)
    assert found == Quorum(DOWN, Confidence.LOW, (impaired("off-0"),), fallback=True)
    assert quorum(seen(onsite=[UP, UP], offsite=[UNKNOWN]), PUBLIC) == Quorum(
        UP, Confidence.LOW, fallback=True
    )


def test_where_no_offsite_was_configured_the_own_site_is_simply_the_pool():
    assert quorum(seen(onsite=[DOWN, DOWN]), PUBLIC) == Quorum(DOWN, Confidence.NORMAL)


def test_named_vantage_points_are_the_pool_whatever_the_audience():
    asked = seen(onsite=[DOWN], offsite=[UP, UP])
    assert quorum(asked, INTERNAL, sources=["off-0", "off-1"]) == Quorum(UP, Confidence.NORMAL)
    assert quorum(asked, PUBLIC, sources=["on-0"]) == Quorum(DOWN, Confidence.LOW)


views = st.lists(st.tuples(st.booleans(), timelines()), min_size=1, max_size=4).map(
    lambda found: [View(f"v{n}", onsite, timeline) for n, (onsite, timeline) in enumerate(found)]
)


@given(views, st.sampled_from(Audience), st.sampled_from(["any", "majority", "all", 1, 2]))
def test_a_timeline_of_the_quorum_is_the_quorum_at_every_instant(views, audience, down_when):
    found = quorum_timeline(views, (0, AXIS), audience=audience, down_when=down_when)
    for ms in range(AXIS):
        then = [Seen(view.vantage, view.onsite, state_at(view.timeline, ms)) for view in views]
        assert state_at(found, ms) == quorum(then, audience, down_when).state


@given(timelines())
def test_one_vantage_points_timeline_is_the_checks(timeline):
    found = quorum_timeline([View("v", True, timeline)], (0, AXIS))
    assert all(state_at(found, ms) == state_at(timeline, ms) for ms in range(AXIS))


@given(st.lists(st.sampled_from(BELIEFS), max_size=6), st.sampled_from(["any", "majority", "all", 1, 3]))
def test_down_needs_somebody_who_saw_it_down(pool, down_when):
    state = quorum(seen(onsite=pool), down_when=down_when).state
    assert state is not State.DOWN or DOWN in pool
    assert state is not State.UP or DOWN not in pool
