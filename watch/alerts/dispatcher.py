"""Takes due rows from the reconciler, sends them, and commits the outcome.

A row is sent only after its lease is committed: a crash in between costs at most one duplicate, never a notice.
Every send is a separate task, so a channel that hangs delays only its own lane.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from watch.alerts.message import SendOutcome, Sent
from watch.alerts.page_happenings import page_happenings
from watch.core.alert import Status
from watch.ports import Batch, Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watch.alerts.message import Message
    from watch.alerts.reconciler import Reconciler
    from watch.core.alert import Notice
    from watch.core.settings import Secret

log = logging.getLogger(__name__)

AT_ONCE = 64  # sends; each is a forked process of some 10 MB
_IDLE = 5.0  # seconds; the loop looks for due rows at least this often


class Sends(Protocol):
    """The port of the sender: `watch.alerts.sender.Sender`, or a fake in tests."""

    async def warm(self) -> None: ...
    async def send(self, url: Secret, message: Message) -> SendOutcome: ...
    async def close(self) -> None: ...


class Dispatcher:
    """The sender's loop.

    Args:
        commit: Returns once a batch is on disk; raises `StoreError`, which ends the loop.
        drain: Seconds that sends under way have left after `stop`.

    Attributes:
        active: When the loop last ran, on the monotonic clock in seconds; the health check reads it.
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
        """Send due rows until `stop`."""
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
        """Start no more sends; `run` returns when those under way have ended or `drain` is over."""
        self._stopping = True
        self._wake.set()

    async def round(self) -> None:
        """Start to send all rows that are due now."""
        self.active = self._clock.monotonic()
        if self._failure is not None:
            raise self._failure
        batch = Batch()
        notices = self._desk.lease(batch, self._clock.now_ms(), AT_ONCE - len(self._under_way))
        if batch:
            await self._commit(batch)
            self._desk.confirm(batch)
            if any(row.status is Status.PENDING for row in batch.notices.values()):
                self._wake.set()  # a recipient's next channel was added, and it is due now
        for notice in notices:
            task = asyncio.create_task(self._send(notice), name=f"alerts.send.{notice.id}")
            self._under_way.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._failure = error  # a store error: the loop must end, because a row may be lost
        self._wake.set()

    async def _send(self, notice: Notice) -> None:
        url, title = self._desk.channel(notice), notice.title
        rows = [row.id for row in self._desk.letter(notice)]
        if url is None:
            outcome = SendOutcome(Sent.PERMANENT, "the channel is no longer in the configuration")
        else:
            message = self._desk.message(notice)
            title = message.letters[0].title
            outcome = await self._sends.send(url, message)
        place = f"notice {notice.id} to {notice.recipient}, channel {notice.channel + 1}"
        level = logging.INFO if outcome.sent is Sent.DELIVERED else logging.WARNING
        detail = outcome.detail and f": {outcome.detail}"
        log.log(level, "%s: %s%s (attempt %s)", place, outcome.sent.value, detail, notice.attempts)
        batch = Batch()
        now = self._clock.now_ms()
        self._desk.sent(batch, notice.id, outcome, now)
        after = [batch.notices[row] for row in rows if row in batch.notices]
        batch.happenings += page_happenings(after, title, outcome.detail, self._desk.alerts, now)
        if batch:
            await self._commit(batch)
            self._desk.confirm(batch)

    async def _wait(self) -> None:
        """Wait until a row may be due."""
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
            task.cancel()  # its row stays leased and is sent again after the next start
        await asyncio.gather(*self._under_way, return_exceptions=True)
