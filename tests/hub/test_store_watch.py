"""What is wrong with the store is trouble of our own, as long as it lasts."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import apsw
import pytest

from tests.fakes import START_MS, FakeClock, observation
from watch.errors import StoreCorrupt, StoreError
from watch.hub.store_watch import StoreWatch
from watch.hub.troubles import Troubles
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore
from watch.stores.sqlite.examination import store_faults
from watch.stores.sqlite.soundness import WEEK_MS, WeeklyCheck


class Looks:
    """A store that is looked at each second of a virtual clock."""

    def __init__(self, folder, **more) -> None:
        self.clock, self.store = FakeClock(), SqliteStore(folder / "t.db")
        self.troubles = Troubles(START_MS)
        self.watch = StoreWatch(self.store, self.troubles, self.clock, **more)

    def look(self) -> dict[str, str]:
        """The troubles by key, a second later."""
        self.clock.move(1)
        self.watch.look()
        return {t.key: t.text for t in self.troubles.current() if t.key != "disk_filling"}


async def written(store: SqliteStore, megabytes: int) -> None:
    for n in range(megabytes):
        await store.commit(Batch([observation("a/b", 500 * n + m, detail="x" * 2000) for m in range(500)]))


async def test_a_reader_that_never_ends_is_trouble_with_its_cure_and_others_are_not(tmp_path):
    looks = Looks(tmp_path, wal_most=12 << 20)
    await written(looks.store, 20)
    assert looks.look() == {}, "checkpoints keep the WAL short"
    reader = apsw.Connection(str(tmp_path / "t.db"), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM observation").get == 10_000
    await written(looks.store, 20)
    text = looks.look()["store_wal"]
    assert "another program keeps reading an old state" in text
    assert f"fuser {tmp_path / 't.db'}" in text
    reader.close()
    await looks.store.close()


async def test_a_store_that_was_written_anew_is_told_for_ten_minutes(tmp_path):
    looks = Looks(tmp_path)
    await written(looks.store, 1)
    (tmp_path / "t.db").unlink()
    said = looks.look()
    assert set(said) == {"store_lost"}, "it is not full, and nothing waits in memory"
    while looks.store.renewed is None:
        await asyncio.sleep(0.01)
    assert set(looks.look()) == {"store_renewed"}
    looks.clock.move(598)
    assert set(looks.look()) == {"store_renewed"}
    looks.clock.move(1)
    assert looks.look() == {}
    await looks.store.close()


@pytest.mark.parametrize("left", [b"", b"hello, this is no database"], ids=["emptied", "overwritten"])
async def test_a_store_whose_file_another_program_has_cut_short_is_said_at_the_next_look(tmp_path, left):
    looks = Looks(tmp_path)
    await written(looks.store, 1)
    looks.store._writer._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    assert looks.look() == {}
    await looks.store.close()
    looks = Looks(tmp_path)
    await looks.store.commit(Batch([observation("a/b", 1)]))
    with (tmp_path / "t.db").open("r+b") as file:
        file.truncate(0)
        file.write(left)
    assert "was emptied or overwritten by another program" in looks.look()["store_lost"]
    while looks.store.renewed is None and not isinstance(looks.store.trouble, StoreCorrupt):
        await asyncio.sleep(0.01)
    said = looks.look()
    assert said.keys() == {"store_corrupt"}
    assert "was emptied or overwritten" in said["store_corrupt"]
    with pytest.raises(StoreError, match="emptied or overwritten"):
        await looks.store.close()


async def test_a_store_that_was_replaced_is_kept_beside_the_other_file_when_the_hub_ends(tmp_path):
    looks = Looks(tmp_path)
    await looks.store.commit(Batch([observation("a/b", n) for n in range(100)]))
    other = apsw.Connection(str(tmp_path / "other.db"))
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    (tmp_path / "other.db").rename(tmp_path / "t.db")
    theirs = (tmp_path / "t.db").read_bytes()
    assert "replaced by another file" in looks.look()["store_lost"]
    with pytest.raises(StoreError, match=r"All that it holds is in .*t\.db\.rescued"):
        await looks.store.close()
    assert (tmp_path / "t.db").read_bytes() == theirs
    assert not (tmp_path / "t.db-wal").exists(), "SQLite would apply it to their file"
    kept = apsw.Connection(str(tmp_path / "t.db.rescued"), flags=apsw.SQLITE_OPEN_READONLY)
    assert kept.execute("SELECT count(*) FROM observation").get == 100
    kept.close()


async def test_a_store_that_was_emptied_while_its_wal_holds_all_of_it_is_written_anew(tmp_path):
    looks = Looks(tmp_path)
    await looks.store.commit(Batch([observation("a/b", n) for n in range(100)]))
    with (tmp_path / "t.db").open("r+b") as file:
        file.truncate(0)
    assert set(looks.look()) == {"store_lost"}
    while looks.store.renewed is None:
        await asyncio.sleep(0.01)
    assert set(looks.look()) == {"store_renewed"}
    await looks.store.close()
    kept = apsw.Connection(str(tmp_path / "t.db"), flags=apsw.SQLITE_OPEN_READONLY)
    assert kept.execute("SELECT count(*) FROM observation").get == 100
    kept.close()


async def test_an_emptied_store_with_a_wal_is_damaged_and_never_begun_anew(tmp_path):
    (tmp_path / "t.db").touch()
    (tmp_path / "t.db-wal").write_bytes(b"what is left of it")
    with pytest.raises(StoreCorrupt, match="something has emptied it"):
        SqliteStore(tmp_path / "t.db")
    assert [f.kind for f in store_faults(tmp_path / "t.db")] == ["store_corrupt"]
    assert (tmp_path / "t.db-wal").read_bytes() == b"what is left of it"
    (tmp_path / "t.db-wal").unlink()
    store = SqliteStore(tmp_path / "t.db")
    assert store.trouble is None, "an empty file alone is a place for a store"
    await store.close()


async def test_the_weekly_check_finds_damage_and_ends_all_writing(tmp_path):
    looks = Looks(tmp_path)
    await written(looks.store, 1)
    looks.store._writer._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    whole = bytearray((tmp_path / "t.db").read_bytes())
    whole[4096 * 40 : 4096 * 41] = b"\xa5" * 4096
    (tmp_path / "t.db").write_bytes(whole)
    running = asyncio.create_task(looks.watch.run())
    while looks.store.trouble is None:
        await asyncio.sleep(0)
    assert looks.clock.ms - START_MS >= WEEK_MS
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    said = looks.look()
    assert said.keys() == {"store_corrupt"}
    assert "table observation: " in said["store_corrupt"]
    assert "all that comes in is kept in memory" in said["store_corrupt"]
    (trouble,) = (t for t in looks.troubles.current() if t.key == "store_corrupt")
    assert trouble.not_ready
    assert "`threenines restore FILE`" in trouble.cure
    assert "Do not stop the hub" not in trouble.cure
    with pytest.raises(StoreError, match="is damaged"):
        await looks.store.close()


async def test_when_the_next_check_is_due_outlives_the_hub(tmp_path):
    looks = Looks(tmp_path)
    await written(looks.store, 1)
    first = WeeklyCheck(tmp_path / "t.db")
    assert first.due_ms(START_MS) == START_MS + WEEK_MS
    assert WeeklyCheck(tmp_path / "t.db").due_ms(START_MS + 5000) == START_MS + WEEK_MS
    assert first.run(START_MS + WEEK_MS) is None
    assert WeeklyCheck(tmp_path / "t.db").due_ms(START_MS + WEEK_MS + 1) == START_MS + 2 * WEEK_MS
    first.stopping.set()
    assert first.run(START_MS + 2 * WEEK_MS) is None
    assert first.due_ms(START_MS + 2 * WEEK_MS) == START_MS + 2 * WEEK_MS, "one that was stopped was none"
    await looks.store.close()


def test_a_clock_that_goes_back_does_not_put_the_check_off(tmp_path):
    weekly = WeeklyCheck(tmp_path / "t.db")
    weekly.due_ms(START_MS + 100 * WEEK_MS)
    assert weekly.due_ms(START_MS) == START_MS + WEEK_MS


async def test_the_mark_of_the_check_follows_no_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    before = victim.stat().st_mtime_ns
    (tmp_path / "t.db.checked").symlink_to(victim)
    weekly = WeeklyCheck(tmp_path / "t.db")
    weekly._note(START_MS)
    assert (victim.read_text(), victim.stat().st_mtime_ns) == ("precious", before)
