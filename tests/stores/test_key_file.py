"""The key of acknowledge links: kept beside the store, for its owner alone, and never in the way of a hub."""

from __future__ import annotations

import os

import pytest

from watch.stores.key_file import key_beside


@pytest.fixture
def store(tmp_path):
    return tmp_path / "t.db"


def kept(store):
    return store.with_name("t.db.ack-key")


def test_it_is_made_once_and_only_its_owner_may_read_it(store):
    key = key_beside(store)
    assert len(key) == 32
    assert key_beside(store) == key == kept(store).read_bytes()
    assert kept(store).stat().st_mode & 0o777 == 0o600


def test_no_two_stores_have_the_same(tmp_path):
    assert key_beside(tmp_path / "a.db") != key_beside(tmp_path / "b.db")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_one_that_is_damaged_is_made_anew(store, content):
    kept(store).write_bytes(content)
    kept(store).chmod(0o600)
    key = key_beside(store)
    assert len(key) == 32
    assert kept(store).read_bytes() == key


def test_one_that_others_could_read_is_made_anew(store):
    key = key_beside(store)
    kept(store).chmod(0o644)
    assert key_beside(store) != key
    assert kept(store).stat().st_mode & 0o777 == 0o600


def test_what_a_link_in_its_place_points_to_is_not_touched(store, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"y" * 32)
    kept(store).symlink_to(other)
    assert key_beside(store) != b"y" * 32
    assert other.read_bytes() == b"y" * 32


def test_a_pipe_in_its_place_is_not_waited_for(store):
    os.mkfifo(kept(store))
    assert len(key_beside(store)) == 32


def test_where_it_cannot_be_kept_there_is_one_until_the_process_ends(store, caplog):
    kept(store).mkdir()
    assert len(key_beside(store)) == 32
    assert "acknowledge links end with this process" in caplog.text
