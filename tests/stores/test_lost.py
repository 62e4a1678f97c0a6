"""The store's files are gone from their path, or others lie there: it is said, and written anew where that is safe."""

from __future__ import annotations

import asyncio
import os
import shutil
from itertools import count

import apsw
import pytest

from tests.fakes import observation
from tests.stores.test_sqlite import stock
from watch.core.ledger import Kind, LedgerChain, verified
from watch.errors import StoreError
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore, reading
from watch.stores.sqlite.lock import hold, holder
from watch.stores.sqlite.opening import checked, writable


class Story:
    """A hub's store with entries, looked at each second."""

    def __init__(self, folder) -> None:
        self.path, self.chain = folder / "t.db", LedgerChain()
        self.store = SqliteStore(self.path)
        self._seconds = count(0, 10)

    async def write(self) -> None:
        entry = self.chain.entry(Kind.GENESIS, "x", {}, now_ms=1)
        await self.store.commit(Batch([observation("a/b", self.chain.seq)], [entry]))

    def look(self) -> None:
        self.store.look(next(self._seconds))

    async def found_and_mended(self) -> str:
        """What is said of the loss; the store is at its path again afterwards."""
        self.look()
        said = str(self.store.trouble)
        assert self.store.lost
        await self.write()
        while self.store.renewed is None:
            await asyncio.sleep(0.01)
        self.look()
        assert self.store.trouble is None
        return said

    async def ended(self) -> None:
        """Close; what was acknowledged is at the path, whole."""
        await self.write()
        await self.store.close()
        checked(self.path)
        with reading(self.path) as reads:
            assert verified(reads.entries()) == (self.chain.seq, self.chain.hash, None)
            assert reads.latest()["a/b", "local"].at_ms == self.chain.seq


@pytest.fixture
async def story(tmp_path):
    story = Story(tmp_path)
    await story.write()
    story.look()
    assert story.store.trouble is None
    return story


@pytest.mark.parametrize(
    ("suffixes", "said"),
    [
        (("",), "was removed or moved"),
        (("", "-wal", "-shm"), "was removed or moved"),
        (("", "-wal", "-shm", ".lock"), "was removed or moved"),
        (("-wal",), "lost its t.db-wal"),
        (("-shm",), "lost its t.db-shm"),
        (("-wal", "-shm"), "lost its t.db-wal"),
        ((".lock",), "lost its t.db.lock"),
    ],
)
async def test_what_was_removed_is_said_and_written_anew(story, suffixes, said):
    for suffix in suffixes:
        story.path.with_name(story.path.name + suffix).unlink()
    assert said in await story.found_and_mended()
    assert "written anew, and nothing is lost" in story.store.renewed
    assert holder(story.path) == os.getpid()
    await story.write()
    with reading(story.path) as reads:
        assert reads.last_entry().seq == story.chain.seq, "who reads at the path sees each commit"
    await story.ended()
    assert [f.name for f in story.path.parent.iterdir() if "partial" in f.name] == []


async def test_a_store_that_is_removed_again_and_again_is_written_again_and_again(story):
    for _ in range(3):
        story.path.unlink()
        await story.found_and_mended()
        story.store.renewed = None
    await story.ended()


async def test_a_reader_that_opened_the_store_while_its_wal_was_gone_hinders_nobody(story):
    story.path.with_name("t.db-wal").unlink()
    story.path.with_name("t.db-shm").unlink()
    assert stock(story.path, "SELECT count(*) FROM sqlite_master") == [[0]], "all stands in the WAL"
    await story.found_and_mended()
    await story.ended()


async def test_a_file_of_somebody_else_at_the_path_is_never_overwritten(story):
    other = story.path.with_name("other.db")
    writable(other).close()
    other.replace(story.path)
    mine = story.path.read_bytes()
    for _ in range(3):
        story.look()
        await story.write()
    assert "was replaced by another file" in str(story.store.trouble)
    assert "it is not overwritten. Move it away" in str(story.store.trouble)
    assert story.path.read_bytes() == mine
    story.path.rename(other)
    await story.write()
    story.look()
    while story.store.renewed is None:
        await asyncio.sleep(0.01)
    await story.ended()


async def test_a_wal_of_somebody_else_at_the_path_is_never_overwritten(story):
    wal = story.path.with_name("t.db-wal")
    wal.unlink()
    wal.write_bytes(b"of somebody else")
    for _ in range(3):
        story.look()
        await story.write()
    assert "Another program has written t.db-wal" in str(story.store.trouble)
    assert wal.read_bytes() == b"of somebody else"
    with pytest.raises(StoreError, match=r"written t\.db-wal"):
        await story.store.close()
    assert wal.read_bytes() == b"of somebody else"


async def test_a_path_that_another_hub_holds_is_left_to_it(story):
    for suffix in ("", "-wal", "-shm", ".lock"):
        story.path.with_name(story.path.name + suffix).unlink()
    lock = hold(story.path)
    for _ in range(3):
        story.look()
        await story.write()
    assert "another hub holds this store" in str(story.store.trouble)
    assert not story.path.exists()
    with pytest.raises(StoreError, match="another hub holds"):
        await story.store.close()
    os.close(lock)


async def test_a_folder_that_was_moved_is_said_and_the_end_does_not_say_that_all_is_well(tmp_path):
    (tmp_path / "a").mkdir()
    story = Story(tmp_path / "a")
    await story.write()
    (tmp_path / "a").rename(tmp_path / "b")
    story.look()
    await story.write()
    assert "is gone with its folder" in str(story.store.trouble)
    with pytest.raises(StoreError, match="gone with its folder"):
        await story.store.close()
    with reading(tmp_path / "b" / "t.db") as reads:
        assert verified(reads.entries()) == (story.chain.seq, story.chain.hash, None)


async def test_a_folder_that_comes_back_gets_a_store(tmp_path):
    (tmp_path / "a").mkdir()
    story = Story(tmp_path / "a")
    await story.write()
    shutil.rmtree(tmp_path / "a")
    story.look()
    await story.write()
    (tmp_path / "a").mkdir()
    await story.found_and_mended()
    await story.ended()


async def test_a_store_that_is_removed_in_the_last_second_is_written_anew_at_the_end(story):
    story.path.unlink()
    await story.ended()


async def test_nobody_else_can_write_while_the_lock_is_made_anew(story):
    story.path.with_name("t.db.lock").unlink()
    await story.found_and_mended()
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        hold(story.path)
    connection = apsw.Connection(str(story.path))
    assert connection.execute("SELECT count(*) FROM ledger").get == story.chain.seq
    connection.close()
    await story.ended()
