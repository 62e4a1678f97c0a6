"""Dark stretches of vantage points, and what each check missed in them (`watch.core.darkness`).

One entry opens a stretch: at once if the vantage point is blind; when the first state lapses if the hub was away or the
vantage point is overloaded. Each check that had a state is then *pending* until a reading makes its state known again.
When no check is pending, one entry closes the stretch, with a row for each check. If checks with long intervals are
still pending after ten minutes, the rows so far are written, and the rest later.

Rows that are not in an entry yet are stored with the beliefs, so a kill loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.darkness import Dark, Gap, Why, closing_body, opening_body
from watch.core.ledger import Kind
from watch.core.timeline import State
from watch.ports import CLOSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.confirm import Belief, Change
    from watch.hub.recorder import Recorder

_LINGER_MS = 60_000  # an overload that comes back within this time is the same one
_PATIENCE_MS = 600_000
_LATER_MS = 3_600_000
Key = tuple[str, str]
_NONE: tuple[Dark, ...] = ()


class Sights:
    """The dark stretches that are not closed.

    Attributes:
        blind: The vantage points that are blind now.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.blind: set[str] = set()
        self._open: list[Dark] = []
        self._pending: dict[Key, tuple[Dark, ...]] = {}
        self._left: dict[Dark, set[str]] = {}  # its checks that are pending
        self._unwritten: dict[Dark, set[str]] = {}  # those that came out of it and are in no entry
        self._due_ms: dict[Dark, int] = {}  # when to write what is known

    # ---- opening ----

    def begin(self, vantage: str, why: Why, from_ms: int, beliefs: Mapping[Key, Belief]) -> Dark:
        """Open a stretch for the checks that have a state in *beliefs*, as *vantage* sees them."""
        dark = Dark(vantage, why, from_ms)
        self._open.append(dark)
        self._unwritten[dark] = set()
        # In one step, so that nothing is judged by half of it: without an object for each of 10,000 checks.
        unknown = State.UNKNOWN
        lost = [key for key, b in beliefs.items() if key[1] == vantage and b.state is not unknown]
        dark.unread = {key[0]: beliefs[key] for key in lost}
        self._left[dark] = set(dark.unread)
        alone: tuple[Dark, ...] = (dark,)
        pending = dict.fromkeys(lost, alone)
        for key in self._pending.keys() & pending.keys():
            pending[key] = (*self._pending[key], dark)
        self._pending.update(pending)
        return dark

    def join(self, dark: Dark, check: str, belief: Belief) -> None:
        """Add *check* to *dark* as pending, if it has a state."""
        if belief.state is State.UNKNOWN:
            return
        dark.gaps[check] = Gap.before(belief)
        self._await(dark, check)

    def _await(self, dark: Dark, check: str) -> None:
        key = (check, dark.vantage)
        self._pending[key] = (*self._pending.get(key, ()), dark)
        self._left[dark].add(check)

    def record(self, dark: Dark, now_ms: int) -> None:
        """Record the opening of *dark*, once."""
        if dark.seq:
            return
        dark.seq = self._recorder.next_seq
        self._recorder.book.darks.setdefault(dark.vantage, []).append(dark)
        kind, subject = _kind(dark), "hub" if dark.why is Why.AWAY else dark.vantage
        self._recorder.entry(
            kind, subject, opening_body(dark), now_ms=now_ms, effective_ms=dark.from_ms, vantage=dark.vantage
        )
        self._recorder.batch.darks[dark.seq] = dark.until_ms
        for check in self._unwritten[dark]:
            self._keep(dark, check)

    def overloaded(self, vantage: str, check: str) -> Dark | None:
        """The open overload stretch of *vantage* in which *check* missed nothing yet."""
        mine = (d for d in self._open if d.vantage == vantage and d.why is Why.OVERLOADED)
        return next((dark for dark in mine if dark.gap(check) is None), None)

    def sees(self, vantage: str, good_ms: int) -> None:
        """The canaries of *vantage* are good again, in a round begun at *good_ms*."""
        self.blind.discard(vantage)
        for dark in self._open:
            if dark.vantage == vantage and dark.why is Why.BLIND and dark.until_ms is None:
                dark.until_ms = good_ms
                self._recorder.batch.darks[dark.seq] = good_ms

    # ---- one check at a time ----

    def pending(self, key: Key) -> tuple[Dark, ...]:
        """The stretches in which *key* is pending."""
        return self._pending.get(key, _NONE)

    def dark_from(self, key: Key, dark: Dark) -> int:
        """When *key* becomes unknown in *dark*: by the terms at its last reading."""
        if dark.why is Why.BLIND:
            return dark.from_ms
        gap = dark.gap(key[0])
        assert gap is not None  # it is pending
        return gap.last_ms + self._recorder.book.validity_ms(key[0], gap.last_ms)

    def dark_since(self, key: Key, belief: Belief | None) -> int | None:
        """When *key*, which was not read since, became unknown; None if a dark stretch is not the reason."""
        if belief is None or belief.state is State.UNKNOWN or not self.pending(key):
            return None
        dark_ms = min(self.dark_from(key, dark) for dark in self.pending(key))
        return dark_ms if dark_ms > belief.since_ms else None

    def voids(self, key: Key, at_ms: int) -> bool:
        """Whether a reading of *key* that began at *at_ms* was taken while its vantage point was blind."""
        if key[1] in self.blind:
            return True
        return any(d.why is Why.BLIND and at_ms < (d.until_ms or at_ms + 1) for d in self.pending(key))

    def regain(self, key: Key, change: Change) -> None:
        """Note that the state of *key* is known again by *change*."""
        down = change.state is State.DOWN
        for dark in self._pending.pop(key, ()):
            dark.regain(key[0], change.effective_ms, change.latest_ms if down else None)
            self._left[dark].discard(key[0])
            self._unwritten[dark].add(key[0])
            if dark.seq:
                self._keep(dark, key[0])
            if dark.why is Why.OVERLOADED:
                dark.until_ms = max(dark.until_ms or 0, change.effective_ms)
                self._recorder.batch.darks[dark.seq] = dark.until_ms

    def touch(self, key: Key) -> None:
        """Store the gap of *key*, which was read again but has no state yet."""
        for dark in self.pending(key):
            self._keep(dark, key[0])

    def spare(self, key: Key) -> None:
        """Remove *key*: it was read before its state lapsed, or is not watched any more."""
        for dark in self._pending.pop(key, ()):
            dark.gaps.pop(key[0], None)
            dark.unread.pop(key[0], None)
            self._left[dark].discard(key[0])
            if dark.seq:
                self._recorder.batch.gaps[dark.seq, key[0]] = None

    def rename(self, names: Mapping[str, str]) -> None:
        """Know checks by other names: former → new, all at once. The book has renamed what is on record."""
        for dark in self._open:
            if not dark.seq:
                dark.rename(names)
            moved = (self._left[dark] | self._unwritten[dark]) & names.keys()
            for some in (self._left, self._unwritten):
                some[dark] = {names.get(check, check) for check in some[dark]}
            if dark.seq:
                self._recorder.batch.gaps.update(dict.fromkeys(((dark.seq, check) for check in moved), None))
                for check in moved:
                    self._keep(dark, names[check])
        self._pending = {(names.get(check, check), v): darks for (check, v), darks in self._pending.items()}

    def _keep(self, dark: Dark, check: str) -> None:
        self._recorder.batch.gaps[dark.seq, check] = dark.gap(check)

    # ---- closing ----

    def settle(self, now_ms: int) -> None:
        """Close stretches that are over; write the rows so far of those that last long."""
        for dark in list(self._open):
            if dark.until_ms is None and (dark.why is not Why.OVERLOADED or self._left[dark]):
                continue
            until_ms = dark.until_ms or dark.from_ms
            if not self._left[dark]:
                if dark.why is not Why.OVERLOADED or now_ms - until_ms >= _LINGER_MS:
                    self._close(dark, now_ms)
            elif (
                dark.seq
                and self._unwritten[dark]
                and now_ms >= self._due_ms.get(dark, until_ms + _PATIENCE_MS)
            ):
                self._due_ms[dark] = now_ms + _LATER_MS
                self._write(dark, now_ms)

    def _close(self, dark: Dark, now_ms: int) -> None:
        if dark.seq:
            self._write(dark, now_ms)
            self._recorder.batch.darks[dark.seq] = CLOSED
        self._open.remove(dark)
        for by_dark in (self._left, self._unwritten, self._due_ms):
            by_dark.pop(dark, None)

    def _write(self, dark: Dark, now_ms: int) -> None:
        written, left = self._unwritten[dark], len(self._left[dark])
        entry = self._recorder.entry(
            _kind(dark), "hub" if dark.why is Why.AWAY else dark.vantage, closing_body(dark, written, left),
            now_ms=now_ms, effective_ms=dark.from_ms, vantage=dark.vantage, known=True,
        )  # fmt: skip
        dark.entries.append(entry.seq)
        dark.closed = not left
        if left:  # else the rows go with the stretch
            self._recorder.batch.gaps.update(dict.fromkeys(((dark.seq, check) for check in written), None))
        self._unwritten[dark] = set()

    # ---- a restart ----

    def resume(
        self, until: Mapping[int, int | None], gaps: Mapping[int, Mapping[str, Gap]], beliefs: Mapping[Key, Belief]
    ) -> None:  # fmt: skip
        """Continue the stretches that were open when the last hub ended."""
        for dark in open_darks(self._recorder.book.darks, until, gaps, beliefs):
            self._open.append(dark)
            kept = gaps.get(dark.seq, {})
            self._left[dark] = set()
            self._unwritten[dark] = {check for check, gap in kept.items() if gap.first_ms is not None}
            for check, gap in dark.gaps.items():
                if gap.first_ms is None:
                    self._await(dark, check)
            if dark.why is Why.BLIND and dark.until_ms is None:
                self.blind.add(dark.vantage)


