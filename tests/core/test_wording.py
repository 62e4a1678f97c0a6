"""Strangers' words are shown for what they are, and never as long as they like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.reading import FactType
from watch.core.wording import fact_text, one_line, visible


@given(st.text(max_size=200), st.integers(2, 100))
def test_whatever_came_is_printable_and_short(text, limit):
    for shown in (visible(text, limit), one_line(text, limit)):
        assert len(shown) <= limit
        assert shown.isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), max_size=80))
def test_what_can_be_seen_stays_as_it_is(text):
    assert visible(text) == text
    assert one_line(text) == text


def test_what_cannot_be_seen_is_spelled_out_for_operators_and_dropped_from_titles():
    nasty = "a\x00\x1b[0m\u202eb\u200b\r\n c\U000e0041"
    assert visible(nasty) == r"a\x00\x1b[0m\u202eb\u200b\x0d\x0a c\U000e0041"
    assert one_line(nasty) == "a[0mb c"


def test_a_long_text_says_that_it_was_cut():
    assert visible("x" * 81) == "x" * 79 + "…"
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.0234, FactType.DURATION, "23.4 ms"),
        (2.31, FactType.DURATION, "2.31 s"),
        (93_600.0, FactType.DURATION, "1d2h"),
        (float("inf"), FactType.DURATION, "inf s"),
        (1536, FactType.BYTES, "1.5 KiB"),
        (5, FactType.BYTES, "5 B"),
        (2**50, FactType.BYTES, "1024 TiB"),
        (0.1234567, FactType.RATIO, "12.35%"),
        (1795399200.0, FactType.INSTANT, "2026-11-23 02:00:00 UTC"),
        (1e300, FactType.INSTANT, "1e+300 s since 1970"),
        (503, FactType.COUNT, "503"),
        (0.5, FactType.COUNT, "0.5"),
        (True, FactType.BOOL, "true"),
        ("a\nb", FactType.TEXT, r"a\x0ab"),
    ],
)
def test_a_fact_is_written_with_its_unit(value, kind, text):
    assert fact_text(value, kind) == text
