"""Reads of the database file: by the hub at its start, and by any other process at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.core.alert import Alert, Heard, Notice
from watch.core.darkness import Gap
from watch.core.days import DayRow, rows_of_month
from watch.core.ledger import Entry
from watch.core.merkle import Tile
from watch.core.reading import Observation, Verdict
from watch.core.sketch import Sketch
from watch.core.trend import QuarterHour
from watch.ports import StoreCorrupt
from watch.stores.sqlite import rows
from watch.stores.sqlite.opening import explained, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import apsw

    from watch.core.confirm import Belief
    from watch.core.trend import QuarterHours

_PAGE = 5000  # rows per read: a long read prevents checkpoints of the WAL
_HOUR_MS = 3_600_000
# All SQL here consists of constants; values are parameters.
# ruff: noqa: S608 - see above
_LEDGER = (
    "SELECT seq, recorded_ms, effective_ms, kind, subject, vantage, critical, late, body, proof, prev, hash "
    "FROM ledger"
)
# The columns that a book needs: the others only prove the entry.
_FOLDED = "SELECT seq, recorded_ms, effective_ms, kind, subject, vantage, critical, late, body, '', '', '' FROM ledger"
_COLUMNS = "at_ms, took_ms, seq, verdict, reason, detail, latency_us, tainted, body"


class SqliteReads:
    """`watch.ports.Reads` on a database file that another process may be writing."""

    def __init__(self, path: Path, connection: apsw.Connection | None = None) -> None:
        self._path = path
        self._connection = connection or readable(path)

    def shut(self) -> None:
        self._connection.close()

    def entries(self, after: int = 0, before: int = 2**62) -> Iterator[Entry]:
        while page := self._rows(
            f"{_LEDGER} WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?", after, before, _PAGE
        ):
            yield from map(Entry._make, page)
            after = page[-1][0]

    def entries_within(self, lo_ms: int, hi_ms: int) -> Iterator[Entry]:
        return self._streamed(
            f"{_FOLDED} WHERE effective_ms >= ? AND effective_ms < ? ORDER BY seq", lo_ms, hi_ms
        )

    def late_entries(self, after: int) -> Iterator[Entry]:
        return self._streamed(f"{_FOLDED} WHERE late = 1 AND seq > ? ORDER BY seq", after)

    def _streamed(self, sql: str, *values: int) -> Iterator[Entry]:
        return map(Entry._make, self._raw(sql, *values))

    def _raw(self, sql: str, *values: int) -> Iterator[tuple[Any, ...]]:
        """Rows one by one: a list of a month would take tens of megabytes."""
        with explained(self._path):
            cursor = self._connection.execute(sql, values)
            try:
                yield from cursor
            finally:
                cursor.close()

    def entry(self, seq: int) -> Entry | None:
        return next(map(Entry._make, self._rows(f"{_LEDGER} WHERE seq = ?", seq)), None)

    def last_entry(self) -> Entry | None:
        return next(map(Entry._make, self._rows(f"{_LEDGER} ORDER BY seq DESC LIMIT 1")), None)

    def checkpoint(self, at_ms: int) -> Entry | None:
        newest = "kind = 'checkpoint' AND effective_ms <= ? ORDER BY effective_ms DESC, seq DESC LIMIT 1"
        return next(map(Entry._make, self._rows(f"{_LEDGER} WHERE {newest}", at_ms)), None)

    def checkpoint_after(self, at_ms: int) -> Entry | None:
        """The first checkpoint effective at *at_ms* or later."""
        first = "kind = 'checkpoint' AND effective_ms >= ? ORDER BY effective_ms, seq LIMIT 1"
        return next(map(Entry._make, self._rows(f"{_LEDGER} WHERE {first}", at_ms)), None)

    def checkpoint_rows(self, seq: int) -> Iterator[str]:
        found = self._rows("SELECT n, body FROM checkpoint_row WHERE entry = ? ORDER BY n", seq)
        if [n for n, _ in found] != list(range(len(found))):
            raise StoreCorrupt(
                f"{self._path}: rows of checkpoint {seq} are missing or misnumbered. "
                "Stop the hub and run `threenines ledger rebuild`, which makes them again."
            )
        return (body for _, body in found)

    def tiles(self) -> Sequence[Tile]:
        return [Tile(*row) for row in self._rows("SELECT level, n, hash FROM tile ORDER BY level, n")]

    def evidence(self, seq: int) -> Sequence[Observation]:
        return [rows.observation_of(row[0], row[1], row[2:]) for row in self.evidence_rows(seq)]

    def evidence_rows(self, seq: int) -> list[tuple[Any, ...]]:
        """The readings that prove an entry, as its `proof` hashes them."""
        return self._rows(
            f"SELECT check_name, vantage, {_COLUMNS} FROM evidence WHERE entry = ? ORDER BY id", seq
        )

    def all_evidence(self) -> Iterator[tuple[Any, ...]]:
        return self._raw(f"SELECT entry, check_name, vantage, {_COLUMNS} FROM evidence ORDER BY entry, id")

    def checkpoints(self) -> Sequence[Entry]:
        found = self._rows(f"{_LEDGER} WHERE kind = 'checkpoint' ORDER BY effective_ms, seq")
        return [Entry._make(row) for row in found]

    def months(self) -> Sequence[tuple[str, str]]:
        return list(self._rows("SELECT DISTINCT zone, month FROM day ORDER BY zone, month"))

    def days(self, zone: str, from_month: str, to_month: str) -> Iterator[DayRow]:
        where = "zone = ? AND month >= ? AND month <= ? ORDER BY component, month"
        found = self._rows(
            f"SELECT component, month, body FROM day WHERE {where}", zone, from_month, to_month
        )
        for component, month, body in found:
            yield from rows_of_month(zone, component, month, body)

    def darks(self) -> tuple[Mapping[int, int | None], Mapping[int, Mapping[str, Gap]]]:
        gaps: dict[int, dict[str, Gap]] = {}
        for entry, check, *times in self._rows("SELECT * FROM dark_gap"):
            gaps.setdefault(entry, {})[check] = Gap(*times)
        return dict(self._rows("SELECT entry, until_ms FROM dark")), gaps

    def lanes(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        found = self._rows("SELECT vantage, lane, epoch, seq FROM lane")
        return {(vantage, lane): (epoch, seq) for vantage, lane, epoch, seq in found}

    def beliefs(self) -> Mapping[tuple[str, str], Belief]:
        kept = {
            (check, vantage): rows.belief_of(text)
            for check, vantage, text in self._rows("SELECT check_name, vantage, body FROM belief")
        }
        for key, newest in self.latest().items():
            belief = kept.get(key)
            if belief is None or newest.verdict is Verdict.UNKNOWN or belief.last_ms is None:
                continue
            # Readings without a change are not written to `belief`; a streak begun meanwhile would have been.
            kept[key] = belief._replace(last_ms=max(belief.last_ms, newest.at_ms))
        return kept

    def last_sign_ms(self) -> int:
        last, newest = self.last_entry(), self._rows("SELECT at_ms FROM observation ORDER BY id DESC LIMIT 1")
        beliefs = (rows.belief_of(text) for (text,) in self._rows("SELECT body FROM belief"))
        believed = (max(b.since_ms, b.last_ms or 0) for b in beliefs)
        return max(
            [0 if last is None else last.recorded_ms, *(int(at_ms or 0) for (at_ms,) in newest), *believed]
        )

    def latest(self) -> Mapping[tuple[str, str], Observation]:
        names: dict[Any, str] = dict(self._rows("SELECT id, text FROM name"))
        newest: dict[tuple[str, str], Observation] = {}
        horizon = None
        # Backwards by rowid: this needs no index and reads only the last hour.
        with explained(self._path):
            found = self._connection.execute(
                f"SELECT check_id, vantage_id, {_COLUMNS} FROM observation ORDER BY id DESC"
            )
            for check, vantage, *columns in found:
                at_ms = int(columns[0] or 0)
                horizon = at_ms - _HOUR_MS if horizon is None else horizon
                if at_ms < horizon:
                    break
                key = (names[check], names[vantage])
                if key not in newest:
                    newest[key] = rows.observation_of(*key, columns)
            found.close()
        return newest

    def alerts(self) -> tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]:
        # At least the newest alert of every key: it has the count of openings of the key.
        recent = (
            "(SELECT id FROM alert WHERE resolved_ms IS NULL OR id > (SELECT max(id) - 1000 FROM alert) "
            "UNION SELECT max(id) FROM alert GROUP BY key)"
        )
        alerts = self._rows(f"SELECT body FROM alert WHERE id IN {recent} ORDER BY id")
        notices = self._rows(
            "SELECT body FROM notice WHERE id > (SELECT max(id) - 5000 FROM notice) "
            "OR status IN ('pending', 'sending') ORDER BY id"
        )
        heard = self._rows(f"SELECT body FROM heard WHERE alert_id IN {recent}")
        return (
            [Alert.of_json(body) for (body,) in alerts],
            [Notice.of_json(body) for (body,) in notices],
            [Heard.of_json(body) for (body,) in heard],
        )

    def canaries(self, vantage: str) -> frozenset[str]:
        return frozenset(name for (name,) in self._rows("SELECT name FROM canary WHERE vantage = ?", vantage))

    def sights(self) -> Mapping[str, int]:
        return dict(self._rows("SELECT vantage, good_ms FROM sight"))

    def trends(self, vantage: str, since_ms: int) -> Mapping[str, Mapping[str, QuarterHours]]:
        found: dict[str, dict[str, dict[int, QuarterHour]]] = {}
        for check, fact, quarter_ms, *sums in self._rows(
            "SELECT check_name, fact, quarter_ms, count, at_ms, value FROM trend "
            "WHERE quarter_ms >= ? AND vantage = ?",
            since_ms,
            vantage,
        ):
            found.setdefault(check, {}).setdefault(fact, {})[quarter_ms] = QuarterHour(*sums)
        return found

    def sketch(self, check: str, from_ms: int, to_ms: int) -> Sketch:
        found = self._rows(
            "SELECT body FROM sketch WHERE check_name = ? AND hour_ms > ? AND hour_ms < ?",
            check,
            from_ms - _HOUR_MS,
            to_ms,
        )
        merged = Sketch()
        for (body,) in found:
            merged.merge(Sketch.from_bytes(body))
        return merged

    def _rows(self, sql: str, *values: int | str) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return list(self._connection.execute(sql, values))
