"""The mistakes and warnings found while one configuration is read.

Rules: reading goes on after a mistake, so that all mistakes are reported at once. A value that came from a
reference, a channel, or any secret is never shown, neither in a message nor in the excerpt under it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watch.config.excerpt import excerpt, masked
from watch.config.node import Node, Scalar, Source, guessed, scalars
from watch.errors import ConfigError, Remark

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_MISTAKES = 200  # nobody reads more, and a hostile file could cause a million
_MOST_REPEATS = 1_000  # of one mistake in a check that `for_each` wrote out many times
_SHORT = 80  # characters of a word in a message
_LONGEST = 300  # characters of a message
_SCHEME = re.compile(r"[a-z0-9+.-]*:/{0,2}")  # alone no secret, and part of many cures
_REDACTED_FROM = (
    6  # characters; a shorter secret is part of other words, and `redacted` is called where it is shown
)


class TooManyMistakes(Exception):  # noqa: N818 - it ends the reading, it is not an error
    """Reading stops: there are more mistakes than anyone reads."""


@dataclass(frozen=True, slots=True)
class _Found:
    node: Node
    column: int
    message: str
    cure: str
    cut: bool = False
    ineffective: bool = False


@dataclass(slots=True)
class Findings:
    """The mistakes and warnings of one configuration; all readers record into it."""

    mistakes: list[_Found] = field(default_factory=list)
    cautions: list[_Found] = field(default_factory=list)
    masked: list[Scalar] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    refers: bool = False  # some word contains `${`
    unusable: list[tuple[str, int]] = field(default_factory=list)  # channels (person, number from 1)
    unreadable: bool = False  # a file is not YAML: references to its parts cannot be checked
    _known: set[tuple[Source, int, str]] = field(default_factory=set)
    _repeats: int = 0

    def mistake(
        self, node: Node, message: str, cure: str = "", *, offset: int = 0, cut: bool = False
    ) -> None:
        """Record a mistake.

        Args:
            offset: Columns to the right of the start of *node*.
            cut: Show nothing of the line after the place: it was not understood, so it may be secret.
        """
        found = (node.source, node.at + offset, message)
        if found in self._known:
            self._repeats += 1
            if self._full:
                raise TooManyMistakes
            return
        self._known.add(found)
        self.mistakes.append(_Found(node, node.column + offset, message, cure, cut))
        if self._full:
            raise TooManyMistakes

    def caution(self, node: Node, message: str, cure: str = "", *, ineffective: bool = False) -> None:
        """Record a warning: valid, but perhaps not intended.

        Args:
            ineffective: What is written there has no effect.
        """
        self.cautions.append(_Found(node, node.column, message, cure, ineffective=ineffective))

    def mask(self, node: Node) -> None:
        """Show no word at or below *node* in any excerpt: it was not understood, so it may be secret."""
        self.masked.extend(scalars(node))

    def mask_addresses(self, node: Node) -> None:
        """Show no address at or below *node* in any excerpt: it may be a channel."""
        self.masked.extend(word for word in scalars(node) if "://" in word.text)

    def hide(self, node: Node) -> None:
        """Show no word at or below *node*, neither in an excerpt nor in a message: it is secret."""
        self.masked.extend(scalars(node))
        self.secrets.update(word.text for word in scalars(node) if not _SCHEME.fullmatch(word.text))

    def warnings(self) -> tuple[Remark, ...]:
        return self._told(self.cautions)

    def error(self) -> ConfigError:
        """All mistakes as one error, in the order of files and lines."""
        return error(self._told(self.mistakes), full=self._full)

    @property
    def _full(self) -> bool:
        return len(self.mistakes) >= MOST_MISTAKES or self._repeats > _MOST_REPEATS

    def _told(self, found: Iterable[_Found]) -> tuple[Remark, ...]:
        by_line: dict[tuple[int, int], list[Scalar]] = {}
        for word in self.masked:
            by_line.setdefault((id(word.source), word.line), []).append(word)
        secret = sorted((text for text in self.secrets if len(text) >= _REDACTED_FROM), key=len, reverse=True)
        unparsed = self.unreadable or self._full
        remarks = set()
        for it in found:
            near = by_line.get((id(it.node.source), it.node.line), [])
            shown, pointer = excerpt(
                it.node.source.line(it.node.line), it.column, near, cut=it.cut, unparsed=unparsed
            )
            place = (it.node.source.name, it.node.line + 1, it.column + 1)
            said, cure = _line(it.message, secret), _line(it.cure, secret)
            remarks.add(Remark(*place, said, shown, pointer, cure, it.ineffective))
        return tuple(sorted(remarks))


def error(mistakes: tuple[Remark, ...], *, full: bool = False) -> ConfigError:
    """One error; its text lists all *mistakes* and their number."""
    count = f"{len(mistakes)} mistake{'s' * (len(mistakes) != 1)}"
    more = "; reading stopped here, there may be more" if full else ""
    return ConfigError("\n\n".join([*map(str, mistakes), f"{count}{more}"]), mistakes)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """*text* with each of *secrets* replaced by ***."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


def _line(text: str, secrets: Iterable[str]) -> str:
    """*text* as one printable line of limited length, even from a hostile file."""
    line = "".join(c if c.isprintable() else "·" for c in redacted(text, secrets))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def quoted(text: str) -> str:
    """*text* for a message: in backticks, on one line, shortened, with what looks secret masked."""
    line = "".join(c if c.isprintable() else "·" for c in masked(text[:200]))
    return f"`{line[:79]}…`" if len(line) > _SHORT or len(text) > 200 else f"`{line}`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean `x`?`` for the known word most similar to *word*; empty when none is similar."""
    words = list(known)
    near = difflib.get_close_matches(word[:64].lower(), words, n=1, cutoff=0.6)
    return f"did you mean {quoted(near[0])}?" if near else ""


def one_of(words: Iterable[str]) -> str:
    """*words* joined as alternatives: `a`, `b` or `c`."""
    *most, last = [quoted(word) for word in words]
    return f"{', '.join(most)} or {last}" if most else last


def unknown_name(node: Node, what: str, word: str, known: Iterable[str], findings: Findings) -> None:
    """Record that *word* does not name any *what*. A placeholder may name it."""
    if guessed(node):
        return
    names = list(known)
    cure = suggestion(word, names) or (_choice(names) if names else _none_yet(what, word))
    findings.mistake(node, f"there is no {what} {quoted(word)}", cure)


# Where what has a name is defined: the words for it, and its key.
_DEFINED = {
    "person": "people", "component": "components", "escalation": "escalations", "vantage point": "vantages",
    "rotation": "rotations",
}  # fmt: skip


def _none_yet(what: str, word: str) -> str:
    """The cure where nothing is defined that *word* could name."""
    section = _DEFINED.get(what.partition(" or ")[0])
    return (
        f"`{section}` defines none: add {quoted(word)} there" if section else f"no {what} is defined: add it"
    )


def _choice(names: list[str]) -> str:
    if len(names) == 1:
        return f"there is only {quoted(names[0])}"
    more = ", …" if len(names) > 8 else ""
    return f"there are {', '.join(quoted(name) for name in names[:8])}{more}"
