"""Ninety days, drawn and told: both say the same, and neither hides anything."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from statuspage.bars import HEIGHT, PITCH, WIDTH, drawing, kind
from statuspage.page import Day, Status
from statuspage.table import events, history, state, told
from tests.statuspage.samples import DAY, HOUR, MIN, TODAY, WORN, days


def day(**facts):
    return Day(**({"date": TODAY, "scope_ms": DAY} | facts))


def rects(path):
    return [tuple(map(int, re.findall(r"\d+", piece))) for piece in path.split("z") if piece]


def test_one_path_a_state_draws_all_days():
    drawn = drawing(WORN)
    assert [name for name, _ in drawn.paths] == ["ok", "warn", "d1", "d2", "d3", "work", "gap"]


def test_todays_bar_stands_at_the_right_edge_and_a_young_component_begins_late():
    drawn = drawing(days(length=2))
    ((_, path),) = drawn.paths
    assert [x for x, *_ in rects(path)] == [88 * PITCH, 89 * PITCH]
    assert drawn.width == 89 * PITCH + WIDTH


def test_real_downtime_sets_the_shade():
    shades = [kind(day(down_ms=ms)) for ms in (0, 1, 5 * MIN, 5 * MIN + 1, HOUR, HOUR + 1)]
    assert shades == ["ok", "d1", "d1", "d2", "d2", "d3"]


def test_a_day_without_data_is_all_grey():
    ((name, path),) = drawing([day(unknown_ms=DAY)]).paths
    assert (name, rects(path)[0][1:]) == ("gap", (10, WIDTH, 26, WIDTH))


def test_a_second_of_downtime_in_a_day_without_data_is_still_seen():
    names = [name for name, _ in drawing([day(unknown_ms=DAY - 1_000, down_ms=1_000)]).paths]
    assert names == ["d1", "gap"]


def test_days_before_the_first_are_left_empty():
    assert drawing([day(scope_ms=0)]).paths == ()
    assert drawing([]).label == "No days measured yet."


parts = st.integers(0, DAY)


@given(parts, parts, parts, parts, parts)
def test_a_bar_stands_on_the_ground_and_stays_within_the_drawing(scope, down, unknown, excluded, degraded):
    facts = {"down_ms": down, "unknown_ms": unknown, "excluded_ms": excluded, "degraded_ms": degraded}
    facts = {name: min(ms, scope) for name, ms in facts.items()}
    pieces = [r for _, d in drawing([day(scope_ms=scope, **facts)]).paths for r in rects(d)]
    stack = sorted((top, top + height) for _, top, _, height, _ in pieces)
    assert all(0 <= top < end <= HEIGHT for top, end in stack)
    assert all(end == top for (_, end), (top, _) in itertools.pairwise(stack))
    assert bool(stack) == bool(scope)
    assert not stack or stack[-1][1] == HEIGHT


def test_the_drawing_is_named_for_those_who_do_not_see_it():
    assert drawing(WORN).label.replace("\u00a0", " ") == (
        "3 of the last 90 days had downtime, 4 h 11 min 7 s in all. 1 day had little or no data."
    )


def test_a_day_is_told_in_words():
    said = told(day(down_ms=247_000, excluded_ms=2 * HOUR, unknown_ms=1))
    assert said.replace("\u00a0", " ") == "down 4 min 7 s, planned maintenance 2 h, no data 1 s"
    assert told(day()) == "no downtime"
    assert told(day(scope_ms=0)) == "not measured"


def test_a_day_hardly_seen_is_not_called_working():
    assert state(day(unknown_ms=13 * HOUR)) is Status.UNKNOWN
    assert state(day(unknown_ms=11 * HOUR)) is Status.OPERATIONAL
    assert state(day(unknown_ms=23 * HOUR, down_ms=HOUR, worst=Status.MAJOR)) is Status.MAJOR


def test_only_days_with_something_to_tell_are_listed_newest_first():
    listed = events(WORN)
    assert listed.count == 8
    assert re.findall(r"datetime=\"([\d-]+)\"", listed.rows)[:2] == ["2026-11-20", "2026-11-14"]


def test_the_history_lists_every_day():
    assert history(WORN).count("<tr>") == 90
