"""The grammar of the expectation language, and its compiler.

    sentence   = clause {"or" clause}
    clause     = term {"and" term}
    term       = "not" term | "(" sentence ")" | comparison
    comparison = subject "exists"
               | subject ("==" | "!=" | "<" | "<=" | ">" | ">=") value
               | subject ["not"] ("contains" | "matches") value
               | subject ["not"] "in" (range | "[" (value | range) {"," (value | range)} "]")
    subject    = FACT | "body" | "header(NAME)" | "json(PATH)"
    value      = "text" | 'text' | 200 | 0.5 | 800ms | 21 days | 1GiB | 99% | true | false
    range      = value..value        both ends included

A sentence becomes closures: `holds` runs for every reading; `broken` writes the sentence for people when it
does not hold, and `met` the sentence when it holds but stands under a `not`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.expect.errors import ExpectationError
from watch.core.expect.phrase import comparison
from watch.core.expect.subject import subject_of
from watch.core.expect.tokens import Kind, Token, tokens
from watch.core.wording import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watch.core.expect.answer import Answer
    from watch.core.expect.comparison import Holds, Says
    from watch.core.reading import FactSpec, Reason

DEEPEST = 50  # nested brackets and nots


@dataclass(frozen=True, slots=True)
class Test:
    """A compiled sentence or part of one.

    Args:
        broken: The sentence that says how an answer breaks it.
        met: The sentence that says how an answer meets it, for a `not` around it.
        reason: The reason of the part that an answer breaks.
    """

    holds: Holds
    broken: Says
    met: Says
    reason: Callable[[Answer], Reason]
    names: frozenset[str]


def compiled(text: str, facts: Mapping[str, FactSpec]) -> Test:
    """Return *text* compiled for *facts*; ExpectationError with place and cure when it is wrong."""
    reader = Reader(text, tokens(text))
    test = _sentence(reader, facts, 0)
    rest = reader.next
    if rest.kind is not Kind.END:
        raise ExpectationError(
            f"{visible(rest.text) or 'this'!r} does not belong here",
            rest.start,
            "join comparisons by 'and' or 'or'",
        )
    return test


class Reader:
    """A position in the tokens of one expectation."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self.text = text
        self._tokens = found
        self._at = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    @property
    def before(self) -> Token:
        return self._tokens[max(self._at - 1, 0)]

    def take(self) -> Token:
        """Return the next token and advance, but never past END."""
        token = self.next
        self._at += token.kind is not Kind.END
        return token

    def takes(self, kind: Kind, text: str) -> bool:
        """Advance past the next token if it is this one; return whether it was."""
        found = self.next.kind is kind and self.next.text == text
        self._at += found
        return found


def _sentence(reader: Reader, facts: Mapping[str, FactSpec], depth: int) -> Test:
    clauses = [_clause(reader, facts, depth)]
    while reader.takes(Kind.WORD, "or"):
        clauses.append(_clause(reader, facts, depth))
    return clauses[0] if len(clauses) == 1 else _any(clauses)


def _clause(reader: Reader, facts: Mapping[str, FactSpec], depth: int) -> Test:
    terms = [_term(reader, facts, depth)]
    while reader.takes(Kind.WORD, "and"):
        terms.append(_term(reader, facts, depth))
    return terms[0] if len(terms) == 1 else _all(terms)


def _term(reader: Reader, facts: Mapping[str, FactSpec], depth: int) -> Test:
    if depth > DEEPEST:
        raise ExpectationError("the expectation is nested too deeply", reader.next.start, "write several")
    if reader.takes(Kind.WORD, "not"):
        return _not(_term(reader, facts, depth + 1))
    opening = reader.next
    if reader.takes(Kind.MARK, "("):
        test = _sentence(reader, facts, depth + 1)
        if not reader.takes(Kind.MARK, ")"):
            raise ExpectationError("this bracket never ends", opening.start, "close it with )")
        return test
    subject = subject_of(reader.take(), facts)
    negated, found, expected, lacking = comparison(reader, subject)
    reason, names = subject.reason, frozenset((subject.name,))
    test = Test(found, expected, lacking, lambda _: reason, names)
    return _not(test) if negated else test


def _not(test: Test) -> Test:
    return Test(lambda answer: not test.holds(answer), test.met, test.broken, test.reason, test.names)


def _all(tests: list[Test]) -> Test:
    def holds(answer: Answer) -> bool:
        return all(test.holds(answer) for test in tests)

    def culprit(answer: Answer) -> Test:
        return next((test for test in tests if not test.holds(answer)), tests[0])

    return Test(
        holds,
        lambda answer: culprit(answer).broken(answer),
        lambda answer: "; ".join(test.met(answer) for test in tests),
        lambda answer: culprit(answer).reason(answer),
        frozenset().union(*(test.names for test in tests)),
    )


def _any(tests: list[Test]) -> Test:
    def holds(answer: Answer) -> bool:
        return any(test.holds(answer) for test in tests)

    def lucky(answer: Answer) -> Test:
        return next((test for test in tests if test.holds(answer)), tests[0])

    return Test(
        holds,
        lambda answer: "; ".join(test.broken(answer) for test in tests),
        lambda answer: lucky(answer).met(answer),
        lambda answer: lucky(answer).reason(answer),
        frozenset().union(*(test.names for test in tests)),
    )
