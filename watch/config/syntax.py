"""libyaml's complaints, in words that help.

A file that is not YAML has one mistake, whatever else may be wrong with it: nothing behind it can be trusted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from watch.config.node import Source, packed

if TYPE_CHECKING:
    import yaml


class Unreadable(Exception):  # noqa: N818 - what the file is
    """The rest of a file cannot be read. Becomes a mistake at *at* (see `watch.config.node.packed`)."""

    def __init__(self, source: Source, at: int, message: str, cure: str) -> None:
        super().__init__(message)
        self.source, self.at, self.message, self.cure = source, at, message, cure


_QUOTE = "put the whole value in double quotes"
_INDENT = "keys of one mapping begin in the same column"
_WORDS: tuple[tuple[str, str, str], ...] = (
    # what libyaml says, what is wrong, how to put it right; the first that occurs in its text wins
    (
        "mapping values are not allowed",
        "there is a second colon here, or the line is indented too far",
        "a value with `: ` in it needs double quotes; " + _INDENT,
    ),
    ("cannot start any token", "this character cannot begin a value", _QUOTE),
    ("unexpected end of stream", "a quote that opens here is never closed", "close it"),
    (
        "unknown escape",
        "within double quotes a backslash begins an escape, and this is none",
        "write `\\\\` for one backslash, or use single quotes",
    ),
    (
        "',' or ']'",
        "the list from line {opened} is not closed here, or a comma is missing",
        "put a `,` between its items and a `]` behind",
    ),
    (
        "',' or '}'",
        "the mapping from line {opened} is not closed here, or a comma is missing",
        "put a `,` between its entries and a `}` behind; a value with `{` or `}` in it needs quotes",
    ),
    (
        "could not find expected ':'",
        "this is neither a `key: value` nor the rest of the line above",
        "write a colon and a blank behind the key",
    ),
    (
        "did not find expected key",
        "this line is indented unlike its neighbours, or something above is not closed",
        _INDENT,
    ),
    ("'-' indicator", "the items of this list do not begin in the same column", "indent every `-` alike"),
    (
        "block sequence entries",
        "a list cannot begin on the line of its key",
        "begin it on the next line, or write it [like, this]",
    ),
    ("duplicate anchor", "this anchor's name is taken", "give each anchor a name of its own"),
    (
        "did not find expected alphabetic",
        "a name belongs behind this `&` or `*`",
        "a value that begins with it needs double quotes",
    ),
    (
        "found undefined tag handle",
        "this tag has no meaning here",
        "a value that begins with `!` needs double quotes",
    ),
    ("expected node content", "a value is missing here", "write it, or close the bracket"),
    (
        "scanning a block scalar",
        "this is not how a text over several lines begins",
        "write `|` alone behind the colon",
    ),
    (
        "indentation indicator",
        "this is not how a text over several lines begins",
        "write `|` alone behind the colon",
    ),
    ("directive", "a line cannot begin with `%` here", "remove it, or put the value in double quotes"),
    ("document start", "the file goes on here where it should have ended", _INDENT),
)


def explained(error: yaml.YAMLError, source: Source) -> Unreadable:
    """The mistake that *error* is."""
    mark: Any = getattr(error, "problem_mark", None)
    said = f"{getattr(error, 'context', None) or ''}; {getattr(error, 'problem', None) or error}"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    start: Any = getattr(error, "context_mark", None) or mark
    if "quoted scalar" in said or "simple key" in said:  # where it began says more than where patience ended
        line, column = start.line, start.column
    while line and not source.line(line).strip():  # "at the end of the file" helps nobody
        line -= 1
        column = len(source.line(line).rstrip())
    column += len(source.line(line)[column:]) - len(source.line(line)[column:].lstrip(" "))
    if re.match(r" *\t", source.line(line)):
        column = source.line(line).index("\t")
        return Unreadable(source, packed(line, column), "a tab indents this line", "indent with blanks")
    if (dollar := source.line(line).find("${", 0, column + 1)) >= 0:
        return Unreadable(
            source, packed(line, dollar), "a reference within brackets needs quotes", 'write "${…}"'
        )
    if "expected key" in said and (opened := _odd_quote(source, line)) is not None:
        wrong = f"a quote opens here and closes only in line {line + 1}"
        return Unreadable(source, opened, wrong, "close it where the value ends")
    for sign, wrong, cure in _WORDS:
        if sign in said:
            opened = start.line + 1 if start else 1
            return Unreadable(source, packed(line, column), wrong.replace("{opened}", str(opened)), cure)
    return Unreadable(source, packed(line, column), f"this is not YAML: {said.strip('; ')}", _QUOTE)


def _odd_quote(source: Source, last: int) -> int | None:
    """Where a double quote stands that has no partner in its line, in one of the 50 lines before *last*."""
    for number in range(last - 1, max(-1, last - 50), -1):
        line = source.line(number)
        quotes = [match.start() for match in re.finditer(r'(?<!\\)"', line)]
        if len(quotes) % 2 and not line.lstrip().startswith("#"):
            return packed(number, quotes[-1])
    return None
