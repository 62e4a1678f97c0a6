"""Is an answer good enough? The small language of a check's `expect` and `warn`, and the judgement they pass.

    expect: [status == 200, body contains "Sign in", latency < 2s]
    warn:   [latency < 800ms, certificate.left > 21d, 'json(queue) < 100 or header(x-paused) exists']

A sentence is compiled when the file is read: an unknown fact, a unit that does not fit or a pattern that
does not compile is a mistake with its place then, never at three in the morning. At run time a broken
`expect` is down, a broken `warn` degraded; a reading that is not up to begin with is left as it is. What
the answer lacks breaks a sentence, except under `exists` and `not`. The answer is hostile: nothing it holds
can make a judgement slow (`watch.core.expect.jsonpath`, `watch.core.expect.comparison`) or a message longer
or other than it looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watch.core.expect.answer import Answer
from watch.core.expect.errors import ExpectationError
from watch.core.expect.grammar import Test
from watch.core.expect.grammar import compiled as compiled_test
from watch.core.reading import FactSpec, Reading, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "Breach",
    "Expectation",
    "ExpectationError",
    "Judge",
    "compile_expectation",
    "compile_judge",
    "judge_of",
]

_LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Breach:
    """How a reading fell short: the reason that alerts and metrics share, and a sentence for people."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """One compiled sentence. Two of the same text are equal.

    Args:
        names: What it speaks of: facts, `body`, `header(x)`, `json(x)`.
    """

    text: str
    names: frozenset[str]
    test: Test = field(repr=False, compare=False)

    def breach(self, reading: Reading) -> Breach | None:
        """Return how *reading* falls short of it, None when it does not."""
        answer = Answer(reading)
        return None if self.test.holds(answer) else self.said(answer)

    def said(self, answer: Answer) -> Breach:
        """Return how *answer*, which broke it, fell short."""
        detail = self.test.broken(answer)
        short = detail if len(detail) <= _LONGEST_DETAIL else detail[: _LONGEST_DETAIL - 1] + "…"
        return Breach(self.test.reason(answer), short)


@dataclass(frozen=True, slots=True)
class Judge:
    """What a check expects: a broken `expect` reads down, a broken `warn` degraded."""

    expect: tuple[Expectation, ...] = ()
    warn: tuple[Expectation, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All that its sentences speak of."""
        return frozenset[str]().union(*(it.names for it in (*self.expect, *self.warn)))

    def of(self, reading: Reading) -> Reading:
        """Return *reading* with the verdict it deserves; only an `up` one can get worse."""
        if reading.verdict is not Verdict.UP:
            return reading
        answer = Answer(reading)
        for sentence in self.expect:
            if not sentence.test.holds(answer):
                return _worse(reading, Verdict.DOWN, sentence.said(answer))
        for sentence in self.warn:
            if not sentence.test.holds(answer):
                return _worse(reading, Verdict.DEGRADED, sentence.said(answer))
        return reading


def _worse(reading: Reading, verdict: Verdict, broken: Breach) -> Reading:
    return replace(reading, verdict=verdict, reason=broken.reason, detail=broken.detail)


def compile_expectation(text: str, facts: Mapping[str, FactSpec]) -> Expectation:
    """Return what *text* means over the *facts* a probe documents.

    Raises:
        ExpectationError: It is wrong; `offset` is where, `cure` what to write instead.
    """
    try:
        test = compiled_test(text, facts)
    except ExpectationError as error:
        error.text = text
        raise
    return Expectation(text, test.names, test)


def compile_judge(
    expect: Sequence[str],
    warn: Sequence[str],
    facts: Mapping[str, FactSpec],
    assumed: Mapping[str, str],
    warned: Mapping[str, str] | None = None,
) -> Judge:
    """Return the judge of a check.

    Args:
        assumed: A fact → the expectation that holds unless some entry of *expect* speaks of that fact.
        warned: A fact → the warning that holds unless some entry of either speaks of it.

    Raises:
        ExpectationError: The first entry that is wrong; `place` is its list and index.
    """
    wanted, warning = _compiled("expect", expect, facts), _compiled("warn", warn, facts)
    return judge_of(wanted, warning, assumed, warned or {}, lambda text: compile_expectation(text, facts))


def judge_of(
    expect: Sequence[Expectation],
    warn: Sequence[Expectation],
    assumed: Mapping[str, str],
    warned: Mapping[str, str],
    compiled: Callable[[str], Expectation],
) -> Judge:
    """Return the judge of what the user wrote, and of what holds because nothing was written of it."""
    named = frozenset[str]().union(*(it.names for it in expect))
    either = named.union(*(it.names for it in warn))
    taken = (compiled(text) for fact, text in assumed.items() if fact not in named)
    minded = (compiled(text) for fact, text in warned.items() if fact not in either)
    return Judge((*taken, *expect), (*minded, *warn))


def _compiled(where: str, texts: Sequence[str], facts: Mapping[str, FactSpec]) -> tuple[Expectation, ...]:
    found = []
    for index, text in enumerate(texts):
        try:
            found.append(compile_expectation(text, facts))
        except ExpectationError as error:
            error.place = (where, index)
            raise
    return tuple(found)
