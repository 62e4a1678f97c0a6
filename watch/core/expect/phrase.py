"""The right side of a comparison: the operators that a subject allows, and values in its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from watch.core.expect import comparison as compare
from watch.core.expect.errors import ExpectationError
from watch.core.expect.tokens import Kind, Token
from watch.core.quantity import literal, number
from watch.core.reading import FactType
from watch.core.wording import visible

if TYPE_CHECKING:
    from watch.core.expect.comparison import Holds, Says
    from watch.core.expect.subject import Subject

_WORDS = ("contains", "matches", "in", "exists")
_JOINING = frozenset(("and", "or", "not"))
_OPERATORS = "== != < <= > >= contains matches in exists"
_SPACED = frozenset((FactType.DURATION, FactType.BYTES, FactType.RATIO, FactType.INSTANT))


class Tokens(Protocol):
    """The interface of `watch.core.expect.grammar.Reader`."""

    text: str

    @property
    def next(self) -> Token: ...

    @property
    def before(self) -> Token: ...

    def take(self) -> Token: ...

    def takes(self, kind: Kind, text: str) -> bool: ...


def comparison(reader: Tokens, subject: Subject) -> tuple[bool, Holds, Says, Says]:
    """Read what follows *subject*: whether it is negated, its test, its `broken` and its `met` sentence."""
    negated = reader.takes(Kind.WORD, "not")
    verb = reader.take()
    if verb.kind is Kind.WORD and verb.text == "exists":
        lacking, there = f"no {subject.name} in the answer", f"{subject.name} is in the answer, expected none"
        return negated, compare.exists(subject), lambda _: lacking, lambda _: there
    pattern = None
    if verb.kind is Kind.WORD and verb.text == "matches":
        text = _text(reader, subject, verb)
        pattern = compare.pattern_of(text.text, text.start)
        holds = compare.matches(subject, pattern)
    elif verb.kind is Kind.WORD and verb.text in _WORDS:
        holds = _worded(reader, subject, verb)
    elif verb.kind is Kind.OPERATOR and not negated:
        holds = _signed(reader, subject, verb)
    else:
        raise _no_verb(subject, verb)
    said = visible(reader.text[verb.start : reader.before.end])  # as the user wrote it, from the verb on
    return negated, holds, compare.how(subject, said, pattern), compare.how(subject, f"not {said}", pattern)


def _no_verb(subject: Subject, verb: Token) -> ExpectationError:
    if verb.kind is Kind.END or verb.text in _JOINING:
        cure = (
            f"write {subject.name} == true" if subject.type is FactType.BOOL else f"write one of {_OPERATORS}"
        )
        return ExpectationError(f"{subject.name} is compared with nothing", verb.start, cure)
    return ExpectationError(f"{verb.text!r} is not an operator", verb.start, f"write one of {_OPERATORS}")


def _signed(reader: Tokens, subject: Subject, verb: Token) -> Holds:
    if verb.text in compare.ORDER and not subject.ordered:
        cure = "write ==, !=, contains or matches" if subject.textual else "write == true or == false"
        raise ExpectationError(f"{subject.name} has no order, so no {verb.text}", verb.start, cure)
    at = reader.next
    value = _value(reader, subject)
    if verb.text == "==":
        return compare.equals(subject, value)
    if verb.text == "!=":
        return compare.differs(subject, value)
    if isinstance(value, str | bool):
        raise ExpectationError(
            f"{at.text!r} has no order, so no {verb.text}", at.start, "write a plain number"
        )
    return compare.orders(subject, verb.text, value)


def _worded(reader: Tokens, subject: Subject, verb: Token) -> Holds:
    if verb.text == "in":
        return compare.among(subject, _values(reader, subject))
    return compare.contains(subject, _text(reader, subject, verb).text)


def _text(reader: Tokens, subject: Subject, verb: Token) -> Token:
    """Read the text after `contains` or `matches`."""
    if not subject.textual:
        raise ExpectationError(
            f"{subject.name} is no text, so no {verb.text}", verb.start, "write ==, !=, <, <=, >, >= or in"
        )
    value = reader.take()
    if value.kind not in (Kind.TEXT, Kind.WORD):
        raise ExpectationError(f"{verb.text} needs a text", value.start, f'write {verb.text} "…"')
    _single(reader, value)
    return value


def _values(reader: Tokens, subject: Subject) -> tuple[Any, ...]:
    """Read `[200, 204, 300..399]` or one range."""
    opening = reader.next
    if not reader.takes(Kind.MARK, "["):
        if ".." not in opening.text or opening.kind is not Kind.WORD:
            raise ExpectationError(
                "'in' needs a list or a range", opening.start, "write in [200, 204] or in 200..299"
            )
        return (_value_or_range(reader, subject),)
    found = [_value_or_range(reader, subject)]
    while reader.takes(Kind.MARK, ","):
        found.append(_value_or_range(reader, subject))
    if not reader.takes(Kind.MARK, "]"):
        raise ExpectationError(
            "this list never ends", opening.start, "close it with ] and separate the values with commas"
        )
    return tuple(found)


def _value_or_range(reader: Tokens, subject: Subject) -> Any:
    token = reader.next
    if token.kind is not Kind.WORD or ".." not in token.text or not subject.ordered:
        return _value(reader, subject)
    reader.take()
    low, _, high = token.text.partition("..")
    ends = compare.Range(_read(subject, low, token.start), _read(subject, high, token.end - len(high)))
    if isinstance(ends.low, str | bool) or isinstance(ends.high, str | bool):
        raise ExpectationError(
            "a range goes from a number to a number", token.start, "write it like 200..299"
        )
    if ends.low > ends.high:
        raise ExpectationError(f"nothing is in {token.text}", token.start, "write the smaller end first")
    return ends


def _value(reader: Tokens, subject: Subject) -> Any:
    token = reader.take()
    if token.kind is Kind.TEXT:
        return _quoted(subject, token)
    if token.kind is not Kind.WORD or token.text in _JOINING:
        raise ExpectationError("a value is expected here", token.start, f"write {_example(subject)}")
    text = token.text
    if subject.type in _SPACED:
        while reader.next.kind is Kind.WORD and reader.next.text not in _JOINING:  # 21 days, 1 GiB
            text += f" {reader.take().text}"
    else:
        _single(reader, token)
    return _read(subject, text, token.start)


def _single(reader: Tokens, token: Token) -> None:
    following = reader.next
    if token.kind is Kind.WORD and following.kind is Kind.WORD and following.text not in _JOINING:
        raise ExpectationError(
            "a text of several words needs quotes", token.start, f'write "{token.text} {following.text} …"'
        )


def _quoted(subject: Subject, token: Token) -> Any:
    if subject.textual:
        return token.text
    if subject.type is FactType.INSTANT:  # it contains blanks and colons, so quotes are allowed
        return _read(subject, token.text, token.start)
    raise ExpectationError(
        f"{subject.name} is no text", token.start, f"write {_example(subject)}, without quotes"
    )


def _read(subject: Subject, text: str, at: int) -> Any:
    if subject.type is None:
        return _json_value(text, at)
    try:
        return literal(text, subject.type)
    except ValueError as error:
        raise ExpectationError(f"{subject.name} cannot be compared with that: {error}", at) from None


def _json_value(text: str, at: int) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    if text == "null":
        raise ExpectationError("null and missing are the same here", at, "write: not json(…) exists")
    try:
        return number(text)
    except ValueError:
        raise ExpectationError(
            f"{text!r} is not a JSON value", at, f'write a plain number, true, false, or "{text}" in quotes'
        ) from None


def _example(subject: Subject) -> str:
    examples = {
        FactType.DURATION: "a duration like 800ms",
        FactType.BYTES: "a size like 1GiB",
        FactType.RATIO: "a percentage like 99%",
        FactType.COUNT: "a number like 200",
        FactType.INSTANT: 'a time like "2026-11-23 02:00 UTC"',
        FactType.BOOL: "true or false",
        FactType.TEXT: 'a text like "ok"',
    }
    return examples[subject.type] if subject.type is not None else 'a number, true, false or a text like "ok"'
