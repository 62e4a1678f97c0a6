"""What to ask next: one heap of due times, and nothing that waits (semantics §1, §2).

The scheduler's whole logic without a clock or a task: `take` what is due, `release` it when it has been asked. So a
day of scheduling is a loop of a few milliseconds in a test.

* A check has a place on a grid of its own (`anchor + k · every`), spread by its name, so that a thousand checks do
  not start together and none drifts.
* A reading that may be the first of a change is asked again after `retry_every`, off the grid; then back onto it.
* A check is never asked twice at once, and never makes up for what it missed.
* Two limits on runs at once, over all and per host. They are never so narrow that a host which hangs, or all of them,
  could not be asked at the pace that its checks ask for: each run then takes its whole timeout, and readings that came
  further apart than a state holds would make an outage look like silence.
* Who must wait for a host waits in that host's queue, keeping its due time: the wait shows as lag.
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

FIRST_ROUND = 5.0  # seconds within which every check is asked for the first time
GRACE = 2.0  # seconds beyond its timeout after which a run is given up
_ROOM = 1.5  # times what is needed when every run takes its whole timeout


class Slot:
    """One check's place in the agenda. Times are seconds on the monotonic clock."""

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
        self.unsettled = False  # a streak is on its way to a change, the hub says
        self.started: float | None = None  # while it runs
        self.asked: float | None = None  # when it was last started
        self.gone = False
        self.host = ""
        self.adopt(check)
        share = crc32(check.name.encode()) / 2**32
        self.anchor = now + share * self.every
        self.due = now + share * min(self.every, FIRST_ROUND)

    def adopt(self, check: Check) -> None:
        """Ask *check* from now on."""
        self.check = check
        self.every = check.every.total_seconds()
        self.retry = min(check.retry_every.total_seconds(), self.every)
        self.timeout = check.timeout.total_seconds()
        self.host = str(getattr(check.probe, "peer", str)())

    def next_due(self, now: float) -> float:
        """When to ask again, having asked at `asked` and being done at *now*."""
        if self.unsettled:
            return max((now if self.asked is None else self.asked) + self.retry, now)
        return self.anchor + (math.floor((now - self.anchor) / self.every) + 1) * self.every


class Agenda:
    """All checks of one vantage point and when each is due.

    Args:
        overall, per_host: Runs at once, or more where the checks need more.
        most: Runs at once that there can be at all: what this process may hold open.
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
        """Ask *checks* and no others: those unchanged keep their schedule, those changed their belief."""
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
        """Let as many run at once as it takes to keep the pace when nothing answers."""
        need: dict[str, float] = {}
        for slot in self.slots.values():
            need[slot.host] = need.get(slot.host, 0.0) + slot.timeout / slot.every
        self._per_host = {
            host: max(self._least_per_host, math.ceil(n * _ROOM)) for host, n in need.items() if host
        }
        self._overall = min(self._most, max(self._least, math.ceil(sum(need.values()) * _ROOM)))

    def _change(self, slot: Slot, check: Check, now: float) -> None:
        """Give *slot*'s name to a new slot: the streak of the old question says nothing of the new one."""
        slot.gone = True  # a run under way was a question of the old wording: its answer is dropped
        fresh = self.slots[check.name] = Slot(check, now)
        self._push(fresh)

    def take(self, now: float) -> Iterator[Slot]:
        """The slots to ask now, as far as the limits allow; each is running until it is released."""
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
        """*slot* has been asked; plan its next time and let the next in its host's queue go."""
        self.busy -= 1
        if slot.host:
            self._leave(slot.host)
        slot.asked, slot.started = slot.started, None
        if not slot.gone:
            slot.due = slot.next_due(now)
            self._push(slot)

    def settle(self, name: str, now: float, *, unsettled: bool) -> None:
        """Whether check *name* is on its way to a change, as the hub says: then it is asked again soon."""
        slot = self.slots.get(name)
        if slot is None or slot.unsettled is unsettled:
            return
        slot.unsettled = unsettled
        if slot.started is None and slot.asked is not None:  # else it is planned when it is released
            slot.due = slot.next_due(now)
            self._push(slot)  # what the heap held of it is passed over

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
