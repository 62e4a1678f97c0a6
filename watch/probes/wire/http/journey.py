"""The targets of an HTTP check: the URL, and where a redirect may lead.

Redirects are not left to curl. Each is a new request: its address is looked up and checked like the first
one's. What is meant for one origin (scheme, host and port) is not sent to another. After leaving the first
origin, it is not sent again, even if a later redirect leads back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.net.address import check_host

ASKS_AGAIN = frozenset((301, 302, 303, 307, 308))


class Target(NamedTuple):
    """The parts of a URL that dialling needs; equal for URLs of one origin."""

    scheme: str
    host: str
    port: int


class Hop(NamedTuple):
    """One request of a run.

    Args:
        home: Still at the origin that the credentials are for.
        cookies: What the run's earlier requests were given, in curl's format: each names where it may be sent.
    """

    url: str
    method: str
    home: bool
    cookies: tuple[str, ...] = ()


@lru_cache(maxsize=16384)
def target(url: str) -> Target:
    """Return the target of *url*; ValueError with the cure when it is not an http or https URL."""
    if any(char <= " " or char == "\x7f" for char in url):
        raise ValueError("url: write blanks and control characters as %20, %0A, …")
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets without an IPv6 address; its text would repeat the whole
        raise ValueError("url: write an IPv6 address like http://[2001:db8::1]/") from None
    try:
        port = parts.port
    except ValueError:
        raise ValueError("url: ports go from 1 to 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url: write it like https://www.example.org/health")
    try:
        check_host(parts.hostname)
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
    return Target(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))


def onward(hop: Hop, status: int, location: str, *, has_body: bool) -> Hop:
    """Return the request after a redirect; `ProbeFailure` when we do not follow it."""
    try:
        there = target(location)
    except ValueError as error:
        raise ProbeFailure(
            Reason.PROTOCOL, "redirects to something that is not an http or https URL"
        ) from error
    home = hop.home and there == target(hop.url)
    method = hop.method
    if method != "HEAD" and (status == 303 or (status in (301, 302) and method == "POST")):
        method = "GET"
    if has_body and method == hop.method and not home:
        raise ProbeFailure(Reason.PROTOCOL, f"redirects our request body to another origin, {there.host}")
    return Hop(location, method, home)
