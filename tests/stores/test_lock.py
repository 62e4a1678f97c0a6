"""One hub a store; who asks takes no lock; and nothing of others is ever written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from watch.errors import StoreError, StoreHeld
from watch.stores.sqlite import SqliteStore
from watch.stores.sqlite.lock import hold, holder

ROOT = Path(__file__).parents[2]
_ASKS = (
    "import sys; from pathlib import Path; from watch.stores.sqlite.lock import holder\n"
    "print('asking', flush=True)\n"
    "while True: holder(Path(sys.argv[1]))"
)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_who_asks_without_a_pause_refuses_no_hub_its_start(tmp_path):
    path = tmp_path / "t.db"
    os.close(hold(path))
    with subprocess.Popen([sys.executable, "-c", _ASKS, path], cwd=ROOT, stdout=subprocess.PIPE) as asking:
        try:
            assert asking.stdout.readline() == b"asking\n"
            for _ in range(2000):
                os.close(hold(path))
        finally:
            asking.kill()


_TWO_DISKS = """
mkdir one two && mount -t tmpfs none one && mount -t tmpfs none two || exit 9
exec "$@"
"""
_HELD_AND_NOT = """
import os
from pathlib import Path
from watch.stores.sqlite.lock import hold, holder
held, free = Path("one/t.db"), Path("two/t.db")
os.close(hold(free))
hold(held)
same = os.stat("one/t.db.lock").st_ino == os.stat("two/t.db.lock").st_ino
print(same, holder(held) == os.getpid(), holder(free))
"""


def test_a_lock_on_another_disk_whose_file_has_the_same_number_is_none_of_ours(tmp_path):
    command = [
        "/usr/bin/unshare",
        "-m",
        "/bin/sh",
        "-c",
        _TWO_DISKS,
        "sh",
        sys.executable,
        "-c",
        _HELD_AND_NOT,
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, check=True).stdout
    assert said == b"True True None\n"


def test_the_holder_is_named_while_it_holds(tmp_path):
    path = tmp_path / "t.db"
    assert holder(path) is None
    held = hold(path)
    assert holder(path) == os.getpid()
    with pytest.raises(StoreHeld, match=f"process {os.getpid()}"):
        hold(path)
    os.close(held)
    assert holder(path) is None


def test_a_lock_that_is_a_link_to_a_file_of_others_is_refused_and_the_file_stays(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for plant in (Path.symlink_to, Path.hardlink_to):
        lock = tmp_path / "t.db.lock"
        plant(lock, victim)
        with pytest.raises(StoreError, match="Remove it, and find out who made it"):
            SqliteStore(tmp_path / "t.db")
        assert victim.read_text() == "precious"
        lock.unlink()


def test_a_lock_that_is_a_pipe_is_refused_and_blocks_nobody(tmp_path):
    os.mkfifo(tmp_path / "t.db.lock")
    with pytest.raises(StoreError, match="not a plain file"):
        SqliteStore(tmp_path / "t.db")


async def test_a_store_that_is_a_link_is_refused_and_what_it_points_to_stays(tmp_path):
    await SqliteStore(tmp_path / "other.db").close()
    before = (tmp_path / "other.db").read_bytes()
    (tmp_path / "t.db").symlink_to(tmp_path / "other.db")
    with pytest.raises(StoreError, match="is a symbolic link"):
        SqliteStore(tmp_path / "t.db")
    assert (tmp_path / "other.db").read_bytes() == before


async def test_a_store_in_a_folder_that_is_a_link_is_a_store(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = SqliteStore(tmp_path / "link" / "t.db")
    store.look(0)
    assert store.trouble is None
    await store.close()
    assert (tmp_path / "real" / "t.db").exists()


async def test_what_others_may_read_or_write_is_for_its_owner_alone_after_a_start(tmp_path):
    path = tmp_path / "t.db"
    await SqliteStore(path).close()
    for file in (path, tmp_path / "t.db.lock"):
        file.chmod(0o666)
    store = SqliteStore(path)
    files = {file.name: mode(file) for file in tmp_path.iterdir()}
    assert files == dict.fromkeys(("t.db", "t.db-wal", "t.db-shm", "t.db.lock"), 0o600)
    await store.close()


def test_a_lock_that_was_removed_and_made_again_is_held_by_the_second_alone(tmp_path):
    path = tmp_path / "t.db"
    first = hold(path)
    (tmp_path / "t.db.lock").unlink()
    second = hold(path)
    assert os.path.samestat(os.fstat(second), (tmp_path / "t.db.lock").stat())
    assert not os.path.samestat(os.fstat(first), os.fstat(second))
    os.close(first)
    os.close(second)
