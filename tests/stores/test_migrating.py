"""A migration keeps a copy first, which the older program opens; and it moves the schema whole or not at all."""

from __future__ import annotations

import apsw
import pytest

from tests.fakes import START_MS, observation
from watch.core.ledger import Kind, LedgerChain
from watch.errors import StoreError
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore, reading
from watch.stores.sqlite.opening import _migrations, checked, readable, writable

TODAY = len(_migrations())  # the schema of this program
ADDS = ("9001-adds.sql", "CREATE TABLE of_tomorrow (x INTEGER); INSERT INTO of_tomorrow VALUES (7);")
REWRITES = (
    "9002-rewrites.sql",
    "CREATE TABLE moved AS SELECT * FROM observation; DROP TABLE observation; ALTER TABLE moved RENAME TO observation;",
)
FAILS = ("9002-fails.sql", "DELETE FROM ledger; INSERT INTO nowhere VALUES (1);")


@pytest.fixture
async def path(tmp_path):
    """A store of today's schema with an entry and some readings."""
    store, chain = SqliteStore(tmp_path / "t.db"), LedgerChain()
    entry = chain.entry(Kind.GENESIS, "threenines", {"format": 1}, now_ms=START_MS)
    await store.commit(Batch([observation(f"a/{n}", START_MS + n) for n in range(50)], [entry]))
    await store.close()
    return tmp_path / "t.db"


def migrated(path, *more):
    writable(path, [*_migrations(), *more]).close()


def asked(path, sql):
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(connection.execute(sql))
    finally:
        connection.close()


def copy_of(path, schema=TODAY):
    return path.with_name(f"{path.name}.schema-{schema}")


def files(path):
    return sorted(f.name for f in path.parent.iterdir() if not f.name.endswith((".lock", "-shm", "-wal")))


async def test_the_copy_is_what_was_there_before_and_the_older_program_runs_on_it(path):
    with reading(path) as reads:
        entries, latest = list(reads.entries()), reads.latest()
    migrated(path, ADDS)
    copy = copy_of(path)
    assert files(path) == [path.name, copy.name]
    assert copy.stat().st_mode & 0o077 == 0, "it holds everything"
    checked(copy)
    with reading(copy) as reads:
        assert list(reads.entries()) == entries
        assert reads.latest() == latest
    store = SqliteStore(copy)  # the older program writes on
    await store.sound()
    await store.commit(Batch([observation("a/new", START_MS + 999)]))
    assert ("a/new", "local") in store.reads.latest()
    await store.close()


def test_what_is_in_the_wal_is_in_the_copy(path):
    """A hub that was killed leaves its last commits there."""
    writer = apsw.Connection(str(path))
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("INSERT INTO canary VALUES ('local', 'late', 1)")
    held = apsw.Connection(str(path))  # so that closing the writer does not put the WAL away
    held.execute("BEGIN").fetchall()
    held.execute("SELECT count(*) FROM canary").fetchall()
    writer.close()
    assert path.with_name(f"{path.name}-wal").stat().st_size
    migrated(path, ADDS)
    held.close()
    assert asked(copy_of(path), "SELECT name FROM canary") == [("late",)]


def test_what_was_migrated_is_as_the_migrations_say_and_in_the_list_of_them(path):
    migrated(path, ADDS, REWRITES)
    assert asked(path, "PRAGMA user_version") == [(TODAY + 2,)]
    assert asked(path, "SELECT x FROM of_tomorrow") == [(7,)]
    assert asked(path, "SELECT count(*) FROM observation") == [(50,)]
    names = [name for (name,) in asked(path, "SELECT name FROM migration ORDER BY number")]
    assert names[-2:] == ["9001-adds.sql", "9002-rewrites.sql"]
    assert files(path) == [path.name, copy_of(path).name], "one copy, of what was there at first"


def test_a_second_migration_keeps_a_copy_of_its_own(path):
    migrated(path, ADDS)
    migrated(path, ADDS, REWRITES)
    assert files(path) == [path.name, copy_of(path).name, copy_of(path, TODAY + 1).name]
    assert asked(copy_of(path, TODAY + 1), "PRAGMA user_version") == [(TODAY + 1,)]
    assert asked(copy_of(path, TODAY + 1), "SELECT x FROM of_tomorrow") == [(7,)]


def test_a_migration_that_fails_leaves_the_schema_before_it_and_the_copy(path):
    with pytest.raises(StoreError):
        migrated(path, ADDS, FAILS)
    assert asked(path, "PRAGMA user_version") == [(TODAY + 1,)], "the one before it was whole"
    assert asked(path, "SELECT count(*) FROM ledger") == [(1,)], "half of one was taken back"
    assert asked(copy_of(path), "PRAGMA user_version") == [(TODAY,)]
    migrated(path, ADDS, REWRITES)
    assert asked(path, "PRAGMA user_version") == [(TODAY + 2,)]


def test_a_new_store_and_one_of_today_need_no_copy(path, tmp_path):
    migrated(path)
    writable(tmp_path / "new.db", [*_migrations(), ADDS]).close()
    assert files(path) == ["new.db", path.name]


def test_what_a_killed_migration_left_half_written_is_made_anew(path):
    half = path.with_name(f".{copy_of(path).name}.partial")
    half.write_bytes(b"half of a copy")
    migrated(path, ADDS)
    assert not half.exists()
    checked(copy_of(path))


def test_whoever_went_back_to_the_copy_and_migrates_again_gets_a_copy_of_that_time(path):
    """Back to the older program for a month, then forward again: the copy of a month ago is not what was there."""
    migrated(path, ADDS)
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    path.write_bytes(copy_of(path).read_bytes())
    older = writable(path)
    older.execute("INSERT INTO canary VALUES ('local', 'of the month between', 1)")
    older.close()
    migrated(path, ADDS)
    copies = [f for f in path.parent.glob(f"{copy_of(path).name}*") if not f.name.endswith(("-shm", "-wal"))]
    assert ("of the month between",) in [row for f in copies for row in asked(f, "SELECT name FROM canary")]


def test_a_store_of_a_newer_schema_is_refused_by_writers_and_readers_and_not_touched(path):
    migrated(path, ADDS)
    before = path.read_bytes()[100:]  # but for the counters in the header
    with pytest.raises(StoreError, match=rf"newer version \(schema {TODAY + 1}; this one has {TODAY}\)"):
        writable(path)
    with pytest.raises(
        StoreError, match=rf"has schema {TODAY + 1}, but this program needs {TODAY}. Use a newer version"
    ):
        readable(path)
    assert path.read_bytes()[100:] == before


def test_a_store_of_an_older_schema_is_read_by_nobody_before_a_hub_has_migrated_it(tmp_path):
    connection = apsw.Connection(str(tmp_path / "t.db"))
    connection.execute("CREATE TABLE x (y)")
    connection.close()
    with pytest.raises(StoreError, match="has schema 0"):
        readable(tmp_path / "t.db")
    with pytest.raises(StoreError, match="database of another program"):
        writable(tmp_path / "t.db")


def test_a_copy_that_cannot_be_made_stops_the_migration_with_one_sentence(path):
    """The schema must not move without it. A folder in its place stands for a full disk."""
    path.with_name(f".{copy_of(path).name}.partial").mkdir()
    with pytest.raises(StoreError):
        migrated(path, ADDS)
    assert asked(path, "PRAGMA user_version") == [(TODAY,)]
