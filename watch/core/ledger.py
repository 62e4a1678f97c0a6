"""The ledger: the append-only, hash-chained record that every figure comes from (semantics §6).

An entry says when it was *recorded* and from when it is *effective*; it is never edited. Each hash covers every column
of its entry and the hash before it, so an edit of one entry invalidates all later ones. `proof` is the digest of the
readings that prove the entry (`watch.core.evidence`), so an edit of these is found, too.

The chain alone cannot show that its end was cut off, or that all of it was recomputed. Compare it with a copy of
its last hash that you stored on another machine (such as a report you sent).

Anyone can verify it without this program::

    hash = sha256(json([seq, recorded_ms, effective_ms, kind, subject, vantage, critical, late, body, proof, prev]))

with JSON compact (no spaces), unescaped UTF-8, the digest in hexadecimal, and 64 zeros before the first entry.
docs/reference/ledger.md describes each kind of entry.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

START = "0" * 64


class Kind(StrEnum):
    """The kind of an entry; its `subject` is in brackets."""

    GENESIS = "genesis"  # the beginning of a ledger (format)
    TRANSITION = "transition"  # a confirmed change of state (check), seen from a vantage point
    SIGHT = "sight"  # a vantage point is blind or overloaded, or sees again (vantage point)
    ABSENCE = "absence"  # the hub or an agent was away, and the readings after it (vantage point)
    CHECK = "check"  # a check's terms, or its end (check)
    COMPONENT = "component"  # a component's members and k, or its end (component)
    RENAME = "rename"  # a component continues another's history (the new key)
    VANTAGE = "vantage"  # the site of a vantage point (vantage point)
    WINDOW = "window"  # a maintenance rule, or its end (window)
    TERMS = "terms"  # target, zone and notice (service)
    CLOCK = "clock"  # the clock was set: a new epoch of recorded times begins (epoch)
    CHECKPOINT = "checkpoint"  # beliefs and terms at a month's end (the month)
    COMMAND = "command"  # a person's command to the hub (verb)


KINDS = frozenset(str(kind) for kind in Kind)
# A program that does not know these kinds may ignore them: no figure depends on them.
UNCRITICAL = (Kind.CHECKPOINT, Kind.COMMAND)
# These change the meaning of all earlier entries, so every reader needs them, whatever span it reads.
_REACHES_BACK = (Kind.RENAME, Kind.CLOCK)


class Entry(NamedTuple):
    """One line of the ledger.

    Args:
        vantage: Empty for an entry without a vantage point.
        critical: 1 when a program that does not know the kind must stop; 0 when it may ignore the entry.
        late: 1 when it is about time before the last checkpoint, so a reader that begins there needs it.
        body: JSON text.
        proof: The digest of the readings that prove it; empty when there are none.
    """

    seq: int
    recorded_ms: int
    effective_ms: int
    kind: str
    subject: str
    vantage: str
    critical: int
    late: int
    body: str
    proof: str
    prev: str
    hash: str

    @property
    def facts(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body))


_TYPES = (int, int, int, str, str, str, int, int, str, str, str, str)  # of the columns of an `Entry`
LATEST_MS = 253_370_764_800_000  # the year 9999: no calendar goes further


def plausible(entry: Entry) -> bool:
    """Whether all columns have their types (SQLite lets 2.5 pass for an instant) and the instants are in a calendar."""
    instants = (entry.recorded_ms, entry.effective_ms)
    return tuple(map(type, entry)) == _TYPES and max(map(abs, instants)) < LATEST_MS


def text(value: object) -> str:
    """The canonical JSON text of *value*: compact, sorted, unescaped."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()  # the same text, ten times faster
    except TypeError:  # half a surrogate pair, or an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def digest(entry: Entry) -> str:
    """The hash that *entry* should have."""
    columns = json.dumps(entry[:-1], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(columns.encode("utf-8", "surrogatepass")).hexdigest()


def _hashed(entry: Entry) -> bool:
    try:
        return entry.hash == digest(entry)
    except (TypeError, ValueError):  # a column with a value that we never write
        return False


@dataclass(slots=True)
class LedgerChain:
    """The end of a ledger; makes the next entries. Recorded times never go back but by an entry of the kind *clock*.

    Args:
        horizon_ms: The instant of the last checkpoint; an entry effective before it is `late`.
    """

    seq: int = 0
    recorded_ms: int = 0
    hash: str = START
    horizon_ms: int = 0

    def entry(
        self,
        kind: Kind,
        subject: str,
        body: Mapping[str, Any],
        *,
        now_ms: int,
        effective_ms: int | None = None,
        vantage: str = "",
        proof: str = "",
    ) -> Entry:
        """The next entry; *effective_ms* defaults to its recorded time."""
        self.seq += 1
        self.recorded_ms = now_ms if kind is Kind.CLOCK else max(now_ms, self.recorded_ms)
        effective = self.recorded_ms if effective_ms is None else effective_ms
        late = int(effective < self.horizon_ms or kind in _REACHES_BACK)
        blank = Entry(
            self.seq, self.recorded_ms, effective, str(kind), subject, vantage, int(kind not in UNCRITICAL), late,
            text(body), proof, self.hash, "",
        )  # fmt: skip
        self.hash = digest(blank)
        if kind is Kind.CLOCK:  # checkpoints that lie ahead of it are void
            self.horizon_ms = min(self.horizon_ms, effective)
        if kind is Kind.CHECKPOINT:
            self.horizon_ms = max(self.horizon_ms, effective)
        return blank._replace(hash=self.hash)


@dataclass(frozen=True, slots=True)
class Break:
    """The place where a ledger is broken, and how."""

    seq: int
    what: str


class ChainCheck:
    """Verifies entries in order, from the first one or after a trusted one.

    Attributes:
        broken: The first break; None while there is none.
    """

    def __init__(self, seq: int = 0, hash_: str = START) -> None:
        self.seq, self.hash = seq, hash_
        self.broken: Break | None = None
        self._recorded = 0

    def add(self, entry: Entry) -> bool:
        """Verify the next *entry*; False when the chain is broken at it or before."""
        what = self.broken or self._fault(entry)
        if isinstance(what, str):
            self.broken = Break(entry.seq, what)
        if what is not None:
            return False
        self.seq, self._recorded, self.hash = entry.seq, entry.recorded_ms, entry.hash
        return True

    def _fault(self, entry: Entry) -> str | None:
        if entry.seq != self.seq + 1:
            return f"entry {self.seq + 1} is missing"
        if entry.prev != self.hash:
            return "its `prev` is not the hash of the entry before it"
        if not _hashed(entry):
            return "its contents do not match its hash"
        if entry.kind == Kind.CLOCK:
            return self._clock_fault(entry.facts, entry.recorded_ms)
        if entry.recorded_ms < self._recorded:
            return "its recorded time is before that of the entry before it"
        return None

    def _clock_fault(self, said: Mapping[str, Any], recorded_ms: int) -> str | None:
        both = (said.get("before_ms"), said.get("after_ms"))
        if not isinstance(both[0], int) or both[0] < self._recorded or both[1] != recorded_ms:
            return "the two times of this clock epoch are not those of the entries beside it"
        return None


def verified(entries: Iterable[Entry]) -> tuple[int, str, Break | None]:
    """How many of *entries* are intact from the start, the last good hash, and the first break, if any."""
    check = ChainCheck()
    for entry in entries:
        if not check.add(entry):
            break
    return check.seq, check.hash, check.broken
