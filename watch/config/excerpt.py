"""The line a mistake is in, as it may be shown, and the caret under it.

A configuration is full of secrets, and a mistake's line ends up in terminals, CI logs and tickets. So
whatever is known to be secret is masked here, and whatever looks like it too: after a syntax error nothing is
known yet.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watch.config.node import Scalar

_WIDTH = 100
_LONGEST = 4_000  # a line that nobody wrote: it is not worth searching for secrets, so none of it is shown
_LOOKS_SECRET = (
    # What stands in for a missing reference.
    re.compile(r"\$\{(?:env|file):[^}]{0,200}?:-(?P<it>[^}]+)"),
    # A channel or a database: everything behind the scheme, which alone is harmless.
    re.compile(r"(?<!\bhttp)(?<!\bhttps)(?<!\bsqlite)://(?P<it>[^\s\"',\]}]+)"),
    # A web address: who signs in there, and what it is asked.
    re.compile(r"\bhttps?://(?P<it>[^/\s\"'@]{1,200})@"),
    re.compile(r"\bhttps?://[^\s\"',\]}?]{0,500}\?(?P<it>[^\s\"',\]}]+)"),
    re.compile(
        r"(?i)(?:passw|secret|token|api_?-?key|bearer|authorization|cookie|credential)[\w-]{0,30}[\"']?\s{0,9}[:=]"
        r"\s{0,9}(?![\"']?\$\{)(?P<it>\"[^\"]*\"?|'[^']*'?|[^,}\]\s][^,}\]]*)"
    ),
)
# Where a syntax error left everything in the dark, any address may be a channel, and any long word a secret that a
# slip of the hand has cut off from what would tell so. Keys, and words of small letters only, are neither.
_IN_THE_DARK = (
    re.compile(r"://(?P<it>[^\s\"',\]}]+)"),
    re.compile(r"(?![a-z_]+(?:[\s\"'\[\]{},:#]|$))(?!/)(?P<it>[^\s\"'\[\]{},:#]{12,}+)(?![\"']?:(?:\s|$))"),
)
_ONE_REFERENCE = re.compile(r"\$\{[^{}]*\}(?=\s*([,\]}#]|$))|([\"'])\$\{[^{}]*\}\2")
_KEY = re.compile(r"[\"']?[^\s:\"']{0,80}[\"']?:?")


def excerpt(
    line: str, column: int, hidden: Iterable[Scalar] = (), *, cut: bool = False, dark: bool = False
) -> tuple[str, str]:
    """*line* with its secrets masked, and what to print under it to point at *column* (from 0).

    Args:
        hidden: Words that begin on the line and must not be shown.
        cut: Show nothing behind the word at *column*.
        dark: Nobody knows what the line means.
    """
    if len(line) > _LONGEST or not line.strip():
        return "", ""
    shown = [c if c.isprintable() else " " if c == "\t" else "·" for c in line]
    for low, high in _secret(line, hidden, dark=dark):
        shown[low:high] = ["***", *[""] * (high - low - 1)]
    if cut and (end := _KEY.match(line, column)) and line[end.end() :].strip():
        shown[end.end() :] = [" …"]
    return _around("".join(shown), len("".join(shown[:column])))


def masked(text: str) -> str:
    """*text* without what looks like a secret."""
    shown = list(text)
    for low, high in _secret(text, (), dark=False):
        shown[low:high] = ["***", *[""] * (high - low - 1)]
    return "".join(shown)


def _secret(line: str, hidden: Iterable[Scalar], *, dark: bool) -> list[tuple[int, int]]:
    """Disjoint spans of *line* that must not be shown."""
    spans = [_extent(line, word) for word in hidden]
    spans += [
        match.span("it")
        for pattern in (*_LOOKS_SECRET, *_IN_THE_DARK * dark)
        for match in pattern.finditer(line)
    ]
    merged: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if merged and low <= merged[-1][1]:
            low, high = merged[-1][0], max(high, merged.pop()[1])  # noqa: PLW2901 - it is one span now
        merged.append((low, high))
    return merged


def _extent(line: str, word: Scalar) -> tuple[int, int]:
    """From where to where *word* stands in its line; to the line's end when that is not plain to see."""
    start = word.column
    if word.origin and _ONE_REFERENCE.match(line, start):
        return start, start
    if word.text and line.startswith(word.text, start):
        return start, start + len(word.text)
    closing = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'|\$\{[^}]*\}').match(line, start)
    return (start, closing.end()) if closing else (start, len(line))


def _around(text: str, at: int) -> tuple[str, str]:
    """*text* without its indentation, cut to the neighbourhood of *at*, and the caret's line."""
    first = min(at, len(text) - len(text.lstrip()))
    if len(text) > _WIDTH and at - first > _WIDTH // 2:
        first = at - _WIDTH // 2
        text, at = "…" + text[first:], at - first + 1
    else:
        text, at = text[first:], at - first
    if len(text) > _WIDTH:
        text = text[: max(at + 1, _WIDTH)] + "…"
    return text.rstrip(), " " * _columns(text[:at]) + "^"


def _columns(text: str) -> int:
    """How wide *text* is on a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
