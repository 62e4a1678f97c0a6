"""One document of the site, ready to be sent or written to a file."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "/404.html"  # sent for every path that does not exist; static web hosts use this name too


@dataclass(frozen=True, slots=True)
class Document:
    """The content of one path.

    Args:
        immutable: The path contains a hash of the content, so caches may keep it for ever.
        shared: Scripts of other sites may read it.
        status: Its HTTP status.
    """

    body: bytes
    content_type: str
    immutable: bool = False
    shared: bool = False
    status: int = 200
