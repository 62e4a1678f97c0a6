"""The findings of a vantage point on their way to the hub, numbered in the order in which they were made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watch.core.delivery import Delivery, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.core.reading import Observation
    from watch.core.standing import Sight
    from watch.ports import Clock, Uplink
    from watch.vantage.agenda import Agenda
    from watch.vantage.load_meter import LoadMeter

_REPORT = 1.0  # seconds between deliveries without findings, which report the load


class Deliveries:
    """What was found and not sent yet, and what is on its way.

    Args:
        heard: Called with each receipt.
    """

    def __init__(self, vantage: str, uplink: Uplink, clock: Clock, heard: Callable[[Receipt], None]) -> None:
        self.epoch = clock.now_ms()
        self._vantage, self._uplink, self._clock, self._heard = vantage, uplink, clock, heard
        self._findings: list[Observation | Sight] = []
        self._sent = 0  # the number of the last finding that was sent
        self._reported = float("-inf")
        self._carried: set[asyncio.Task[None]] = set()

    @property
    def next_number(self) -> int:
        """The number of the next finding."""
        return self._sent + len(self._findings) + 1

    def add(self, found: Observation | Sight) -> None:
        """Send *found* with the next delivery."""
        self._findings.append(found)

    def due(self, now: float) -> bool:
        """Whether there is something to send at *now* of the monotonic clock."""
        return bool(self._findings) or now - self._reported >= _REPORT

    def send(self, meter: LoadMeter, agenda: Agenda) -> None:
        """Deliver the findings since the last delivery, in order, and the load."""
        now = self._clock.monotonic()
        findings, self._findings = tuple(self._findings), []
        load = meter.load(now, agenda) if now - self._reported >= _REPORT else None
        self._reported = now if load is not None else self._reported
        delivery = Delivery(
            vantage=self._vantage, epoch=self.epoch, first=self._sent + 1, findings=findings,
            loop_lag=meter.loop_lag, schedule_lag=meter.schedule_lag, load=load,
        )  # fmt: skip
        self._sent += len(findings)
        meter.loop_lag = meter.schedule_lag = 0.0
        task = asyncio.create_task(self._carry(delivery), name="delivery")
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, delivery: Delivery) -> None:
        self._heard(await self._uplink.take(delivery))
