"""The queries for what happened, and the SQL that keeps and deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from watch.core.happening import OVER
from watch.stores.sqlite import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    import apsw

    from watch.core.happening import Happening

Row = tuple[Any, ...]
INSERT = "INSERT INTO happening (at_ms, sort, key, word, body) VALUES (?,?,?,?,?)"
SELECT = "SELECT id, at_ms, sort, key, word, body FROM happening"
_NEWEST = "SELECT max(id) FROM happening WHERE word IN ('begun', 'over') GROUP BY sort, key"
# The oldest rows are enough to look at: rows are in order of time. As many as a storm of a minute makes.
_OLD = "DELETE FROM happening WHERE id IN (SELECT id FROM happening ORDER BY id LIMIT 20000) AND at_ms < ?"


class _Queries(Protocol):
    """What the mixin needs of the reads that it is part of."""

    def _raw(self, sql: str, *values: int | str) -> Generator[Row]: ...
    def _useful(
        self, table: str, found: Iterable[Row], made: Callable[[Row], Any]
    ) -> Generator[Any]: ...  # fmt: skip


class HappeningReads:
    """The part of `watch.ports.Reads` about what happened."""

    def happenings(self: _Queries, after: int) -> Iterator[tuple[int, Happening]]:
        found = self._raw(f"{SELECT} WHERE id > ? ORDER BY id", after)
        return self._useful("happening", found, rows.happening_of)

    def lasting(self: _Queries) -> Sequence[Happening]:
        found = self._raw(f"{SELECT} WHERE id IN ({_NEWEST})")
        newest = self._useful("happening", found, rows.happening_of)
        return [happening for _, happening in newest if happening.word != OVER]

    def place_at(self: _Queries, at_ms: int) -> tuple[int, int]:
        # Backwards along the keys: only what is later is looked at.
        entry = self._raw("SELECT seq FROM ledger WHERE recorded_ms < ? ORDER BY seq DESC LIMIT 1", at_ms)
        row = self._raw("SELECT id FROM happening WHERE at_ms < ? ORDER BY id DESC LIMIT 1", at_ms)
        return next((seq for (seq,) in entry), 0), next((number for (number,) in row), 0)

    def place_now(self: _Queries) -> tuple[int, int]:
        entry = self._raw("SELECT coalesce(max(seq), 0) FROM ledger")
        # Not the largest id: when all rows have been deleted, the next id still follows the last one.
        row = self._raw("SELECT seq FROM sqlite_sequence WHERE name = 'happening'")
        return next((seq for (seq,) in entry), 0), next((number for (number,) in row), 0)


def keep(connection: apsw.Connection, happenings: Iterable[Happening]) -> None:
    """Write *happenings*, in order."""
    connection.executemany(INSERT, [(h.at_ms, str(h.sort), h.key, h.word, h.to_json()) for h in happenings])


def forget(connection: apsw.Connection, before_ms: int) -> int:
    """Drop what happened before *before_ms*, at most 20,000 rows; return how many were dropped."""
    connection.execute(_OLD, (before_ms,))
    return connection.changes()
