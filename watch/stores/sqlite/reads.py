"""Reads of the database file: by the hub at its start, and by any other process at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from watch.core.days import DayRow, rows_of_month
from watch.core.ledger import Entry, plausible
from watch.core.reading import Observation, Verdict
from watch.errors import RowsDamaged, StoreCorrupt
from watch.stores.sqlite import rows
from watch.stores.sqlite.faults import damaged, explained
from watch.stores.sqlite.happenings import HappeningReads
from watch.stores.sqlite.opening import readable
from watch.stores.sqlite.sketches import SketchReads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import apsw

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.confirm import Belief
    from watch.core.darkness import Gap
    from watch.core.merkle import Tile
    from watch.core.recorded_override import RecordedOverride
    from watch.core.silence import Silence
    from watch.core.trend import QuarterHour, QuarterHours

T = TypeVar("T")
Row = tuple[Any, ...]

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
# As subqueries, so that SQLite sorts numbers and not whole rows.
_WITHIN = "SELECT seq FROM ledger WHERE effective_ms >= ? AND effective_ms < ?"
_LAST_TWO = (
    "SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY subject, vantage ORDER BY seq DESC) AS n "
    "FROM ledger WHERE effective_ms >= ?1 AND effective_ms < ?2 AND kind = 'transition') WHERE n <= 2"
)
_LAST = (
    f"{_LAST_TWO} UNION ALL SELECT seq FROM ledger WHERE effective_ms >= ?2 "
    "UNION ALL SELECT seq FROM ledger WHERE effective_ms >= ?1 AND effective_ms < ?2 AND kind <> 'transition'"
)
_COLUMNS = "at_ms, took_ms, seq, verdict, reason, detail, latency_us, tainted, body"


class SqliteReads(HappeningReads, SketchReads):
    """`watch.ports.Reads` on a database file that another process may be writing.

    A row that cannot be read is named, with a way out (StoreCorrupt), or left out if the hub can go on without it.

    Attributes:
        left_out: By table, how many rows were left out so far.
    """

    def __init__(self, path: Path, connection: apsw.Connection | None = None) -> None:
        self._path = path
        self._connection = connection or readable(path)
        self.left_out: dict[str, int] = {}

    def shut(self) -> None:
        self._connection.close()

    def entries(self, after: int = 0, before: int = 2**62) -> Iterator[Entry]:
        while page := self._rows(
            f"{_LEDGER} WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?", after, before, _PAGE
        ):
            yield from map(Entry._make, page)
            after = page[-1][0]

    def entries_within(self, lo_ms: int, hi_ms: int) -> Iterator[Entry]:
        return self._streamed(f"{_FOLDED} WHERE seq IN ({_WITHIN}) ORDER BY seq", lo_ms, hi_ms)

    def last_entries(self, lo_ms: int, whole_ms: int) -> Iterator[Entry]:
        return self._streamed(f"{_FOLDED} WHERE seq IN ({_LAST}) ORDER BY seq", lo_ms, whole_ms)

    def commands(self, lo_ms: int, hi_ms: int) -> Iterator[Entry]:
        given = "kind = 'command' AND effective_ms >= ? AND effective_ms < ? ORDER BY effective_ms, seq"
        return self._streamed(f"{_FOLDED} WHERE {given}", lo_ms, hi_ms)

    def late_entries(self, after: int) -> Iterator[Entry]:
        return self._streamed(f"{_FOLDED} WHERE late = 1 AND seq > ? ORDER BY seq", after)

    def _streamed(self, sql: str, *values: int) -> Iterator[Entry]:
        return map(Entry._make, self._raw(sql, *values))

    def _raw(self, sql: str, *values: int | str) -> Generator[tuple[Any, ...]]:
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
        last = next(map(Entry._make, self._rows(f"{_LEDGER} ORDER BY seq DESC LIMIT 1")), None)
        if last is not None and not plausible(last):
            raise damaged(self._path, "ledger", f"entry {last.seq}")
        return last

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
            raise RowsDamaged(
                f"{self._path}: rows of checkpoint {seq} are missing or misnumbered. "
                "Stop the hub and run `threenines ledger rebuild`, which makes them again."
            )
        return (body for _, body in found)

    def tiles(self) -> Sequence[Tile]:
        found = self._rows("SELECT level, n, hash FROM tile ORDER BY level, n")
        return list(self._needed("tile", found, rows.tile_of))

    def evidence(self, seq: int) -> Sequence[Observation]:
        found = self.evidence_rows(seq)
        return list(self._needed("evidence", found, lambda row: rows.observation_of(row[0], row[1], row[2:])))

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
        for month_rows in self._needed("day", found, lambda row: rows_of_month(zone, *row)):
            yield from month_rows

    def darks(self) -> tuple[Mapping[int, int | None], Mapping[int, Mapping[str, Gap]]]:
        gaps: dict[int, dict[str, Gap]] = {}
        found = self._rows("SELECT entry, check_name, last_ms, first_ms, bad_ms, done_ms FROM dark_gap")
        for entry, check, gap in self._needed("dark_gap", found, rows.gap_of):
            gaps.setdefault(entry, {})[check] = gap
        return dict(self._needed("dark", self._rows("SELECT entry, until_ms FROM dark"), rows.dark_of)), gaps

    def lanes(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        found = self._rows("SELECT vantage, lane, epoch, seq FROM lane")
        return dict(self._needed("lane", found, rows.lane_of))

    def beliefs(self) -> Mapping[tuple[str, str], Belief]:
        found = self._rows("SELECT check_name, vantage, body FROM belief")
        kept = dict(self._needed("belief", found, rows.kept_belief))
        for key, newest in self.latest().items():
            belief = kept.get(key)
            if belief is None or newest.verdict is Verdict.UNKNOWN or belief.last_ms is None:
                continue
            # Readings without a change are not written to `belief`; a streak begun meanwhile would have been.
            kept[key] = belief._replace(last_ms=max(belief.last_ms, newest.at_ms))
        return kept

    def last_sign_ms(self) -> int:
        last = self.last_entry()
        found = self._raw("SELECT at_ms FROM observation ORDER BY id DESC LIMIT 1")
        newest = self._useful("observation", found, lambda row: rows.instant(row[0]))
        kept = self._rows("SELECT check_name, vantage, body FROM belief")
        beliefs = (belief for _, belief in self._needed("belief", kept, rows.kept_belief))
        believed = (max(b.since_ms, b.last_ms or 0) for b in beliefs)
        return max([0 if last is None else last.recorded_ms, *newest, *believed])

    def latest(self) -> Mapping[tuple[str, str], Observation]:
        names = dict(self._useful("name", self._raw("SELECT id, text FROM name"), rows.name_of))
        newest: dict[tuple[str, str], Observation] = {}
        horizon = None
        # Backwards by rowid: this needs no index and reads only the last hour.
        found = self._raw(f"SELECT check_id, vantage_id, {_COLUMNS} FROM observation ORDER BY id DESC")
        readings = self._useful(
            "observation", found, lambda row: rows.observation_of(names[row[0]], names[row[1]], row[2:])
        )
        for reading in readings:
            horizon = reading.at_ms - _HOUR_MS if horizon is None else horizon
            if reading.at_ms < horizon:
                break
            newest.setdefault((reading.check, reading.vantage), reading)
        readings.close()
        found.close()
        return newest

    def alerts(self) -> tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]:
        # At least the newest alert of every key: it has the count of openings of the key.
        recent = (
            "(SELECT id FROM alert WHERE resolved_ms IS NULL OR id > (SELECT max(id) - 1000 FROM alert) "
            "UNION SELECT max(id) FROM alert GROUP BY key)"
        )
        alerts = self._rows(f"SELECT id, key, resolved_ms, body FROM alert WHERE id IN {recent} ORDER BY id")
        notices = self._rows(
            "SELECT id, status, created_ms, body FROM notice WHERE id > (SELECT max(id) - 5000 FROM notice) "
            "OR status IN ('pending', 'sending') ORDER BY id"
        )
        heard = self._rows(f"SELECT alert_id, recipient, body FROM heard WHERE alert_id IN {recent}")
        return (
            list(self._needed("alert", alerts, rows.alert_of)),
            list(self._needed("notice", notices, rows.notice_of)),
            list(self._needed("heard", heard, rows.heard_of)),
        )

    def silences(self) -> Sequence[Silence]:
        found = self._raw("SELECT id, until_ms, body FROM silence ORDER BY id")
        return list(self._useful("silence", found, rows.silence_of))

    def overrides(self) -> Sequence[RecordedOverride]:
        found = self._raw("SELECT * FROM oncall_override ORDER BY id")
        return list(self._useful("oncall_override", found, rows.override_of))

    def canaries(self, vantage: str) -> frozenset[str]:
        found = self._raw("SELECT vantage, name FROM canary WHERE vantage = ?", vantage)
        return frozenset(name for _, name in self._useful("canary", found, rows.canary_of))

    def sights(self) -> Mapping[str, int]:
        return dict(self._useful("sight", self._raw("SELECT vantage, good_ms FROM sight"), rows.sight_of))

    def trends(self, vantage: str, since_ms: int) -> Mapping[str, Mapping[str, QuarterHours]]:
        found: dict[str, dict[str, dict[int, QuarterHour]]] = {}
        kept = self._raw(
            "SELECT check_name, fact, quarter_ms, count, at_ms, value FROM trend "
            "WHERE quarter_ms >= ? AND vantage = ?",
            since_ms,
            vantage,
        )
        for check, fact, quarter_ms, sums in self._useful("trend", kept, rows.quarter_of):
            found.setdefault(check, {}).setdefault(fact, {})[quarter_ms] = sums
        return found

    def _rows(self, sql: str, *values: int | str) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return list(self._connection.execute(sql, values))

    def _needed(self, table: str, found: Iterable[Row], made: Callable[[Row], T]) -> Iterator[T]:
        """What is *made* of each row; StoreCorrupt that names the first that cannot be read."""
        for row in found:
            try:
                yield made(row)
            except rows.UNREADABLE:
                raise damaged(self._path, table, ", ".join(str(cell)[:60] for cell in row[:2])) from None

    def _useful(self, table: str, found: Iterable[Row], made: Callable[[Row], T]) -> Generator[T]:
        """What is *made* of each row that can be read; the others are counted, a damaged page as one."""
        rest = iter(found)
        while True:
            try:
                row = next(rest)
            except StopIteration:
                return
            except StoreCorrupt:  # a page: what comes after it cannot be read
                self._leave_out(table)
                return
            try:
                yield made(row)
            except rows.UNREADABLE:
                self._leave_out(table)

    def _leave_out(self, table: str) -> None:
        self.left_out[table] = self.left_out.get(table, 0) + 1
