"""`threenines backup` and `restore`: a copy is whole or absent, and only one that holds takes the store's place."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from tests.acceptance.estate import until
from tests.acceptance.past import found, lived, schema, sound
from tests.cli.running import CONFIG, commands, running
from watch.stores.sqlite.backup import copied, partial, restored

PAGE = 4096


def altered(store, sql, *values):
    connection = sqlite3.connect(store)
    with connection:
        connection.execute(sql, values)
    connection.close()


def contents(folder):
    """Every file of *folder* that belongs to a store, but for the locks and what SQLite keeps beside an open file."""
    passing = (".lock", "-shm", "-wal")
    return {f.name: f.read_bytes() for f in folder.glob("*.db*") if not f.name.endswith(passing)}


@pytest.fixture
def desk(threenines, tmp_path):
    """A stopped hub's store of two months and `good.db`, a copy of what it was a little before."""
    asyncio.run(lived(tmp_path, months=2))
    assert threenines("backup", "good.db").code == 0
    altered(tmp_path / "threenines.db", "INSERT INTO canary VALUES ('local', 'since', 1)")
    return threenines


def test_a_backup_without_a_hub_is_whole_and_for_its_owner_alone(desk, tmp_path):
    copy = tmp_path / "good.db"
    assert sound(copy) == found(tmp_path / "threenines.db")
    assert copy.stat().st_mode & 0o077 == 0
    assert [f.name for f in tmp_path.glob(".*")] == []
    assert list(tmp_path.glob("good.db-*")) == [], "one file, and nothing beside it"


def test_a_backup_never_writes_over_a_file(desk, tmp_path):
    before = contents(tmp_path)
    for target in ("good.db", "threenines.db"):
        said = desk("backup", target)
        assert said.code == 2
        assert "exists already" in said.err
    assert contents(tmp_path) == before


def test_a_backup_that_cannot_be_written_says_why(desk, tmp_path):
    said = desk("backup", "no/such/folder.db")
    assert said.code == 2
    assert "No such file or directory" in said.err
    said = desk("backup", "x" * 300 + ".db")
    assert said.code == 2, said.err
    assert "name too long" in said.err


async def test_a_running_hub_makes_the_copy_and_puts_on_record_who_asked(tmp_path):
    async with running(tmp_path) as hub:
        code, out = await hub.verb("backup", "copy.db", "--by", "alice")
        assert code == 0, out
        ((verb, body),) = commands(hub)
        assert (verb, body["by"]) == ("backup", "alice")
        assert body["arguments"] == {"file": str(tmp_path / "copy.db")}
        copy = sound(tmp_path / "copy.db")
        assert found(tmp_path / "threenines.db").keeps(copy)
        code, out = await hub.verb("backup", "copy.db")
        assert code == 2
        assert "exists already" in out
        assert len(commands(hub)) == 1, "what was refused did not happen"


async def test_two_backups_to_one_file_at_a_time_leave_one_that_is_whole(tmp_path):
    store = await lived(tmp_path / "x", months=2, readings=20_000)
    before = found(store)
    for turn in range(5):
        target = store.with_name(f"copy{turn}.db")
        both = await asyncio.gather(
            *(asyncio.to_thread(copied, store, target) for _ in range(2)), return_exceptions=True
        )
        assert any(isinstance(one, int) for one in both), both
        assert sound(target) == before
        assert schema(target) == schema(store)
        with sqlite3.connect(target) as copy:
            (readings,) = copy.execute("SELECT count(*) FROM observation").fetchone()
        copy.close()
        assert readings == 20_000


def test_a_backup_removes_what_a_killed_one_left_and_not_what_another_still_writes(desk, tmp_path):
    target = tmp_path / "copy.db"
    with partial(target) as in_use:
        left = in_use.with_name(f".copy.db.{'0' * 8}.partial")
        for file in (left, left.with_name(f"{left.name}-journal"), tmp_path / ".copy.db.mine.partial"):
            file.write_bytes(b"half")
        copied(tmp_path / "threenines.db", target)
        assert sorted(f.name for f in tmp_path.glob(".copy.db.*")) == sorted(
            [in_use.name, ".copy.db.mine.partial"]
        )
    assert sound(target) == found(tmp_path / "threenines.db")


def test_a_restore_puts_the_copy_in_the_place_and_keeps_the_former_store(desk, tmp_path):
    store = tmp_path / "threenines.db"
    said = desk("restore", "good.db")
    assert said.code == 0, said.err
    assert "threenines.db.before-restore" in said.out
    assert _marked(tmp_path / "threenines.db.before-restore")
    assert not _marked(store)
    assert sound(store) == sound(tmp_path / "good.db")
    said = desk("restore", "threenines.db.before-restore")
    assert said.code == 0, said.err
    assert _marked(store), "and back again"
    assert not _marked(tmp_path / "threenines.db.before-restore-2")


def _marked(store):
    connection = sqlite3.connect(store)
    try:
        return bool(connection.execute("SELECT 1 FROM canary WHERE name = 'since'").fetchall())
    finally:
        connection.close()


