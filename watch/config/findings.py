"""What was found wrong: every mistake and every warning, until the reading is over.

Rules: reading goes on after a mistake, so that all of them are told at once; a value that came from a
reference, a channel, or anything secret is never shown, neither in a message nor in the line under it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watch.config.excerpt import excerpt, masked
from watch.config.node import Node, Scalar, Source, scalars
from watch.ports import ConfigError, Remark

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_MISTAKES = 200  # nobody reads more, and a hostile file could make a million
_MOST_REPEATS = 1_000  # of what is written once and wrong for each of many targets
_SHORT = 80  # characters of a word in a message
_LONGEST = 300  # characters of a message
_TELLING = 6  # a shorter word is part of other words; who shows one asks `redacted` first


class Enough(Exception):  # noqa: N818 - the end of patience, not an error
    """So many mistakes that reading on helps nobody."""


@dataclass(frozen=True, slots=True)
class _Found:
    node: Node
    column: int
    message: str
    cure: str
    cut: bool


@dataclass(slots=True)
class Findings:
    """The list that the readers of one configuration write into."""

    mistakes: list[_Found] = field(default_factory=list)
    cautions: list[_Found] = field(default_factory=list)
    masked: list[Scalar] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    refers: bool = False  # some word has a `${`
    unreadable: bool = False  # a file is not YAML: what refers to it cannot be judged
    _known: set[tuple[Source, int, str]] = field(default_factory=set)
    _repeats: int = 0

    def mistake(
        self, node: Node, message: str, cure: str = "", *, offset: int = 0, cut: bool = False
    ) -> None:
        """Record one.

        Args:
            offset: Columns to the right of where *node* begins.
            cut: Show nothing of the line behind the place: what stands there was not understood.
        """
        found = (node.source, node.at + offset, message)
        if found in self._known:
            self._repeats += 1
            if self._full:
                raise Enough
            return
        self._known.add(found)
        self.mistakes.append(_Found(node, node.column + offset, message, cure, cut))
        if self._full:
            raise Enough

    def caution(self, node: Node, message: str, cure: str = "") -> None:
        """Record a warning: the configuration works, but perhaps not as meant."""
        self.cautions.append(_Found(node, node.column, message, cure, cut=False))

    def mask(self, node: Node) -> None:
        """Show no word at or beneath *node* in any line: it was not understood, so it may be secret."""
        self.masked.extend(scalars(node))

    def mask_addresses(self, node: Node) -> None:
        """Show no address at or beneath *node* in any line: it may be a channel."""
        self.masked.extend(word for word in scalars(node) if "://" in word.text)

    def hide(self, node: Node) -> None:
        """Never show any word at or beneath *node*, neither in a line nor in a message: it is secret."""
        self.masked.extend(scalars(node))
        self.secrets.update(word.text for word in scalars(node))

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
        secret = sorted((text for text in self.secrets if len(text) >= _TELLING), key=len, reverse=True)
        dark = self.unreadable or self._full
        remarks = set()
        for it in found:
            near = by_line.get((id(it.node.source), it.node.line), [])
            shown, pointer = excerpt(
                it.node.source.line(it.node.line), it.column, near, cut=it.cut, dark=dark
            )
            place = (it.node.source.name, it.node.line + 1, it.column + 1)
            remarks.add(Remark(*place, _line(it.message, secret), shown, pointer, _line(it.cure, secret)))
        return tuple(sorted(remarks))


def error(mistakes: tuple[Remark, ...], *, full: bool = False) -> ConfigError:
    """One error whose text is all *mistakes* and their number."""
    count = f"{len(mistakes)} mistake{'s' * (len(mistakes) != 1)}"
    more = "; there may be more, reading stopped here" if full else ""
    return ConfigError("\n\n".join([*map(str, mistakes), f"{count}{more}"]), mistakes)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """*text* without any of *secrets*."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


def _line(text: str, secrets: Iterable[str]) -> str:
    """*text* as one line of a remark, whatever a hostile file put into it."""
    line = "".join(c if c.isprintable() else "·" for c in redacted(text, secrets))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def quoted(text: str) -> str:
    """*text* as a message shows it: in backticks, on one line, not too long, without what looks like a secret."""
    line = "".join(c if c.isprintable() else "·" for c in masked(text[:200]))
    return f"`{line[:79]}…`" if len(line) > _SHORT or len(text) > 200 else f"`{line}`"


def meant(word: str, known: Iterable[str]) -> str:
    """``did you mean `x`?`` for the known word nearest to *word*; empty when none is near."""
    words = list(known)
    near = difflib.get_close_matches(word[:64].lower(), words, n=1, cutoff=0.6)
    return f"did you mean {quoted(near[0])}?" if near else ""


def one_of(words: Iterable[str]) -> str:
    """*words* as a choice: `a`, `b` or `c`."""
    *most, last = [quoted(word) for word in words]
    return f"{', '.join(most)} or {last}" if most else last


def unknown_name(node: Node, what: str, word: str, known: Iterable[str], findings: Findings) -> None:
    """Record that *word* names nothing."""
    names = list(known)
    cure = meant(word, names) or (_choice(names) if names else f"there is no {what} at all")
    findings.mistake(node, f"there is no {what} {quoted(word)}", cure)


def _choice(names: list[str]) -> str:
    if len(names) == 1:
        return f"there is only {quoted(names[0])}"
    more = ", …" if len(names) > 8 else ""
    return f"there are {', '.join(quoted(name) for name in names[:8])}{more}"
