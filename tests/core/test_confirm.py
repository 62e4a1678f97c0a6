"""A blip is no outage, an outage begins with its first reading, and what we did not see is unknown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watch.core.confirm import Belief, Confirmation, awaits_sight, blinded, lapsed, observed, sighted
from watch.core.reading import Reason, Verdict
from watch.core.timeline import State

TERMS = Confirmation(down=3, up=2, validity_ms=150_000)
WORDS = {"u": Verdict.UP, "g": Verdict.DEGRADED, "d": Verdict.DOWN, "?": Verdict.UNKNOWN}


def told(story: str, *, every: int = 10_000, took: int = 100, belief: Belief | None = None, start: int = 0):
    """Belief and changes after the readings of *story*, one letter each; a blank lets the time pass unread."""
    belief, changes = belief or Belief(), []
    for n, letter in enumerate(story):
        if letter != " ":
            belief, more = observed(
                belief, TERMS, verdict=WORDS[letter], reason=Reason.OK, at_ms=start + n * every, took_ms=took
            )
            changes += more
    return belief, changes


def states(story: str, **options):
    return [(c.state.value, c.effective_ms // 10_000) for c in told(story, **options)[1]]


def test_one_good_reading_is_up_after_knowing_nothing():
    assert states("u") == [("up", 0)]


def test_two_bad_readings_are_a_blip_and_counted_as_one():
    belief, _ = told("uudduu")
    assert states("uudduu") == [("up", 0)]
    assert belief.blips == 1


def test_the_third_bad_reading_makes_an_outage_that_began_with_the_first():
    assert states("uuddd") == [("up", 0), ("down", 2)]


def test_one_good_reading_inside_an_outage_does_not_end_it():
    assert states("udddudd") == [("up", 0), ("down", 1)]


def test_an_outage_ends_with_the_first_of_two_good_readings():
    assert states("udddudduu") == [("up", 0), ("down", 1), ("up", 7)]


def test_degraded_confirms_like_down():
    assert states("ugg") == [("up", 0)]
    assert states("uggg") == [("up", 0), ("degraded", 1)]


def test_a_bad_reading_feeds_a_degraded_streak_but_not_the_other_way_round():
    assert states("ugdg") == [("up", 0), ("degraded", 1)]
    assert states("uddgd") == [("up", 0), ("degraded", 1)]


def test_degraded_turns_down_from_its_first_bad_reading():
    assert states("ugggddd") == [("up", 0), ("degraded", 1), ("down", 4)]


def test_after_down_degraded_counts_as_good():
    assert states("dddgg") == [("down", 0), ("degraded", 3)]
    assert states("dddgu") == [("down", 0), ("up", 3)]


def test_a_recovery_that_sags_again_needs_a_confirmation_of_its_own():
    assert states("dddugg") == [("down", 0), ("up", 3)]
    assert states("dddugggg") == [("down", 0), ("up", 3), ("degraded", 4)]


def test_unknown_readings_neither_break_nor_feed_a_streak():
    assert states("ud?d?d") == [("up", 0), ("down", 1)]


def test_unknown_readings_do_not_extend_validity():
    assert states("u" + "?" * 20 + "u") == [("up", 0), ("unknown", 15), ("up", 21)]


def test_validity_is_half_open():
    belief, _ = told("u")
    assert lapsed(belief, TERMS, now_ms=149_999)[1] == ()
    assert [c.effective_ms for c in lapsed(belief, TERMS, now_ms=150_000)[1]] == [150_000]


def test_after_a_gap_down_needs_its_full_confirmation_again():
    gap = "u" + " " * 20
    assert states(gap + "dd") == [("up", 0), ("unknown", 15)]
    assert states(gap + "ddd") == [("up", 0), ("unknown", 15), ("down", 21)]


def test_a_streak_does_not_survive_a_gap():
    assert states("udd" + " " * 20 + "d")[-1] == ("unknown", 17)


def test_an_older_reading_changes_nothing():
    belief, _ = told("uuu")
    assert observed(belief, TERMS, verdict=Verdict.DOWN, reason=Reason.OK, at_ms=5_000, took_ms=1) == (
        belief,
        (),
    )


def test_the_edges_of_an_outage_enclose_what_can_have_happened():
    onset, recovery = told("uuddduu")[1][1:]
    assert (onset.earliest_ms, onset.effective_ms, onset.latest_ms) == (10_000, 20_000, 20_100)
    assert (recovery.earliest_ms, recovery.effective_ms, recovery.latest_ms) == (40_000, 50_000, 50_100)


def test_an_outage_that_ends_in_a_gap_may_have_ended_after_its_last_bad_reading():
    belief, _ = told("udddu")
    (change,) = lapsed(belief, TERMS, now_ms=1_000_000)[1]
    assert (change.earliest_ms, change.effective_ms) == (30_000, 190_000)


def test_a_blind_vantage_point_believes_nothing_since_it_last_saw():
    belief, changes = blinded(told("uuud")[0], at_ms=25_000, reason=Reason.BLIND)
    assert (belief.state, belief.down_run) == (State.UNKNOWN, None)
    assert [(c.state, c.effective_ms) for c in changes] == [(State.UNKNOWN, 25_000)]


def blindly(story: str, seen_ms: int, *, every: int = 10_000):
    """Belief and changes after *story*, when the last good canary round began at *seen_ms*."""
    belief, changes = Belief(), []
    for n, letter in enumerate(story):
        belief, more = observed(
            belief, TERMS, verdict=WORDS[letter], reason=Reason.OK, at_ms=n * every, took_ms=100,
            sighted_ms=seen_ms,
        )  # fmt: skip
        changes += more
    return belief, [(c.state.value, c.effective_ms // every) for c in changes]


def test_down_waits_for_a_canary_round_begun_after_its_first_bad_reading():
    belief, changes = blindly("uddd", 10_000)
    assert changes == [("up", 0)]
    assert awaits_sight(belief, TERMS, 10_000)
    after, (change,) = sighted(belief, TERMS, Reason.REFUSED, 10_001)
    assert (change.state, change.effective_ms, change.reason) == (State.DOWN, 10_000, Reason.REFUSED)
    assert (after.state, after.settled) == (State.DOWN, True)


def test_a_round_that_proves_nothing_changes_nothing():
    belief, _ = blindly("uddd", 0)
    assert sighted(belief, TERMS, Reason.OK, 10_000) == (belief, ())
    assert sighted(told("udd")[0], TERMS, Reason.OK, 10**9) == (told("udd")[0], ())


def test_what_waits_for_a_round_is_not_degraded_meanwhile():
    assert blindly("udddd", 0)[1] == [("up", 0)]


def test_degraded_and_recovery_wait_for_no_round():
    assert blindly("uggg", 0)[1] == [("up", 0), ("degraded", 1)]
    belief, _ = told("uddd")
    _, changes = observed(
        belief, TERMS, verdict=Verdict.UP, reason=Reason.OK, at_ms=40_000, took_ms=1, sighted_ms=0
    )
    assert changes == ()
    belief, _ = told("udddu")
    _, (change,) = observed(
        belief, TERMS, verdict=Verdict.UP, reason=Reason.OK, at_ms=50_000, took_ms=1, sighted_ms=0
    )
    assert (change.state, change.effective_ms) == (State.UP, 40_000)


@given(st.text("ugd?", max_size=40))
def test_who_waits_for_a_round_would_be_down_by_it(story):
    belief, _ = blindly(story, -1)
    after, changes = sighted(belief, TERMS, Reason.OK, 10**9)
    assert awaits_sight(belief, TERMS, -1) is (State.DOWN in [c.state for c in changes])
    assert after.state is (State.DOWN if changes else belief.state)


def test_who_is_settled_is_not_asked_again_early():
    assert told("uu")[0].settled
    assert not told("uud")[0].settled
    assert told("uuddd")[0].settled
    assert not told("uudddu")[0].settled
    assert told("uuddduu")[0].settled


@given(st.text("ugd? ", max_size=60))
def test_changes_come_in_order_and_each_leaves_the_state_it_found(story):
    belief, changes = told(story)
    assert [c.effective_ms for c in changes] == sorted(c.effective_ms for c in changes)
    was = State.UNKNOWN
    for change in changes:
        assert change.was is was
        assert change.state is not was
        assert change.earliest_ms <= change.effective_ms <= change.latest_ms
        was = change.state
    assert belief.state is was


@given(st.text("ugd?", max_size=40), st.integers(0, 40))
def test_a_pause_shorter_than_validity_changes_nothing(story, cut):
    """A restart of the hub that keeps the belief is no restart at all."""
    belief, changes = told(story[:cut])
    after, more = told(story[cut:], belief=belief, start=len(story[:cut]) * 10_000)
    assert (after, [*changes, *more]) == told(story)
