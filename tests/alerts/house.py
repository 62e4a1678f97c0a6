"""A desk, a dispatcher and all around them, on a clock that is told: what arrives, and what is on disk before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.alerts.stage import DELIVERED, START_MS, Disk, Stage, rule, settings
from tests.fakes import FakeClock
from tests.yardstick import PATIENCE
from watch.alerts.dispatcher import Dispatcher
from watch.alerts.reconciler import Reconciler
from watch.core.standing import Standing
from watch.errors import StoreError
from watch.ports import Batch

if TYPE_CHECKING:
    from watch.alerts.message import Message, SendOutcome
    from watch.core.alert import Status
    from watch.core.settings import Secret
    from watch.core.timeline import State

TEAM = {"team": ("alice", "bob")}


class Store:
    """Commits to a disk; keeps what happened in which order, and can be told to break."""

    def __init__(self, log: list[str]) -> None:
        self.disk, self.log, self.broken = Disk(), log, False

    async def commit(self, batch: Batch) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise StoreError("the disk is full")
        self.disk.commit(batch)
        self.log += [f"commit {n.status}" for n in batch.notices.values()]


class Sends:
    """Answers by recipient; an Event among the answers is waited for."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.answers: dict[str, SendOutcome | asyncio.Event] = {}
        self.warmed = self.closed = False

    async def warm(self) -> None:
        self.warmed = True

    async def send(self, url: Secret, message: Message) -> SendOutcome:
        who = url.reveal().partition("//")[2].partition(":")[0]
        self.log.append(f"send {who}")
        answer = self.answers.get(who, DELIVERED)
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            return DELIVERED
        return answer

    async def close(self) -> None:
        self.closed = True


class House:
    """A desk, a dispatcher and all around them, on a clock that is told."""

    def __init__(self, config=None, sends=None) -> None:
        self.log: list[str] = []
        self.settings = config or settings(
            rule("down", "web", "db", escalate="team"), escalations=TEAM, group_wait=0
        )
        self.clock, self.store = FakeClock(START_MS), Store(self.log)
        self.sends = sends or Sends(self.log)
        self.desk = Reconciler(self.settings, chance=lambda: 0.5)
        self.dispatcher = Dispatcher(self.desk, self.store.commit, self.sends, self.clock, drain=0.05)
        self.standings = Stage(self.settings).standings

    async def step(self) -> None:
        batch = Batch()
        self.desk.step(batch, self.clock.now_ms(), self.standings, [], {})
        if batch:
            await self.store.commit(batch)
            self.desk.committed()

    def goes(self, key: str, state: State) -> None:
        self.standings[key] = Standing(key=key, state=state, since_ms=self.clock.now_ms())

    async def passes(self, seconds: int) -> None:
        """Let time pass, a step a second, as the hub does; each send has ended before the next second."""
        for _ in range(seconds):
            self.clock.move(1)
            await self.step()
            await self.dispatcher.round()
            await self.settles()

    async def settles(self) -> None:
        while self.dispatcher._under_way:
            await asyncio.sleep(0.005)

    def notices(self) -> list[tuple[str, int, Status]]:
        return [(n.recipient, n.channel, n.status) for n in self.store.disk.rows()[1]]


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)
