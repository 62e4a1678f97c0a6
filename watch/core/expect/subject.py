"""The subjects of expectations: a probe's facts, its headers and its `body`, as text and as JSON."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watch.core.expect.answer import Answer
from watch.core.expect.errors import ExpectationError
from watch.core.expect.jsonpath import PathError, compile_path
from watch.core.expect.tokens import Kind, Token
from watch.core.reading import FactSpec, FactType, Reason
from watch.core.wording import fact_text, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Subject:
    """The left side of a comparison.

    Args:
        type: None for `json(…)`, whose type depends on the answer.
        read: Returns its value in an answer; None when it is missing. May raise NotJson or PathError.
    """

    name: str
    type: FactType | None
    reason: Reason
    read: Callable[[Answer], Any]

    @property
    def ordered(self) -> bool:
        return self.type not in (FactType.TEXT, FactType.BOOL)

    @property
    def textual(self) -> bool:
        return self.type in (FactType.TEXT, None)

    def shown(self, value: Any) -> str:
        """Return *value* as text for people: short, with control characters spelled out."""
        if isinstance(value, str):
            return f'"{visible(value)}"'
        if isinstance(value, list | dict):
            return f"a list of {len(value)}" if isinstance(value, list) else f"an object of {len(value)}"
        return visible(fact_text(value, self.type or FactType.COUNT))


def subject_of(token: Token, facts: Mapping[str, FactSpec]) -> Subject:
    """Return the subject that *token* names; ExpectationError with the nearest name when there is none."""
    if token.kind is Kind.CALL and "body" not in facts:
        said = f"{token.name}(…) reads a body, and this kind of check has none"
        raise ExpectationError(said, token.start, f"write one of {_known(facts)}")
    if token.kind is Kind.CALL:
        return _header(token) if token.name == "header" else _json(token)
    if token.kind is not Kind.WORD:
        raise ExpectationError(
            "a fact's name is expected here", token.start, f"write one of {_known(facts)} before the operator"
        )
    name = token.text
    if name not in facts:
        raise _unknown(token, facts)
    if name == "body":  # documented like a fact, but never stored
        return Subject(name, FactType.TEXT, facts[name].reason, Answer.body)
    fact, absent = facts[name], facts[name].absent
    return Subject(name, fact.type, fact.reason, lambda answer: answer.facts.get(name, absent))


def _header(token: Token) -> Subject:
    name = token.text.strip("\"'").lower()
    if not name:
        raise ExpectationError("header() names no header", token.start, "write one like header(content-type)")
    return Subject(f"header({name})", FactType.TEXT, Reason.EXPECTATION, lambda answer: answer.header(name))


def _json(token: Token) -> Subject:
    if not token.text:
        raise ExpectationError("json() names no path", token.start, "write one like json(status)")
    try:
        find = compile_path(token.text)
    except PathError as error:
        raise ExpectationError(f"json({token.text}): {error}", token.start + len("json(")) from None
    name = f"json({visible(token.text, 60)})"
    return Subject(name, None, Reason.EXPECTATION, lambda answer: find(answer.json()))


def _known(facts: Mapping[str, FactSpec]) -> str:
    return ", ".join([*sorted(facts), *(("header(NAME)", "json(PATH)") if "body" in facts else ())])


def _unknown(token: Token, facts: Mapping[str, FactSpec]) -> ExpectationError:
    names = [*facts, *(("json", "header") if "body" in facts else ())]
    near = difflib.get_close_matches(token.text, names, n=1, cutoff=0.6)
    if not near:
        # A part of a dotted name is near too: `certificate` or `left` for `certificate.left`.
        near = [name for name in facts if token.text in name.split(".")][:1]
    full = {"json": "json(PATH)", "header": "header(NAME)"}
    cure = f"did you mean {full.get(near[0], near[0])}?" if near else f"write one of {_known(facts)}"
    return ExpectationError(f"there is no fact {token.text!r} here", token.start, cure)
