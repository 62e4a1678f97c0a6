"""libyaml's syntax errors as mistakes with a cure.

A file that is not YAML has one mistake only: nothing after a syntax error can be trusted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from watch.config.node import Source, packed

if TYPE_CHECKING:
    import yaml


class Unreadable(Exception):  # noqa: N818 - it names the file's state
    """The rest of a file cannot be read. It becomes a mistake at *at* (see `watch.config.node.packed`)."""

    def __init__(self, source: Source, at: int, message: str, cure: str) -> None:
        super().__init__(message)
        self.source, self.at, self.message, self.cure = source, at, message, cure


_QUOTE = "put the whole value in double quotes"
_INDENT = "all keys of a mapping begin in the same column"
_WORDS: tuple[tuple[str, str, str], ...] = (
    # part of libyaml's message, the mistake, the cure; the first match wins
    (
        "mapping values are not allowed",
        "there is a second colon here, or the line is indented too far",
        "put a value that contains `: ` in double quotes; " + _INDENT,
    ),
    ("cannot start any token", "this character cannot begin a value", _QUOTE),
    ("unexpected end of stream", "a quote opens here and is never closed", "close it"),
    (
        "unknown escape",
        "this is not a valid escape sequence",
        "within double quotes write `\\\\` for a backslash, or use single quotes",
    ),
    (
        "',' or ']'",
        "the list from line {opened} is not closed here, or a comma is missing",
        "put a `,` between its items and a `]` after the last; an item with brackets or quotes needs single quotes",
    ),
    (
        "',' or '}'",
        "the mapping from line {opened} is not closed here, or a comma is missing",
        "put a `,` between its entries and a `}` after the last; a value that contains `{` or `}` needs quotes",
    ),
    (
        "could not find expected ':'",
        "this is neither a `key: value` nor a continuation of the line above",
        "write a colon and a space after the key",
    ),
    (
        "did not find expected key",
        "this line has another indentation than the lines around it, or a bracket above is not closed",
        _INDENT,
    ),
    (
        "'-' indicator",
        "the items of this list do not begin in the same column",
        "indent every `-` by the same amount",
    ),
    (
        "block sequence entries",
        "a list cannot begin on the line of its key",
        "begin it on the next line, or write it [like, this]",
    ),
    ("duplicate anchor", "this anchor is defined twice", "give each anchor a different name"),
    (
        "did not find expected alphabetic",
        "this `&` or `*` has no name after it",
        "put a value that begins with it in double quotes",
    ),
    (
        "found undefined tag handle",
        "tags are not supported",
        "put a value that begins with `!` in double quotes",
    ),
    ("expected node content", "a value is missing here", "write it, or close the bracket"),
    (
        "scanning a block scalar",
        "this is not how a text of several lines begins",
        "write `|` alone after the colon",
    ),
    (
        "indentation indicator",
        "this is not how a text of several lines begins",
        "write `|` alone after the colon",
    ),
    ("directive", "a line cannot begin with `%` here", "remove it, or put the value in double quotes"),
    ("document start", "the document ends before this line", _INDENT),
)


_CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")
_NO_SPACE = re.compile(r"""(?:^[ -]*|[{,] *)([A-Za-z_][\w.-]*):(?=[A-Za-z"'])""")


def explained(error: yaml.YAMLError, source: Source) -> Unreadable:
    """*error* as a mistake."""
    mark: Any = getattr(error, "problem_mark", None)
    said = f"{getattr(error, 'context', None) or ''}; {getattr(error, 'problem', None) or error}"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    start: Any = getattr(error, "context_mark", None) or mark
    # The start of the quote helps more than the place where the parser gave up.
    if "quoted scalar" in said or "simple key" in said:
        line, column = start.line, start.column
    # The last line with text helps more than the end of the file.
    while line and not source.line(line).strip():
        line -= 1
        column = len(source.line(line).rstrip())
    column += len(source.line(line)[column:]) - len(source.line(line)[column:].lstrip(" "))
    if (seen := _seen(said, source, line, column)) is not None:
        return Unreadable(source, *seen)
    for sign, wrong, cure in _WORDS:
        if sign in said:
            opened = start.line + 1 if start else 1
            return Unreadable(source, packed(line, column), wrong.replace("{opened}", str(opened)), cure)
    return Unreadable(source, packed(line, column), f"this is not YAML: {said.strip('; ')}", _QUOTE)


def _seen(said: str, source: Source, line: int, column: int) -> tuple[int, str, str] | None:
    """What the text shows better than libyaml said it: the place, the mistake and the cure."""
    text = source.line(line)
    if (marked := next((n for n, it in enumerate(source.lines) if _CONFLICT.match(it)), None)) is not None:
        cure = "keep one of the two sides and remove the marks"
        return packed(marked, 0), "this line is the mark of a merge conflict", cure
    if re.match(r" *\t", text):
        return packed(line, text.index("\t")), "this line is indented with a tab", "indent with spaces"
    if (dollar := text.find("${", 0, column + 1)) >= 0:
        return packed(line, dollar), "a reference inside brackets needs quotes", 'write "${…}"'
    if "expected key" in said and (opened := _odd_quote(source, line)) is not None:
        wrong = f"a quote opens here and is closed only in line {line + 1}"
        return opened, wrong, "close it where the value ends"
    if (spaceless := _without_space(source, line)) is not None:
        place, key = spaceless
        return place, "there is no space after the colon", f"write `{key}: …`"
    return None


def _without_space(source: Source, last: int) -> tuple[int, str] | None:
    """Where, in line *last* or the line with text before it, a key has no space after its colon; and the key."""
    before = next((n for n in range(last - 1, -1, -1) if source.line(n).strip()), last)
    for number in (before, last):
        if found := _NO_SPACE.search(source.line(number)):
            return packed(number, found.end()), found[1]
    return None


def _odd_quote(source: Source, last: int) -> int | None:
    """The place of an unpaired double quote in one of the 50 lines before *last*."""
    for number in range(last - 1, max(-1, last - 50), -1):
        line = source.line(number)
        quotes = [match.start() for match in re.finditer(r'(?<!\\)"', line)]
        if len(quotes) % 2 and not line.lstrip().startswith("#"):
            return packed(number, quotes[-1])
    return None
