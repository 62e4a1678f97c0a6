"""A condition over facts holds, does not hold, or is not decided by a reading."""

from __future__ import annotations

import pytest

from watch.config.kind import help_of
from watch.core.expect import compile_expectation
from watch.core.fact_condition import FactCondition
from watch.core.reading import NOTHING, Observation, Reason, Verdict

DAY = 86_400.0


def condition(text: str, kind: str = "http") -> FactCondition:
    facts = help_of(kind).facts
    sentence = compile_expectation(text, facts)
    return FactCondition(sentence, tuple(facts[name] for name in sorted(sentence.names)))


def reading(verdict: Verdict = Verdict.UP, *, tainted: bool = False, **facts) -> Observation:
    known = {name.replace("_", ".") if "left" in name else name: value for name, value in facts.items()}
    return Observation("web/home", "hub", 0, 50, 1, verdict, Reason.OK, "", 0.05, known, NOTHING, tainted)


def test_it_holds_by_the_facts_of_a_reading_and_says_what_they_are():
    left = condition("certificate.left < 14d")
    assert left.holds(reading(certificate_left=9 * DAY))
    assert not left.holds(reading(certificate_left=14 * DAY))
    assert left.told(reading(certificate_left=9 * DAY)) == "certificate.left is 9d"


@pytest.mark.parametrize("verdict", [Verdict.UP, Verdict.DEGRADED, Verdict.DOWN])
def test_a_reading_with_its_facts_decides_it_whatever_the_verdict(verdict):
    assert condition("certificate.left < 14d").decides(reading(verdict, certificate_left=1.0))


def test_a_reading_that_is_unknown_or_lacks_a_fact_decides_nothing():
    left = condition("certificate.left < 14d or latency > 2s")
    assert not left.decides(reading(Verdict.UNKNOWN, certificate_left=1.0, latency=1.0))
    assert not left.decides(reading(latency=1.0))
    assert not left.decides(reading(Verdict.DOWN))
    assert left.decides(reading(certificate_left=1.0, latency=1.0))


def test_a_latency_that_our_own_loop_may_have_made_decides_nothing():
    slow = condition("latency > 2s")
    assert slow.decides(reading(latency=3.0))
    assert not slow.decides(reading(latency=3.0, tainted=True))


def test_a_trend_that_does_not_end_is_no_reason_to_tell_but_an_outage_is_no_recovery_from_one():
    full = condition("exhausted_in < 7d", "file")
    assert full.decides(reading())
    assert not full.holds(reading())
    assert not full.decides(reading(Verdict.DOWN))
    assert full.holds(reading(exhausted_in=DAY))
