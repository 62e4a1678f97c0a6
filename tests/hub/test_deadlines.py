"""Nobody is overlooked, and hardly anybody is looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watch.hub.deadlines import Deadlines

EVERY_MS, VALID_MS = 10_000, 35_000


def test_everybody_is_looked_at_the_first_time():
    deadlines = Deadlines([("b",), ("a",)])
    assert deadlines.past(5, {("a",): 5, ("b",): 6}.get) == [("a",)]


def test_who_is_overdue_is_found_every_time_until_the_deadline_moves():
    deadlines, at = Deadlines([("a",)]), {("a",): 5}
    assert [deadlines.past(now, at.get) for now in (4, 5, 9)] == [[], [("a",)], [("a",)]]
    at["a",] = 100
    assert [deadlines.past(now, at.get) for now in (10, 99, 100)] == [[], [], [("a",)]]


def test_who_has_no_deadline_is_forgotten_until_added_again():
    deadlines, at = Deadlines([("a",)]), {}
    assert deadlines.past(1, at.get) == []
    at["a",] = 1
    assert deadlines.past(2, at.get) == []
    deadlines.add(("a",))
    deadlines.add(("a",))
    assert deadlines.past(3, at.get) == [("a",)]


def test_a_thousand_renewed_every_ten_seconds_are_looked_at_once_in_twenty_five():
    keys = [(f"c{n}",) for n in range(1000)]
    deadlines, renewed, looks = Deadlines(keys), dict.fromkeys(keys, 0), 0

    def deadline(key):
        nonlocal looks
        looks += 1
        return renewed[key] + VALID_MS

    for now in range(0, 3_600_000, 1000):
        renewed |= dict.fromkeys((key for n, key in enumerate(keys) if (now // 1000 + n) % 10 == 0), now)
        assert deadlines.past(now, deadline) == []
    assert looks < 1000 * 3600 / 25 * 1.1  # a second's sweep of everybody would be 3.6 million


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50)), max_size=60))
def test_no_deadline_that_only_moves_later_is_missed(moves):
    at = {(str(n),): 10 for n in range(5)}
    deadlines = Deadlines(at)
    for now, (who, later) in enumerate(moves):
        at[str(who),] += later
        assert sorted(deadlines.past(now, at.get)) == sorted(key for key, when in at.items() if when <= now)
