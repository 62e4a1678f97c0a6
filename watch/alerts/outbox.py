"""The rows on their way out: pending → sending → delivered, pending again, dead or superseded.

* A row may be sent only once its commit is confirmed, and only while its lane is free: one send at a time
  and channel.
* What failed is tried again after 2, 5, 10, 20, 40, 60, 60 … s ± 20 %, for as long as it is worth telling.
* A channel that refuses for good starts the recipient's next one at once; one that failed twice, or has
  been trying for 20 s, starts the next one as well and goes on itself. Whichever arrives first supersedes
  the others.
* A recipient none of whose channels is left is unreachable for a while, then tried again: a provider's
  refusal may have been a bad day of its own.
* Rows that a killed hub left in sending are taken up again at once: nobody else can be sending them, we
  hold the store's lock. That is the one duplicate a crash may cost, under the same dedup key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from watch.core.alert import Event, Notice, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

LEASE_MS = 30_000
PATIENCE_MS = 20_000  # with a channel, before the next one starts as well
UNREACHABLE_MS = 600_000
_DELAYS_MS = (2_000, 5_000, 10_000, 20_000, 40_000, 60_000)
_SPREAD = 0.2
Chain = tuple[str, Event, tuple[int, ...]]


class Sent(Enum):
    """How a send went."""

    DELIVERED = "delivered"
    FAILED = "failed"  # it may work later
    REFUSED = "refused"  # it will not


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """How a send went, with a detail for the log that holds no secret."""

    sent: Sent
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A row that arrived: its alerts are heard."""

    notice: Notice
    at_ms: int


