"""What a hub looks at once a second: the clock, the store, the outbox and the vantage point.

When the wall clock was set and stays so, the hub must begin anew with it (`watch.clock`): `follow` is called then.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from watch.errors import ListenError
from watch.hub.clock_words import step_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from watch.alerts.reconciler import Reconciler
    from watch.clock import Step, SystemClock
    from watch.core.standing import OwnTrouble
    from watch.hub.store_watch import StoreWatch
    from watch.hub.troubles import Troubles
    from watch.vantage.point import VantagePoint
    from watch.web.metrics import Metrics

log = logging.getLogger(__name__)


class Tending:
    """The look at each of them; `run` until cancelled.

    Args:
        open_socket: Opens the socket for verbs; None when it is open.
    """

    def __init__(
        self, clock: SystemClock, watch: StoreWatch, desk: Reconciler, point: VantagePoint, troubles: Troubles,
        metrics: Metrics, follow: Callable[[], None], open_socket: Callable[[], Awaitable[None] | None],
        listed: Callable[[], Sequence[OwnTrouble]],
    ) -> None:  # fmt: skip
        self._clock, self._watch, self._desk, self._point = clock, watch, desk, point
        self._troubles, self._metrics, self._follow = troubles, metrics, follow
        self._open, self._listed = open_socket, listed
        self._step: Step | None = None

    async def run(self) -> None:
        while True:
            self._look_at_the_clock()
            now = self._clock.now_ms()
            self._watch.look()
            await self.open_socket()
            self._troubles.stuck(self._desk.outbox.oldest_ms(), now)
            self._metrics.outbox_pending(len(self._desk.outbox))
            self._metrics.troubled(trouble.kind for trouble in self._listed())
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

    async def open_socket(self, *, must: bool = False) -> None:
        """Open the socket for verbs, also after its file was removed. Page and pager do not wait for it."""
        why = None
        try:
            if (opening := self._open()) is not None:
                await opening
        except ListenError as error:
            if must and not self._watch.waits:
                raise
            why = f"verbs cannot ask or command the hub: {error}"
        self._troubles.note("hub_socket", why, self._clock.now_ms())
