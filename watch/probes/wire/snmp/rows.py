"""What the tables of SNMP devices have in common: named rows, of which some are wanted and some have failed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent, Value

_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows, by a pattern of their names (None: all), and for how many seconds counters are watched."""

    only: str | None
    sample: float

    def of(self, names: Mapping[str, str], what: str) -> dict[str, str]:
        """Return index → name of the rows asked for; there must be one."""
        from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

        if not names:
            raise ProbeFailure(Reason.MISSING, f"the device has no table of {what}")
        if self.only is None:
            return dict(names)
        wanted = pattern(self.only)
        found = {index: name for index, name in names.items() if wanted.search(name.encode())}
        if not found:
            some = ", ".join(list(names.values())[:8])
            raise ProbeFailure(Reason.MISSING, f"none of {what} is called {self.only!r}: it has {some}")
        return found


def text(value: Value) -> str:
    """*value* as people read it; bytes that are no text (a MAC address) in hex."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        said = value.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return value.hex(":")
    return one_line(said) if all(char.isprintable() or char.isspace() for char in said) else value.hex(":")


def number(value: Value | None) -> float | int | None:
    """*value* if it is a number, or a text that is one (agents that cannot send fractions write them)."""
    if value is None or isinstance(value, (int, float)):
        return value
    said = text(value)
    found = (
        float(said) if _NUMBER.fullmatch(said) else math.inf
    )  # so many digits that there is no such number
    return found if math.isfinite(found) else None


async def numbers(agent: Agent, entry: str, *columns: int) -> list[dict[str, int]]:
    """Some columns of the table whose rows are *entry*, without what is no whole number."""
    return [integers(await agent.column(f"{entry}.{column}")) for column in columns]


def integers(column: Mapping[str, Value]) -> dict[str, int]:
    """The rows of *column* that are numbers, as whole ones."""
    return {index: value for index, value in column.items() if isinstance(value, int)}


def tally(
    rows: Mapping[str, str], failed: Collection[str] = (), up: Collection[str] | None = None
) -> dict[str, FactValue]:
    """The facts that every table has: how many rows there are, how many work, how many failed, and which.

    *up* is None where a row either works or has failed; what is switched off on purpose does neither.
    """
    names = sorted(rows[index] for index in failed)
    return {
        "rows": len(rows),
        "up": len(rows) - len(names) if up is None else len(up),
        "failed": len(names),
        "failed.names": one_line(", ".join(names)),
    }
