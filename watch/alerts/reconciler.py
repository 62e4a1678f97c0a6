"""Level-triggered alerting: what each recipient should know, minus what they have heard and what is being sent.

It does not react to events, so it cannot lose one. Every step compares three things that are all on disk: the
alerts, the outbox, and what each recipient last successfully heard. After a restart, a lost recovery, the end of a
window or an edited list of people, the next step finds the difference and adds a row for it.

For one recipient of one alert:

    a notice is being sent                 wait for the outcome
    a notice is pending, and still true    keep it
    a notice is pending, no longer true    supersede it, and look again:
    alert open, recipient heard nothing    triggered, when it is their turn (`alerts.turns`)
    alert open, a step called them since   triggered again: still down, and nobody has acknowledged it
    alert acknowledged or silenced         nothing, until that ends
    alert closed, recipient heard of it    resolved, likewise
    alert closed, recipient heard nothing  merged: "was down 03:12–03:20, delivered late"; it is never dropped
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

from watch.alerts.alert_changes import with_insight
from watch.alerts.call_lines import CallLines, HowToAck, command_to_ack
from watch.alerts.condition import nobody
from watch.alerts.envelope import enveloped, new_row, root_key
from watch.alerts.escalator import Escalator
from watch.alerts.hearing import Hearing
from watch.alerts.letter_order import root_first
from watch.alerts.not_ahead import silences_not_ahead
from watch.alerts.open_alerts import OpenAlerts, ms
from watch.alerts.outbox import Outbox
from watch.alerts.recipients import Recipients
from watch.alerts.row_ids import ids_after
from watch.alerts.silences import Silences
from watch.alerts.still_true import still_true
from watch.alerts.turns import Turns, Wanted
from watch.core.alert import Alert, Event, Notice, Status
from watch.ports import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from watch.alerts.message import Message, SendOutcome
    from watch.alerts.outbox import Lane
    from watch.core.alert import Heard
    from watch.core.settings import Secret, Settings
    from watch.core.silence import Silence
    from watch.core.standing import OwnTrouble, Standing
    from watch.ports import Insight

# A recovery that could not be delivered for a day is dropped.
STALE_MS = 86_400_000


class Reconciler:
    """Holds the rows as they are on disk, and computes the next rows.

    A method that changes a row adds it to the given batch. The caller commits the batch and then reports the
    commit: `committed` for the hub's steps, `confirm` for the dispatcher's own batches.

    Args:
        alerts, notices, heard, silences: The rows in the store.
        how_to_ack: How a recipient acknowledges an alert: a line for the notice.
        next_id: Returns a new id; by default ids continue after the largest one.
        chance: Returns a random number from 0 to 1, to spread retries.
    """

    def __init__(
        self,
        settings: Settings,
        alerts: Iterable[Alert] = (),
        notices: Iterable[Notice] = (),
        heard: Iterable[Heard] = (),
        silences: Iterable[Silence] = (),
        *,
        next_id: Callable[[], int] | None = None,
        chance: Callable[[], float] = random.random,
        how_to_ack: HowToAck = command_to_ack,
    ) -> None:
        alerts, notices = tuple(alerts), tuple(notices)
        self._next_id = next_id or ids_after(alerts, notices)
        self._settings = settings
        self.open_alerts = OpenAlerts(settings, alerts, self._next_id)
        self.conditions = self.open_alerts.conditions
        self.dependencies, rows = self.open_alerts.dependencies, self.open_alerts.alerts
        self.outbox = Outbox(notices, self._next_id, chance, self._channels, rows, self._url)
        self._hearing = Hearing(heard, self.open_alerts.alerts)
        self.silences = Silences(settings, silences)
        self._recipients = Recipients(settings, self.outbox, self._hearing, self._channels)
        self.escalator = Escalator(
            settings, lambda who: bool(self._channels(who)), self._recipients.lost, self._hearing.just_told
        )
        self._lines = CallLines(self._hearing, how_to_ack)
        self._stepped, self.turns = set[int](), Turns(settings)
        self.insight: Insight | None = None  # what is known of troubles, for letters
        self._changed = Batch()  # rows that changed between the steps, for the next one
        self.woken: Callable[[], None] = lambda: None
        self._rename_people()

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        old, self._settings = self._settings.people, settings
        self.open_alerts.plan(settings)
        self.escalator.plan(settings)
        self._recipients.plan(settings)
        self.silences.plan(settings)
        self.turns.plan(settings)
        self.outbox.reset([p.name for p in settings.people.values() if old.get(p.name) != p])
        self._rename_people()

    def rename(self, parts: Mapping[str, str]) -> None:
        """Know components by other keys: former → new. Nobody is told; alerts and dedup keys stay."""
        self._changed.alerts.update((a.id, a) for a in self.open_alerts.rename(parts))
        self._changed.silences.update((s.id, s) for s in self.silences.rename(parts))

    def _rename_people(self) -> None:
        """Know people by the names that `was:` gives them."""
        names = {p.was: p.name for p in self._settings.people.values() if p.was is not None}
        if names:
            self._changed.alerts.update((a.id, a) for a in self.open_alerts.rename_people(names))
            self._changed.notices.update((n.id, n) for n in self.outbox.rename(names))
            self._changed.heard.update(self._hearing.rename(names))
            self.turns.rename(names)

    def update(self, alert: Alert) -> None:
        """A person changed *alert*. What is no longer to be sent is not sent from now on; the next step commits it."""
        self.open_alerts.update(alert)
        self._changed.alerts[alert.id] = alert
        self._drop_untrue(self._changed, self.outbox.covering())

    def moved(self, now_ms: int, set_by_ms: int) -> None:
        """The clock was set since the rows were written: what was moved goes on record for the next start."""
        for alert in self.open_alerts.alerts.values() if set_by_ms else ():
            self.update(alert)
        for silence in silences_not_ahead(self.silences.all.values(), now_ms, set_by_ms):
            self.silence(silence, now_ms)

    def silence(self, silence: Silence, now_ms: int) -> None:
        """A person added *silence*, or ended it. As `update`."""
        self.silences.all[silence.id] = self._changed.silences[silence.id] = silence
        self.silences.look(now_ms)
        self._drop_untrue(self._changed, self.outbox.covering())

    def heard(self, alert_id: int) -> Mapping[str, Heard]:
        """Who has heard of an alert, and what."""
        return self._hearing.of(alert_id)

    @property
    def alerts(self) -> Sequence[Alert]:
        """Open alerts, and recently closed ones."""
        return tuple(self.open_alerts.alerts.values())

    @property
    def reaches_anyone(self) -> bool:
        """Whether any person has a channel."""
        return any(person.channels for person in self._settings.people.values())

    # ---- for the hub ----

    def step(
        self,
        batch: Batch,
        now_ms: int,
        standings: Mapping[str, Standing],
        troubles: Sequence[OwnTrouble],
        quiet: Mapping[str, int],
        unasked: Callable[[str], bool] = nobody,
    ) -> None:
        """Add to *batch* the alerts and notices that are due now.

        Args:
            quiet: The components whose alerts a maintenance window suppresses now, and until when.
            unasked: Whether a component is unknown only because it was not asked (again) yet.
        """
        self._pass_on(batch)
        self.silences.look(now_ms)
        for alert in self.open_alerts.step(now_ms, standings, troubles, quiet, unasked, self.silences.hold):
            batch.alerts[alert.id] = alert
        for alert in self.escalator.steps(self.open_alerts.alerts, now_ms, self.silences.hold):
            self.open_alerts.update(alert)
            batch.alerts[alert.id] = alert
        self._reconcile(batch, now_ms)

    def _pass_on(self, batch: Batch) -> None:
        """Add to *batch* the rows that changed between the steps."""
        changed, self._changed = self._changed, Batch()
        for part in ("alerts", "notices", "heard", "silences"):
            getattr(batch, part).update(getattr(changed, part))

    def committed(self) -> None:
        """Everything that `step` has added to batches so far is on disk and may be sent."""
        if self._stepped:
            self.outbox.confirm(self._stepped)
            self._stepped.clear()
            self.woken()

    # ---- for the dispatcher ----

    def lease(self, batch: Batch, now_ms: int, room: int) -> tuple[Notice, ...]:
        """Add to *batch* the rows to send after it is committed; the first of each letter, at most *room*."""
        first, changed = self.outbox.lease(now_ms, room)
        self.turns.tried(changed)
        batch.notices.update((n.id, n) for n in changed)
        return tuple(first)

    def confirm(self, batch: Batch) -> None:
        """*batch*, one of the dispatcher's, is on disk."""
        self.outbox.confirm(batch.notices.keys())

    def sent(self, batch: Batch, notice_id: int, outcome: SendOutcome, now_ms: int) -> None:
        """Add to *batch* the changes that follow from the *outcome* of the letter that begins with row *notice_id*."""
        changed, told = self.outbox.sent(notice_id, outcome, now_ms)
        batch.notices.update((n.id, n) for n in changed)
        alerts = self.open_alerts.alerts
        for row in told:
            batch.heard.update(self._hearing.note(row, root_key(row, alerts), alerts, now_ms))

    def next_due_ms(self, now_ms: int) -> int | None:
        """When to call `lease` again, Unix time in ms; None without rows."""
        return self.outbox.next_due_ms(now_ms)

    def channel(self, notice: Notice) -> Secret | None:
        """The channel's URL; None when the person or the channel is no longer in the configuration."""
        return self._url((self.outbox.recipient(notice), notice.channel))

    def _url(self, lane: Lane) -> Secret | None:
        person = self._settings.people.get(lane[0])
        return person.channels[lane[1]] if person is not None and lane[1] < len(person.channels) else None

    def letter(self, notice: Notice) -> Sequence[Notice]:
        """The rows of the letter that begins with *notice*."""
        return self.outbox.letter(notice)

    def message(self, notice: Notice) -> Message:
        """What to send now for it."""
        who, rows = self.outbox.recipient(notice), self.letter(notice)
        lines = partial(self._lines, recipient=who, at_ms=notice.lease_until_ms or notice.created_ms)
        return enveloped(rows, who, self.open_alerts.alerts, self._hearing.all, self._settings, lines)

    # ---- the next rows ----

    def _reconcile(self, batch: Batch, now_ms: int) -> None:
        covering = self.outbox.covering()
        self._drop_untrue(batch, covering)
        wanted: Wanted = {}
        for alert in list(self.open_alerts.alerts.values()):
            if alert.resolved_ms is not None and now_ms - alert.resolved_ms >= STALE_MS:
                self._forget(alert)
                continue
            done = True
            for recipient in self._recipients.of(alert, now_ms):
                if any(n.live for n in covering.get((alert.id, recipient), ())):
                    done = False
                elif (event := self._hearing.untold(alert, recipient)) is not None:
                    done = False
                    if self.outbox.reachable(alert.id, recipient, event, now_ms):
                        wanted.setdefault((recipient, event), []).append(alert)
            if done and self._final(alert, now_ms):
                self._forget(alert)
        for recipient, news in self.turns.due(wanted, now_ms):
            rows = [self._put(batch, event, alerts, recipient, now_ms) for event, alerts in news.items()]
            self.turns.take(recipient, rows[0], now_ms)

    def _drop_untrue(self, batch: Batch, covering: dict[tuple[int, str], list[Notice]]) -> None:
        """Supersede the pending rows that are no longer true, and remove them from *covering*."""
        alerts = self.open_alerts.alerts
        for notice in [n for n in self.outbox if n.status is Status.PENDING]:
            if self.channel(notice) is None or not still_true(notice, alerts, self.silences):
                batch.notices[notice.id] = self.outbox.supersede(notice)
                self.turns.replaced(notice)
                for alert_id in notice.alert_ids:
                    covering[alert_id, notice.recipient].remove(notice)

    def _put(self, batch: Batch, event: Event, alerts: Sequence[Alert], recipient: str, now_ms: int) -> int:
        """The id of the new row."""
        ordered = root_first(alerts, self._settings)
        ordered[0] = root = with_insight(ordered[0], event, self.insight)
        self.open_alerts.update(root)
        batch.alerts[root.id] = root
        lines = self._lines(ordered, recipient, now_ms) if event is Event.TRIGGERED else ()
        notice = new_row(self._next_id(), event, ordered, recipient, self._settings, lines, now_ms)
        batch.notices[notice.id] = self.outbox.put(notice)
        self._stepped.add(notice.id)
        return notice.id

    def _final(self, alert: Alert, now_ms: int) -> bool:
        """Whether *alert* is closed and can no longer reopen."""
        since_ms = now_ms - ms(self._settings.alerting.reopen)
        return alert.resolved_ms is not None and alert.resolved_ms <= since_ms

    def _forget(self, alert: Alert) -> None:
        self.open_alerts.forget(alert.id)
        self._hearing.forget(alert.id)

    def _channels(self, person: str) -> int:
        return len(known.channels) if (known := self._settings.people.get(person)) else 0
