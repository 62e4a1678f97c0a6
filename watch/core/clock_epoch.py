"""Clock epochs: one run of recorded times that never go back.

A machine's clock may be set back, or stand behind what is on record when a hub starts. The record is never edited, so
a new epoch begins: an entry that says both times. The rules:

* Each instant is told by the last epoch that reached it. What an earlier epoch says of the time from the beginning of
  a later one on counts for nothing: such entries are void (`Epochs.void`).
* Nothing that was believed is carried over: all checks are unknown from there until they are read (`begin_anew`).
* When a clock that was behind for a short while is right again, the epoch it began is annulled: all its entries are
  void, and those of the epoch before count again. Time in between is unknown. A hub that runs sees the clock being set.
  One that starts later sees that the machine has not run for as long as its clock says (`ClockEpoch.set_right`).
* Renames are about names, not about time: they are never void.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from watch.core.ledger import Entry, Kind
from watch.core.marks import Mark
from watch.core.reading import Reason
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watch.core.darkness import Dark
    from watch.core.naming import Naming

BACK, AHEAD, CORRECTED = "went_back", "set_ahead", "was_behind"
SHORT_MS = 3_600_000  # an epoch that lasted longer is never annulled
_TIMELESS = (Kind.GENESIS, Kind.RENAME)
_EFFECTIVE = itemgetter(1)
_FROM = itemgetter(0)


class Boot(NamedTuple):
    """An instant on the clock that a machine starts anew each time it is started, and that nobody can set.

    Args:
        start: Which start of which machine it counts from.
        ms: Milliseconds since then.
    """

    start: str
    ms: int


class ClockEpoch(NamedTuple):
    """The beginning of an epoch.

    Args:
        before_ms: The last time of the epoch that ends; of the one that goes on, when *annuls* is not 0.
        after_ms: The first time of the new one.
        why: `went_back`, `set_ahead` or `was_behind`.
        annuls: The seq of the entry that began the epoch whose entries are void; 0 for none.
        boot: When that was on the clock that nobody can set; None when it is not known.
    """

    before_ms: int
    after_ms: int
    why: str
    annuls: int = 0
    boot: Boot | None = None

    @property
    def anew(self) -> bool:
        """Whether nothing that was believed is carried over."""
        return self.why != AHEAD

    @property
    def effective_ms(self) -> int:
        """From when on all checks are unknown: the last millisecond of an epoch that goes on is its own."""
        return self.before_ms + 1 if self.annuls else self.after_ms

    def set_right(self, now_ms: int, boot: Boot | None) -> bool:
        """Whether the clock that began this epoch behind the record has been set right by *now_ms*, which is *boot*.

        More time must have gone by on it than on the clock that nobody can set, by half of what it was behind or more.
        """
        if self.why != BACK or boot is None or self.boot is None or boot.start != self.boot.start:
            return False
        set_ms = (now_ms - self.after_ms) - (boot.ms - self.boot.ms)
        return 2 * set_ms >= self.before_ms - self.after_ms

    def body(self) -> dict[str, Any]:
        """The body of its entry."""
        body: dict[str, Any] = {"before_ms": self.before_ms, "after_ms": self.after_ms, "why": self.why}
        body |= {"annuls": self.annuls} if self.annuls else {}
        return body | ({} if self.boot is None else {"boot": list(self.boot)})

    @classmethod
    def of(cls, entry: Entry) -> ClockEpoch:
        """The epoch that *entry* begins."""
        f = entry.facts
        boot = f.get("boot")
        return cls(
            f["before_ms"], f["after_ms"], f["why"], f.get("annuls", 0), None if boot is None else Boot(*boot)
        )


def following(
    last_ms: int, now_ms: int, before: Entry | None, *, followed: bool, boot: Boot | None = None
) -> ClockEpoch | None:
    """The epoch that begins at *now_ms*, where the record ends at *last_ms*; None when the last one goes on.

    Args:
        before: The entry that began the last epoch, if any.
        followed: Whether the clock was set while a hub ran, which now goes on with the new time.
        boot: *now_ms* on the clock that nobody can set; None when it is not known.
    """
    if now_ms < last_ms:
        return ClockEpoch(last_ms, now_ms, BACK, boot=boot)
    if before is not None:
        was = ClockEpoch.of(before)
        young = last_ms - was.after_ms < SHORT_MS
        right = followed or was.set_right(now_ms, boot)
        if right and was.why == BACK and young and last_ms <= was.before_ms <= now_ms:
            return ClockEpoch(was.before_ms, now_ms, CORRECTED, before.seq, boot)
    return ClockEpoch(last_ms, now_ms, AHEAD, boot=boot) if followed else None


class Epochs:
    """All epochs of a ledger, to tell which entries are void. False without any.

    Args:
        entries: The entries that begin epochs, in order.
        pending: One that begins after the last entry, and is not on record yet.
    """

    def __init__(self, entries: Iterable[Entry], pending: ClockEpoch | None = None) -> None:
        self.entries = list(entries)
        begun = [(entry.seq, ClockEpoch.of(entry)) for entry in self.entries]
        begun += [] if pending is None else [(2**62, pending)]
        self._annulled = [(epoch.annuls, seq) for seq, epoch in begun if epoch.annuls]
        self._backs = [
            (seq, epoch.after_ms) for seq, epoch in begun if epoch.why == BACK and not self._in_annulled(seq)
        ]

    def __bool__(self) -> bool:
        return bool(self._annulled or self._backs)

    @property
    def first_ms(self) -> int:
        """When the earliest epoch that a clock going back began starts; far ahead without one."""
        return min((after_ms for _, after_ms in self._backs), default=2**62)

    def void(self, entry: Entry) -> bool:
        """Whether *entry* counts for nothing."""
        if entry.kind in _TIMELESS:
            return False
        return self._in_annulled(entry.seq) or any(
            seq > entry.seq and entry.effective_ms >= after_ms for seq, after_ms in self._backs
        )

    def _in_annulled(self, seq: int) -> bool:
        return any(lo <= seq < hi for lo, hi in self._annulled)


class Begun(Protocol):
    """The parts of a book that an epoch begins anew."""

    marks: dict[str, dict[str, list[Mark]]]
    darks: dict[str, list[Dark]]
    bodies: dict[tuple[str, str], dict[str, Any]]
    naming: Naming

    def steps(self) -> Iterable[tuple[str, dict[str, list[Any]]]]:
        """The terms by kind and subject, each with the instant it was recorded."""


def begin_anew(book: Begun, entry: Entry) -> None:
    """Fold *entry* into *book*: what lies ahead of it is dropped, and all checks are unknown from there on."""
    if not ClockEpoch.of(entry).anew:
        return
    at_ms = entry.effective_ms
    for by_vantage in book.marks.values():
        for marks in by_vantage.values():
            _end_marks(marks, at_ms, entry.seq)
    for vantage, darks in book.darks.items():
        book.darks[vantage] = [dark for dark in darks if dark.from_ms < at_ms]
        for dark in book.darks[vantage]:
            dark.cut(at_ms)
    _end_terms(book, at_ms)


def _end_terms(book: Begun, at_ms: int) -> None:
    """Drop the terms recorded from *at_ms* on. The hub, which compares bodies, records them anew."""
    for kind, by_subject in book.steps():
        for subject in list(by_subject):
            if _dropped(by_subject[subject], at_ms):
                book.bodies.pop((kind, subject), None)
            if not by_subject[subject]:
                del by_subject[subject]
    for key, born_ms in book.naming.born_ms.items():
        book.naming.born_ms[key] = min(born_ms, at_ms)


def _dropped(steps: list[Any], at_ms: int) -> bool:
    """Whether *steps* lost any that lie ahead of *at_ms*."""
    kept, had = bisect_left(steps, at_ms, key=_FROM), len(steps)
    del steps[kept:]
    return kept < had


def _end_marks(marks: list[Mark], at_ms: int, seq: int) -> None:
    del marks[bisect_left(marks, at_ms, key=_EFFECTIVE) :]
    if marks and marks[-1].state is not State.UNKNOWN:
        was = marks[-1].state
        marks.append(Mark(seq, at_ms, at_ms, at_ms, was, State.UNKNOWN, Reason.STALE.value, ""))
