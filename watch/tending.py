"""What a hub looks at once a second: the clock, the store, the outbox and the vantage point.

When the wall clock was set and stays so, the hub must begin anew with it (`watch.clock`): `follow` is called then.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from watch.hub.clock_words import step_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.alerts.reconciler import Reconciler
    from watch.clock import Step, SystemClock
    from watch.hub.troubles import Troubles
    from watch.stores.sqlite import SqliteStore
    from watch.vantage.point import VantagePoint
    from watch.web.metrics import Metrics

log = logging.getLogger(__name__)


class Tending:
    """The look at each of them; `run` until cancelled."""

    def __init__(
        self, clock: SystemClock, store: SqliteStore, desk: Reconciler, point: VantagePoint, troubles: Troubles,
        metrics: Metrics, follow: Callable[[], None],
    ) -> None:  # fmt: skip
        self._clock, self._store, self._desk, self._point = clock, store, desk, point
        self._troubles, self._metrics, self._follow = troubles, metrics, follow
        self._writing = True
        self._step: Step | None = None

    async def run(self) -> None:
        while True:
            self._look_at_the_clock()
            now = self._clock.now_ms()
            self._look_at_the_store(now)
            self._troubles.stuck(self._desk.waiting_since_ms(), now)
            self._metrics.outbox_pending(self._desk.pending)
            self._metrics.troubled(trouble.kind for trouble in self._troubles.current())
            self._metrics.seen(self._point.name, self._clock.monotonic() - self._point.ticked)
            await self._clock.sleep(1)

    def _look_at_the_clock(self) -> None:
        self._clock.adjust()
        step = self._clock.step
        self._troubles.stepped(step, self._clock.now_ms())
        if step != self._step:
            self._step = step
            log.warning(
                "%s", "the machine's clock agrees with ours again" if step is None else step_text(*step)
            )
        if self._clock.must_follow:
            log.warning("the hub goes over to the wall clock, in a new clock epoch")
            self._follow()

    def _look_at_the_store(self, now_ms: int) -> None:
        why = self._store.trouble
        if (why is None) is not self._writing:
            self._writing = why is None
            log.log(
                logging.INFO if self._writing else logging.ERROR, "the store: %s", why or "is written again"
            )
        self._troubles.unwritten(None if why is None else str(why), now_ms)
