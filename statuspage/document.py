"""One path of the site, ready to be sent or written to a file."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "/404.html"  # what is sent for every path that is not there; static hosts look for this name too


@dataclass(frozen=True, slots=True)
class Document:
    """What stands under one path.

    Args:
        immutable: Its path names its content, so it may be kept for ever.
        shared: Scripts of other sites may read it.
        status: The HTTP status that it is sent with.
    """

    body: bytes
    content_type: str
    immutable: bool = False
    shared: bool = False
    status: int = 200
