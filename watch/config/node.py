"""The tree of a YAML file, with the place of every word.

A file becomes a tree of `Scalar`, `Sequence` and `Table`. A place costs one integer a node and is looked up
in the text only for a remark, so a file without mistakes pays almost nothing for precise places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_LINE_SHIFT = 22  # a column fits below it: files end at 2 MiB
WHOLE = -1  # the place of a file as a whole


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A file: its name as given by the user, its path, and its lines."""

    name: str
    path: Path
    lines: tuple[str, ...] = field(repr=False)

    def line(self, number: int) -> str:
        """The line *number*, counted from 0; empty after the end of the file."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""


NOWHERE = Source("", Path(), ())  # for words that are in no file


def packed(line: int, column: int) -> int:
    """A place as one integer, from a line and a column counted from 0."""
    return line << _LINE_SHIFT | column


# Not frozen: that would take twice as long to make, and a file has up to 100,000 nodes. Nobody changes one.
@dataclass(slots=True, eq=False)
class Node:
    """A part of a file, with its place."""

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


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A word.

    Args:
        plain: Written without quotes. Only a plain word can be a number, a bool or null.
        origin: The reference its text came from, like ``${env:TOKEN}``. Such a text is never shown.
        placeholder: Part of the text is a placeholder for a secret that was not read.
    """

    text: str
    plain: bool
    origin: str = ""
    placeholder: bool = False


@dataclass(slots=True, eq=False)
class Sequence(Node):
    items: list[Node]


@dataclass(slots=True, eq=False)
class Table(Node):
    """A mapping, in the file's order: key → (the key's node, the value)."""

    entries: dict[str, tuple[Scalar, Node]]


_LONGEST_NUMBER = 45
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLS = {word: word[0] in "tT" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?", re.ASCII)


def resolved(scalar: Scalar) -> str | int | float | bool | None:
    """The value of a scalar by YAML 1.2's core schema, with fewer surprises.

    ``NO``, ``on``, ``22:00`` and dates are text, as in YAML 1.2. ``010`` is text too; in YAML 1.1 it is 8.
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
    """Whether *node* is an empty value: ``key:`` without a value, or ``null``."""
    return isinstance(node, Scalar) and node.plain and node.text in _NULL


def guessed(node: Node) -> bool:
    """Whether a placeholder stands for the value of *node*: it must not be compared with others."""
    return isinstance(node, Scalar) and node.placeholder


def scalars(node: Node) -> list[Scalar]:
    """All words at and below *node*, without keys."""
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
