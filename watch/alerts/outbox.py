"""The rows to send: pending → sending → delivered, pending again, dead or superseded.

* A row is sent only after its commit is confirmed, and only while its lane is free: one send at a time for
  each channel.
* A failed send is tried again after 2, 5, 10, 20, 40, 60, 60 … s ± 20 %, while the notice is still true.
* When a channel refuses for good, the recipient's next channel starts at once. When a channel failed twice, or
  has been trying for 20 s, the next one starts too and the first goes on. The first delivery supersedes the
  others.
* A recipient whose channels all refused is unreachable for a while, and is then tried again: a refusal may have
  been a temporary fault of the provider.
* Rows that wait for one channel when their turn comes leave as one letter, those that wait for a retry too. Each stays
  a row of its own: what becomes of the letter becomes of each.
* When a channel took a row and did not answer, the recipient may have it: the row is sent there once more, and then
  goes to the next channel (`alerts.reach`). A receiver that asks for a pause (Retry-After) gets it from all rows.
* Rows that a killed hub left in *sending* are sent again at once: nobody else can be sending them, because this
  hub holds the store's lock. This is the one duplicate that a crash may cost, with the same dedup key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.alerts.message import SendOutcome, Sent
from watch.alerts.pace import CHANNEL_BURST, CHANNEL_EVERY_MS, Pace
from watch.alerts.reach import UNANSWERED, Reach
from watch.alerts.row_changes import leased, on_channel
from watch.core.alert import Event, Notice, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from watch.core.alert import Alert
    from watch.core.settings import Secret

Lane = tuple[str, int]  # a recipient and a channel of theirs
PATIENCE_MS = 20_000  # a channel may try this long before the next one starts too
_PAUSE_MS = 3_600_000  # the longest that a receiver may ask for
_DELAYS_MS = (2_000, 5_000, 10_000, 20_000, 40_000, 60_000)
_SPREAD = 0.2
DeliveryKey = tuple[str, Event, tuple[int, ...]]  # recipient, event, alert ids: equal for all channels


class Outbox:
    """All live rows. The methods return the rows that the caller must commit.

    Args:
        chance: Returns a random number from 0 to 1, to spread retries.
        channels: Returns the number of a person's channels; 0 for an unknown person.
        alerts: All alerts by id; the mapping is read later, too.
        url: Returns a lane's URL, which several people may share; None when there is none any more.
    """

    def __init__(
        self,
        notices: Iterable[Notice],
        next_id: Callable[[], int],
        chance: Callable[[], float],
        channels: Callable[[str], int],
        alerts: Mapping[int, Alert] | None = None,
        url: Callable[[Lane], Secret | None] = lambda _: None,
    ) -> None:
        self._url, self._pace = url, Pace["Secret | None"](CHANNEL_BURST, CHANNEL_EVERY_MS)
        self._next_id, self._chance, self._channels = next_id, chance, channels
        self._live: dict[int, Notice] = {}
        self._unconfirmed: set[int] = set()
        self._reach = Reach(channels, alerts if alerts is not None else {})
        self._deliveries: dict[DeliveryKey, set[int]] = {}  # the live rows of each
        self._last_started: dict[DeliveryKey, int] = {}  # the last channel of each that was started
        self._letters: dict[int, tuple[int, ...]] = {}  # first row → all rows of a letter that is being sent
        self._paused_ms: dict[Lane, int] = {}  # until when a receiver wants to be left alone
        self._redundant: set[int] = set()  # being sent although another channel has delivered meanwhile
        for notice in notices:
            if notice.live:
                self._add(replace(notice, status=Status.PENDING, lease_until_ms=None))

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Notice]:
        return iter(self._live.values())

    def oldest_ms(self) -> int | None:
        """When the oldest row was created."""
        return min((notice.created_ms for notice in self), default=None)

    def reset(self, changed: Collection[str]) -> None:
        """Forget who was unreachable: the channels may work now, and those of *changed* people may be other ones."""
        self._reach.reset(changed)

    def covering(self) -> dict[tuple[int, str], list[Notice]]:
        """The live rows by alert and recipient."""
        found: dict[tuple[int, str], list[Notice]] = {}
        for notice in self:
            for alert_id in notice.alert_ids:
                found.setdefault((alert_id, notice.recipient), []).append(notice)
        return found

    def recipient(self, notice: Notice) -> str:
        """Whom *notice* is to: they may have been renamed since it was leased."""
        return self._live.get(notice.id, notice).recipient

    def rename(self, names: Mapping[str, str]) -> list[Notice]:
        """Know people by other names: former → new; the rows that changed. A send under way goes on."""
        changed = [replace(n, recipient=names[n.recipient]) for n in self if n.recipient in names]
        self._live.update((notice.id, notice) for notice in changed)
        self._deliveries = {_respelled(key, names): ids for key, ids in self._deliveries.items()}
        self._last_started = {_respelled(key, names): n for key, n in self._last_started.items()}
        self._paused_ms = {(names.get(who, who), n): at for (who, n), at in self._paused_ms.items()}
        self._reach.rename(names)
        return changed

    def reachable(self, alert_id: int, recipient: str, event: Event, now_ms: int) -> bool:
        """Whether *recipient* has a channel that may take this: not all refused recently or left it unanswered."""
        return self._reach.open(alert_id, recipient, event, now_ms)

    def put(self, notice: Notice) -> Notice:
        """Add a new row; it is sent after `confirm`."""
        self._unconfirmed.add(notice.id)
        return self._add(self._reach.on_first_channel(notice) or notice)

    def _add(self, notice: Notice) -> Notice:
        delivery = _delivery(notice)
        self._deliveries.setdefault(delivery, set()).add(notice.id)
        self._last_started[delivery] = max(self._last_started.get(delivery, 0), notice.channel)
        self._live[notice.id] = notice
        return notice

    def confirm(self, ids: Collection[int]) -> None:
        """These rows are on disk."""
        self._unconfirmed.difference_update(ids)

    def supersede(self, notice: Notice) -> Notice:
        """Remove *notice*: a newer row replaces it."""
        return self._remove(notice, Status.SUPERSEDED)

    def _remove(self, notice: Notice, status: Status) -> Notice:
        del self._live[notice.id]
        self._redundant.discard(notice.id)
        self._unconfirmed.discard(notice.id)
        delivery = _delivery(notice)
        self._deliveries[delivery].remove(notice.id)
        if not self._deliveries[delivery]:
            del self._deliveries[delivery], self._last_started[delivery]
        return replace(notice, status=status, lease_until_ms=None)

    def letter(self, notice: Notice) -> list[Notice]:
        """The rows of the letter that begins with *notice*, as they are now."""
        rows = [self._live[i] for i in self._letters.get(notice.id, ()) if i in self._live]
        return rows or [notice]

    def lease(self, now_ms: int, room: int) -> tuple[list[Notice], list[Notice]]:
        """The letters to send now, at most *room*.

        Args:
            now_ms: Rows whose lease ended before this time (Unix time in ms) are sent again.

        Returns:
            The first row of each, and all rows that changed: those of the letters, and new ones for next channels.
        """
        changed = [n for notice in list(self) if (n := self._next_channel(notice, now_ms)) is not None]
        waiting: dict[Lane, list[Notice]] = {}
        busy: set[Lane] = set()
        for notice in sorted(self, key=lambda n: (n.due_ms, n.id)):
            if notice.status is Status.SENDING and (notice.lease_until_ms or 0) > now_ms:
                busy.add(notice.lane)
            elif notice.id not in self._unconfirmed:
                waiting.setdefault(notice.lane, []).append(notice)
        first: list[Notice] = []
        for lane, rows in waiting.items():
            due = self._due_ms(rows[0]) <= now_ms
            if due and lane not in busy and len(first) < room:
                sending = [self._set(leased(row, now_ms)) for row in rows]
                self._pace.take(self._url(lane), now_ms)
                self._letters[sending[0].id] = tuple(row.id for row in sending)
                first.append(sending[0])
                changed += sending
        return first, changed

    def _due_ms(self, notice: Notice) -> int:
        due_ms = max(notice.due_ms, self._paused_ms.get(notice.lane, 0))
        return self._pace.next_ms(self._url(notice.lane), due_ms)

    def sent(self, notice_id: int, outcome: SendOutcome, now_ms: int) -> tuple[list[Notice], list[Notice]]:
        """The *outcome* of the letter that begins with row *notice_id*: the rows that change, and those delivered."""
        ids = self._letters.pop(notice_id, (notice_id,))
        rows = [self._live[i] for i in ids if i in self._live]
        if rows and outcome.retry_after_s > 0:
            pause_ms = min(round(outcome.retry_after_s * 1000), _PAUSE_MS)
            self._paused_ms[rows[0].lane] = now_ms + pause_ms
        changed: dict[int, Notice] = {}
        for row in rows:
            changed.update((n.id, n) for n in self._ended(row, outcome, now_ms))
        return [*changed.values()], [changed[i] for i in ids if _delivered(changed.get(i))]

    def _ended(self, notice: Notice, outcome: SendOutcome, now_ms: int) -> list[Notice]:
        """The rows that change by the *outcome* of one row."""
        if outcome.sent is Sent.DELIVERED:
            return self._delivered(notice, outcome.detail, now_ms)
        if notice.id in self._redundant:
            return [self.supersede(notice)]
        unanswered = notice.unanswered + (outcome.sent is Sent.UNKNOWN)
        notice = self._set(replace(notice, unanswered=unanswered, detail=outcome.detail, expired=0))
        if outcome.sent is Sent.PERMANENT or unanswered >= UNANSWERED:
            return self._dead(notice, now_ms)
        due_ms = max(now_ms + self._delay_ms(notice.attempts), self._paused_ms.get(notice.lane, 0))
        return [self._set(replace(notice, status=Status.PENDING, due_ms=due_ms, lease_until_ms=None))]

    def _delivered(self, notice: Notice, detail: str, now_ms: int) -> list[Notice]:
        changed = []
        for other in self._siblings(notice):
            if other.status is Status.PENDING:
                changed.append(self.supersede(other))
            else:
                self._redundant.add(other.id)
        done = replace(self._remove(notice, Status.DELIVERED), delivered_ms=now_ms, detail=detail)
        self._reach.answered(done)
        return [done, *changed]

    def _dead(self, notice: Notice, now_ms: int) -> list[Notice]:
        if notice.unanswered >= UNANSWERED:
            self._reach.unanswered(notice, now_ms)
        following = self._started_after(notice, now_ms)
        dead = self._remove(notice, Status.DEAD)
        if following is not None:
            return [dead, following]
        if (
            not self._siblings(notice)
            and self._reach.on_first_channel(replace(notice, channel=0)) is not None
        ):
            self._reach.refused(notice, now_ms)
        return [dead]

    def next_due_ms(self, now_ms: int) -> int | None:
        """When to call `lease` again, Unix time in ms; None without rows."""
        times = [
            t for n in self for t in (self._wakes_ms(n), _patience_ends_ms(n)) if t is not None and t > now_ms
        ]
        return min(times, default=None)

    def _wakes_ms(self, notice: Notice) -> int | None:
        return notice.lease_until_ms if notice.status is Status.SENDING else self._due_ms(notice)

    def _set(self, notice: Notice) -> Notice:
        self._live[notice.id] = notice
        return notice

    def _delay_ms(self, attempts: int) -> int:
        base = _DELAYS_MS[min(max(attempts, 1), len(_DELAYS_MS)) - 1]
        return round(base * (1 + _SPREAD * (2 * self._chance() - 1)))

    def _siblings(self, notice: Notice) -> list[Notice]:
        """The rows with the same content for the same recipient over other channels."""
        return [self._live[i] for i in self._deliveries.get(_delivery(notice), ()) if i != notice.id]

    def _next_channel(self, notice: Notice, now_ms: int) -> Notice | None:
        """A row for the next channel, if this one failed twice or tried for 20 s and the next is not started."""
        failed = notice.attempts - (notice.status is Status.SENDING)
        ends_ms = _patience_ends_ms(notice)
        if failed < 2 and (ends_ms is None or ends_ms > now_ms):
            return None
        return self._started_after(notice, now_ms)

    def _started_after(self, notice: Notice, now_ms: int) -> Notice | None:
        channel = notice.channel + 1
        started = self._last_started.get(_delivery(notice), 0) >= channel
        if started or notice.id in self._redundant or channel >= self._channels(notice.recipient):
            return None
        following = self._reach.on_first_channel(on_channel(notice, channel, self._next_id(), now_ms))
        return self.put(following) if following is not None else None


def _delivery(notice: Notice) -> DeliveryKey:
    """The key shared by rows with the same content for the same recipient over different channels."""
    return notice.recipient, notice.event, notice.alert_ids


def _respelled(key: DeliveryKey, names: Mapping[str, str]) -> DeliveryKey:
    return names.get(key[0], key[0]), key[1], key[2]


def _delivered(notice: Notice | None) -> bool:
    return notice is not None and notice.status is Status.DELIVERED


def _patience_ends_ms(notice: Notice) -> int | None:
    return None if notice.tried_ms is None else notice.tried_ms + PATIENCE_MS
