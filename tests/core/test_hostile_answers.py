"""No answer, however made, can make a judgement slow: its cost is bounded, and errors are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yardstick import cost, slice_of_work
from watch.core.expect import compile_expectation
from watch.core.expect.jsonpath import PathError, compile_path
from watch.core.reading import FactSpec, FactType, Reading, Reason, Verdict

FACTS = {"body": FactSpec("body", FactType.TEXT, Reason.EXPECTATION, "")}

CAP = 256 << 10
BODIES = {
    "a long list": "[" + ",".join("0" * (CAP // 2 - 2)) + "]",
    "many objects": "[" + ",".join(['{"a":1}'] * (CAP // 8 - 1)) + "]",
    "many keys": "{" + ",".join(f'"{n}":0' for n in range(CAP // 9)) + "}",
    "a deep list": "[" * 1000 + "]" * 1000,
    "a deeper list": "[" * (CAP // 2) + "]" * (CAP // 2),
    "a deep object": '{"a":' * 1000 + "1" + "}" * 1000,
    "a long text": '["' + "a" * (CAP - 10) + '"]',
    "a long number": "[" + "9" * (CAP - 10) + "]",
    "cut off": '{"a": [' + "1," * 1000,
    "empty": "",
}
PATHS = [
    "[*]",
    "[] | [] | []",
    "sum(@)",
    "sum(@) || sum(@) || sum(@)",
    "[?a == `1`] | length(@)",
    "[*].a",
    "*.*.*.*.*",
    "values(@) | [*]",
    "@ == @" + " && @ == @" * 30,
    "[]" * 100,
    "[*]" * 100,
    ".".join("a" * 190),
    "[0] == [0]",
    "contains([0], 'b')" + " || contains([0], 'b')" * 10,
    "to_number([0])",
]
LIMIT = 20  # slices of work: 100 ms where a slice takes 5; a blow-up takes seconds


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:20])
def test_a_path_through_a_hostile_body_costs_little(path, body):
    expectation = compile_expectation(f"json({path}) == 1", FACTS)
    reading = Reading(Verdict.UP, material={"body": body})
    broken = []
    # holds, broken and reason each look once
    assert cost(lambda: broken.append(expectation.breach(reading))) < 3 * LIMIT * cost(slice_of_work)
    (broken,) = broken
    assert broken is None or len(broken.detail) <= 200


PATTERNS = [
    "(a+)+$",
    "(a|a)*b",
    "[a-q][^u-z]{60}x",
    "(.*)(.*)(.*)(.*)x",
    "(a?){100}x",
    r"(?i)(a|b|ab)*c{1,99}d",
    r"\pL+ \pL+$",
]


@pytest.mark.parametrize("body", ["a" * CAP * 4, "abcdefgh " * (CAP // 9), "\u00e4" * CAP])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_over_a_hostile_body_costs_little(pattern, body):
    expectation = compile_expectation(f'body matches "{pattern}"', FACTS)
    reading = Reading(Verdict.UP, material={"body": body})
    assert cost(lambda: expectation.breach(reading)) < LIMIT * cost(slice_of_work)


def test_a_pattern_that_could_be_slow_reaches_less_far_and_says_so():
    body = Reading(Verdict.UP, material={"body": "a" * 200_000 + " Sign in"})
    assert compile_expectation('body matches "Sign in"', FACTS).breach(body) is None
    large = compile_expectation(r'body matches "\pL{2} Sign in"', FACTS).breach(body)
    assert large.detail.endswith("bytes")
    assert "in its first" in large.detail


def test_a_walk_that_is_too_long_is_told_as_such():
    body = Reading(Verdict.UP, material={"body": BODIES["many objects"]})
    detail = compile_expectation("json([?a == `2`] | length(@)) == 0", FACTS).breach(body).detail
    assert "took more than 20000 steps" in detail


@given(
    path=st.text(alphabet="ab.[]*?@|&!=<>'`\"(){}:, 01-", max_size=30),
    body=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner),
        max_leaves=20,
    ),
)
def test_any_path_finds_something_or_nothing_or_is_a_path_error(path, body):
    try:
        compile_path(path)(body)
    except PathError:
        return


def test_a_value_a_path_cannot_take_is_told_without_quoting_the_body():
    body = Reading(Verdict.UP, material={"body": '{"a": "' + "x" * 9000 + '"}'})
    detail = compile_expectation("json(sum(a)) == 1", FACTS).breach(body).detail
    assert detail == "json(sum(a)): the body has a value of a type that the path cannot use"


def test_importing_the_language_imports_none_of_its_engines():
    import subprocess
    import sys

    ask = "import sys, watch.core.expect; print(sorted({'re2', 'jmespath', 'orjson'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )
