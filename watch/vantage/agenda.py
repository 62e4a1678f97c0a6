"""The schedule of the checks: a heap of due times, without waiting (semantics §1, §2).

All scheduling logic, without a clock or tasks: `take` what is due, `release` it when it has been asked. So a test runs
a day of scheduling in a few milliseconds.

* A check is due on its own grid (`anchor + k · every`), with an offset from its name, so that a thousand checks do
  not start together and none drifts. The first runs of many new checks spread over `every`.
* While a streak is under way the check is asked again after `retry_every`, off the grid; afterwards on the grid. What
  the hub wants to know at once (`hasten`) is asked once more likewise.
* A check never runs twice at once, and missed runs are not made up for.
* A tick starts at most as many runs as its caller says. What has waited longest goes first, so that each check gets
  its turn. Checks with a streak under way go before the others, but take at most half of the places from them.
* Two limits on concurrent runs: over all (`most`), and per host. The second allows the interval of every check even
  when a host hangs and each run takes its whole timeout: with longer intervals states would lapse, and an outage would
  be recorded as unknown.
* A check that waits for a host is in the queue of that host and keeps its due time, so the wait counts as lag.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import TYPE_CHECKING
from zlib import crc32

from watch.core.delivery import RECENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watch.core.settings import Check

FIRST_ROUND = 5.0  # seconds within which a few checks run for the first time
GRACE = 2.0  # seconds after its timeout at which a run is abandoned
_ROOM = 1.5  # factor on the runs needed when every run takes its whole timeout
_NEW_A_SECOND = 200.0  # new checks that are asked for the first time in a second, if their intervals allow it


_Due = list[tuple[float, int, "Slot"]]


class Slot:
    """The schedule of one check. Times are seconds on the monotonic clock."""

    __slots__ = (
        "anchor",
        "asked",
        "check",
        "due",
        "every",
        "gone",
        "host",
        "late_at",
        "queued",
        "retry",
        "slack",
        "soon",
        "started",
        "timeout",
        "unsettled",
    )

    def __init__(self, check: Check, now: float, first_round: float) -> None:
        self.soon = False  # the hub wants a reading at once
        self.unsettled = False  # the hub says that a streak is under way
        self.started: float | None = None  # while it runs
        self.asked: float | None = None  # when it was last started
        self.late_at = -math.inf  # when it was last started late
        self.queued = False  # it waits, or waited, for its host and not for us
        self.gone = False
        self.host = ""
        self.adopt(check)
        share = crc32(check.name.encode()) / 2**32
        self.anchor = now + share * self.every
        self.due = now + share * min(self.every, first_round)

    def adopt(self, check: Check) -> None:
        """Use *check* from now on."""
        self.check = check
        self.every = check.every.total_seconds()
        self.retry = min(check.retry_every.total_seconds(), self.every)
        self.timeout = check.timeout.total_seconds()
        self.slack = max(1.0, self.every / 2)  # after it was due it still counts as asked on time
        self.host = str(getattr(check.probe, "peer", str)())

    def next_due(self, now: float) -> float:
        """When to ask again after a run that started at `asked` and ended at *now*."""
        if self.unsettled or self.soon:
            return max((now if self.asked is None else self.asked) + self.retry, now)
        return self.anchor + (math.floor((now - self.anchor) / self.every) + 1) * self.every


class Agenda:
    """All checks of one vantage point, and when each is due.

    Args:
        most: The limit on concurrent runs: the open files that this process may have.
        per_host: The limit for each host; raised where the checks need more.

    Attributes:
        busy: The runs under way.
        left_out: Whether the last `take` had to leave out what was due.
    """

    def __init__(self, *, most: int = 16_384, per_host: int = 8) -> None:
        self.slots: dict[str, Slot] = {}
        self.busy = 0
        self.left_out = False
        self._grid: _Due = []
        self._soon: _Due = []  # checks with a streak under way
        self._running: dict[str, int] = {}
        self._queues: dict[str, deque[Slot]] = {}
        self._least_per_host, self._most = per_host, most
        self._per_host: dict[str, int] = {}
        self._leaving: dict[str, Slot] = {}  # dropped slots whose runs go on
        self._order = 0
        self._resting = False  # the checks are being replaced

    def replan(self, checks: Iterable[Check], now: float) -> None:
        """Replace the checks at once; see `replanning`."""
        for _ in self.replanning(checks, now):
            pass

    def replanning(self, checks: Iterable[Check], now: float) -> Iterator[None]:
        """Replace the checks, in small steps; nothing is started between them.

        Unchanged checks keep their schedule; changed ones begin a new one.
        """
        self._resting = True
        wanted = {check.name: check for check in checks}
        for name in self.slots.keys() - wanted.keys():
            self._discard(self.slots.pop(name))
        first_round = max(FIRST_ROUND, len(wanted.keys() - self.slots.keys()) / _NEW_A_SECOND)
        changed = []
        for name, check in wanted.items():
            slot = self.slots.get(name)
            if slot is None:
                slot = self.slots[name] = Slot(check, now, first_round)
                self._push(slot)
            elif slot.check is not check and slot.check != check:
                changed.append(check)
            yield
        first_round = max(FIRST_ROUND, len(changed) / _NEW_A_SECOND)
        for check in changed:
            self._change(self.slots[check.name], check, now, first_round)
            yield
        yield from self._widen()
        self._resting = False

    def _widen(self) -> Iterator[None]:
        """Set the limits per host so that all checks keep their intervals even when nothing answers."""
        need: dict[str, float] = {}
        for slot in self.slots.values():
            need[slot.host] = need.get(slot.host, 0.0) + slot.timeout / slot.every
            yield
        self._per_host = {
            host: max(self._least_per_host, math.ceil(n * _ROOM)) for host, n in need.items() if host
        }

    def _change(self, slot: Slot, check: Check, now: float, first_round: float) -> None:
        """Replace *slot* with a new one for *check*: the streak of the old question does not apply to the new."""
        self._discard(slot)
        fresh = self.slots[check.name] = Slot(check, now, first_round)
        self._push(fresh)

    def _discard(self, slot: Slot) -> None:
        """Drop *slot*. A run under way asks the old question: its reading is dropped, too."""
        slot.gone = True
        if slot.started is not None:
            self._leaving[slot.check.name] = slot

    @property
    def due(self) -> float:
        """When to call `take` again at the latest, unless something is released before; infinity without checks."""
        return min((due[0][0] for due in (self._soon, self._grid) if due), default=math.inf)

    def take(self, now: float, quota: int = 2**31) -> Iterator[Slot]:
        """At most *quota* slots to run now, within the limits; each counts as running until it is released."""
        left = 0 if self._resting else min(quota, self._most - self.busy)
        crowded = bool(self._grid) and self._grid[0][0] <= now
        half = (left + 1) // 2 if crowded else left
        for due, floor in ((self._soon, left - half), (self._grid, 0), (self._soon, 0)):
            while left > floor and due and due[0][0] <= now:
                slot = self._startable(due)
                if slot is None:
                    continue
                left -= 1
                self._start(slot, now)
                yield slot
        self.left_out = any(due and due[0][0] <= now for due in (self._soon, self._grid))

    def _startable(self, due: _Due) -> Slot | None:
        """The first slot of *due*; None when it need not run, or waits for its host."""
        at, _, slot = heapq.heappop(due)
        if slot.gone or slot.started is not None or at != slot.due:
            return None  # removed, running, or moved to another time
        if slot.check.name in self._leaving:
            return None  # the old run of the same check goes on; `release` schedules this one
        if slot.host and self._running.get(slot.host, 0) >= self._per_host[slot.host]:
            slot.queued = True
            self._queues.setdefault(slot.host, deque()).append(slot)
            return None
        return slot

    def _start(self, slot: Slot, now: float) -> None:
        self.busy += 1
        if slot.host:
            self._running[slot.host] = self._running.get(slot.host, 0) + 1
        slot.started, slot.soon = now, False
        if now - slot.due > slot.slack and not slot.queued:
            slot.late_at = now
        slot.queued = False

    def late(self, now: float) -> int:
        """How many checks wait for their turn for too long, or did so a moment ago."""
        recent = now - RECENT
        return sum(
            slot.late_at > recent
            or (now - slot.due > slot.slack and slot.started is None and not slot.queued)
            for slot in self.slots.values()
        )

    def release(self, slot: Slot, now: float) -> None:
        """End the run of *slot*: schedule its next one, and the next slot in its host's queue."""
        self.busy -= 1
        if slot.host:
            self._leave(slot.host)
        slot.asked, slot.started = slot.started, None
        if not slot.gone:
            slot.due = slot.next_due(now)
            self._push(slot)
            return
        name = slot.check.name
        if self._leaving.get(name) is slot:
            del self._leaving[name]
            if (fresh := self.slots.get(name)) is not None:
                self._push(fresh)

    def settle(self, name: str, now: float, *, unsettled: bool) -> None:
        """Set whether check *name* has a streak under way; if it has, it is asked again after `retry_every`."""
        slot = self.slots.get(name)
        if slot is None or slot.unsettled is unsettled:
            return
        slot.unsettled = unsettled
        if slot.started is None and slot.asked is not None:  # else `release` schedules it
            slot.due = slot.next_due(now)
            self._push(slot)  # `take` ignores its older item in the heap

    def hasten(self, name: str, now: float) -> None:
        """Ask check *name* once more at once, but not sooner than `retry_every` after it was asked last."""
        slot = self.slots.get(name)
        if slot is None or slot.soon:
            return
        slot.soon = True
        if (
            slot.started is None and slot.asked is not None
        ):  # what runs began too early: `release` schedules it
            slot.due = min(slot.due, slot.next_due(now))
            self._push(slot)

    def _leave(self, host: str) -> None:
        left = self._running[host] - 1
        if left:
            self._running[host] = left
        else:
            del self._running[host]
        queue = self._queues.get(host)
        while queue:
            slot = queue.popleft()
            if not slot.gone:
                self._push(slot)
                break
        if queue is not None and not queue:
            del self._queues[host]

    def _push(self, slot: Slot) -> None:
        self._order += 1  # slots due together go in the order they came
        heapq.heappush(
            self._soon if slot.unsettled or slot.soon else self._grid, (slot.due, self._order, slot)
        )
