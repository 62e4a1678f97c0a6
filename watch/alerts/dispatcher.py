"""Takes rows that are due from the desk, has them sent, and has what follows committed.

A row is sent after the commit of its lease and not before: a crash in between costs one duplicate at
most, never a notice. Every send is a task of its own, so a channel that hangs delays nothing but its own
lane.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from watch.alerts.outbox import SendOutcome, Sent
from watch.ports import Batch, Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watch.alerts.reconciler import Reconciler
    from watch.core.alert import Notice
    from watch.core.settings import Secret

log = logging.getLogger(__name__)

AT_ONCE = 64  # sends; each is a forked process of some 10 MB
_IDLE = 5.0  # seconds: nothing is due so late that this look would come too late for it


class Sends(Protocol):
    """What sends: `watch.alerts.sender.Sender`, or a test's own."""

    async def warm(self) -> None: ...
    async def send(self, url: Secret, title: str, body: str) -> SendOutcome: ...
    async def close(self) -> None: ...


class Dispatcher:
    """The sender's loop.

    Args:
        commit: Returns once a batch is on disk; raises `StoreError`, which ends the loop.
        drain: Seconds that sends under way are given when we stop.

    Attributes:
        active: When the loop last went round, on the monotonic clock; health looks at it.
    """

    def __init__(
        self,
        desk: Reconciler,
        commit: Callable[[Batch], Awaitable[None]],
        sends: Sends,
        clock: Clock,
        drain: float = 3.0,
    ) -> None:
        self._desk, self._commit, self._sends, self._clock = desk, commit, sends, clock
        self._drain_s = drain
        self._wake = asyncio.Event()
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._failure: Exception | None = None
        self.active = clock.monotonic()
        desk.woken = self._wake.set

    async def run(self) -> None:
        """Send what is due until `stop`."""
        warming = asyncio.create_task(self._warm(), name="alerts.warm")
        try:
            while not self._stopping:
                self._wake.clear()
                await self.round()
                await self._wait()
        finally:
            warming.cancel()
            await self._drain()
            await asyncio.gather(warming, return_exceptions=True)
            await self._sends.close()

    def stop(self) -> None:
        """Begin nothing new; `run` returns when what is under way has had its time."""
        self._stopping = True
        self._wake.set()

    async def round(self) -> None:
        """Begin to send all that is due now."""
        self.active = self._clock.monotonic()
        if self._failure is not None:
            raise self._failure
        batch = Batch()
        notices = self._desk.lease(batch, self._clock.now_ms(), AT_ONCE - len(self._under_way))
        if batch:
            await self._commit(batch)
            self._desk.confirm(batch)
            if len(batch.notices) > len(notices):
                self._wake.set()  # a recipient's next channel was started: it is due now
        for notice in notices:
            task = asyncio.create_task(self._send(notice), name=f"alerts.send.{notice.id}")
            self._under_way.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._failure = error  # the store's: the loop must not go on as if nothing were lost
        self._wake.set()

    async def _send(self, notice: Notice) -> None:
        url = self._desk.channel(notice)
        if url is None:
            outcome = SendOutcome(Sent.REFUSED, "this channel is no longer in the configuration")
        else:
            outcome = await self._sends.send(url, notice.title, notice.body)
        place = f"notice {notice.id} to {notice.recipient}, channel {notice.channel + 1}"
        level = logging.INFO if outcome.sent is Sent.DELIVERED else logging.WARNING
        log.log(level, "%s: %s %s (attempt %s)", place, outcome.sent.value, outcome.detail, notice.attempts)
        batch = Batch()
        self._desk.sent(batch, notice.id, outcome, self._clock.now_ms())
        if batch:
            await self._commit(batch)
            self._desk.confirm(batch)

    async def _wait(self) -> None:
        """Return when something may have become due."""
        now = self._clock.now_ms()
        due_ms = self._desk.next_due_ms(now)
        pause = _IDLE if due_ms is None else min((due_ms - now) / 1000, _IDLE)
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _warm(self) -> None:
        if not self._desk.reaches_anyone:
            return
        try:
            await self._sends.warm()
        except OSError as error:
            log.warning("the sending process cannot be started: %s", error.strerror)

    async def _drain(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._drain_s)
        for task in list(self._under_way):
            task.cancel()  # its row stays leased and is taken up at the next start
        await asyncio.gather(*self._under_way, return_exceptions=True)
