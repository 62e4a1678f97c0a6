"""Where a character of a value stands in its line, so that a caret can point into an expectation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.config.node import Scalar

# One character of a double-quoted value, as it is written; escapes of several characters are left out.
_DOUBLE = re.compile(r'\\["\\/ abefnrtv0]|[^\\"]')
_SINGLE = re.compile(r"''|[^']")
_PLAIN = re.compile(r"(?s).")


def column_in(scalar: Scalar, offset: int) -> int:
    """Columns from where *scalar* begins to its character *offset*; 0 when it is not all on that line."""
    line, start = scalar.source.line(scalar.line), scalar.column
    quote = line[start : start + 1]
    pattern = {'"': _DOUBLE, "'": _SINGLE}.get(quote, _PLAIN)
    at = start + (pattern is not _PLAIN)
    for index, wanted in enumerate(scalar.text[: offset + 1]):
        match = pattern.match(line, at)
        if match is None:
            # The character behind the last one: the end of the sentence.
            return at - start if index == offset else 0
        if len(match[0]) == 1 and match[0] != wanted:
            return 0
        if index == offset:
            return at - start
        at = match.end()
    return at - start
