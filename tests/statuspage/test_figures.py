"""Numbers on the page never flatter."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage.figures import duration, percent, roughly


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Fraction(1), "100.000 %"),
        (Fraction(10**15 - 1, 10**15), "99.999 %"),
        (Fraction(999, 1000), "99.900 %"),
        (Fraction(9_995_999, 10_000_000), "99.959 %"),
        (Fraction(2, 3), "66.666 %"),
        (Fraction(0), "0.000 %"),
        (Fraction(1, 10**9), "0.000 %"),
        (None, "no figure yet"),
    ],
)
def test_a_percentage_is_truncated_to_three_decimals(ratio, text):
    assert percent(ratio).replace("\u00a0", " ") == text


@given(st.fractions(min_value=0, max_value=1))
def test_a_percentage_is_never_above_the_truth_and_less_than_a_thousandth_below(ratio):
    shown = Fraction(percent(ratio).removesuffix("\u00a0%")) / 100
    assert shown <= ratio < shown + Fraction(1, 100_000)


@given(st.fractions(min_value=0, max_value=1))
def test_a_hundred_per_cent_means_exactly_that(ratio):
    assert percent(ratio).startswith("100") == (ratio == 1)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (999, "1 s"),
        (1_000, "1 s"),
        (1_001, "2 s"),
        (247_000, "4 min 7 s"),
        (3_600_000, "1 h"),
        (93_600_000, "1 d 2 h"),
    ],
)
def test_seconds_of_downtime_are_rounded_up(ms, text):
    assert duration(ms).replace("\u00a0", " ") == text


def test_what_still_grows_is_told_in_whole_minutes():
    assert [roughly(ms).replace("\u00a0", " ") for ms in (59_999, 60_000, 3_719_000)] == [
        "under a minute",
        "1 min",
        "1 h 1 min",
    ]
