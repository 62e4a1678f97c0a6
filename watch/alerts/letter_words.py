"""Text from outside as a letter may hold it: line breaks, control and bidi characters and mentions are removed."""

from __future__ import annotations

import re

from watch.core.wording import one_line

_MENTION = re.compile(r"@(?=(?:everyone|here|channel|all)\b)|<(?=[!@#])", re.IGNORECASE)


def plain(text: str, limit: int = 200) -> str:
    """*text* as one line without mentions: `@everyone` in a target's answer must not notify a whole team."""
    return _MENTION.sub(r"\g<0> ", one_line(text, limit))
