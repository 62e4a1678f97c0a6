"""What databases and caches are told alike: where they are, whether over TLS, and one question that only reads.

A query is the operator's own, but a check must not be the way to write by mistake: only statements that begin
with a word that reads are taken, one at a time, and the kinds run them in a transaction that is read-only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from watch.probes.wire.net.line import place

if TYPE_CHECKING:
    from pathlib import Path

    from watch.probes.wire.net.line import Line

_READS = re.compile(r"\s*\(*\s*(?:select|show|with|table|values|describe|desc|explain)\b", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d{1,18}")
MOST_ROWS = 1000


class Tls(Protocol):
    """The options that say how TLS is spoken; every kind here has them."""

    @property
    def address(self) -> str: ...
    @property
    def verify(self) -> bool: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def server_name(self) -> str | None: ...


def sound(address: str, port: int) -> None:
    """Refuse an *address* that is none, in the words of the option."""
    try:
        place(address, port)
    except ValueError as error:
        raise ValueError(f"address: {error}") from None


async def secure(line: Line, check: Tls, port: int) -> None:
    """Speak TLS on *line* from here on; the certificate must carry the address's name."""
    from watch.probes.wire.net.trust import believing, verifying  # noqa: PLC0415 - costs 17 ms, when a check needs it

    context = verifying(check.ca_file) if check.verify else believing()
    await line.secure(context, check.server_name or place(check.address, port).host)


def reads(query: str | None) -> None:
    """Refuse a *query* that does not begin like one that only reads."""
    if query is not None and not _READS.match(query):
        raise ValueError("query: a check only reads: begin with SELECT, WITH, SHOW, VALUES, TABLE or EXPLAIN")


def number(text: str) -> float | int | None:
    """Return the number that *text* is, None when it is none."""
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None
