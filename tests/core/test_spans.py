"""Span arithmetic agrees with sets of milliseconds, and stays tidy."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given

from tests.core.shapes import held, instants, loose_spans
from watch.core.spans import clipped, difference, first_ms, intersection, total, union

tidy_spans = loose_spans.map(union)


def is_tidy(spans) -> bool:
    return all(a < b for a, b in spans) and all(a[1] < b[0] for a, b in pairwise(spans))


@given(loose_spans)
def test_a_union_is_tidy_and_holds_what_some_span_holds(spans):
    assert is_tidy(union(spans))
    assert held(union(spans)) == held(spans)


@given(tidy_spans, tidy_spans)
def test_an_intersection_holds_what_both_hold(a, b):
    assert held(intersection(a, b)) == held(a) & held(b)
    assert is_tidy(union(intersection(a, b)))


@given(tidy_spans, tidy_spans)
def test_a_difference_holds_what_only_the_first_holds(a, b):
    assert is_tidy(difference(a, b))
    assert held(difference(a, b)) == held(a) - held(b)


@given(tidy_spans, instants, instants)
def test_clipping_is_intersecting_with_one_span(spans, lo, hi):
    assert clipped(spans, lo, hi) == intersection(spans, union([(lo, hi)]))


@given(tidy_spans, instants)
def test_the_first_milliseconds_are_the_earliest(spans, cap):
    assert held(first_ms(spans, cap)) == set(sorted(held(spans))[:cap])


@given(tidy_spans)
def test_the_total_counts_milliseconds(spans):
    assert total(spans) == len(held(spans))


def test_touching_spans_are_one_and_empty_ones_none():
    assert union([(5, 5), (3, 4), (0, 3), (9, 7)]) == [(0, 4)]


def test_a_cap_of_nothing_leaves_nothing():
    assert first_ms([(0, 10)], 0) == []
