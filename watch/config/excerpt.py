"""The line of a mistake with its secrets masked, and the caret under it.

A configuration holds secrets, and the line of a mistake ends up in terminals, CI logs and tickets. So this
masks what is known to be secret, and what looks secret: after a syntax error nothing is known.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watch.config.node import Scalar

_WIDTH = 100
_LONGEST = 4_000  # a longer line is not searched for secrets, so it is not shown
_LOOKS_SECRET = (
    # The default of a reference.
    re.compile(r"\$\{(?:env|file):[^}]{0,200}?:-(?P<it>[^}]+)"),
    # A channel or a database: everything after the scheme.
    re.compile(r"(?<!\bhttp)(?<!\bhttps)(?<!\bsqlite)://(?P<it>[^\s\"',\]}]+)"),
    # A login before a host, without a scheme.
    re.compile(r"(?<![\w/])[^\s\"'/@:,{\[]{1,200}:(?P<it>[^\s\"'@/,{\[]{1,200})@"),
    # A login where the path of an address would be, without a scheme.
    re.compile(r"(?<![\w/])[\w.\-]{1,253}/[^\s\"'/@:,{\[]{1,200}:(?P<it>[^\s\"'@/,}\]]{1,200})"),
    # A web address: its login and its query.
    re.compile(r"\bhttps?://(?P<it>[^/\s\"'@]{1,200})@"),
    re.compile(r"\bhttps?://[^\s\"',\]}?]{0,500}\?(?P<it>[^\s\"',\]}]+)"),
    re.compile(
        r"(?i)(?:passw|secret|token|api_?-?key|bearer|authorization|cookie|credential)[\w-]{0,30}[\"']?\s{0,9}[:=]"
        r"\s{0,9}(?![\"']?\$\{)(?P<it>\"[^\"]*\"?|'[^']*'?|[^,}\]\s][^,}\]]*)"
    ),
)
# After a syntax error any address may be a channel, and any long word a secret that a typing error separated
# from its key. Keys, and words of lower-case letters only, are neither.
_UNPARSED_SECRETS = (
    re.compile(r"://(?P<it>[^\s\"',\]}]+)"),
    re.compile(r"(?![a-z_]+(?:[\s\"'\[\]{},:#]|$))(?!/)(?P<it>[^\s\"'\[\]{},:#]{12,}+)(?![\"']?:(?:\s|$))"),
)
_ONE_REFERENCE = re.compile(r"\$\{[^{}]*\}(?=\s*([,\]}#]|$))|([\"'])\$\{[^{}]*\}\2")
_KEY = re.compile(r"[\"']?[^\s:\"']{0,80}[\"']?:?")


def excerpt(
    line: str, column: int, hidden: Iterable[Scalar] = (), *, cut: bool = False, unparsed: bool = False
) -> tuple[str, str]:
    """*line* with its secrets masked, and the line with the caret under *column* (from 0).

    Args:
        hidden: Words that begin on the line and must not be shown.
        cut: Show nothing after the word at *column*.
        unparsed: The file could not be parsed, so more words count as secret.
    """
    if len(line) > _LONGEST or not line.strip():
        return "", ""
    shown = [c if c.isprintable() else " " if c == "\t" else "·" for c in line]
    for low, high in _secret(line, hidden, unparsed=unparsed):
        shown[low:high] = ["***", *[""] * (high - low - 1)]
    if cut and (end := _KEY.match(line, column)) and line[end.end() :].strip():
        shown[end.end() :] = [" …"]
    return _around("".join(shown), len("".join(shown[:column])))


def masked(text: str) -> str:
    """*text* with what looks secret replaced by ***."""
    shown = list(text)
    for low, high in _secret(text, (), unparsed=False):
        shown[low:high] = ["***", *[""] * (high - low - 1)]
    return "".join(shown)


def _secret(line: str, hidden: Iterable[Scalar], *, unparsed: bool) -> list[tuple[int, int]]:
    """Disjoint spans of *line* that must not be shown."""
    spans = [_extent(line, word) for word in hidden]
    spans += [
        match.span("it")
        for pattern in (*_LOOKS_SECRET, *_UNPARSED_SECRETS * unparsed)
        for match in pattern.finditer(line)
    ]
    merged: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if merged and low <= merged[-1][1]:
            low, high = merged[-1][0], max(high, merged.pop()[1])  # noqa: PLW2901 - two spans become one
        merged.append((low, high))
    return merged


def _extent(line: str, word: Scalar) -> tuple[int, int]:
    """The span of *word* in its line; up to the end of the line when its end cannot be found."""
    start = word.column
    if word.origin and _ONE_REFERENCE.match(line, start):
        return start, start
    if word.text and line.startswith(word.text, start):
        return start, start + len(word.text)
    closing = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'|\$\{[^}]*\}').match(line, start)
    return (start, closing.end()) if closing else (start, len(line))


def _around(text: str, at: int) -> tuple[str, str]:
    """*text* without indentation, cut to the part around *at*, and the caret's line."""
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
    """The width of *text* on a terminal, in columns."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
