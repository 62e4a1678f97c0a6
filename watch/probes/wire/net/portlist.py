"""Lists of ports in options and facts: ``443``, ``8000-8100``, ``53/udp``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_WRITTEN = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<transport>tcp|udp))?")
_SHOWN = 40


class Port(NamedTuple):
    """A port of one transport; sorts by TCP first, then by number."""

    transport: str
    number: int


def read(entries: Iterable[str]) -> frozenset[Port]:
    """Return the ports in *entries*; ValueError when one is neither a port nor a range."""
    found: set[Port] = set()
    for entry in entries:
        match = _WRITTEN.fullmatch(str(entry).strip())
        first = int(match["first"]) if match else 0
        last = int(match["last"] or first) if match else 0
        if match is None or not 0 < first <= last < 65536:
            raise ValueError(f"{str(entry)!r} is not a port: write it like 443, 8000-8100 or 53/udp")
        found |= {Port(match["transport"] or "tcp", number) for number in range(first, last + 1)}
    return frozenset(found)


def written(ports: Iterable[Port]) -> str:
    """Return *ports* in order, neighbours as ranges: ``22, 8000-8002, 53/udp``; the first forty of many."""
    runs: list[tuple[Port, Port]] = []
    for port in sorted(ports):
        if runs and runs[-1][1] == (port.transport, port.number - 1):
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    shown = [_run(*run) for run in runs[:_SHOWN]]
    return ", ".join([*shown, f"and {len(runs) - _SHOWN} more"] if len(runs) > _SHOWN else shown)


def _run(first: Port, last: Port) -> str:
    span = f"{first.number}" if first == last else f"{first.number}-{last.number}"
    return span if first.transport == "tcp" else f"{span}/{first.transport}"
