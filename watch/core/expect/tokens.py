"""The tokens of an expectation's text, with their offsets."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from watch.core.expect.errors import ExpectationError

LONGEST = 2_000  # characters of one expectation
_WORD = re.compile(r"""[^\s()\[\],"'=!<>&|]+""")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_PAIRED = {"(": ")", "[": "]"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_FOREIGN = {"=": "==", "!": "not", "&": "and", "&&": "and", "|": "or", "||": "or", "=~": "matches"}


class Kind(Enum):
    WORD = "word"
    TEXT = "text"  # in quotes
    OPERATOR = "operator"
    MARK = "mark"  # ( ) [ ] ,
    CALL = "call"  # json(…) or header(…); `text` is what is inside
    END = "end"


class Token(NamedTuple):
    """A piece of an expectation.

    Args:
        start: Its first character's offset.
        end: The offset after its last one.
        name: `json` or `header`, for a CALL.
    """

    kind: Kind
    text: str
    start: int
    end: int
    name: str = ""


def tokens(text: str) -> list[Token]:
    """Return the tokens of *text*, ending with END; ExpectationError for a broken one."""
    if len(text) > LONGEST:
        raise ExpectationError(
            f"an expectation is longer than {LONGEST} characters", LONGEST, "write several"
        )
    found: list[Token] = []
    at = 0
    while (at := _after_blanks(text, at)) < len(text):
        found.append(_token(text, at))
        at = found[-1].end
    if not found:
        raise ExpectationError("the expectation is empty", 0, "write one like status == 200")
    return [*found, Token(Kind.END, "", len(text), len(text))]


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _token(text: str, at: int) -> Token:
    char = text[at]
    if char in "\"'":
        return _quoted(text, at)
    if char in "()[],":
        return Token(Kind.MARK, char, at, at + 1)
    if operator := _OPERATOR.match(text, at):
        return Token(Kind.OPERATOR, operator[0], at, operator.end())
    word = _WORD.match(text, at)
    if word is None:
        raise _foreign(text, at)
    if word[0] in {"json", "header"} and text[word.end() : word.end() + 1] == "(":
        return _call(text, word[0], at, word.end() + 1)
    return Token(Kind.WORD, word[0], at, word.end())


def _foreign(text: str, at: int) -> ExpectationError:
    theirs = text[at : at + 2] if text[at : at + 2] in _FOREIGN else text[at]
    return ExpectationError(f"{theirs!r} is not a word of this language", at, f"write {_FOREIGN[theirs]!r}")


def _quoted(text: str, at: int) -> Token:
    """Read the quoted text at *at*: a backslash escapes a quote or backslash, and n, t, r as in C."""
    written: list[str] = []
    i = at + 1
    while i < len(text):
        char = text[i]
        if char == text[at]:
            return Token(Kind.TEXT, "".join(written), at, i + 1)
        if char == "\\" and i + 1 < len(text):
            i += 1
            # An escape we do not know stays as it is: "\d+" is a pattern and needs no second backslash.
            known = text[i] in "\\\"'"
            char = text[i] if known else _ESCAPES.get(text[i], "\\" + text[i])
        written.append(char)
        i += 1
    raise ExpectationError("the quoted text never ends", at, f"close it with {text[at]}")


def _call(text: str, name: str, start: int, inside: int) -> Token:
    """Read `name(…)` up to its own closing bracket; brackets in quotes and backticks do not count."""
    closing, i = [")"], inside
    while i < len(text):
        char = text[i]
        if char in "\"'`":
            i = _end_of_quote(text, i)
        elif char in _PAIRED:
            closing.append(_PAIRED[char])
        elif char == closing[-1]:
            closing.pop()
            if not closing:
                return Token(Kind.CALL, text[inside:i].strip(), start, i + 1, name)
        i += 1
    raise ExpectationError(f"{name}( never ends", start, "close it with )")


def _end_of_quote(text: str, at: int) -> int:
    i = at + 1
    while i < len(text) and text[i] != text[at]:
        i += 2 if text[i] == "\\" else 1
    return i
