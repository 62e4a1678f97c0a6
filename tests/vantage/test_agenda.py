"""A day of scheduling, in a loop without a clock."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from watch.core.confirm import Belief, observed
from watch.core.expect import Judge
from watch.core.reading import Reason, Verdict
from watch.core.settings import Check
from watch.vantage.agenda import FIRST_ROUND, Agenda


class Target:
    """Something to ask on some host."""

    def __init__(self, host: str = "") -> None:
        self.host = host

    def peer(self) -> str:
        return self.host

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and other.host == self.host

    __hash__ = None


def check(name: str, every: float = 30, host: str = "", **more) -> Check:
    return Check(
        name=f"c/{name}",
        component="c",
        kind="fake",
        probe=Target(host),
        judge=Judge((), ()),
        every=timedelta(seconds=every),
        **more,
    )


def played(
    agenda: Agenda, seconds: float, *, verdicts=None, step: float = 0.02, took: float = 0.0, now: float = 0.0
):
    """Run *agenda* for *seconds*; the (time, name) of every start. *verdicts* maps a name to a function of time.

    What was read is released first, and then settled by what a hub believes of it.
    """
    starts, under_way, beliefs = [], [], {}
    end = now + seconds
    while now < end:
        for done, slot in [u for u in under_way if u[0] <= now]:
            under_way.remove((done, slot))
            name, at = slot.check.name, slot.started
            verdict = (verdicts or {}).get(name, lambda _: Verdict.UP)(at)
            agenda.release(slot, now)
            beliefs[name], _ = observed(
                beliefs.get(name, Belief()), slot.check.confirmation, verdict=verdict, reason=Reason.OK,
                at_ms=round(at * 1000), took_ms=0,
            )  # fmt: skip
            agenda.settle(name, now, unsettled=not beliefs[name].settled)
        for slot in agenda.take(now):
            starts.append((now, slot.check.name))
            under_way.append((now + took, slot))
        now = round(now + step, 6)
    return starts


def planned(*checks: Check, **limits) -> Agenda:
    agenda = Agenda(**limits)
    agenda.replan(checks, 0.0)
    return agenda


def test_a_day_has_as_many_starts_as_intervals():
    starts = played(planned(check("a", every=60)), 86_400, step=0.5)
    assert len(starts) in {1440, 1441, 1442}


def test_a_check_does_not_drift():
    times = [at for at, _ in played(planned(check("a", every=10)), 3_600)][2:]
    phase = {round(at % 10, 2) for at in times}
    assert max(phase) - min(phase) <= 0.03


def test_checks_are_spread_and_all_are_asked_within_the_first_round():
    starts = played(planned(*(check(f"n{i}", every=60) for i in range(200))), FIRST_ROUND + 0.1)
    assert len({name for _, name in starts}) == 200
    assert max(sum(1 for at, _ in starts if second <= at < second + 0.5) for second in range(5)) < 60


def test_a_bad_reading_is_asked_again_soon_and_a_confirmed_one_at_its_pace():
    bad_from = 100.0
    agenda = planned(check("a", every=30, retry_every=timedelta(seconds=5)))
    times = [
        at
        for at, _ in played(
            agenda, 300, verdicts={"c/a": lambda at: Verdict.DOWN if at >= bad_from else Verdict.UP}
        )
    ]
    first, *rest = [at for at in times if at >= bad_from]
    assert [round(at - first) for at in rest[:2]] == [5, 10]
    assert rest[2] - rest[1] > 15


def test_retries_never_come_later_than_the_check_itself_would():
    agenda = planned(check("a", every=1, retry_every=timedelta(seconds=5)))
    times = [at for at, _ in played(agenda, 20, verdicts={"c/a": lambda _: Verdict.DOWN})]
    assert max(b - a for a, b in pairwise(times)) < 1.1


@pytest.mark.parametrize(("asked_for", "due"), [(100.0, 100.0), (61.0, 65.0)])
def test_what_the_hub_wants_at_once_is_asked_once_more_and_then_at_its_pace(asked_for, due):
    agenda = planned(check("a", every=600, retry_every=timedelta(seconds=5)))
    (slot,) = agenda.take(60)
    agenda.release(slot, 60)
    grid = slot.due
    agenda.hasten("c/a", asked_for)
    assert list(agenda.take(due - 0.1)) == []
    assert list(agenda.take(due)) == [slot]
    agenda.release(slot, due)
    assert slot.due == grid


def test_what_runs_when_the_hub_wants_it_began_too_early_and_is_asked_once_more():
    agenda = planned(check("a", every=600, retry_every=timedelta(seconds=5)))
    (slot,) = agenda.take(60)
    agenda.hasten("c/a", 62)
    agenda.hasten("c/unheard-of", 62)
    agenda.release(slot, 70)
    assert list(agenda.take(70)) == [slot]
    agenda.release(slot, 70)
    assert slot.due > 80
    assert list(agenda.take(80)) == []


def test_a_slow_check_never_runs_twice_at_once_nor_catches_up():
    starts = played(planned(check("a", every=1)), 60, took=3.5)
    gaps = [b[0] - a[0] for a, b in pairwise(starts)]
    assert min(gaps) >= 3.5
    assert max(gaps) <= 5.1


def test_one_host_is_never_asked_by_more_than_its_limit():
    swift = {"timeout": timedelta(milliseconds=100)}
    agenda = planned(*(check(f"n{i}", every=5, host="h", **swift) for i in range(20)), per_host=2)
    running = 0
    for step in range(2000):
        now = step * 0.02
        for slot in agenda.take(now):
            running += 1
            assert running <= 2
            assert slot.host == "h"
        if step % 5 == 0:
            for slot in [s for s in agenda.slots.values() if s.started is not None]:
                agenda.release(slot, now)
                running -= 1


def test_a_host_that_hangs_does_not_hold_up_the_others():
    slow = [check(f"s{i}", every=5, host="slow") for i in range(50)]
    agenda = planned(*slow, check("fine", every=5, host="fine"), per_host=2)
    starts = []
    now = 0.0
    while now < 60:
        for slot in agenda.take(now):
            starts.append((now, slot.check.name))
            if slot.host == "fine":
                agenda.release(slot, now)
        now = round(now + 0.02, 6)
    assert sum(1 for _, name in starts if name == "c/fine") >= 12


def test_the_overall_limit_holds_and_what_waits_goes_first_later():
    agenda = planned(*(check(f"n{i}", every=60) for i in range(10)), most=3)
    now = 100.0
    first = list(agenda.take(now))
    assert len(first) == 3
    assert list(agenda.take(now)) == []
    for slot in first:
        agenda.release(slot, now)
    second = list(agenda.take(now))
    assert len(second) == 3
    assert not {s.check.name for s in first} & {s.check.name for s in second}


def test_a_reload_keeps_the_schedule_of_what_did_not_change():
    agenda = planned(check("a"), check("b"))
    before = agenda.slots["c/a"]
    agenda.replan([check("a"), check("c")], 12.0)
    assert agenda.slots["c/a"] is before
    assert set(agenda.slots) == {"c/a", "c/c"}


def test_a_reload_with_changed_options_asks_at_its_own_pace_whatever_the_old_question_was_on_its_way_to():
    agenda = planned(check("a", every=10))
    played(agenda, 25, verdicts={"c/a": lambda at: Verdict.UP if at < 15 else Verdict.DOWN})
    assert agenda.slots["c/a"].unsettled
    agenda.replan([check("a", every=20)], 25.0)
    assert not agenda.slots["c/a"].unsettled


def test_what_the_hub_says_of_a_check_that_runs_counts_when_it_is_released():
    agenda = planned(check("a", every=30, retry_every=timedelta(seconds=5)))
    (slot,) = agenda.take(6.0)
    agenda.settle("c/a", 6.5, unsettled=True)
    agenda.release(slot, 7.0)
    assert slot.due == 11.0


def test_what_the_hub_says_of_a_check_that_is_asked_no_longer_is_passed_over():
    agenda = planned(check("a"))
    agenda.settle("c/b", 1.0, unsettled=True)
    assert set(agenda.slots) == {"c/a"}


def test_a_removed_check_is_not_asked_again_even_when_it_was_under_way():
    agenda = planned(check("a", every=5))
    (slot,) = agenda.take(6.0)
    agenda.replan([], 7.0)
    agenda.release(slot, 8.0)
    assert list(agenda.take(100.0)) == []
    assert agenda.busy == 0


def test_a_host_that_hangs_is_asked_often_enough_to_be_down_however_many_checks_it_has():
    """A run that takes its whole timeout must not put readings further apart than a state holds."""
    many = [check(f"n{i}", every=3, host="h", timeout=timedelta(seconds=1)) for i in range(200)]
    starts = played(planned(*many), 30, took=1.0, verdicts={c.name: lambda _: Verdict.DOWN for c in many})
    for one in many:
        times = [at for at, name in starts if name == one.name]
        assert max(b - a for a, b in pairwise(times)) < one.validity.total_seconds()


def test_when_nothing_answers_all_are_still_asked_in_time():
    many = [check(f"n{i}", every=10, host=f"h{i}", timeout=timedelta(seconds=10)) for i in range(1000)]
    agenda = planned(*many)
    starts = played(agenda, 60, took=10.0, step=0.1, verdicts={c.name: lambda _: Verdict.DOWN for c in many})
    times = [at for at, name in starts if name == many[0].name]
    assert max(b - a for a, b in pairwise(times)) < many[0].validity.total_seconds()


def test_more_than_the_process_can_hold_open_is_never_started():
    agenda = planned(*(check(f"n{i}", every=1, timeout=timedelta(seconds=10)) for i in range(100)), most=20)
    assert len(list(agenda.take(100.0))) == 20


def test_no_more_start_at_once_than_the_quota_and_each_gets_its_turn():
    agenda = planned(*(check(f"n{i}", every=10) for i in range(100)))
    starts, now = [], 100.0
    while len(starts) < 300:
        taken = list(agenda.take(now, 3))
        assert len(taken) == 3
        assert agenda.left_out
        for slot in taken:
            starts.append(slot.check.name)
            agenda.release(slot, now)
        now += 1.0
    counts = Counter(starts)
    assert len(counts) == 100
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_quota_that_is_not_used_up_leaves_nothing_out():
    agenda = planned(check("a"), check("b"))
    assert len(list(agenda.take(100.0, 2))) == 2
    assert not agenda.left_out


def test_streaks_go_first_but_take_at_most_half_of_a_crowded_tick():
    agenda = planned(*(check(f"n{i}", every=10, retry_every=timedelta(seconds=1)) for i in range(40)))
    for slot in list(agenda.take(100.0, 20)):
        agenda.release(slot, 100.0)
        agenda.settle(slot.check.name, 100.0, unsettled=True)
    taken = list(agenda.take(102.0, 10))
    assert [slot.unsettled for slot in taken] == [True] * 5 + [False] * 5
    for slot in [*taken, *agenda.take(102.0)]:
        agenda.release(slot, 102.0)
    for slot in agenda.slots.values():
        agenda.settle(slot.check.name, 102.0, unsettled=slot.due < 105)
    taken = list(agenda.take(104.0, 10))
    assert len(taken) == 10, "without a crowd they take all places"
    assert all(slot.unsettled for slot in taken)


def test_the_first_round_of_many_spreads_over_their_interval_and_that_of_a_few_is_quick():
    few = planned(*(check(f"n{i}", every=60) for i in range(100)))
    assert max(slot.due for slot in few.slots.values()) <= FIRST_ROUND
    many = planned(*(check(f"n{i}", every=60) for i in range(12_000)))
    dues = sorted(slot.due for slot in many.slots.values())
    assert dues[-1] <= 60
    assert dues[6_000] == pytest.approx(30, abs=3)


def test_what_a_reload_adds_spreads_as_well():
    agenda = planned(*(check(f"n{i}", every=60) for i in range(6_000)))
    agenda.replan([check(f"n{i}", every=60) for i in range(12_000)], 500.0)
    new = sorted(slot.due for name, slot in agenda.slots.items() if int(name[3:]) >= 6_000)
    assert new[3_000] == pytest.approx(515, abs=2)


def test_late_is_who_waits_for_too_long_or_did_a_moment_ago():
    agenda = planned(*(check(f"n{i}", every=20) for i in range(10)))
    assert agenda.late(9.0) == 0
    assert agenda.late(16.0) == 10, "each has waited for over half its interval"
    for slot in list(agenda.take(16.0, 4)):
        agenda.release(slot, 16.0)
    assert agenda.late(16.0) == 10
    now = 16.0
    while now < 70:
        for slot in list(agenda.take(now)):
            agenda.release(slot, now)
        now += 0.5
    assert agenda.late(now) == 0


def test_who_waits_for_a_host_that_hangs_is_not_late_by_our_fault():
    agenda = planned(*(check(f"n{i}", every=10, host="h", timeout=timedelta(seconds=2)) for i in range(20)))
    out = list(agenda.take(10.0))
    assert len(out) < 20
    assert agenda.late(30.0) == 0
    for slot in out:
        agenda.release(slot, 30.0)
    assert list(agenda.take(30.0))
    assert agenda.late(30.0) == 0


def test_a_changed_check_is_not_asked_while_its_old_question_is_still_out():
    agenda = planned(check("a", every=10))
    (old,) = agenda.take(6.0)
    agenda.replan([check("a", every=20)], 7.0)
    agenda.replan([check("a", every=30)], 8.0)
    assert list(agenda.take(100.0)) == []
    agenda.release(old, 101.0)
    (new,) = agenda.take(101.0)
    assert (new.every, agenda.busy) == (30.0, 1)


def test_a_check_that_was_removed_and_added_again_does_not_run_twice_at_once():
    agenda = planned(check("a", every=10))
    (old,) = agenda.take(6.0)
    agenda.replan([], 7.0)
    agenda.replan([check("a", every=10)], 8.0)
    assert list(agenda.take(100.0)) == []
    agenda.release(old, 101.0)
    assert [slot.check.name for slot in agenda.take(101.0)] == ["c/a"]
