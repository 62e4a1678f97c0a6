"""The queries for latencies by the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from watch.core.sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

Row = tuple[Any, ...]
_HOUR_MS = 3_600_000
_SELECT = "SELECT vantage, body FROM sketch WHERE check_name = ? AND hour_ms > ? AND hour_ms < ?"


class _Queries(Protocol):
    """What the mixin needs of the reads that it is part of."""

    def _raw(self, sql: str, *values: int | str) -> Generator[Row]: ...
    def _useful(
        self, table: str, found: Iterable[Row], made: Callable[[Row], Any]
    ) -> Generator[Any]: ...  # fmt: skip


class SketchReads:
    """The part of `watch.ports.Reads` about latencies."""

    def sketch(self: _Queries, check: str, from_ms: int, to_ms: int) -> Sketch:
        merged = Sketch()
        for _, part in self._useful("sketch", self._raw(_SELECT, check, from_ms - _HOUR_MS, to_ms), _read):
            merged.merge(part)
        return merged

    def latencies(self: _Queries, check: str, from_ms: int, to_ms: int) -> Mapping[str, tuple[int, Sketch]]:
        found: dict[str, tuple[int, Sketch]] = {}
        for vantage, part in self._useful(
            "sketch", self._raw(_SELECT, check, from_ms - _HOUR_MS, to_ms), _read
        ):
            hours, merged = found.get(vantage, (0, Sketch()))
            merged.merge(part)
            found[vantage] = hours + 1, merged
        return found


def _read(row: Row) -> tuple[str, Sketch]:
    return str(row[0]), Sketch.from_bytes(row[1])