class Outbox:
    """All live rows. Every method returns, or puts into `changed`, rows to be committed.

    Args:
        chance: Numbers from 0 to 1, for the spread of retries.
        channels: How many channels a person has; 0 for nobody.
    """

    def __init__(
        self,
        notices: Iterable[Notice],
        next_id: Callable[[], int],
        chance: Callable[[], float],
        channels: Callable[[str], int],
    ) -> None:
        self._next_id, self._chance, self._channels = next_id, chance, channels
        self._live: dict[int, Notice] = {}
        self._unconfirmed: set[int] = set()
        self._unreachable: dict[tuple[int, str, Event], int] = {}
        self._chains: dict[Chain, set[int]] = {}  # what is live of each
        self._furthest: dict[Chain, int] = {}  # the last channel of each that was started
        self._moot: set[int] = set()  # being sent although another channel has told it meanwhile
        for notice in notices:
            if notice.live:
                self._take(replace(notice, status=Status.PENDING, lease_until_ms=None))

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Notice]:
        return iter(self._live.values())

    def oldest_ms(self) -> int | None:
        """When the row that has waited longest was made."""
        return min((notice.created_ms for notice in self), default=None)

    def reset(self) -> None:
        """Forget who was unreachable: people's channels may have been mended."""
        self._unreachable.clear()

    def covering(self) -> dict[tuple[int, str], list[Notice]]:
        """The live rows by alert and recipient."""
        found: dict[tuple[int, str], list[Notice]] = {}
        for notice in self:
            for alert_id in notice.alert_ids:
                found.setdefault((alert_id, notice.recipient), []).append(notice)
        return found

    def reachable(self, alert_id: int, recipient: str, event: Event, now_ms: int) -> bool:
        """Whether *recipient* can be told: has a channel, and they did not all refuse of late."""
        return (
            bool(self._channels(recipient))
            and self._unreachable.get((alert_id, recipient, event), 0) <= now_ms
        )

    def put(self, notice: Notice) -> Notice:
        """Take a new row in; it is sent once `confirm`ed."""
        self._unconfirmed.add(notice.id)
        return self._take(notice)

    def _take(self, notice: Notice) -> Notice:
        chain = _chain(notice)
        self._chains.setdefault(chain, set()).add(notice.id)
        self._furthest[chain] = max(self._furthest.get(chain, 0), notice.channel)
        self._live[notice.id] = notice
        return notice

    def confirm(self, ids: Collection[int]) -> None:
        """These rows are on disk."""
        self._unconfirmed.difference_update(ids)

    def supersede(self, notice: Notice) -> Notice:
        """Take *notice* out: something newer tells it."""
        return self._out(notice, Status.SUPERSEDED)

    def _out(self, notice: Notice, status: Status) -> Notice:
        del self._live[notice.id]
        self._moot.discard(notice.id)
        self._unconfirmed.discard(notice.id)
        chain = _chain(notice)
        self._chains[chain].remove(notice.id)
        if not self._chains[chain]:
            del self._chains[chain], self._furthest[chain]
        return replace(notice, status=status, lease_until_ms=None)

    def lease(self, now_ms: int, room: int) -> tuple[list[Notice], list[Notice]]:
        """Return the rows to send now, at most *room*, and beside them those that came into being.

        Args:
            now_ms: Leases that ran out before it are taken up again: whoever held them is gone.
        """
        new = [n for notice in list(self) if (n := self._next_channel(notice, now_ms)) is not None]
        busy = {n.lane for n in self if n.status is Status.SENDING and (n.lease_until_ms or 0) > now_ms}
        taken: list[Notice] = []
        for notice in sorted(self, key=lambda n: (n.due_ms, n.id)):
            held = notice.status is Status.SENDING and (notice.lease_until_ms or 0) > now_ms
            if held or notice.due_ms > now_ms or notice.lane in busy or notice.id in self._unconfirmed:
                continue
            if len(taken) == room:
                break
            busy.add(notice.lane)
            taken.append(self._set(_leased(notice, now_ms)))
        return taken, new

    def sent(self, notice_id: int, outcome: SendOutcome, now_ms: int) -> tuple[list[Notice], Told | None]:
        """Return the rows that change because row *notice_id* went so, and what was told if it arrived."""
        notice = self._live.get(notice_id)
        if notice is None:
            return [], None
        if outcome.sent is Sent.DELIVERED:
            return self._delivered(notice, now_ms)
        if notice_id in self._moot:
            return [self.supersede(notice)], None
        if outcome.sent is Sent.REFUSED:
            return self._refused(notice, now_ms), None
        due_ms = now_ms + self._delay_ms(notice.attempts)
        return [self._set(replace(notice, status=Status.PENDING, due_ms=due_ms, lease_until_ms=None))], None

    def _delivered(self, notice: Notice, now_ms: int) -> tuple[list[Notice], Told]:
        changed = []
        for other in self._siblings(notice):
            if other.status is Status.PENDING:
                changed.append(self.supersede(other))
            else:
                self._moot.add(other.id)
        done = replace(self._out(notice, Status.DELIVERED), delivered_ms=now_ms)
        return [done, *changed], Told(done, now_ms)

    def _refused(self, notice: Notice, now_ms: int) -> list[Notice]:
        following = self._started_after(notice, now_ms)
        dead = self._out(notice, Status.DEAD)
        if following is not None:
            return [dead, following]
        if not self._siblings(notice):
            for alert_id in notice.alert_ids:
                self._unreachable[alert_id, notice.recipient, notice.event] = now_ms + UNREACHABLE_MS
        return [dead]

    def next_due_ms(self, now_ms: int) -> int | None:
        """When `lease` is worth calling again; None while nothing is on its way."""
        times = [
            t for n in self for t in (_wakes_ms(n), _patience_ends_ms(n)) if t is not None and t > now_ms
        ]
        return min(times, default=None)

    def _set(self, notice: Notice) -> Notice:
        self._live[notice.id] = notice
        return notice

    def _delay_ms(self, attempts: int) -> int:
        base = _DELAYS_MS[min(max(attempts, 1), len(_DELAYS_MS)) - 1]
        return round(base * (1 + _SPREAD * (2 * self._chance() - 1)))

    def _siblings(self, notice: Notice) -> list[Notice]:
        """The rows that tell the same person the same over other channels."""
        return [self._live[i] for i in self._chains.get(_chain(notice), ()) if i != notice.id]

    def _next_channel(self, notice: Notice, now_ms: int) -> Notice | None:
        """The row of the next channel, if *notice*'s has had its chances and the next one was not started."""
        failed = notice.attempts - (notice.status is Status.SENDING)
        ends_ms = _patience_ends_ms(notice)
        if failed < 2 and (ends_ms is None or ends_ms > now_ms):
            return None
        return self._started_after(notice, now_ms)

    def _started_after(self, notice: Notice, now_ms: int) -> Notice | None:
        channel = notice.channel + 1
        started = self._furthest.get(_chain(notice), 0) >= channel
        if started or notice.id in self._moot or channel >= self._channels(notice.recipient):
            return None
        return self.put(_over(notice, channel, self._next_id(), now_ms))


def _chain(notice: Notice) -> Chain:
    """What the rows share that tell the same person the same over different channels."""
    return notice.recipient, notice.event, notice.alert_ids


def _over(notice: Notice, channel: int, notice_id: int, now_ms: int) -> Notice:
    """The same notice over another channel."""
    return replace(
        notice, id=notice_id, channel=channel, status=Status.PENDING, created_ms=now_ms, due_ms=now_ms,
        attempts=0, tried_ms=None, lease_until_ms=None,
    )  # fmt: skip


def _leased(notice: Notice, now_ms: int) -> Notice:
    return replace(
        notice, status=Status.SENDING, attempts=notice.attempts + 1, lease_until_ms=now_ms + LEASE_MS,
        tried_ms=notice.tried_ms if notice.tried_ms is not None else now_ms,
    )  # fmt: skip


def _wakes_ms(notice: Notice) -> int | None:
    return notice.lease_until_ms if notice.status is Status.SENDING else notice.due_ms


def _patience_ends_ms(notice: Notice) -> int | None:
    return None if notice.tried_ms is None else notice.tried_ms + PATIENCE_MS
