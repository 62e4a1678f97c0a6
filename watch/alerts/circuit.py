"""A synthetic alert that goes all the way that a real one goes, to a receiver of ours on the loopback.

The outside heartbeat must stop when the pager is dead, so a living pager has to be shown, not assumed. The alert takes
each part that a real one takes: the same code opens it and calls its people, in the same turn of the hub and in the
same transaction; its row is in the same outbox; the same loop leases it; the same child process sends it.

It has a desk of its own (a `Reconciler`), with one component, one person and no other settings. So nothing that people
configure or say (a silence, `group_wait`, a pace, an acknowledgement) can stop it, and none of its letters can reach
anybody: there is no catch-all here but our own receiver. `ProvenDesk` lays it beside the real desk.

It opens once and stays open. Each proof is one more call of the same alert, and its rows are written over: a heartbeat
that runs for years adds two rows to the store.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watch.alerts.escalator import anew
from watch.alerts.reconciler import Reconciler
from watch.core.alert import Status
from watch.core.alerting import Alerting
from watch.core.settings import AlertRule, Component, Person, When
from watch.core.standing import Standing
from watch.core.synthetic import SELF
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.settings import Secret, Settings
    from watch.ports import Batch

_AT_ONCE = timedelta(0)


class Circuit:
    """The synthetic alert. It rests until `begin`, and again after `rest`.

    Args:
        settings: What the letter says of the service comes from here.
        rows: The rows of the synthetic alert in the store.
        next_id: Returns a new id for a row; called at most twice.

    Attributes:
        delivered: How many calls were delivered, and that is on disk.
        woken: Called when there is something to send.
    """

    def __init__(
        self, settings: Settings, rows: tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]],
        next_id: Callable[[], int],
    ) -> None:  # fmt: skip
        self._settings, self._next_id = settings, next_id
        self._alerts, self._notices, self._heard = rows
        self._ids = (
            max((a.id for a in self._alerts), default=None),
            max((n.id for n in self._notices), default=None),
        )
        self.desk: Reconciler | None = None
        self._wanted = False
        self._left = [alert for alert in self._alerts if alert.open]  # by a hub that was killed
        self.delivered = 0
        self.woken: Callable[[], None] = lambda: None

    def begin(self, channel: Secret) -> None:
        """Send over *channel*, that of our receiver, from now on; the first call follows at once."""
        alert_id, notice_id = (self._next_id() if row is None else row for row in self._ids)
        self._ids = alert_id, notice_id
        open_ = [alert for alert in self._alerts if alert.open][-1:]
        ids = itertools.chain([] if open_ else [alert_id], itertools.repeat(notice_id))
        self.desk = Reconciler(
            _only(self._settings, channel), open_, self._notices, self._heard, next_id=lambda: next(ids)
        )
        self.desk.woken = self._wake
        self._left, self._wanted = [], True

    def rest(self) -> None:
        """Rest from now on; the next step closes the alert."""
        if self.desk is not None:
            self._left = [alert for alert in self.desk.alerts if alert.open]
        self._alerts, self._notices, self._heard, self.desk = (), (), (), None

    def call(self, channel: Secret) -> None:
        """Let the next step call, over *channel*."""
        if self.desk is not None:
            self.desk.plan(_only(self._settings, channel))
            self._wanted = True

    def _wake(self) -> None:
        self.woken()

    def step(self, batch: Batch, now_ms: int) -> None:
        """Add to *batch* what is due now."""
        for alert in self._left:
            batch.alerts[alert.id] = replace(
                alert, resolved_ms=now_ms, closing="not needed any more", muted=True
            )
        self._left = []
        if self.desk is None:
            return
        known = [alert for alert in self.desk.alerts if alert.open]
        if self._wanted and known:
            self.desk.update(anew(known[0], now_ms))
        self._wanted = False
        down = Standing(key=SELF, state=State.DOWN, since_ms=known[0].since_ms if known else now_ms)
        self.desk.step(batch, now_ms, {SELF: down}, (), {})

    def confirm(self, batch: Batch) -> None:
        """*batch*, one of the dispatcher's, is on disk."""
        if self.desk is not None:
            self.desk.confirm(batch)
            self.delivered += sum(
                row.recipient == SELF and row.status is Status.DELIVERED for row in batch.notices.values()
            )


def _only(settings: Settings, channel: Secret) -> Settings:
    """Settings with nothing but the synthetic alert."""
    return replace(
        settings,
        components={SELF: Component(key=SELF, name="the pager's proof", members=())},
        checks={}, windows={}, rotations={}, escalations={},
        people={SELF: Person(name=SELF, channels=(channel,))},
        catch_all=(SELF,),
        alerts=(AlertRule(when=When.DOWN, components=(SELF,)),),
        alerting=Alerting(group_wait=_AT_ONCE, resolve_hold=_AT_ONCE, reopen=_AT_ONCE),
    )  # fmt: skip
