"""What a YAML file says, with the place of every word.

A file becomes a tree of `Scalar`, `Sequence` and `Table`. A place costs one integer a node and is looked up
in the text only for a remark, so that a file without mistakes pays next to nothing for precise ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_LINE_SHIFT = 22  # a column fits below it: files end at 2 MiB
WHOLE = -1  # the place of a file as a whole


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A file: the name people gave it, where it is, and its lines."""

    name: str
    path: Path
    lines: tuple[str, ...] = field(repr=False)

    def line(self, number: int) -> str:
        """The line *number*, counted from 0; empty beyond the end."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""


NOWHERE = Source("", Path(), ())  # for words that no file holds


def packed(line: int, column: int) -> int:
    """The one integer that a place is, from a line and a column counted from 0."""
    return line << _LINE_SHIFT | column


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Anything with a place."""

    source: Source
    at: int

    @property
    def line(self) -> int:
        """Counted from 0; -1 for the file as a whole."""
        return self.at >> _LINE_SHIFT

    @property
    def column(self) -> int:
        """Counted from 0."""
        return -1 if self.at == WHOLE else self.at & ((1 << _LINE_SHIFT) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Node):
    """A word.

    Args:
        plain: Written without quotes: only then can it be a number, a bool or nothing.
        origin: The reference its text came from, like ``${env:TOKEN}``. Such a text is never shown.
        placeholder: Part of the text stands in for a secret that was not to be read.
    """

    text: str
    plain: bool
    origin: str = ""
    placeholder: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Node):
    items: list[Node]


@dataclass(frozen=True, slots=True, eq=False)
class Table(Node):
    """A mapping, in the file's order: key → (where the key stands, the value)."""

    entries: dict[str, tuple[Scalar, Node]]


_LONGEST_NUMBER = 45
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLS = {word: word[0] in "tT" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?", re.ASCII)


def resolved(scalar: Scalar) -> str | int | float | bool | None:
    """What a scalar is under YAML 1.2's core schema, less its surprises.

    ``NO``, ``on``, ``22:00`` and dates stay text, as they do in YAML 1.2; so does ``010``, which is eight
    in YAML 1.1.
    """
    text = scalar.text
    if not (scalar.plain or scalar.origin) or len(text) > _LONGEST_NUMBER:
        return text
    if text in _NULL:
        return text if scalar.origin else None
    if text in BOOLS:
        return BOOLS[text]
    if _INT.fullmatch(text):
        return int(text, 0)
    # A leading zero is a telephone number or a mistake, not a float.
    if _FLOAT.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return float(text)
    return text


def nothing(node: Node) -> bool:
    """Whether *node* is a value left out: ``key:`` with nothing behind it, or ``null``."""
    return isinstance(node, Scalar) and node.plain and node.text in _NULL


def scalars(node: Node) -> list[Scalar]:
    """All words at and beneath *node*, keys left out."""
    found: list[Scalar] = []
    todo = [node]
    while todo:
        match todo.pop():
            case Scalar() as word:
                found.append(word)
            case Sequence() as sequence:
                todo.extend(sequence.items)
            case Table() as table:
                todo.extend(value for _, value in table.entries.values())
    return found
