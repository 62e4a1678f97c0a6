"""A checkpoint: the state of a book at one instant, sufficient for every query about later time.

It is an entry made at the end of each month (UTC) over canonical rows, stored beside it. Its `from_ms` lies
`MARGIN_MS` before the month's end, because a month begins up to 14 hours earlier in other zones and an outage is
measured whole across a window's edge. A book that begins there answers every query like one folded from the first
entry.

A row is the JSON text of ``[kind, subject, vantage, body]``. The rows are sorted by that text; `root` is the RFC 6962
tree hash over them, so one row can be proven to be in it without the others.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from watch.core.book import FOREVER, Book, eras
from watch.core.ledger import Kind, text
from watch.core.marks import kept_from, mark_of_row, mark_row
from watch.core.merkle import leaf_hash, tree_hash
from watch.core.recorded_terms import window_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MARGIN_MS = 2 * 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def months_closed(after_ms: int, now_ms: int) -> list[tuple[str, int]]:
    """(month such as ``2026-11``, its checkpoint's instant) for months over by *now_ms*, instants after *after_ms*."""
    found: list[tuple[str, int]] = []
    at = (_EPOCH + timedelta(milliseconds=after_ms)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        month = f"{at:%Y-%m}"
        at = (at + timedelta(days=32)).replace(day=1)
        end_ms = (at - _EPOCH) // _MS
        if end_ms > now_ms:
            return found
        if end_ms - MARGIN_MS > after_ms:
            found.append((month, end_ms - MARGIN_MS))


def checkpoint_body(rows: Sequence[str], *, through: int, log: tuple[int, str]) -> dict[str, Any]:
    """The body of a checkpoint's entry. The entry is effective from the checkpoint's instant.

    Args:
        through: The seq of the last entry that the rows include.
        log: The number of entries before this one, and the root of the tree over them in hexadecimal.
    """
    return {
        "rows": len(rows), "root": root_of(rows), "through": through, "log": {"size": log[0], "root": log[1]}
    }  # fmt: skip


def root_of(rows: Iterable[str]) -> str:
    return tree_hash(leaf_hash(row.encode()) for row in rows).hex()


def rows_of(book: Book, at_ms: int) -> list[str]:
    """The canonical rows of *book* at its end, *at_ms*."""
    return sorted(text(row) for row in _rows(book, at_ms))


def _rows(book: Book, at_ms: int) -> Iterator[tuple[str, str, str, Any]]:
    alive = {kind: _alive(steps) for kind, steps in _steps(book).items()}
    for (kind, subject), body in book.bodies.items():
        recorded = alive[kind].get(subject)
        if recorded is not None and kind != Kind.WINDOW:
            yield kind, subject, "", {"at": recorded, "body": body}
    for name, versions in book.windows.items():
        if any(window is not None for _, _, window in eras(versions, at_ms, FOREVER)):
            bodies = [[at, {"ended": True} if w is None else window_body(w)] for at, w in versions]
            yield Kind.WINDOW, name, "", bodies
    yield from _names(book)
    for check, by_vantage in book.marks.items():
        if check in alive[Kind.CHECK]:
            for vantage, marks in by_vantage.items():
                yield "marks", check, vantage, [mark_row(m) for m in marks[kept_from(marks, at_ms) :]]
    for vantage, darks in book.darks.items():
        if seqs := sorted(seq for dark in darks if dark.end_ms > at_ms for seq in dark.entries):
            yield "dark", vantage, "", seqs


def _names(book: Book) -> Iterator[tuple[str, str, str, Any]]:
    for key, origin in book.naming.origins.items():
        yield "origin", key, "", {"origin": origin, "born": book.naming.born_ms.get(key, 0)}
    for origin in book.naming.taken - set(book.naming.origins.values()):
        yield "taken", origin, "", None


def _steps(book: Book) -> dict[str, Mapping[str, list[tuple[int, Any]]]]:
    return {**dict(book.steps()), Kind.GENESIS: {"threenines": [(0, True)]}}


def _alive(steps: Mapping[str, list[tuple[int, Any]]]) -> dict[str, int]:
    """When the current terms of each subject began; subjects that ended are left out."""
    return {name: some[-1][0] for name, some in steps.items() if some and some[-1][1] is not None}


def book_at(rows: Iterable[str]) -> tuple[Book, list[int]]:
    """The book that *rows* describe, and the seqs of the further entries it needs: of dark stretches open then."""
    book, needed = Book(), list[int]()
    # Origins first: defining a component whose origin is not known yet gives it a new one.
    for kind, subject, vantage, body in sorted(map(orjson.loads, rows), key=_origins_first):
        match kind:
            case "marks":
                book.marks.setdefault(subject, {})[vantage] = [mark_of_row(row) for row in body]
            case "origin":
                book.naming.origins[subject] = body["origin"]
                book.naming.taken.add(body["origin"])
                book.naming.born_ms[subject] = body["born"]
            case "taken":
                book.naming.taken.add(subject)
            case "dark":
                needed += body
            case Kind.WINDOW:
                for at, version in body:
                    book.define(kind, subject, version, at)
            case _:
                book.define(kind, subject, body["body"], body["at"])
    return book, sorted(needed)


def _origins_first(row: list[Any]) -> bool:
    return row[0] not in ("origin", "taken")
