"""What it costs when 10,000 checks lose sight at once and regain it: a blind vantage point, and a hub that was away.

A hub on a real store judges deliveries as a vantage point brings them, 200 findings each 20 ms. A ticker measures how
long the loop is held, and the processor time that its thread uses meanwhile. Alerts and page are left out: they are
measured elsewhere.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tests.fakes import Counter, SilentDesk, observation, settings
from watch.clock import SystemClock
from watch.core.delivery import Delivery
from watch.core.standing import Sight
from watch.hub.hub import Hub
from watch.hub.replay import book_now, ledger_end
from watch.limits import collect_rarely
from watch.stores.sqlite import SqliteStore

CHECKS = 10_000
_A_TICK = 200
_TICK = 0.02
_HOUR_MS = 3_600_000


class Later(SystemClock):
    """The real clock, some time later."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


class Hold(NamedTuple):
    """A time for which the loop was held, and how long its thread ran on a processor in it; in seconds."""

    length: float = 0.0
    processor: float = 0.0


_NONE = Hold()


@dataclass(slots=True)
class Held:
    """The longest hold of the loop, and the most processor time that its thread used in one hold, in seconds.

    Other programs make the first much longer, and the second at most twice as long.
    """

    longest: Hold = _NONE
    most: float = 0.0

    async def run(self) -> None:
        while True:
            before, used = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            hold = Hold(time.perf_counter() - before - 0.001, time.thread_time() - used)
            self.longest, self.most = max(self.longest, hold), max(self.most, hold.processor)

    def forget(self) -> None:
        """Begin anew."""
        self.longest, self.most = _NONE, 0.0


class Stage:
    """A hub on the store of *folder* and a vantage point that brings what it is told."""

    def __init__(self, plan, clock: Later) -> None:
        self.clock, self.names = clock, list(plan.checks)
        self.store = SqliteStore(plan.store)
        book = book_now(self.store.reads, plan.store, clock.now_ms() - 60 * 24 * _HOUR_MS)
        before, used = time.perf_counter(), time.thread_time()
        self.hub = Hub(
            plan, self.store, book, ledger_end(self.store.reads), SilentDesk(), Counter(), clock, lambda: None
        )
        self.start = Hold(time.perf_counter() - before, time.thread_time() - used)
        collect_rarely()  # as `threenines run` does
        self.sent, self.epoch, self.held = 0, clock.now_ms(), Held()
        self.tasks = [asyncio.create_task(self.hub.run()), asyncio.create_task(self.held.run())]

    async def bring(self, *findings) -> None:
        delivery = Delivery(vantage="local", epoch=self.epoch, first=self.sent + 1, findings=findings)
        self.sent += len(findings)
        await self.hub.take(delivery)

    async def round(self) -> None:
        """One reading of every check, as a vantage point brings them."""
        under_way = []
        for n in range(0, len(self.names), _A_TICK):
            now = self.clock.now_ms()
            found = [observation(name, now + i % 7) for i, name in enumerate(self.names[n : n + _A_TICK])]
            under_way.append(asyncio.create_task(self.bring(*found)))
            await asyncio.sleep(_TICK)
        await asyncio.gather(*under_way)

    async def settled(self) -> None:
        """Some turns of the hub, so that what is due is done and on disk."""
        for _ in range(3):
            await asyncio.sleep(1.1)
            await self.hub.committed()

    async def leave(self) -> None:
        self.hub.stop()
        await self.tasks[0]
        self.tasks[1].cancel()
        await self.store.close()

    def entries(self, after: int = 0) -> tuple[int, int]:
        """How many entries there are after one, and the bytes of their bodies."""
        found = [len(entry.body) for entry in self.store.reads.entries(after)]
        return len(found), sum(found)


async def measured(folder: Path) -> list[tuple[str, int, int, Hold, float]]:
    """(what, entries, bytes, the longest hold, the most processor time in a hold) of each trial."""
    parts: dict[str, list[str]] = {}
    for n in range(CHECKS):
        parts.setdefault(f"c{n % 1000}", []).append(f"c{n % 1000}/k{n}")
    plan, clock, found = replace(settings(parts), store=folder / "t.db"), Later(), []
    stage = Stage(plan, clock)
    await stage.round()
    await stage.settled()
    for what in ("blind for a moment", "blind for a moment, again"):
        seq = stage.hub.book.version
        stage.held.forget()
        good_ms = clock.now_ms()
        await stage.bring(Sight("local", blind=True, good_ms=good_ms))
        await stage.settled()
        await stage.bring(Sight("local", blind=False, good_ms=clock.now_ms()))
        await stage.round()
        await stage.settled()
        found.append((what, *stage.entries(seq), stage.held.longest, stage.held.most))
    await stage.leave()
    clock.ahead_ms += _HOUR_MS
    stage = Stage(plan, clock)
    seq = stage.hub.book.version
    await stage.settled()
    await stage.round()
    await stage.settled()
    found.append(("a restart after an hour", *stage.entries(seq), stage.held.longest, stage.held.most))
    found.append(("  of it making the hub, before it serves", 0, 0, stage.start, stage.start.processor))
    await stage.leave()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="blip-") as name:
        rows = asyncio.run(measured(Path(name)))
    print(
        f"{CHECKS:,} checks of one vantage point{'':12} entries      bytes  longest hold of the loop and processor time"
    )
    for what, entries, size, longest, most in rows:
        in_it, at_most = (f"{seconds * 1000:.1f} ms" for seconds in (longest.processor, most))
        print(
            f"{what:42} {entries:7} {size:10,} {longest.length * 1000:9.1f} ms  {in_it} in it, {at_most} in any"
        )


if __name__ == "__main__":
    sys.exit(main())
