"""The language of a check's `expect` and `warn`, and the verdict they give a reading.

    expect: [status == 200, body contains "Sign in", latency < 2s]
    warn:   [latency < 800ms, certificate.left > 21d, 'json(queue) < 100 or header(x-paused) exists']

A sentence is compiled when the file is read: an unknown fact, a unit that does not fit or a pattern that
does not compile is reported then, with its place, not at run time. At run time a broken `expect` makes the
reading down, a broken `warn` degraded; a reading that is not up is not changed. A value missing in the answer
breaks a sentence, except under `exists` and `not`. The answer may be hostile: nothing in it can make the
evaluation slow (`watch.core.expect.jsonpath`, `watch.core.expect.comparison`), or a message long or misleading.
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
    """Why a reading broke an expectation: the reason (for alerts and metrics) and a sentence for people."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """One compiled sentence. Two of the same text are equal.

    Args:
        names: The facts it names, with `body`, `header(x)`, `json(x)`.
    """

    text: str
    names: frozenset[str]
    test: Test = field(repr=False, compare=False)

    def breach(self, reading: Reading) -> Breach | None:
        """Return why *reading* breaks it; None when it holds."""
        answer = Answer(reading)
        return None if self.test.holds(answer) else self.said(answer)

    def said(self, answer: Answer) -> Breach:
        """Return why *answer* breaks it; only for an answer that does."""
        detail = self.test.broken(answer)
        short = detail if len(detail) <= _LONGEST_DETAIL else detail[: _LONGEST_DETAIL - 1] + "…"
        return Breach(self.test.reason(answer), short)


@dataclass(frozen=True, slots=True)
class Judge:
    """The expectations of a check: a broken `expect` gives down, a broken `warn` degraded."""

    expect: tuple[Expectation, ...] = ()
    warn: tuple[Expectation, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All that its expectations name."""
        return frozenset[str]().union(*(it.names for it in (*self.expect, *self.warn)))

    def of(self, reading: Reading) -> Reading:
        """Return *reading* with the verdict that its facts give; only an `up` reading changes."""
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
    """Return *text* compiled for the *facts* that a probe documents.

    Raises:
        ExpectationError: *text* is wrong; `offset` says where, `cure` what to write instead.
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
        assumed: Fact → the built-in expectation, used unless an entry of *expect* names that fact.
        warned: Fact → the built-in warning, used unless an entry of *expect* or *warn* names that fact.

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
    """Return the judge of the user's expectations and the built-in ones for facts that these do not name."""
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
