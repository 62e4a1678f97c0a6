"""Memcached: its memory, items, connections and hit ratio."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import visible
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.databases.backend import number
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, Reached

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.net.reader import Reader

_MOST = 64 << 10  # bytes; the statistics are some 2,500
_NUMBERS = {
    "uptime": "uptime",
    "memory": "bytes",
    "items": "curr_items",
    "evictions": "evictions",
    "connections": "curr_connections",
}
_REASONS = {
    b"ERROR Too many open connections": Reason.LIMIT,
    b"CLIENT_ERROR unauthenticated": Reason.AUTH,
    b"SERVER_ERROR out of memory": Reason.LIMIT,
}


@probe("memcached", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class MemcachedProbe(Addressed, Reached, Described):
    """Read memcached's statistics, over its text protocol. Nothing is stored and no key is read.

    Options:
        address: host or host:port; without a port 11211.

    Facts:
        latency (duration, slow): From the start of name lookup to the last line of the statistics.
        version (text): The server's version.
        uptime (duration): Since the server was started.
        memory (bytes, limit): How much memory its items take.
        memory.used (ratio, limit): The same as a share of its memory limit; a healthy cache may be full.
        items (count): How many items it holds.
        evictions (count): How many items it removed to make room, since it was started.
        hits (ratio): The share of requested items that it had, since it was started.
        connections (count, limit): How many connections it has.
        connections.used (ratio, limit): The same as a share of its limit.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, auth, limit, status, dns, refused, reset, unreachable, timeout, protocol

    Example:
        memcached: cache.example.org
        expect: [latency < 500ms]
        warn: [hits > 80%, connections.used < 90%]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORT: ClassVar[int] = 11211

    def __post_init__(self) -> None:
        self.check_address()

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.net.reader import Reader  # noqa: PLC0415 - when a check needs it

        clock = asyncio.get_running_loop().time
        with await dial(self.there, family=self.family, metadata=self.metadata) as line:
            began = clock()
            await line.send(b"stats\r\n")
            stats = await _statistics(Reader(line, _MOST))
            line.phases["first_byte"] = clock() - began
            facts = {"latency": sum(line.phases.values())} | _facts(stats) | {"address": line.where}
            return Reading(Verdict.UP, facts=facts, phases=line.phases)


async def _statistics(reader: Reader) -> Mapping[str, str]:
    stats: dict[str, str] = {}
    where = reader.line.where
    while True:
        text = await reader.text_line(f"connected to {where}, the statistics did not end")
        word, _, rest = text.partition(b" ")
        if text == b"END":
            return stats
        if word == b"STAT":
            name, _, value = rest.decode("utf-8", "replace").partition(" ")
            stats[name] = value
        elif word in (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR"):
            reason = next((it for start, it in _REASONS.items() if text.startswith(start)), Reason.STATUS)
            said = visible(text.decode("utf-8", "replace"))
            raise ProbeFailure(reason, f"{where} says: {said}", phases=reader.line.phases)
        else:
            raise reader.strange("does not speak memcached's protocol")


def _facts(stats: Mapping[str, str]) -> dict[str, FactValue]:
    found = {name: number(text) for name, text in stats.items()}
    facts: dict[str, FactValue] = {}
    for fact, name in _NUMBERS.items():
        value = found.get(name)
        if value is not None:
            facts[fact] = value
    if "version" in stats:
        facts["version"] = stats["version"][:200]
    hits, misses = found.get("get_hits"), found.get("get_misses")
    return (
        facts
        | _share("memory.used", found.get("bytes"), found.get("limit_maxbytes"))
        | _share("connections.used", found.get("curr_connections"), found.get("max_connections"))
        | _share("hits", hits, None if hits is None or misses is None else hits + misses)
    )


def _share(fact: str, part: float | None, whole: float | None) -> dict[str, FactValue]:
    return {fact: part / whole} if part is not None and whole else {}
