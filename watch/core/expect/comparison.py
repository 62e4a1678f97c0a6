"""One comparison as two functions: whether it holds (the fast one), and the sentence for people when it does not.

A missing value breaks every comparison but `exists`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watch.core.expect.answer import Answer, NotJson
from watch.core.expect.errors import ExpectationError
from watch.core.expect.jsonpath import PathError

if TYPE_CHECKING:
    from watch.core.expect.subject import Subject

Holds = Callable[[Answer], bool]
Says = Callable[[Answer], str]
ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
HAYSTACK = 256 << 10  # characters or bytes of a text that a pattern is applied to
# RE2 is linear in the text, times the pattern where its automaton outgrows its memory: `[a-q][^u-z]{999}x`
# took 2.9 s over 256 KiB. Instructions × bytes stay below this, 45 ms at worst.
_MATCH_WORK = 1 << 24
_LARGEST_PATTERN = 4_000  # instructions


@dataclass(frozen=True, slots=True)
class Range:
    """`200..299`, both ends included."""

    low: Any
    high: Any


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern, and how much of a text it is applied to: see `_MATCH_WORK`."""

    search: Callable[[bytes], Any]
    reach: int


def equals(subject: Subject, value: Any) -> Holds:
    """Return whether *subject* is exactly *value*; `true` is not 1, not even in JSON."""
    read = subject.read
    if subject.type is not None:
        return lambda answer: (found := read(answer)) is not None and found == value
    return _guarded(lambda answer: _same(read(answer), value))


def differs(subject: Subject, value: Any) -> Holds:
    """Return whether *subject* exists and is not *value*."""
    read = subject.read
    if subject.type is not None:
        return lambda answer: (found := read(answer)) is not None and found != value
    return _guarded(lambda answer: (found := read(answer)) is not None and not _same(found, value))


def orders(subject: Subject, sign: str, value: float) -> Holds:
    """Return whether *subject* compares with *value* as *sign* says."""
    read, compare = subject.read, ORDER[sign]
    if subject.type is not None:
        return lambda answer: (found := read(answer)) is not None and compare(found, value)
    return _guarded(lambda answer: _numeric(found := read(answer)) and compare(found, value))


def among(subject: Subject, values: tuple[Any, ...]) -> Holds:
    """Return whether *subject* is one of *values* or within one of their ranges."""
    read = subject.read
    plain = [value for value in values if not isinstance(value, Range)]
    spans = [value for value in values if isinstance(value, Range)]
    if subject.type is None:
        return _guarded(lambda answer: _among(read(answer), plain, spans))
    if plain or len(spans) > 1:
        return lambda answer: (found := read(answer)) is not None and _among(found, plain, spans)
    low, high = spans[0].low, spans[0].high  # `status in 200..299`, which nearly every http check has
    return lambda answer: (found := read(answer)) is not None and low <= found <= high


def _among(found: Any, plain: list[Any], spans: list[Range]) -> bool:
    if any(_same(found, value) for value in plain):
        return True
    return _numeric(found) and any(span.low <= found <= span.high for span in spans)


def contains(subject: Subject, needle: str) -> Holds:
    """Return whether the text *subject* contains *needle*, or the list has it as an element."""
    read = subject.read
    if subject.type is not None:
        return lambda answer: (found := read(answer)) is not None and needle in found
    return _guarded(lambda answer: isinstance(found := read(answer), str | list) and needle in found)


def matches(subject: Subject, pattern: Pattern) -> Holds:
    """Return whether RE2 finds *pattern* in the first `reach` characters and bytes of the text *subject*."""
    read, search, reach = subject.read, pattern.search, pattern.reach

    def holds(answer: Answer) -> bool:
        found = read(answer)
        if not isinstance(found, str):
            return False
        # Bytes, because RE2 fails on a lone surrogate.
        return search(found[:reach].encode("utf-8", "replace")[:reach]) is not None

    return _guarded(holds) if subject.type is None else holds


def pattern_of(text: str, at: int) -> Pattern:
    """Return *text* compiled; ExpectationError at *at* when RE2 rejects it."""
    import re2  # noqa: PLC0415 - costs start-up, few need it

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        program = re2.compile(text, options)
    except re2.error as error:
        said = error.args[0].decode("utf-8", "replace") if error.args else "RE2 gives no reason"
        raise ExpectationError(f"the pattern does not compile: {said}", at, _cure(said)) from None
    if program.programsize > _LARGEST_PATTERN:
        raise ExpectationError("the pattern is too large", at, "counted repeats multiply: write smaller ones")
    return Pattern(program.search, min(HAYSTACK, _MATCH_WORK // max(program.programsize, 1)))


def _cure(said: str) -> str:
    if "perl operator" in said:
        return "look-around and back-references do not exist here (RE2): use 'and' and 'not'"
    if "too large" in said or "repetition size" in said:
        return "counted repeats multiply: write smaller ones"
    return "see the syntax of RE2"


def exists(subject: Subject) -> Holds:
    """Return whether the answer has *subject* at all."""
    read = subject.read
    return _guarded(lambda answer: read(answer) is not None)


def how(subject: Subject, expected: str, pattern: Pattern | None = None) -> Says:
    """Return the function that writes the sentence for people: `status is 503, expected == 200`."""
    reach = HAYSTACK if pattern is None else pattern.reach

    def says(answer: Answer) -> str:
        try:
            found = subject.read(answer)
        except (NotJson, PathError) as error:
            return f"{subject.name}: {error}" if isinstance(error, PathError) else str(error)
        if found is None:
            return f"no {subject.name} in the answer"
        cut = (
            f" in its first {reach} bytes"
            if pattern is not None and isinstance(found, str) and len(found) > reach
            else ""
        )
        return f"{subject.name} is {subject.shown(found)}, expected {expected}{cut}"

    return says


def _guarded(holds: Holds) -> Holds:
    """Return *holds*, but false where the body is not JSON or the path fails on it; `how` says which."""

    def guarded(answer: Answer) -> bool:
        try:
            return holds(answer)
        except (NotJson, PathError):
            return False

    return guarded


def _same(found: Any, value: Any) -> bool:
    return isinstance(found, bool) == isinstance(value, bool) and bool(found == value)


def _numeric(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)
