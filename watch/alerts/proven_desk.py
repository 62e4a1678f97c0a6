"""The alert desk with the synthetic alert beside it: the hub and the dispatcher see one desk.

What people see of a desk (its alerts, what is pending, since when something waits) is only of real alerts. The real
desk comes first in each turn: a proof that arrives shows that the desk before it has done its turn, too. In a storm it
rests between its looks (`Share`), for less than a second; the synthetic alert never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.alerts.circuit import Circuit
from watch.alerts.condition import nobody
from watch.alerts.reconciler import Reconciler
from watch.alerts.row_ids import ids_after
from watch.alerts.share import Share
from watch.core.synthetic import SELF, apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from watch.alerts.message import Message, SendOutcome
    from watch.core.alert import Alert, Heard, Notice
    from watch.core.settings import Secret, Settings
    from watch.core.standing import OwnTrouble, Standing
    from watch.ports import Batch


class ProvenDesk(Reconciler):
    """A `Reconciler` with a `Circuit`, which costs nothing while it rests.

    Args:
        spent: Returns the processor time of this thread in seconds; without it, no look is ever too long.
    """

    def __init__(
        self, settings: Settings, alerts: Iterable[Alert] = (), notices: Iterable[Notice] = (),
        heard: Iterable[Heard] = (), *more: Any, spent: Callable[[], float] = lambda: 0.0, **named: Any,
    ) -> None:  # fmt: skip
        alerts, notices = tuple(alerts), tuple(notices)
        real, ours = apart(alerts, notices, heard)
        next_id = ids_after(alerts, notices)
        super().__init__(settings, *real, *more, next_id=next_id, **named)
        self.circuit = Circuit(settings, ours, next_id)
        self.circuit.woken = self._wake
        self._share = Share(spent)

    def _wake(self) -> None:
        self.woken()

    def step(
        self, batch: Batch, now_ms: int, standings: Mapping[str, Standing], troubles: Sequence[OwnTrouble],
        quiet: Mapping[str, int], unasked: Callable[[str], bool] = nobody,
    ) -> None:  # fmt: skip
        if self._share.ready(now_ms):
            with self._share.taken(now_ms):
                super().step(batch, now_ms, standings, troubles, quiet, unasked)
        else:
            self._pass_on(batch)
        self.circuit.step(batch, now_ms)

    def committed(self) -> None:
        super().committed()
        if (ours := self.circuit.desk) is not None:
            ours.committed()

    @property
    def reaches_anyone(self) -> bool:
        return self.circuit.desk is not None or super().reaches_anyone

    def lease(self, batch: Batch, now_ms: int, room: int) -> tuple[Notice, ...]:
        found = super().lease(batch, now_ms, room)
        if (ours := self.circuit.desk) is not None and len(found) < room:
            found += ours.lease(batch, now_ms, room - len(found))
        return found

    def confirm(self, batch: Batch) -> None:
        super().confirm(batch)
        self.circuit.confirm(batch)

    def sent(self, batch: Batch, notice_id: int, outcome: SendOutcome, now_ms: int) -> None:
        super().sent(batch, notice_id, outcome, now_ms)  # a desk that does not have the row adds nothing
        if (ours := self.circuit.desk) is not None:
            ours.sent(batch, notice_id, outcome, now_ms)

    def next_due_ms(self, now_ms: int) -> int | None:
        desks = (
            super().next_due_ms,
            *(() if self.circuit.desk is None else (self.circuit.desk.next_due_ms,)),
        )
        return min((at for due_ms in desks if (at := due_ms(now_ms)) is not None), default=None)

    def channel(self, notice: Notice) -> Secret | None:
        if notice.recipient != SELF:
            return super().channel(notice)
        return None if self.circuit.desk is None else self.circuit.desk.channel(notice)

    def letter(self, notice: Notice) -> Sequence[Notice]:
        if notice.recipient != SELF or self.circuit.desk is None:
            return super().letter(notice)
        return self.circuit.desk.letter(notice)

    def message(self, notice: Notice) -> Message:
        if notice.recipient != SELF or self.circuit.desk is None:
            return super().message(notice)
        return self.circuit.desk.message(notice)
