"""Token buckets: letters leave at once while there are some in the bucket, then one after each interval."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watch.alerts.pace import Pace


def left(pace: Pace, times: list[int], reserve: int = 0) -> list[int]:
    """When letters left that wanted to at *times*."""
    found = []
    for wanted in times:
        at = max(pace.next_ms("alice", wanted, reserve=reserve), *found[-1:], 0)
        pace.take("alice", at)
        found.append(at)
    return found


def test_a_few_leave_at_once_and_then_one_after_each_interval():
    assert left(Pace(3, 20), [0] * 6) == [0, 0, 0, 20, 40, 60]


def test_a_quiet_time_fills_the_bucket_and_never_over_its_rim():
    assert left(Pace(3, 20), [0, 0, 0, 1000, 1000, 1000, 1000]) == [0, 0, 0, 1000, 1000, 1000, 1020]


def test_what_is_in_no_hurry_leaves_the_last_letters_to_others():
    pace = Pace(3, 20)
    assert left(pace, [0] * 3, reserve=2) == [0, 20, 40]
    assert [pace.next_ms("alice", 40), pace.next_ms("alice", 40, reserve=2)] == [40, 60]


def test_a_bucket_of_one_serves_what_is_in_no_hurry_too():
    assert left(Pace(1, 20), [0] * 3, reserve=2) == [0, 20, 40]


def test_each_key_has_its_own_bucket_and_keeps_it_under_a_new_name():
    pace = Pace(1, 20)
    pace.take("alice", 0)
    assert (pace.next_ms("alice", 0), pace.next_ms("bob", 0)) == (20, 0)
    pace.rename({"alice": "alicia"})
    assert (pace.next_ms("alice", 0), pace.next_ms("alicia", 0)) == (0, 20)


def test_what_was_given_back_may_be_taken_again():
    pace = Pace(2, 20)
    pace.take("alice", 0)
    pace.take("alice", 0)
    pace.give_back("alice")
    assert left(pace, [0, 0]) == [0, 20]


@given(st.integers(1, 9), st.integers(1, 60), st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_no_stretch_of_time_has_more_than_the_bucket_and_what_it_got_meanwhile(burst, every, times):
    found = left(Pace(burst, every), sorted(times))
    for i, first in enumerate(found):
        for n, last in enumerate(found[i:], 1):
            assert n <= burst + (last - first) // every
