"""Level-triggered alerting: what each recipient should know, minus what they have heard and what is being sent.

It does not react to events, so it cannot lose one. Every step compares three things that are all on disk: the
alerts, the outbox, and what each recipient last successfully heard. After a restart, a lost recovery, the end of a
window or an edited list of people, the next step finds the difference and adds a row for it.

For one recipient of one alert:

    a notice is being sent                 wait for the outcome
    a notice is pending, and still true    keep it
    a notice is pending, no longer true    supersede it, and look again:
    alert open, recipient heard nothing    triggered (after `group_wait`, grouped with other new alerts)
    alert closed, recipient heard of it    resolved
    alert closed, recipient heard nothing  merged: "was down 03:12–03:20, delivered late"; it is never dropped

When none of an alert's recipients can be reached, the catch-all is notified instead. Somebody who is no longer in the
configuration, but has heard of the alert, counts as reached for `resolve_hold`: if they are back by then, they were
never gone. A renamed person (`was:`) keeps what they heard and what is being sent to them.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from watch.alerts.condition import nobody
from watch.alerts.envelope import enveloped, root_key
from watch.alerts.letter import letter, root_first
from watch.alerts.open_alerts import OpenAlerts, ms
from watch.alerts.outbox import Outbox
from watch.core.alert import Alert, Event, Heard, Notice, Status
from watch.ports import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from watch.alerts.message import Message, SendOutcome
    from watch.core.settings import Secret, Settings
    from watch.core.standing import OwnTrouble, Standing

# A recovery that could not be delivered for a day is dropped.
STALE_MS = 86_400_000
_KNOWS_CLOSED = (Event.RESOLVED, Event.MERGED)


class Reconciler:
    """Holds the rows as they are on disk, and computes the next rows.

    A method that changes a row adds it to the given batch. The caller commits the batch and then reports the
    commit: `committed` for the hub's steps, `confirm` for the dispatcher's own batches.

    Args:
        alerts, notices, heard: The rows in the store.
        next_id: Returns a new id; by default ids continue after the largest one.
        chance: Returns a random number from 0 to 1, to spread retries.
    """

    def __init__(
        self,
        settings: Settings,
        alerts: Iterable[Alert] = (),
        notices: Iterable[Notice] = (),
        heard: Iterable[Heard] = (),
        *,
        next_id: Callable[[], int] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        alerts, notices = tuple(alerts), tuple(notices)
        self._next_id = next_id or _after(alerts, notices)
        self._settings = settings
        self._open_alerts = OpenAlerts(settings, alerts, self._next_id)
        self._outbox = Outbox(notices, self._next_id, chance, self._channels, self._open_alerts.alerts)
        self._heard: dict[int, dict[str, Heard]] = {}  # by alert and recipient
        for row in heard:
            if row.alert_id in self._open_alerts.alerts:
                self._heard.setdefault(row.alert_id, {})[row.recipient] = row
        self._stepped: set[int] = set()
        self._renamed = Batch()  # rows with new names, for the next step
        self._missed: dict[str, int] = {}  # people who are not in the configuration, and since when
        self.woken: Callable[[], None] = lambda: None
        self._rename_people()

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        old, self._settings = self._settings.people, settings
        self._open_alerts.plan(settings)
        self._outbox.reset([p.name for p in settings.people.values() if old.get(p.name) != p])
        self._rename_people()
        self._missed = {who: since for who, since in self._missed.items() if who not in settings.people}

    def rename(self, parts: Mapping[str, str]) -> None:
        """Know components by other keys: former → new. Nobody is told; alerts and dedup keys stay."""
        self._renamed.alerts.update((a.id, a) for a in self._open_alerts.rename(parts))

    def _rename_people(self) -> None:
        """Know people by the names that `was:` gives them."""
        names = {p.was: p.name for p in self._settings.people.values() if p.was is not None}
        if not names:
            return
        batch = self._renamed
        batch.alerts.update((a.id, a) for a in self._open_alerts.rename_people(names))
        batch.notices.update((n.id, n) for n in self._outbox.rename(names))
        for alert_id, rows in self._heard.items():
            for was in names.keys() & rows.keys():
                row = replace(rows.pop(was), recipient=names[was])
                known = rows.get(row.recipient)
                if known is None or known.at_ms <= row.at_ms:
                    rows[row.recipient] = batch.heard[alert_id, row.recipient] = row
                batch.heard[alert_id, was] = None

    @property
    def alerts(self) -> Sequence[Alert]:
        """Open alerts, and recently closed ones."""
        return tuple(self._open_alerts.alerts.values())

    @property
    def reaches_anyone(self) -> bool:
        """Whether any person has a channel."""
        return any(person.channels for person in self._settings.people.values())

    @property
    def pending(self) -> int:
        """The number of rows that are pending or being sent."""
        return len(self._outbox)

    def waiting_since_ms(self) -> int | None:
        """When the oldest row was created; None without rows."""
        return self._outbox.oldest_ms()

    # ---- for the hub ----

    def step(
        self,
        batch: Batch,
        now_ms: int,
        standings: Mapping[str, Standing],
        troubles: Sequence[OwnTrouble],
        quiet: frozenset[str],
        unasked: Callable[[str], bool] = nobody,
    ) -> None:
        """Add to *batch* the alerts and notices that are due now.

        Args:
            quiet: The components whose alerts a maintenance window suppresses now.
            unasked: Whether a component is unknown only because it was not asked (again) yet.
        """
        renamed, self._renamed = self._renamed, Batch()
        batch.alerts.update(renamed.alerts)
        batch.notices.update(renamed.notices)
        batch.heard.update(renamed.heard)
        for alert in self._open_alerts.step(now_ms, standings, troubles, quiet, unasked):
            batch.alerts[alert.id] = alert
        self._reconcile(batch, now_ms)

    def committed(self) -> None:
        """Everything that `step` has added to batches so far is on disk and may be sent."""
        if self._stepped:
            self._outbox.confirm(self._stepped)
            self._stepped.clear()
            self.woken()

    # ---- for the dispatcher ----

    def lease(self, batch: Batch, now_ms: int, room: int) -> tuple[Notice, ...]:
        """Add to *batch*, and return, at most *room* rows to send after the batch is committed."""
        taken, new = self._outbox.lease(now_ms, room)
        batch.notices.update((n.id, n) for n in (*new, *taken))
        return tuple(taken)

    def confirm(self, batch: Batch) -> None:
        """*batch*, one of the dispatcher's, is on disk."""
        self._outbox.confirm(batch.notices.keys())

    def sent(self, batch: Batch, notice_id: int, outcome: SendOutcome, now_ms: int) -> None:
        """Add to *batch* the changes that follow from the *outcome* of sending row *notice_id*."""
        changed, told = self._outbox.sent(notice_id, outcome, now_ms)
        batch.notices.update((n.id, n) for n in changed)
        if told is not None:
            who, event = told.notice.recipient, told.notice.event
            thread = root_key(told.notice, self._open_alerts.alerts)
            for i in told.notice.alert_ids:
                row = Heard(alert_id=i, recipient=who, event=event, at_ms=now_ms, thread=thread)
                batch.heard[i, who] = self._heard.setdefault(i, {})[who] = row

    def next_due_ms(self, now_ms: int) -> int | None:
        """When to call `lease` again, Unix time in ms; None without rows."""
        return self._outbox.next_due_ms(now_ms)

    def channel(self, notice: Notice) -> Secret | None:
        """The channel's URL; None when the person or the channel is no longer in the configuration."""
        person = self._settings.people.get(self._outbox.recipient(notice))
        if person is None or notice.channel >= len(person.channels):
            return None
        return person.channels[notice.channel]

    def message(self, notice: Notice) -> Message:
        """What to send for *notice* now."""
        who = self._outbox.recipient(notice)
        return enveloped(notice, who, self._open_alerts.alerts, self._heard, self._settings)

    # ---- the next rows ----

    def _reconcile(self, batch: Batch, now_ms: int) -> None:
        covering = self._outbox.covering()
        self._drop_untrue(batch, covering)
        wanted: dict[tuple[str, Event], list[Alert]] = {}
        for alert in list(self._open_alerts.alerts.values()):
            if alert.resolved_ms is not None and now_ms - alert.resolved_ms >= STALE_MS:
                self._forget(alert)
                continue
            done = True
            for recipient in self._recipients(alert, now_ms):
                if any(n.live for n in covering.get((alert.id, recipient), ())):
                    done = False
                elif (event := self._untold(alert, recipient)) is not None:
                    done = False
                    if self._outbox.reachable(alert.id, recipient, event, now_ms):
                        wanted.setdefault((recipient, event), []).append(alert)
            if done and self._final(alert, now_ms):
                self._forget(alert)
        for (recipient, event), alerts in wanted.items():
            if event is not Event.TRIGGERED or self._waited(alerts, now_ms):
                self._put(batch, event, alerts, recipient, now_ms)

    def _drop_untrue(self, batch: Batch, covering: dict[tuple[int, str], list[Notice]]) -> None:
        """Supersede the pending rows that are no longer true, and remove them from *covering*."""
        for notice in list(self._outbox):
            if notice.status is Status.PENDING and not self._true(notice):
                batch.notices[notice.id] = self._outbox.supersede(notice)
                for alert_id in notice.alert_ids:
                    covering[alert_id, notice.recipient].remove(notice)

    def _true(self, notice: Notice) -> bool:
        alerts = [self._open_alerts.alerts.get(alert_id) for alert_id in notice.alert_ids]
        if self.channel(notice) is None:
            return False
        return all(a is not None and a.open is (notice.event is Event.TRIGGERED) for a in alerts)

    def _untold(self, alert: Alert, recipient: str) -> Event | None:
        """The event of *alert* that *recipient* must still be told; None when they know."""
        heard = self._heard.get(alert.id, {}).get(recipient)
        if alert.open:
            return None if heard is not None and heard.event is Event.TRIGGERED else Event.TRIGGERED
        if heard is None:
            return Event.MERGED
        return None if heard.event in _KNOWS_CLOSED else Event.RESOLVED

    def _recipients(self, alert: Alert, now_ms: int) -> list[str]:
        """The recipients of *alert*: its people, or the catch-all when none of them can be reached."""
        event = Event.TRIGGERED if alert.open else Event.MERGED
        people = [p for p in alert.recipients if self._channels(p)]
        reached = any(self._outbox.reachable(alert.id, p, event, now_ms) for p in people)
        if not reached and not self._may_be_back(alert, now_ms):
            people += [p for p in self._settings.catch_all if p not in people and self._channels(p)]
        return people + [who for who in self._heard.get(alert.id, ()) if who not in people]

    def _may_be_back(self, alert: Alert, now_ms: int) -> bool:
        """Whether somebody knows of *alert* who left the configuration only just now."""
        heard, hold_ms = self._heard.get(alert.id, {}), ms(self._settings.alerting.resolve_hold)
        gone = [p for p in alert.recipients if p in heard and p not in self._settings.people]
        return any(now_ms - self._missed.setdefault(p, now_ms) < hold_ms for p in gone)

    def _waited(self, alerts: Sequence[Alert], now_ms: int) -> bool:
        """Whether the first of *alerts* has waited for `group_wait`."""
        wait = ms(self._settings.alerting.group_wait)
        return any(alert.again or now_ms - alert.opened_ms >= wait for alert in alerts)

    def _put(self, batch: Batch, event: Event, alerts: Sequence[Alert], recipient: str, now_ms: int) -> None:
        ordered = root_first(alerts, self._settings)
        instead = not any(recipient in alert.recipients for alert in alerts)
        text = letter(event, ordered, self._settings, instead=instead)
        notice = Notice(
            id=self._next_id(), alert_ids=tuple(a.id for a in ordered), event=event, recipient=recipient,
            channel=0, status=Status.PENDING, created_ms=now_ms, due_ms=now_ms,
            title=text.title, body=text.body,
        )  # fmt: skip
        batch.notices[notice.id] = self._outbox.put(notice)
        self._stepped.add(notice.id)

    def _final(self, alert: Alert, now_ms: int) -> bool:
        """Whether *alert* is closed and can no longer reopen."""
        return alert.resolved_ms is not None and now_ms - alert.resolved_ms >= ms(
            self._settings.alerting.reopen
        )

    def _forget(self, alert: Alert) -> None:
        self._open_alerts.forget(alert.id)
        self._heard.pop(alert.id, None)

    def _channels(self, person: str) -> int:
        known = self._settings.people.get(person)
        return len(known.channels) if known is not None else 0


def _after(alerts: Iterable[Alert], notices: Iterable[Notice]) -> Callable[[], int]:
    rows: Iterator[Alert | Notice] = itertools.chain(alerts, notices)
    return itertools.count(max((row.id for row in rows), default=0) + 1).__next__
