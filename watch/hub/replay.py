"""The ledger on disk, folded: where every reader of it begins, the hub and the command line alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.book import Book
from watch.core.ledger import LedgerChain
from watch.ports import StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from watch.core.ledger import Entry

_TYPES = (int, int, int, str, str, str, str, str, str)


def folded(entries: Iterable[Entry], store: Path) -> tuple[Book, LedgerChain]:
    """The book of *entries* and the end of their chain. StoreCorrupt for an entry that no version of ours wrote."""
    book, last = Book(), None
    for entry in entries:
        try:
            _add(book, entry)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise StoreCorrupt(
                f"{store}: entry {entry.seq} of the ledger cannot be read; something else has written to it. "
                "Run `threenines ledger verify`, then restore a backup."
            ) from None
        last = entry
    return book, LedgerChain() if last is None else LedgerChain(last.seq, last.recorded_ms, last.hash)


def _add(book: Book, entry: Entry) -> None:
    if tuple(map(type, entry)) != _TYPES:  # SQLite lets 2.5 pass for an instant
        raise TypeError
    book.add(entry)
