"""A sketch forgets the order of latencies and nothing else that matters."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.sketch import Sketch

latencies = st.floats(min_value=1e-6, max_value=1e6)
many = st.lists(latencies, max_size=60)
BOUND = 2 ** (1 / 16) * (1 + 1e-9)


def sketch_of(values):
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(values=st.lists(latencies, min_size=1, max_size=200), q=st.floats(0, 1))
def test_a_quantile_is_right_to_within_4_4_percent(values, q):
    true = sorted(values)[math.floor(q * (len(values) - 1))]
    found = sketch_of(values).quantile(q)
    # Nanoseconds are what it keeps of the longest: a thousandth of a microsecond.
    assert true / BOUND * 0.999 <= found <= true * BOUND * 1.001


@given(many, many)
def test_merging_is_adding_all(left, right):
    merged = sketch_of(left)
    merged.merge(sketch_of(right))
    assert merged == sketch_of(left + right)
    assert merged.count == len(left) + len(right)


@given(many, many, many)
def test_merging_in_any_order_gives_the_same_bytes(a, b, c):
    first, second = sketch_of(a), sketch_of(c)
    for other in (b, c):
        first.merge(sketch_of(other))
    for other in (a, b):
        second.merge(sketch_of(other))
    assert first.to_bytes() == second.to_bytes()


@given(many)
def test_what_is_written_reads_back_as_it_was(values):
    sketch = sketch_of(values)
    back = Sketch.from_bytes(sketch.to_bytes())
    assert back == sketch
    assert (back.count, back.sum, back.max) == (sketch.count, sketch.sum, sketch.max)


@given(values=many, share=st.floats(0, 1))
def test_a_sketch_cut_short_is_refused(values, share):
    data = sketch_of(values).to_bytes()
    with pytest.raises(ValueError, match="sketch"):
        Sketch.from_bytes(data[: int(share * (len(data) - 1))])


@given(st.binary(max_size=80), st.booleans())
def test_hostile_bytes_are_refused_or_are_a_sketch(data, versioned):
    try:
        sketch = Sketch.from_bytes(b"\x01" + data if versioned else data)
    except ValueError:
        return
    assert Sketch.from_bytes(sketch.to_bytes()) == sketch


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_a_latency_that_cannot_be_is_refused(seconds):
    with pytest.raises(ValueError, match="a latency of"):
        Sketch().add(seconds)


def test_sum_and_maximum_are_kept():
    sketch = sketch_of([0.25, 0.5, 2.0, 0.0])
    assert (sketch.count, sketch.sum, sketch.max) == (4, 2.75, 2.0)
    assert sketch.quantile(1) == pytest.approx(2.0, rel=0.045)


def test_an_empty_sketch_has_no_quantile():
    assert Sketch().quantile(0.5) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        Sketch().quantile(1.5)


def test_what_is_absurdly_short_or_long_is_still_counted():
    sketch = sketch_of([0.0, 1e-300, 1e300])
    assert sketch.count == 3
    assert Sketch.from_bytes(sketch_of([0.0, 1e-300]).to_bytes()).count == 2


def test_an_hour_takes_some_fifty_bytes():
    rng = random.Random(9)
    sizes = []
    for _ in range(200):
        slow = (rng.lognormvariate(-3, 0.3) * (8 if rng.random() < 0.02 else 1) for _ in range(120))
        sizes.append(len(sketch_of(slow).to_bytes()))
    assert sum(sizes) / len(sizes) < 60


def test_bucket_bounds_are_those_of_prometheus_schema_3():
    for index in range(-80, 80):
        assert sketch_of([2 ** (index / 8) * 0.999])._buckets == {index: 1}
        assert sketch_of([2 ** (index / 8) * 1.001])._buckets == {index + 1: 1}
    assert sketch_of([1.0])._buckets == {0: 1}