async def test_a_restore_is_refused_while_a_hub_holds_the_store(tmp_path):
    async with running(tmp_path) as hub:
        assert (await hub.verb("backup", "copy.db"))[0] == 0
        code, out = await hub.verb("restore", "copy.db")
        assert code == 3
        assert f"process {hub.running.pid}" in out
        assert not list(tmp_path.glob("*.before-restore*"))
        assert (await hub.verb("status"))[0] == 0, "the hub runs on"
        assert await hub.kill(15) == 0
        code, out = await hub.verb("restore", "copy.db")
        assert code == 0, out


def test_a_copy_whose_ledger_is_broken_is_refused_and_nothing_changes(desk, tmp_path):
    altered(tmp_path / "good.db", "UPDATE ledger SET subject = 'part9/port' WHERE seq = 20")
    before = contents(tmp_path)
    said = desk("restore", "good.db")
    assert said.code == 2
    assert "entry 20" in said.err
    assert "Nothing was changed" in said.err
    assert contents(tmp_path) == before


def test_a_copy_whose_evidence_was_edited_is_refused(desk, tmp_path):
    altered(tmp_path / "good.db", "UPDATE evidence SET detail = 'it was the network' WHERE id = 9")
    said = desk("restore", "good.db")
    assert said.code == 2
    assert "readings that prove it" in said.err


@pytest.mark.parametrize(
    ("name", "made", "says"),
    [
        ("text.db", b"no database but a letter " * 400, "is not a database"),
        ("empty.db", b"", "empty"),
        ("missing.db", None, "no "),
    ],
)
def test_what_is_no_copy_of_a_store_is_refused_and_nothing_changes(desk, tmp_path, name, made, says):
    if made is not None:
        (tmp_path / name).write_bytes(made)
    before = contents(tmp_path)
    said = desk("restore", name)
    assert said.code == 2
    assert contents(tmp_path) == before
    assert name in said.err
    assert says in said.err.lower()
    assert "threenines run" not in said.err, "running a hub is no cure for a bad copy"


def test_a_copy_without_entries_is_refused(desk, tmp_path):
    altered(tmp_path / "good.db", "DELETE FROM ledger")
    altered(tmp_path / "good.db", "DELETE FROM evidence")
    said = desk("restore", "good.db")
    assert said.code == 2
    assert "its ledger is empty. Nothing was changed." in said.err


def test_a_copy_with_a_damaged_page_is_refused_before_it_takes_the_place_of_a_store_that_works(
    desk, tmp_path
):
    """No hub would start on it."""
    copy = tmp_path / "good.db"
    altered(copy, "INSERT INTO name VALUES (99, 'web/home')")
    connection = sqlite3.connect(copy)
    with connection:
        rows = ((99, 99, n, 1, n, "up", "ok", "x" * 100, None, 0, "[{},{}]") for n in range(2_000))
        connection.executemany(
            "INSERT INTO observation (check_id, vantage_id, at_ms, took_ms, seq, verdict, reason, detail, latency_us, "
            "tainted, body) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            rows,
        )
    connection.close()
    whole = bytearray(copy.read_bytes())
    pages = len(whole) // PAGE
    whole[PAGE * (pages - 10) : PAGE * (pages - 5)] = b"\xa5" * (5 * PAGE)
    copy.write_bytes(whole)
    before = contents(tmp_path)
    said = desk("restore", "good.db")
    assert said.code == 2
    assert "damaged" in said.err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", [b"no database but a letter " * 400, b""])
def test_a_copy_restores_in_the_place_of_a_store_that_is_damaged(desk, tmp_path, damage):
    """That is what it is for, and what the message about a damaged store tells people to do."""
    store, copy = tmp_path / "threenines.db", found(tmp_path / "good.db")
    store.write_bytes(damage)
    said = desk("restore", "good.db")
    assert said.code == 0, said.err
    assert sound(store) == copy
    if damage:
        assert (tmp_path / "threenines.db.before-restore").read_bytes() == damage, "the former one is kept"


def test_a_copy_restores_where_there_is_no_store(desk, tmp_path):
    store = tmp_path / "threenines.db"
    for file in tmp_path.glob("threenines.db*"):
        file.unlink()
    assert restored(tmp_path / "good.db", store) is None
    assert sound(store) == found(tmp_path / "good.db")
    assert store.stat().st_mode & 0o077 == 0


async def test_a_hub_starts_on_what_was_restored(tmp_path):
    async with running(tmp_path) as hub:
        await until(lambda: hub.rows("SELECT 1 FROM observation"), what="a reading")
        assert (await hub.verb("backup", "copy.db"))[0] == 0
        assert await hub.kill(15) == 0
    copy = found(tmp_path / "copy.db")
    async with running(tmp_path, CONFIG) as hub:
        assert await hub.kill(15) == 0
        code, out = await hub.verb("restore", "copy.db")
        assert code == 0, out
    async with running(tmp_path, CONFIG) as hub:
        assert await hub.kill(15) == 0
    assert sound(tmp_path / "threenines.db").keeps(copy)
