"""What all tables of SNMP devices have in common: named rows, of which some are selected and some have failed."""

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
    """The rows to select, by a pattern of their names (None: all), and how long to watch counters, in seconds."""

    only: str | None
    sample: float

    def of(self, names: Mapping[str, str], what: str) -> dict[str, str]:
        """Return index → name of the selected rows; there must be one."""
        from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

        if not names:
            raise ProbeFailure(Reason.MISSING, f"the device has no table of {what}")
        if self.only is None:
            return dict(names)
        wanted = pattern(self.only)
        found = {index: name for index, name in names.items() if wanted.search(name.encode())}
        if not found:
            some = ", ".join(list(names.values())[:8])
            raise ProbeFailure(Reason.MISSING, f"none of the {what} matches {self.only!r}: there are {some}")
        return found


def text(value: Value) -> str:
    """*value* as text; bytes that are not text (a MAC address) in hex."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        said = value.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return value.hex(":")
    return one_line(said) if all(char.isprintable() or char.isspace() for char in said) else value.hex(":")


def number(value: Value | None) -> float | int | None:
    """*value* as a number, also if it is one as text (some agents send fractions so)."""
    if value is None or isinstance(value, (int, float)):
        return value
    said = text(value)
    found = float(said) if _NUMBER.fullmatch(said) else math.inf  # too many digits for a number
    return found if math.isfinite(found) else None


async def numbers(agent: Agent, entry: str, *columns: int) -> list[dict[str, int]]:
    """Some columns of the table with the rows *entry*; only whole numbers."""
    return [integers(await agent.column(f"{entry}.{column}")) for column in columns]


def integers(column: Mapping[str, Value]) -> dict[str, int]:
    """The rows of *column* that are numbers, as whole numbers."""
    return {index: value for index, value in column.items() if isinstance(value, int)}


def tally(
    rows: Mapping[str, str], failed: Collection[str] = (), up: Collection[str] | None = None
) -> dict[str, FactValue]:
    """The facts that every table has: the number of rows, of working rows and of failed rows, and their names.

    *up* is None if every row either works or has failed; a row that is switched off on purpose does neither.
    """
    names = sorted(rows[index] for index in failed)
    return {
        "rows": len(rows),
        "up": len(rows) - len(names) if up is None else len(up),
        "failed": len(names),
        "failed.names": one_line(", ".join(names)),
    }
