"""Whatever is flipped in the record or in what is derived from it, somebody says so."""

from __future__ import annotations

import random
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from bench.history import written
from watch.clock import SystemClock
from watch.config import load
from watch.core.localtime import from_utc_ms
from watch.errors import StoreCorrupt, StoreError
from watch.hub.rebuilding import rebuilt
from watch.hub.verification import figures_fault, record_verified
from watch.stores.sqlite import reading, rewriting

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ("ledger", "evidence", "checkpoint_row", "tile", "day")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A store of three made months of three components, with what is derived from it."""
    folder = tmp_path_factory.mktemp("history")
    file = written(folder, components=3, months=3, a_month=150)
    settings = load(file, secrets=False, environ={}).settings

    rebuild(settings)
    return settings.store


def rebuild(settings) -> None:
    with rewriting(settings.store) as (reads, write, _):
        for batch in rebuilt(reads, settings, SystemClock().now_ms()):
            write(batch)


def fault_of(store: Path) -> str | None:
    """What is said of *store*; None when all is well."""
    try:
        with reading(store) as reads:
            found = record_verified(reads)
            return str(found.broken.what) if found.broken is not None else figures_fault(reads, store)
    except (StoreCorrupt, StoreError) as damage:
        return str(damage)


def test_what_nobody_touched_holds(made):
    assert fault_of(made) is None
    with sqlite3.connect(f"file:{made}?mode=ro", uri=True) as store:
        counts = {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    assert all(counts.values()), counts


@tuned(max_examples=120, deadline=None)
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_found(made, data):
    table = data.draw(st.sampled_from(TABLES))
    copy = made.with_name("flipped.db")
    for old in made.parent.glob("flipped.db*"):
        old.unlink()
    shutil.copy(made, copy)
    with sqlite3.connect(copy) as store:
        columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
        identity = "id" if table == "evidence" else "seq" if table == "ledger" else None
        column = data.draw(st.sampled_from([c for c in columns if c != identity]))
        keys = (
            columns[:3]
            if table == "day"
            else columns[:2]
            if table in ("checkpoint_row", "tile")
            else [identity]
        )
        rows = store.execute(f"SELECT {', '.join(keys)} FROM {table}").fetchall()
        key = data.draw(st.sampled_from(rows))
        where = " AND ".join(f"{name} = ?" for name in keys)
        (value,) = store.execute(f"SELECT {column} FROM {table} WHERE {where}", key).fetchone()
        flipped = _flipped(value, data)
        if (table == "tile" and column == "level") or flipped == value:
            return  # a tile at another place is a tile that is missing: `test_a_missing_tile…`
        try:
            store.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (flipped, *key))
        except sqlite3.IntegrityError:
            return  # SQLite itself refuses a second row of that key
    store.close()
    assert fault_of(copy) is not None, (table, column, key, value, flipped)


def _flipped(value, data):
    """*value* with one bit changed."""
    if value is None:
        return 1
    if isinstance(value, int):
        return value ^ (1 << data.draw(st.integers(0, 40)))
    raw = bytearray(value if isinstance(value, bytes) else value.encode())
    if not raw:
        return "x"
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 6))
    return bytes(raw) if isinstance(value, bytes) else raw.decode("utf-8", "replace")


@pytest.mark.parametrize("table", ["evidence", "checkpoint_row", "tile"])
def test_a_row_that_is_missing_is_found(made, table):
    copy = made.with_name(f"short-{table}.db")
    shutil.copy(made, copy)
    with sqlite3.connect(copy) as store:
        store.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} LIMIT 1)"
        ) if table == "evidence" else (
            store.execute(
                f"DELETE FROM {table} WHERE {'n = 1' if table == 'checkpoint_row' else 'level = 1 AND n = 0'}"
            )
        )
    store.close()
    assert fault_of(copy) is not None


def test_evidence_that_was_added_is_found(made):
    copy = made.with_name("more.db")
    shutil.copy(made, copy)
    with sqlite3.connect(copy) as store:
        columns = ", ".join(row[1] for row in store.execute("PRAGMA table_info(evidence)") if row[1] != "id")
        store.execute(f"INSERT INTO evidence ({columns}) SELECT {columns} FROM evidence LIMIT 1")
    store.close()
    assert fault_of(copy) is not None


def test_an_entry_that_was_cut_off_at_the_end_is_what_a_chain_cannot_show(made):
    copy = made.with_name("cut.db")
    shutil.copy(made, copy)
    with sqlite3.connect(copy) as store:
        last = store.execute("SELECT max(seq) FROM ledger").fetchone()[0]
        store.execute("DELETE FROM ledger WHERE seq = ?", (last,))
        store.execute("DELETE FROM evidence WHERE entry = ?", (last,))
    store.close()
    with reading(copy) as reads:
        assert record_verified(reads).broken is None
        assert record_verified(reads).hash != _hash(made)


def _hash(store: Path) -> str:
    with reading(store) as reads:
        return record_verified(reads).hash


def test_rebuilding_mends_what_is_derived(made):
    copy, chance = made.with_name("mended.db"), random.Random(4)
    shutil.copy(made, copy)
    with sqlite3.connect(copy) as store:
        store.execute("UPDATE day SET body = replace(body, '0', '1')")
        store.execute("DELETE FROM tile")
        store.execute("UPDATE checkpoint_row SET body = body || ' ' WHERE n = ?", (chance.randrange(3),))
    store.close()
    assert fault_of(copy) is not None
    file = made.with_name("checks.yaml")
    settings = load(file, secrets=False, environ={}).settings
    from dataclasses import replace

    rebuild(replace(settings, store=copy))
    assert fault_of(copy) is None
    with reading(copy) as after, reading(made) as before:
        today = from_utc_ms(SystemClock().now_ms(), settings.service.timezone).date().isoformat()[:7]
        asked = (settings.service.timezone.key, "2000-01", today)
        assert list(after.days(*asked)) == list(before.days(*asked))
