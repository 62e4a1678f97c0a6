"""How long nobody answered, as a client would have felt it."""

from __future__ import annotations

from watch.core.gap import WINDOW, Gap


def after(*instants):
    gap = Gap()
    for at in instants:
        gap.answered(at)
    return gap


def test_nothing_is_known_before_the_first_answer():
    assert Gap().longest(100.0) is None


def test_a_failover_is_the_stretch_from_the_last_answer_of_one_to_the_first_of_the_other():
    assert after(0, 1, 2, 9.5, 10.5).longest(10.5) == 7.5


def test_the_stretch_that_lasts_counts_too():
    assert after(0, 1, 2).longest(6.0) == 4.0


def test_a_steady_pace_is_its_own_gap():
    assert after(*range(100)).longest(99) == 1


def test_a_stretch_is_forgotten_after_an_hour():
    gap, said = after(0, 20), {}
    for at in range(21, 20 + int(WINDOW) + 121):
        gap.answered(at)
        said[at] = gap.longest(at)
    assert said[20 + int(WINDOW) - 60] == 20
    assert said[20 + int(WINDOW) + 120] == 1


def test_the_time_in_which_we_did_not_look_is_no_stretch_of_theirs():
    gap = after(0, 1)
    gap.lost_sight()
    assert gap.longest(50) == 1
    gap.answered(50)
    gap.answered(51)
    assert gap.longest(51) == 1


def test_an_hour_each_second_stays_small():
    assert len(after(*range(3 * int(WINDOW)))._longest) <= 62
