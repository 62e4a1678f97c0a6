"""Removes rows that cannot be read, for `threenines ledger rebuild`: the way out of a store with a damaged row.

Ledger and evidence are never touched: every figure comes from them. What the other tables say is learnt anew: a state
by the next readings, an alert by the next look at its component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.core.sketch import Sketch
from watch.stores.sqlite import happenings, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import apsw

_READINGS = (
    "SELECT id, check_id, vantage_id, at_ms, took_ms, seq, verdict, reason, detail, latency_us, tainted, body "
    "FROM observation"
)
# By table: the columns that identify a row, the query for its rows (these columns first), and what reads one.
_TABLES: tuple[tuple[str, tuple[str, ...], str, Callable[[Sequence[Any]], object]], ...] = (
    ("belief", ("check_name", "vantage"), "SELECT check_name, vantage, body FROM belief", rows.kept_belief),
    ("lane", ("vantage", "lane"), "SELECT vantage, lane, epoch, seq FROM lane", rows.lane_of),
    ("alert", ("id",), "SELECT id, key, resolved_ms, body FROM alert", rows.alert_of),
    ("notice", ("id",), "SELECT id, status, created_ms, body FROM notice", rows.notice_of),
    ("silence", ("id",), "SELECT id, until_ms, body FROM silence", rows.silence_of),
    ("heard", ("alert_id", "recipient"), "SELECT alert_id, recipient, body FROM heard", rows.heard_of),
    ("dark", ("entry",), "SELECT entry, until_ms FROM dark", rows.dark_of),
    (
        "dark_gap",
        ("entry", "check_name"),
        "SELECT entry, check_name, last_ms, first_ms, bad_ms, done_ms FROM dark_gap",
        rows.gap_of,
    ),
    ("sight", ("vantage",), "SELECT vantage, good_ms FROM sight", rows.sight_of),
    ("canary", ("vantage", "name"), "SELECT vantage, name, good_ms FROM canary", rows.canary_of),
    (
        "trend",
        ("check_name", "fact", "quarter_ms", "vantage"),
        "SELECT check_name, fact, quarter_ms, vantage, count, at_ms, value FROM trend",
        lambda row: rows.quarter_of((*row[:3], *row[4:])),
    ),
    (
        "sketch",
        ("check_name", "hour_ms", "vantage"),
        "SELECT check_name, hour_ms, vantage, body FROM sketch",
        lambda row: (rows.text(row[0]), rows.number(row[1]), rows.text(row[2]), Sketch.from_bytes(row[3])),
    ),
    ("oncall_override", ("id",), "SELECT * FROM oncall_override", rows.override_of),
    ("happening", ("id",), happenings.SELECT, rows.happening_of),
    ("name", ("id",), "SELECT id, text FROM name", rows.name_of),
)


def mended(connection: apsw.Connection) -> dict[str, int]:
    """Delete the rows that cannot be read, but for ledger and evidence; by table, how many there were."""
    removed: dict[str, int] = {}
    for table, columns, query, made in _TABLES:
        removed[table] = _removed(connection, table, columns, query, made)
    names = dict(connection.execute("SELECT id, text FROM name"))

    def reading(row: Sequence[Any]) -> object:
        return rows.observation_of(names[row[1]], names[row[2]], row[3:])

    removed["observation"] = _removed(connection, "observation", ("id",), _READINGS, reading)
    return {table: n for table, n in removed.items() if n}


def _removed(
    connection: apsw.Connection,
    table: str,
    columns: tuple[str, ...],
    query: str,
    made: Callable[[Sequence[Any]], object],
) -> int:
    bad = []
    for row in connection.execute(query):
        try:
            made(row)
        except rows.UNREADABLE:
            bad.append(row[: len(columns)])
    where = " AND ".join(f"{column} IS ?" for column in columns)
    connection.executemany(f"DELETE FROM {table} WHERE {where}", bad)  # noqa: S608 - constants
    return len(bad)
