"""What is wrong with a store, found by reading only. Nothing is locked, created or changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from watch.errors import StoreCorrupt, StoreError
from watch.stores.sqlite.faults import explained, links, only_wrong
from watch.stores.sqlite.opening import _migrations, _reader, checked, refuse_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StoreFault(NamedTuple):
    """A fault of a store: its kind of trouble (``store_corrupt``), and what is wrong."""

    kind: str
    text: str


def store_faults(path: Path) -> Iterator[StoreFault]:
    """What keeps a hub from using the store *path*; nothing when it would be created without a fault.

    Every page is checked, which is slow on a large file.
    """
    if not path.parent.is_dir():
        yield StoreFault("store_folder", f"{path.parent}: the folder of the store does not exist")
        return
    try:
        refuse_network(path)
    except StoreError as error:
        yield StoreFault("store_folder", only_wrong(error))
    locked = _unwritable(path)
    if locked:
        yield StoreFault("store_folder", locked)
    if found := links(path):
        yield StoreFault("store_link", f"{found[0]}: is a symbolic link")
        return
    if not path.exists():
        return
    if not path.is_file():
        yield StoreFault("store_foreign", f"{path}: is not a file")
        return
    try:
        yield from _of_file(path)
    except StoreCorrupt as error:
        yield StoreFault("store_corrupt", only_wrong(error))
    except StoreError as error:
        if not locked:  # SQLite must write beside a store even to read it
            yield StoreFault("store_unreadable", only_wrong(error))


def _of_file(path: Path) -> Iterator[StoreFault]:
    with explained(path):
        connection = _reader(path, ours=False)
        try:
            schema = connection.execute("PRAGMA user_version").get
            tables = connection.execute("SELECT count(*) FROM sqlite_master").get
        finally:
            connection.close()
    newest = len(_migrations())
    if schema > newest:
        wrong = f"was written by a newer version: it has schema {schema}, and this program knows {newest}"
        yield StoreFault("store_newer", f"{path}: {wrong}")
    elif not schema and tables:
        yield StoreFault("store_foreign", f"{path}: is the database of another program")
    else:
        checked(path)


def _unwritable(path: Path) -> str:
    """Why a hub of this user could not write *path*; empty when it could, or when the store is another user's."""
    user = os.geteuid()
    there = path.exists()
    if there and user not in (0, path.stat().st_uid):
        return ""
    if there and not os.access(path, os.W_OK, effective_ids=True):
        return f"{path}: the store may not be written"
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        return f"{path.parent}: the folder of the store may not be written"
    return ""
