"""Who reads a store needs the right to read it, and nothing else; and nothing is made beside it."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fakes import observation
from watch.core.ledger import Kind, LedgerChain
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore

OWNER = getpass.getuser()
ROOT = Path(__file__).parents[2]
# Root may do everything, so it becomes nobody, after the imports: nobody may not read our packages.
_READS = """
import json, os, sys
from pathlib import Path
from watch.errors import StoreError
from watch.stores.sqlite import opening, reading
opening._migrations()
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
try:
    with reading(Path(sys.argv[1])) as reads:
        print(json.dumps([reads.last_entry().seq, len(reads.latest())]))
except StoreError as error:
    print(json.dumps(str(error)))
"""


def as_nobody(path: Path):
    """What a user without the right to write reads in the store at *path*: entries and checks, or the error."""
    command = [sys.executable, "-c", _READS, path]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


@pytest.fixture
def folder():
    """A folder that nobody may look into."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


async def written(path: Path) -> SqliteStore:
    store, chain = SqliteStore(path), LedgerChain()
    for n in range(3):
        await store.commit(Batch([observation(f"a/{n}", n)], [chain.entry(Kind.GENESIS, "x", {}, now_ms=1)]))
    return store


def shared(folder: Path) -> list[str]:
    """Let everybody read what is in *folder*, and nobody write; the names in it."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    return sorted(f.name for f in folder.iterdir())


async def test_a_copy_in_a_folder_that_may_not_be_written_is_read(folder):
    await (await written(folder / "t.db")).close()
    names = shared(folder)
    assert as_nobody(folder / "t.db") == [3, 3]
    assert sorted(f.name for f in folder.iterdir()) == names


async def test_what_a_killed_hub_left_in_the_wal_is_read_with_the_right_to_read_alone(folder, tmp_path):
    store = await written(tmp_path / "t.db")
    for name in ("t.db", "t.db-wal"):
        shutil.copy(tmp_path / name, folder / name)
    await store.close()
    assert (folder / "t.db-wal").stat().st_size
    names = shared(folder)
    assert as_nobody(folder / "t.db") == [3, 3]
    assert sorted(f.name for f in folder.iterdir()) == names


async def test_a_store_that_a_hub_writes_is_read_by_others_who_may_read_its_files(folder):
    store = await written(folder / "t.db")
    for name in ("t.db", "t.db-wal", "t.db-shm"):
        (folder / name).chmod(0o444)
    folder.chmod(0o555)
    assert as_nobody(folder / "t.db") == [3, 3]
    folder.chmod(0o755)
    await store.close()


async def test_a_store_that_a_hub_writes_is_not_read_without_its_locks(folder):
    """Pages change under such a reader: what it read would be nonsense."""
    store = await written(folder / "t.db")
    for name in ("t.db", "t.db-wal"):
        (folder / name).chmod(0o444)
    folder.chmod(0o555)
    assert f"t.db-shm: belongs to {OWNER}, and this user may not read it." in as_nobody(folder / "t.db")
    folder.chmod(0o755)
    await store.close()


async def test_a_store_that_may_not_be_read_says_so(folder):
    await (await written(folder / "t.db")).close()
    (folder / "t.db").chmod(0o600)
    assert as_nobody(folder / "t.db") == (
        f"{folder / 't.db'}: belongs to {OWNER}, and this user may not read it. "
        f"Run this as {OWNER}: `sudo -u {OWNER} threenines …`."
    )
