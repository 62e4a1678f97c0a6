"""The SQL that writes a `Batch`, inside the writer's transaction."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.core.evidence import evidence_row, observation_row
from watch.core.localtime import Month
from watch.core.sketch import Sketch
from watch.ports import CLOSED
from watch.stores.sqlite import happenings, rows
from watch.stores.sqlite.rows import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import apsw

    from watch.ports import Batch

_UTC, _DAY_MS = ZoneInfo("UTC"), 86_400_000
_SETTLED_MS = 3_600_000  # a clock that has said so for an hour is right
_OBSERVATION = (
    "INSERT INTO observation (check_id, vantage_id, at_ms, took_ms, seq, "
    "verdict, reason, detail, latency_us, tainted, body) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)
_EVIDENCE = (
    "INSERT INTO evidence (entry, check_name, vantage, at_ms, took_ms, seq, "
    "verdict, reason, detail, latency_us, tainted, body) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)
_ENTRY = "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_TILE = "INSERT OR REPLACE INTO tile VALUES (?,?,?)"
_CHECKPOINT = "INSERT INTO checkpoint_row VALUES (?,?,?)"
_DAY = "INSERT OR REPLACE INTO day VALUES (?,?,?,?)"
_VOID = "DELETE FROM day WHERE component = ? AND month >= ?"
_DARK = "INSERT OR REPLACE INTO dark VALUES (?,?)"
_GAP = "INSERT OR REPLACE INTO dark_gap VALUES (?,?,?,?,?,?)"
_LANE = "INSERT OR REPLACE INTO lane VALUES (?,?,?,?)"
# Not INSERT OR REPLACE: that also deletes a row that conflicts in another unique index.
_BELIEF = (
    "INSERT INTO belief VALUES (?,?,?) ON CONFLICT (check_name, vantage) DO UPDATE SET body = excluded.body"
)
_NO_BELIEF = "DELETE FROM belief WHERE check_name = ? AND vantage = ?"
_NO_GAP = "DELETE FROM dark_gap WHERE entry = ? AND check_name = ?"
_CANARY = "INSERT INTO canary VALUES (?,?,?) ON CONFLICT (vantage, name) DO NOTHING"
_SIGHT = "INSERT OR REPLACE INTO sight VALUES (?,?)"
_SKETCH = (
    "INSERT INTO sketch VALUES (?,?,?,?) "
    "ON CONFLICT (check_name, hour_ms, vantage) DO UPDATE SET body = excluded.body"
)
_SKETCHED = """
WITH RECURSIVE known(name) AS (
  SELECT min(check_name) FROM sketch
  UNION ALL SELECT (SELECT min(check_name) FROM sketch WHERE check_name > name) FROM known WHERE name IS NOT NULL
) SELECT name FROM known WHERE name IS NOT NULL
"""
_OLD_SKETCHES = "DELETE FROM sketch WHERE check_name = ? AND hour_ms < ?"
_MOST_SKETCHES = 20_000  # in a transaction, or a few more
_QUARTER = (
    "INSERT INTO trend (check_name, vantage, fact, quarter_ms, count, at_ms, value) VALUES (?,?,?,?,?,?,?) "
    "ON CONFLICT (quarter_ms, check_name, vantage, fact) DO UPDATE SET "
    "count = count + excluded.count, at_ms = at_ms + excluded.at_ms, value = value + excluded.value"
)
_ALERT = (
    "INSERT INTO alert VALUES (?,?,?,?) "
    "ON CONFLICT (id) DO UPDATE SET key = excluded.key, resolved_ms = excluded.resolved_ms, body = excluded.body"
)
# Keys may change places in one batch, but only one open alert may have a key at any instant.
_MOVED = "UPDATE alert SET key = 'of ' || id WHERE id = ? AND key != ?"
_SILENCE = (
    "INSERT INTO silence VALUES (?,?,?) "
    "ON CONFLICT (id) DO UPDATE SET until_ms = excluded.until_ms, body = excluded.body"
)
_NOTICE = (
    "INSERT INTO notice VALUES (?,?,?,?) "
    "ON CONFLICT (id) DO UPDATE SET status = excluded.status, created_ms = excluded.created_ms, body = excluded.body"
)
_HEARD = (
    "INSERT INTO heard VALUES (?,?,?) ON CONFLICT (alert_id, recipient) DO UPDATE SET body = excluded.body"
)
_UNHEARD = "DELETE FROM heard WHERE alert_id = ? AND recipient = ?"
_OVERRIDE = "INSERT OR REPLACE INTO oncall_override VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_NAMED = (("name", "text"), ("sketch", "check_name"), ("trend", "check_name"))  # tables with names of checks


class Commits:
    """Writes batches; caches the ids of names."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}

    def write(self, connection: apsw.Connection, batch: Batch) -> int:
        """Write all of *batch*; return how many observations and entries it has."""
        many = connection.executemany
        if batch.anew_ms is not None:
            _begin_anew(connection, batch.anew_ms)
        many(_ENTRY, batch.entries)
        many(_TILE, batch.tiles)
        if batch.renames:
            self._rename(connection, batch.renames)
        self._derived(connection, batch)
        many(
            _OBSERVATION,
            [
                (self._name(connection, o.check), self._name(connection, o.vantage), *observation_row(o))
                for o in batch.observations
            ],
        )
        many(_EVIDENCE, [(seq, *evidence_row(o)) for seq, o in batch.evidence])
        many(_BELIEF, [(*key, rows.belief_text(b)) for key, b in batch.beliefs.items() if b is not None])
        many(_NO_BELIEF, [key for key, belief in batch.beliefs.items() if belief is None])
        many(_LANE, [(*key, *mark) for key, mark in batch.lanes.items()])
        many(_CANARY, [(*key, good_ms) for key, good_ms in batch.canaries.items()])
        many(_SIGHT, list(batch.sights.items()))
        for (check, vantage, hour_ms), sketch in batch.sketches.items():
            connection.execute(
                _SKETCH, (check, hour_ms, vantage, _added(connection, check, hour_ms, vantage, sketch))
            )
        many(_QUARTER, [(*key, *quarter) for key, quarter in batch.quarters.items()])
        # Closed ones first: of a key, one alert at a time is open.
        alerts = sorted(batch.alerts.values(), key=lambda a: a.open)
        many(_MOVED, [(a.id, a.key) for a in alerts])
        many(_ALERT, [(a.id, a.key, a.resolved_ms, a.to_json()) for a in alerts])
        many(_NOTICE, [(n.id, str(n.status), n.created_ms, n.to_json()) for n in batch.notices.values()])
        many(_UNHEARD, [key for key, heard in batch.heard.items() if heard is None])
        many(_SILENCE, [(s.id, s.until_ms, s.to_json()) for s in batch.silences.values()])
        many(_HEARD, [(*key, h.to_json()) for key, h in batch.heard.items() if h is not None])
        many(_OVERRIDE, [rows.override_row(it) for it in batch.overrides.values()])
        happenings.keep(connection, batch.happenings)
        return len(batch.observations) + len(batch.entries)

    @staticmethod
    def _derived(connection: apsw.Connection, batch: Batch) -> None:
        """Write what is derived from the ledger, and the open dark stretches that no entry closes yet."""
        many = connection.executemany
        for seq, texts in batch.checkpoints.items():
            many(_CHECKPOINT, [(seq, n, row) for n, row in enumerate(texts)])
        many(_VOID, batch.void_days)
        many(_DAY, [(*key, body) for key, body in batch.days.items()])
        many(_GAP, [(*key, *gap) for key, gap in batch.gaps.items() if gap is not None])
        many(_NO_GAP, [key for key, gap in batch.gaps.items() if gap is None])
        many(_DARK, [mark for mark in batch.darks.items() if mark[1] != CLOSED])
        for seq, until_ms in batch.darks.items():
            if until_ms == CLOSED:
                connection.execute("DELETE FROM dark WHERE entry = ?", (seq,))
                connection.execute("DELETE FROM dark_gap WHERE entry = ?", (seq,))

    def _rename(self, connection: apsw.Connection, names: Mapping[str, str]) -> None:
        """Keep under new names what is stored under former ones; what another check left under a new name moves aside.

        In two steps, because names may change places.
        """
        entry = connection.execute("SELECT max(seq) FROM ledger").get
        moves = dict(names) | {new: f"{new}@{entry}" for new in names.values() if new not in names}
        for table, column in _NAMED:
            sql = f"UPDATE {table} SET {column} = ? WHERE {column} = ?"  # noqa: S608 - constants
            connection.executemany(sql, [(f"{new} of {entry}", old) for old, new in moves.items()])
            connection.executemany(sql, [(new, f"{new} of {entry}") for new in moves.values()])
        self._names.clear()

    def forget_names(self) -> None:
        """Clear the cache of ids: those from a transaction that was rolled back are not valid."""
        self._names.clear()

    def _name(self, connection: apsw.Connection, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            connection.execute("INSERT OR IGNORE INTO name (text) VALUES (?)", (text,))
            number = self._names[text] = int(
                connection.execute("SELECT id FROM name WHERE text = ?", (text,)).get
            )
        return number


def _added(connection: apsw.Connection, check: str, hour_ms: int, vantage: str, sketch: Sketch) -> bytes:
    """*sketch* merged with the stored one of that hour."""
    where = "SELECT body FROM sketch WHERE check_name = ? AND hour_ms = ? AND vantage = ?"
    merged = Sketch()
    for (kept,) in connection.execute(where, (check, hour_ms, vantage)):
        with suppress(*UNREADABLE):  # damaged by others: the hour begins anew
            merged.merge(Sketch.from_bytes(kept))
    merged.merge(sketch)
    return merged.to_bytes()


def _begin_anew(connection: apsw.Connection, from_ms: int) -> None:
    """Drop what is kept by time and lies ahead of *from_ms*: it would mix with what is read then."""
    connection.execute("DELETE FROM sight WHERE good_ms > ?", (from_ms,))
    connection.execute("DELETE FROM trend WHERE quarter_ms > ?", (from_ms,))
    # A local day may begin 14 hours before that of UTC.
    connection.execute("DELETE FROM day WHERE month >= ?", (str(Month.containing(from_ms - _DAY_MS, _UTC)),))


def forget(connection: apsw.Connection, before_ms: int, ahead_ms: int) -> int:
    """Drop data older than *before_ms*, at most 20,000 rows of a sort at a time; return how many of one at most.

    Rows later than *ahead_ms* were stored while the clock was ahead; they go with those stored before them,
    once the clock has been right for an hour.
    """
    # Rows are in order of time, so the oldest 20,000 are enough to look at.
    connection.execute(
        "DELETE FROM observation WHERE id IN (SELECT id FROM observation ORDER BY id LIMIT 20000) "
        "AND (at_ms < ? OR (at_ms > ? AND id < "
        "(SELECT id FROM observation WHERE at_ms >= ? AND at_ms <= ? ORDER BY id LIMIT 1)))",
        (before_ms, ahead_ms, before_ms, ahead_ms - _SETTLED_MS),
    )
    gone = max(connection.changes(), happenings.forget(connection, before_ms))
    connection.execute("DELETE FROM trend WHERE quarter_ms < ?", (before_ms,))
    connection.execute("PRAGMA incremental_vacuum(256)").fetchall()
    return gone


def forget_sketches(connection: apsw.Connection, before_ms: int) -> int:
    """Drop sketches of hours before *before_ms*, some 20,000 at a time; return how many were dropped."""
    # One look into the index for each check: its oldest hour is its first row. A scan would read all of a year.
    gone = 0
    for (check,) in connection.execute(_SKETCHED).fetchall():
        connection.execute(_OLD_SKETCHES, (check, before_ms))
        gone += connection.changes()
        if gone >= _MOST_SKETCHES:
            break
    return gone


def empty_derived(connection: apsw.Connection) -> int:
    """Drop the data derived from the ledger; return the number of tables."""
    tables = ("checkpoint_row", "tile", "day")
    for table in tables:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
    return len(tables)
