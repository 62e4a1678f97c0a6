"""The shapes of values in checks.yaml. A shape reads a node and gives its JSON Schema.

Why not pydantic models: every message must point at a character, carry a cure, hide what came from a
reference, and be reported together with all others; the options of a check depend on the installed probe kinds;
and nothing may be imported for kinds that nobody uses. One hand-written description gives the reader, the
schema and the reference page, in a fraction of the code that would translate pydantic's errors back into places.

A shape that refuses a value records a mistake and returns None. A returned value may hold None where a part was
refused: reading goes on so that all mistakes are reported at once, and nothing is built when there are any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from watch.config.findings import Findings, one_of, quoted, suggestion
from watch.config.node import BOOLS, NOWHERE, Node, Scalar, Sequence, nothing, resolved

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST, _MOST = -(2**31), 2**53
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Schema = dict[str, Any]
NOT_BUILT = "is not built yet"
_YES, _NO = {"yes", "on", "y", "1", "true"}, {"no", "off", "n", "0", "false"}
_LONGEST = 8_192  # characters of a word that is parsed
_CURE = re.compile(r"(?:[:;] |; )(?=(?:write|give|add|leave|use|round|choose|remove|put|drop|set)\b)")


class Shape(Protocol[T_co]):
    """The form of one value."""

    @property
    def what(self) -> str:
        """Its name with an article: ``a duration like 30s``."""

    def read(self, node: Node, findings: Findings) -> T_co | None:
        """The value at *node*; None when it was refused, with the mistake in *findings*."""

    def schema(self) -> Schema:
        """The shape as JSON Schema."""


@dataclass(frozen=True, slots=True)
class Word(Generic[T]):
    """One scalar.

    Args:
        parse: Text → value; its ValueError says what is wrong and, after a colon, the cure.
        stand_in: The text that a placeholder is read as; it must parse.
        json: The JSON Schema.
        secret: The value is never shown.
        longest: Characters; a longer text is refused, unless it is already wrong for another reason.
    """

    what: str
    parse: Callable[[str], T]
    stand_in: str
    json: Schema
    secret: bool = False
    longest: int = _LONGEST

    def read(self, node: Node, findings: Findings) -> T | None:
        if self.secret:
            findings.hide(node)
        if not isinstance(node, Scalar):
            findings.mistake(node, f"{kind_of(node)} is not allowed here", f"write {self.what}")
            return None
        if nothing(node):
            findings.mistake(node, "the value is missing", f"write {self.what}")
            return None
        try:
            value = self.parse(node.text[: self.longest + 1])
        except (ValueError, ArithmeticError) as error:
            if node.placeholder:
                return self.parse(self.stand_in)
            self._refuse(node, str(error), findings)
            return None
        if len(node.text) > self.longest:
            findings.mistake(node, f"{shown(node)} is longer than {self.longest:,} characters", "write less")
            return None
        return value

    def _refuse(self, node: Scalar, error: str, findings: Findings) -> None:
        if self.secret or node.origin:
            source = shown(node) if node.origin else "this"
            findings.mistake(
                node, f"{source} is not {self.what}", "the value is not shown, because it may be secret"
            )
            return
        message, cure = split_cure(error.replace(repr(node.text), quoted(node.text)))
        findings.mistake(node, message, cure or f"write {self.what}")

    def schema(self) -> Schema:
        return dict(self.json)


def kind_of(node: Node) -> str:
    if isinstance(node, Scalar):
        return "an empty value" if nothing(node) else "a single value"
    return "a list" if isinstance(node, Sequence) else "a mapping"


def shown(node: Node) -> str:
    """The value at *node* as a message may show it."""
    if not isinstance(node, Scalar) or nothing(node):
        return kind_of(node)
    return f"the value of `{node.origin}`" if node.origin else quoted(node.text)


def split_cure(error: str) -> tuple[str, str]:
    """An error's text split into the mistake and the cure."""
    message, *cure = _CURE.split(error, maxsplit=1)
    return message, cure[0] if cure else ""


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``; not ``yes``, ``on`` or ``1``."""

    what: str = "`true` or `false`"

    def read(self, node: Node, findings: Findings) -> bool | None:
        if isinstance(node, Scalar) and (node.placeholder or node.text in BOOLS):
            return BOOLS.get(node.text, False)
        word = node.text.lower() if isinstance(node, Scalar) and not node.origin else ""
        cure = "write `true`" if word in _YES else "write `false`" if word in _NO else ""
        findings.mistake(node, f"{shown(node)} is not {self.what}", cure)
        return None

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds. The default bounds only keep numbers sane, so no text mentions them."""

    low: int = _LEAST
    high: int = _MOST

    @property
    def what(self) -> str:
        return f"a whole number{f' from {self.low} to {self.high}' if self._bounded else ''}"

    @property
    def _bounded(self) -> bool:
        return (self.low, self.high) != (_LEAST, _MOST)

    def read(self, node: Node, findings: Findings) -> int | None:
        if isinstance(node, Scalar):
            if node.placeholder:
                return self.low
            value = resolved(Scalar(node.source, node.at, node.text, plain=True, origin=""))
            if isinstance(value, int) and not isinstance(value, bool):
                if self.low <= value <= self.high:
                    return value
                if not self._bounded:
                    findings.mistake(node, f"{shown(node)} is too {'large' if value > 0 else 'small'}")
                    return None
        findings.mistake(node, f"{shown(node)} is not {self.what}", self._cure(node))
        return None

    def _cure(self, node: Node) -> str:
        digits = (
            re.fullmatch(r"0+([0-9]{1,18})|([0-9]{1,18})\.0*", node.text)
            if isinstance(node, Scalar)
            else None
        )
        number = digits and (digits[1] or digits[2])
        return f"write {number}" if number and self.low <= int(number) <= self.high else ""

    def schema(self) -> Schema:
        bounds = {"minimum": self.low, "maximum": self.high} if self._bounded else {}
        return {"type": "integer", **bounds}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. Those in *later* are planned, but not built yet."""

    words: tuple[str, ...]
    later: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        return one_of(self.words)

    def read(self, node: Node, findings: Findings) -> str | None:
        if isinstance(node, Scalar):
            if node.placeholder:
                return self.words[0]
            if node.text in self.words:
                return node.text
        if isinstance(node, Scalar) and node.text in self.later:
            findings.mistake(node, f"{quoted(node.text)} {NOT_BUILT}", f"write {self.what}")
        else:
            near = suggestion(node.text, self.words) if isinstance(node, Scalar) and not node.origin else ""
            findings.mistake(node, f"{shown(node)} is not {self.what}", near)
        return None

    def schema(self) -> Schema:
        # YAML reads `family: 4` as a number, and so does an editor.
        numbers = [resolved(Scalar(NOWHERE, 0, word, plain=True)) for word in self.words]
        return {"enum": [*self.words, *(it for it in numbers if isinstance(it, int | float))]}
