"""The forms that values in checks.yaml take. Each knows how to read itself and how a JSON Schema says it.

Why not pydantic models here: every message must point at a character, carry a cure, keep what came from a
reference unseen, and come with all others; the options of a check depend on the probe kinds that are
installed; and nothing may be imported for kinds that nobody uses. One hand-written description gives the
reader, the schema and the reference page, in a fraction of the code that would translate pydantic's errors
back into places.

A shape returns None for what it refuses, having said so. What it returns may itself hold None where a part
was refused: the reading goes on so that all mistakes are told at once, and nothing is built when there are
any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from watch.config.findings import Findings, meant, one_of, quoted
from watch.config.node import BOOLS, NOWHERE, Node, Scalar, Sequence, nothing, resolved

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Schema = dict[str, Any]
NOT_BUILT = "is not built yet"
_YES, _NO = {"yes", "on", "y", "1", "true"}, {"no", "off", "n", "0", "false"}
_LONGEST = 8_192  # the longest word that anything here has a use for
_CURE = re.compile(r"(?:[:;] |; )(?=(?:write|give|add|leave|use|round|choose|remove|put|drop|set)\b)")


class Shape(Protocol[T_co]):
    """How one value is written."""

    @property
    def what(self) -> str:
        """What it is, with its article: ``a duration such as 30s``."""

    def read(self, node: Node, findings: Findings) -> T_co | None:
        """The value at *node*; None when it was refused, which *findings* then knows."""

    def schema(self) -> Schema:
        """The same as JSON Schema."""


@dataclass(frozen=True, slots=True)
class Word(Generic[T]):
    """One scalar.

    Args:
        parse: Text → value; ValueError says what is wrong, and after a colon how to put it right.
        stand_in: What a placeholder is read as; its text must parse.
        json: Its JSON Schema.
        secret: It is never shown.
    """

    what: str
    parse: Callable[[str], T]
    stand_in: str
    json: Schema
    secret: bool = False

    def read(self, node: Node, findings: Findings) -> T | None:
        if self.secret:
            findings.hide(node)
        if not isinstance(node, Scalar):
            findings.mistake(node, f"{kind_of(node)} stands here", f"write {self.what}")
            return None
        if nothing(node):
            findings.mistake(node, "nothing is written here", f"write {self.what}")
            return None
        try:
            return self.parse(node.text[: _LONGEST + 1])
        except (ValueError, ArithmeticError) as error:
            if node.placeholder:
                return self.parse(self.stand_in)
            self._refuse(node, str(error), findings)
            return None

    def _refuse(self, node: Scalar, error: str, findings: Findings) -> None:
        if self.secret or node.origin:
            source = said(node) if node.origin else "this"
            findings.mistake(
                node, f"{source} is not {self.what}", "its value is not shown here: it may be secret"
            )
            return
        message, cure = parted(error.replace(repr(node.text), quoted(node.text)))
        findings.mistake(node, message, cure or f"write {self.what}")

    def schema(self) -> Schema:
        return dict(self.json)


def kind_of(node: Node) -> str:
    if isinstance(node, Scalar):
        return "nothing" if nothing(node) else "a single value"
    return "a list" if isinstance(node, Sequence) else "a mapping"


def said(node: Node) -> str:
    """What stands at *node*, as a message may show it."""
    if not isinstance(node, Scalar) or nothing(node):
        return kind_of(node)
    return f"the value of `{node.origin}`" if node.origin else quoted(node.text)


def parted(error: str) -> tuple[str, str]:
    """An error's sentence as what is wrong and how to put it right."""
    message, *cure = _CURE.split(error, maxsplit=1)
    return message, cure[0] if cure else ""


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``, and nothing that other programs also take for one."""

    what: str = "`true` or `false`"

    def read(self, node: Node, findings: Findings) -> bool | None:
        if isinstance(node, Scalar) and (node.placeholder or node.text in BOOLS):
            return BOOLS.get(node.text, False)
        word = node.text.lower() if isinstance(node, Scalar) and not node.origin else ""
        cure = "write `true`" if word in _YES else "write `false`" if word in _NO else ""
        findings.mistake(node, f"{said(node)} is not {self.what}", cure)
        return None

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    low: int
    high: int

    @property
    def what(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def read(self, node: Node, findings: Findings) -> int | None:
        if isinstance(node, Scalar):
            if node.placeholder:
                return self.low
            value = resolved(Scalar(node.source, node.at, node.text, plain=True, origin=""))
            if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
                return value
        findings.mistake(node, f"{said(node)} is not {self.what}", self._cure(node))
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
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. Those in *later* are planned and not built yet."""

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
            near = meant(node.text, self.words) if isinstance(node, Scalar) and not node.origin else ""
            findings.mistake(node, f"{said(node)} is not {self.what}", near)
        return None

    def schema(self) -> Schema:
        # YAML makes a number of `family: 4`, and so does an editor.
        numbers = [resolved(Scalar(NOWHERE, 0, word, plain=True)) for word in self.words]
        return {"enum": [*self.words, *(it for it in numbers if isinstance(it, int | float))]}
