"""The column of a character of a value, so that a caret can point into an expectation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.config.node import Scalar

# One character of a double-quoted value, as written; escapes longer than two characters (`\x41`) do not match.
_DOUBLE = re.compile(r'\\["\\/ abefnrtv0]|[^\\"]')
_SINGLE = re.compile(r"''|[^']")
_PLAIN = re.compile(r"(?s).")


def column_in(scalar: Scalar, offset: int) -> int:
    """Columns from the start of *scalar* to its character *offset*; 0 when it runs over several lines."""
    line, start = scalar.source.line(scalar.line), scalar.column
    quote = line[start : start + 1]
    pattern = {'"': _DOUBLE, "'": _SINGLE}.get(quote, _PLAIN)
    at = start + (pattern is not _PLAIN)
    for index, wanted in enumerate(scalar.text[: offset + 1]):
        match = pattern.match(line, at)
        if match is None:
            # *offset* may point just after the last character: the end of the expectation.
            return at - start if index == offset else 0
        if len(match[0]) == 1 and match[0] != wanted:
            return 0
        if index == offset:
            return at - start
        at = match.end()
    return at - start
