"""A disk that accepts no writes: everything waits in memory, is said, and is written in order when there is room.

The limit on the size of files (EFBIG) is the one way of being full that needs no file system of its own; the others are
told from it by their number alone (`test_every_way_of_being_full_is_one`).
"""

from __future__ import annotations

import asyncio
import errno
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.fakes import START_MS, observation
from watch.core.ledger import Kind, LedgerChain, verified
from watch.errors import StoreCorrupt, StoreError, StoreHeld
from watch.ports import Batch
from watch.stores.backlog import Backlog
from watch.stores.sqlite import SqliteStore, reading
from watch.stores.sqlite.faults import DiskFault, StoreWaits, explained
from watch.stores.sqlite.lock import hold
from watch.stores.sqlite.opening import writable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Writes beyond *size* bytes of a file fail in this process, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def raised(code: int, kind: type[apsw.Error], number: int, path) -> Exception:
    error = kind("x")
    error.extendedresult = code
    try:
        with explained(path, lambda: number):
            raise error
    except StoreError as meant:
        return meant


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "mounted read-only"),
    ],
)
@pytest.mark.parametrize(
    "code", [apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_TRUNCATE]
)
def test_every_way_of_being_full_is_one(tmp_path, number, said, code):
    meant = raised(code, apsw.IOError, number, tmp_path / "t.db")
    assert isinstance(meant, StoreWaits)
    assert said in str(meant)


def test_a_failed_fsync_is_final_even_when_the_disk_is_full(tmp_path):
    for code in (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC):
        meant = raised(code, apsw.IOError, errno.ENOSPC, tmp_path / "t.db")
        assert isinstance(meant, DiskFault)
        assert meant.exit_code == 74
        assert "fsync failed" in str(meant)


def test_an_error_of_the_disk_that_is_no_want_of_room_is_final(tmp_path):
    meant = raised(apsw.SQLITE_IOERR_WRITE, apsw.IOError, errno.EIO, tmp_path / "t.db")
    assert isinstance(meant, DiskFault)


async def test_a_full_disk_holds_nobody_up_and_all_is_written_in_order_when_there_is_room(tmp_path):
    path, chain = tmp_path / "t.db", LedgerChain()
    store = SqliteStore(path, Backlog(readings=50))
    await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "0", {}, now_ms=1)]))
    with no_file_over(8192):
        for n in range(1, 40):
            entry = chain.entry(Kind.GENESIS, str(n), {}, now_ms=n)
            await store.commit(Batch([observation("a/b", 10 * n + m) for m in range(5)], [entry]))
        assert "ulimit -f" in str(store.trouble)
        readings, rows, given_up = store.waiting
        assert (readings, rows) == (50, 38), "the first of them is in the writer's hands"
        assert given_up == 38 * 5 - readings
        assert await store.forget(START_MS) == 0, "nobody waits for it"
    await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "last", {}, now_ms=99)]))
    while store.trouble is not None or store.waiting[1]:
        await asyncio.sleep(0.01)
    assert verified(store.reads.entries()) == (41, chain.hash, None)
    assert store.waiting == (0, 0, 0)
    kept = store.reads._connection.execute("SELECT at_ms FROM observation ORDER BY id").fetchall()
    assert [at for (at,) in kept][-1] == 394, "the newest are kept"
    assert kept == sorted(kept)
    await store.close()


async def test_a_hub_that_begins_on_a_full_disk_reads_what_is_there_and_writes_the_rest_later(tmp_path):
    path, chain = tmp_path / "t.db", LedgerChain()
    store = SqliteStore(path)
    await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "x", {}, now_ms=1)]))
    await store.close()
    with no_file_over(0):
        store = SqliteStore(path)
        assert "ulimit -f" in str(store.trouble)
        assert [e.seq for e in store.reads.entries()] == [1]
        with store.reading() as reads:
            assert reads.last_entry().seq == 1
        await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "y", {}, now_ms=2)]))
        with pytest.raises(StoreHeld):
            hold(path)
    while store.trouble is not None or store.waiting[1]:
        await asyncio.sleep(0.01)
    await store.close()
    with reading(path) as reads:
        assert verified(reads.entries()) == (2, chain.hash, None)


async def test_a_hub_that_begins_where_no_store_can_be_made_begins_with_nothing(tmp_path):
    path, chain = tmp_path / "t.db", LedgerChain()
    with no_file_over(0):
        store = SqliteStore(path)
        assert "ulimit -f" in str(store.trouble)
        assert list(store.reads.entries()) == []
        await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "x", {}, now_ms=1)]))
        with store.reading() as reads:
            assert reads.last_entry() is None
    while store.trouble is not None or store.waiting[1]:
        await asyncio.sleep(0.01)
    await store.close()
    with reading(path) as reads:
        assert verified(reads.entries()) == (1, chain.hash, None)


async def test_what_waited_is_not_written_to_a_store_that_somebody_else_has_written_meanwhile(tmp_path):
    path = tmp_path / "t.db"
    with no_file_over(0):
        store = SqliteStore(path)
        os_lock = tmp_path / "t.db.lock"
        os_lock.unlink()  # or nobody could
    connection = writable(path)
    connection.execute(
        "INSERT INTO ledger VALUES (1, 1, 1, 'genesis', 'x', '', 1, 0, '{}', '', '', 'of another')"
    )
    connection.close()
    with pytest.raises(StoreHeld, match="another hub has written it"):  # noqa: PT012 - it may come a commit later
        while True:
            await store.commit(Batch(entries=[LedgerChain().entry(Kind.GENESIS, "mine", {}, now_ms=2)]))
            await asyncio.sleep(0.01)
    with pytest.raises(StoreError):
        await store.close()
    with reading(path) as reads:
        assert [e.hash for e in reads.entries()] == ["of another"]


async def test_what_could_not_be_written_at_the_end_is_counted(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    with no_file_over(8192):
        for n in range(3):
            await store.commit(Batch([observation("a/b", n)]))
        with pytest.raises(
            StoreError, match=r"could not be written\. 2 readings and 0 other rows .*ulimit -f"
        ):
            await store.close()


async def test_damage_that_is_found_while_the_hub_runs_ends_all_writing_and_not_the_hub(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    await store.commit(Batch([observation("a/b", 1)]))
    store.condemn("page 7 is not what it should be")
    await store.commit(Batch([observation("a/b", 2)]))
    assert "page 7" in str(store.trouble)
    assert "threenines restore" in str(store.trouble)
    assert isinstance(store.trouble, StoreCorrupt)
    assert [o.at_ms for o in store.reads.latest().values()] == [1]
    with pytest.raises(StoreError, match="page 7"):
        await store.close()
