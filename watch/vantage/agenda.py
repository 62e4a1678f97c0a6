"""The schedule of the checks: a heap of due times, without waiting (semantics §1, §2).

All scheduling logic, without a clock or tasks: `take` what is due, `release` it when it has been asked. So a test runs
a day of scheduling in a few milliseconds.

* A check is due on its own grid (`anchor + k · every`), with an offset from its name, so that a thousand checks do
  not start together and none drifts.
* While a streak is under way the check is asked again after `retry_every`, off the grid; afterwards on the grid.
* A check never runs twice at once, and missed runs are not made up for.
* Two limits on concurrent runs: over all (at most `most`), and per host. They allow the interval of every check even
  when a host, or every host, hangs and each run takes its whole timeout: with longer intervals states would lapse, and
  an outage would be recorded as unknown.
* A check that waits for a host is in the queue of that host and keeps its due time, so the wait counts as lag.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watch.core.settings import Check

FIRST_ROUND = 5.0  # seconds within which every check runs for the first time
GRACE = 2.0  # seconds after its timeout at which a run is abandoned
_ROOM = 1.5  # factor on the runs needed when every run takes its whole timeout


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
        "retry",
        "started",
        "timeout",
        "unsettled",
    )

    def __init__(self, check: Check, now: float) -> None:
        self.unsettled = False  # the hub says that a streak is under way
        self.started: float | None = None  # while it runs
        self.asked: float | None = None  # when it was last started
        self.gone = False
        self.host = ""
        self.adopt(check)
        share = crc32(check.name.encode()) / 2**32
        self.anchor = now + share * self.every
        self.due = now + share * min(self.every, FIRST_ROUND)

    def adopt(self, check: Check) -> None:
        """Use *check* from now on."""
        self.check = check
        self.every = check.every.total_seconds()
        self.retry = min(check.retry_every.total_seconds(), self.every)
        self.timeout = check.timeout.total_seconds()
        self.host = str(getattr(check.probe, "peer", str)())

    def next_due(self, now: float) -> float:
        """When to ask again after a run that started at `asked` and ended at *now*."""
        if self.unsettled:
            return max((now if self.asked is None else self.asked) + self.retry, now)
        return self.anchor + (math.floor((now - self.anchor) / self.every) + 1) * self.every


class Agenda:
    """All checks of one vantage point, and when each is due.

    Args:
        overall, per_host: Limits on concurrent runs; raised where the checks need more.
        most: The upper bound of *overall*: the open files that this process may have.
    """

    def __init__(self, *, overall: int = 256, per_host: int = 8, most: int = 16_384) -> None:
        self.slots: dict[str, Slot] = {}
        self._heap: list[tuple[float, int, Slot]] = []
        self._running: dict[str, int] = {}
        self._queues: dict[str, deque[Slot]] = {}
        self._least, self._least_per_host, self._most = overall, per_host, most
        self._overall = overall
        self._per_host: dict[str, int] = {}
        self._order = 0
        self.busy = 0

    def replan(self, checks: Iterable[Check], now: float) -> None:
        """Replace the checks. Unchanged checks keep their schedule; changed ones begin a new one."""
        wanted = {check.name: check for check in checks}
        for name in self.slots.keys() - wanted.keys():
            self.slots.pop(name).gone = True
        for name, check in wanted.items():
            slot = self.slots.get(name)
            if slot is None:
                slot = self.slots[name] = Slot(check, now)
                self._push(slot)
            elif slot.check != check:
                self._change(slot, check, now)
        self._widen()

    def _widen(self) -> None:
        """Set the limits so that all checks keep their intervals even when nothing answers."""
        need: dict[str, float] = {}
        for slot in self.slots.values():
            need[slot.host] = need.get(slot.host, 0.0) + slot.timeout / slot.every
        self._per_host = {
            host: max(self._least_per_host, math.ceil(n * _ROOM)) for host, n in need.items() if host
        }
        self._overall = min(self._most, max(self._least, math.ceil(sum(need.values()) * _ROOM)))

    def _change(self, slot: Slot, check: Check, now: float) -> None:
        """Replace *slot* with a new one for *check*: the streak of the old question does not apply to the new."""
        slot.gone = True  # a run under way asks the old question: its reading is dropped
        fresh = self.slots[check.name] = Slot(check, now)
        self._push(fresh)

    def take(self, now: float) -> Iterator[Slot]:
        """The slots to run now, within the limits; each counts as running until it is released."""
        while self._heap and self._heap[0][0] <= now and self.busy < self._overall:
            due, _, slot = heapq.heappop(self._heap)
            if slot.gone or slot.started is not None or due != slot.due:
                continue  # removed, running, or moved to another time
            if slot.host and self._running.get(slot.host, 0) >= self._per_host[slot.host]:
                self._queues.setdefault(slot.host, deque()).append(slot)
                continue
            self.busy += 1
            if slot.host:
                self._running[slot.host] = self._running.get(slot.host, 0) + 1
            slot.started = now
            yield slot

    def release(self, slot: Slot, now: float) -> None:
        """End the run of *slot*: schedule its next one, and the next slot in its host's queue."""
        self.busy -= 1
        if slot.host:
            self._leave(slot.host)
        slot.asked, slot.started = slot.started, None
        if not slot.gone:
            slot.due = slot.next_due(now)
            self._push(slot)

    def settle(self, name: str, now: float, *, unsettled: bool) -> None:
        """Set whether check *name* has a streak under way; if it has, it is asked again after `retry_every`."""
        slot = self.slots.get(name)
        if slot is None or slot.unsettled is unsettled:
            return
        slot.unsettled = unsettled
        if slot.started is None and slot.asked is not None:  # else `release` schedules it
            slot.due = slot.next_due(now)
            self._push(slot)  # `take` ignores its older item in the heap

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
        heapq.heappush(self._heap, (slot.due, self._order, slot))
