"""The ledger: the append-only, hash-chained record that every figure comes from (semantics §6).

An entry says when it was *recorded* and from when it is *effective*; it is never edited, only followed. Each hash
covers every column of its entry and the hash before it, so editing one entry breaks all that follow. What a chain
cannot show by itself is that its end was cut off, or that all of it was computed anew: for that, compare with a
hash that has left the house (a report that was sent).

Anyone can check it without us::

    hash = sha256(json([seq, recorded_ms, effective_ms, kind, subject, vantage, body, prev])).hexdigest()

with JSON compact (no spaces), unescaped UTF-8, and 64 zeros before the first entry.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

START = "0" * 64


class Kind(StrEnum):
    """What an entry is about; `subject` is the word in brackets."""

    GENESIS = "genesis"  # the beginning of a ledger (format)
    TRANSITION = "transition"  # a confirmed change of state (check), seen from a vantage point
    CHECK = "check"  # a check's terms, or its end (check)
    COMPONENT = "component"  # a component's members and k, or its end (component)
    RENAME = "rename"  # a component carries on another's history (the new key)
    VANTAGE = "vantage"  # where a vantage point stands (vantage point)
    WINDOW = "window"  # a maintenance rule, or its end (window)
    TERMS = "terms"  # target, zone and notice (service)


class Entry(NamedTuple):
    """One line of the ledger. *body* is JSON text; *vantage* is empty where none is concerned."""

    seq: int
    recorded_ms: int
    effective_ms: int
    kind: str
    subject: str
    vantage: str
    body: str
    prev: str
    hash: str

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


def text(value: object) -> str:
    """The one JSON text of *value*: compact, sorted, unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def digest(entry: Entry) -> str:
    """The hash that *entry* should carry."""
    columns = json.dumps(list(entry[:-1]), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(columns.encode("utf-8", "surrogatepass")).hexdigest()


def _hashed(entry: Entry) -> bool:
    try:
        return entry.hash == digest(entry)
    except (TypeError, ValueError):  # a column that holds what no entry of ours ever did
        return False


@dataclass(slots=True)
class LedgerChain:
    """The end of a ledger: makes the entries that come next. Recorded times never go back."""

    seq: int = 0
    recorded_ms: int = 0
    hash: str = START

    def entry(
        self,
        kind: Kind,
        subject: str,
        body: Mapping[str, Any],
        *,
        now_ms: int,
        effective_ms: int | None = None,
        vantage: str = "",
    ) -> Entry:
        """The next entry; *effective_ms* is *now_ms* unless it says otherwise."""
        self.seq += 1
        self.recorded_ms = max(now_ms, self.recorded_ms)
        effective = self.recorded_ms if effective_ms is None else effective_ms
        blank = Entry(
            self.seq, self.recorded_ms, effective, str(kind), subject, vantage, text(body), self.hash, ""
        )
        self.hash = digest(blank)
        return blank._replace(hash=self.hash)


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and how."""

    seq: int
    what: str


def verified(entries: Iterable[Entry]) -> tuple[int, str, Break | None]:
    """How many of *entries* hold from the start, the last good hash, and the first break if there is one."""
    seq, recorded, last = 0, 0, START
    for entry in entries:
        what = (
            f"entry {seq + 1} is missing" if entry.seq != seq + 1
            else "it does not follow from the entry before it" if entry.prev != last
            else "its contents are not those that were hashed" if not _hashed(entry)
            else "it was recorded before the entry before it" if entry.recorded_ms < recorded
            else None
        )  # fmt: skip
        if what is not None:
            return seq, last, Break(entry.seq, what)
        seq, recorded, last = entry.seq, entry.recorded_ms, entry.hash
    return seq, last, None
