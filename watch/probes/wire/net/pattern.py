"""Users' regular expressions, on RE2: matching takes linear time, whatever the pattern and the text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2


@lru_cache(maxsize=1024)
def pattern(text: str) -> Any:
    """Return *text* compiled for searching bytes; ValueError when RE2 does not accept it."""
    options = re2.Options()
    options.log_errors = False  # it would write to stderr
    options.max_mem = 1 << 20
    options.one_line = False
    try:
        return re2.compile(f"(?m){text}".encode(), options)
    except re2.error as error:
        why = error.args[0]
        words = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"until: {text!r} is not a regular expression (RE2): {words}") from None