def _kind(dark: Dark) -> Kind:
    return Kind.ABSENCE if dark.why is Why.AWAY else Kind.SIGHT


def open_darks(
    darks: Mapping[str, list[Dark]], until: Mapping[int, int | None], gaps: Mapping[int, Mapping[str, Gap]],
    beliefs: Mapping[Key, Belief],
) -> list[Dark]:  # fmt: skip
    """The stretches of *darks* that are open on disk, with the gaps known so far.

    A check that no row speaks of was not read since the stretch began: its belief says what was before.
    """
    found = [dark for some in darks.values() for dark in some if dark.seq in until]
    for dark in found:
        dark.until_ms = until[dark.seq]
        for (check, vantage), belief in beliefs.items():
            covered = vantage == dark.vantage and dark.why is not Why.OVERLOADED and check not in dark.gaps
            if covered and belief.state is not State.UNKNOWN and _untouched(dark, belief):
                dark.gaps[check] = Gap.before(belief)
        dark.gaps.update(gaps.get(dark.seq, {}))
    return found


def _untouched(dark: Dark, belief: Belief) -> bool:
    """Whether *belief* dates from before *dark* ended."""
    last_ms = belief.since_ms if belief.last_ms is None else belief.last_ms
    return dark.until_ms is None or last_ms < dark.until_ms
