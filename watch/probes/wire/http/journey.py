"""The way of an HTTP check: whom to ask, and where a redirect may send us.

Redirects are followed by hand, for each is a new question: its address is looked up and checked like the
first one's, and what was meant for one origin (scheme, host and port) is not shown to another. Once we
have left home we stay strangers, even if a later redirect leads back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from watch.core.reading import ProbeFailure, Reason

ASKS_AGAIN = frozenset((301, 302, 303, 307, 308))


class Target(NamedTuple):
    """A URL as far as dialling needs it; equal for URLs of one origin."""

    scheme: str
    host: str
    port: int


class Hop(NamedTuple):
    """One question on the way. *home*: still at the origin that credentials are for."""

    url: str
    method: str
    home: bool


@lru_cache(maxsize=16384)
def target(url: str) -> Target:
    """Return whom *url* asks; ValueError with the cure when it is not an http or https URL."""
    if any(char <= " " or char == "\x7f" for char in url):
        raise ValueError("url: write blanks and control characters as %20, %0A, …")
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("url: ports go from 1 to 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url: write it like https://www.example.org/health")
    return Target(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))


def onward(hop: Hop, status: int, location: str, *, has_body: bool) -> Hop:
    """Return where a redirect sends *hop*; `ProbeFailure` when we do not go there."""
    try:
        there = target(location)
    except ValueError as error:
        raise ProbeFailure(Reason.PROTOCOL, "redirects to what is not an http or https URL") from error
    home = hop.home and there == target(hop.url)
    method = hop.method
    if method != "HEAD" and (status == 303 or (status in (301, 302) and method == "POST")):
        method = "GET"
    if has_body and method == hop.method and not home:
        raise ProbeFailure(Reason.PROTOCOL, f"redirects what we send to another origin, {there.host}")
    return Hop(location, method, home)
