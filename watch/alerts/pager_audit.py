"""Looks each minute whether anybody waits for a page in vain, by what is on disk.

The reconciler works from rows in memory; this compares the rows in the store with the time, so that a fault of the
pager itself does not stay silent. Three things must not happen:

    the next step of an alert is late       an alert that nobody has acknowledged did not go on as it should
    a person is not reached                 for two minutes no channel has taken what they must be told
    a lease ran out twice                   a page was begun twice and had no outcome

Each is a trouble of our own, and is told over other channels. What was late only because this machine was suspended is
over after five seconds: a finding counts when it is found again then.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from watch.alerts.hearing import Hearing
from watch.alerts.open_alerts import ms
from watch.alerts.pace import RESERVE
from watch.core.settings import When
from watch.core.synthetic import apart
from watch.core.wording import one_line
from watch.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.alerting import Alerting
    from watch.core.settings import Settings
    from watch.ports import Clock, Reads

log = logging.getLogger(__name__)
EVERY, AGAIN = 60.0, 5.0  # seconds
LATE_MS = 30_000  # a step may be late so long: the hub turns each second
UNREACHED_MS = 120_000
_EXPIRED = 2  # leases
# Alerts about channels: nobody is to be told over a channel that it fails, so that is no page in vain.
_OF_CHANNELS = ("channel_", "person_unreached:")


class Troubles(Protocol):
    """Where troubles of our own are noted."""

    def note(self, key: str, text: str | None, now_ms: int) -> None: ...


class _Findings:
    """What is wrong at one look."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def note(self, key: str, text: str) -> None:
        self.texts[key] = text


class PagerAudit:
    """The looks; `run` until cancelled.

    Args:
        reading: Opens the store for one thread. settings: gives the settings in force.
        unwritten: Why the rows on disk are not those of now; None while they are.

    Attributes:
        looked: When it last looked to the end, on the monotonic clock in seconds.
    """

    def __init__(
        self, reading: Callable[[], AbstractContextManager[Reads]], settings: Callable[[], Settings],
        troubles: Troubles, clock: Clock, unwritten: Callable[[], object],
    ) -> None:  # fmt: skip
        self._reading, self._settings, self._troubles = reading, settings, troubles
        self._clock, self._unwritten = clock, unwritten
        self._since: dict[tuple[int, str], int] = {}  # (alert, person) that no row is for, and since when
        self._told: set[str] = set()
        self.looked = clock.monotonic()

    async def run(self) -> None:
        while True:
            await self._clock.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        """Look now, and once more if something new is found; then say it."""
        if self._unwritten() is not None:
            return
        try:
            found = await asyncio.to_thread(self._found)
            if not found.keys() <= self._told:
                await self._clock.sleep(AGAIN)
                again = await asyncio.to_thread(self._found)
                found = {key: text for key, text in again.items() if key in found}
        except StoreError as error:
            log.warning("the pager could not be audited: %s", error)
            return
        now = self._clock.now_ms()
        for key in self._told - found.keys():
            self._troubles.note(key, None, now)
        for key, text in found.items():
            self._troubles.note(key, text, now)
            if key not in self._told:
                log.error("%s", text)
        self._told = set(found)
        self.looked = self._clock.monotonic()

    def _found(self) -> dict[str, str]:
        """What is wrong now: key → text."""
        with self._reading() as reads:
            alerts, notices, heard = apart(*reads.alerts())[0]
        now, open_, found = self._clock.now_ms(), [alert for alert in alerts if alert.open], _Findings()
        _late(open_, now, found)
        _expired(notices, found)
        self._unreached(open_, notices, heard, now, found)
        return found.texts

    def _unreached(
        self, alerts: Sequence[Alert], notices: Iterable[Notice], heard: Iterable[Heard], now_ms: int,
        found: _Findings,
    ) -> None:  # fmt: skip
        hearing = Hearing(heard, {alert.id for alert in alerts})
        written = _written(notices)
        turn_ms, people = _turn_ms(self._settings().alerting), self._settings().people
        waiting: dict[str, int] = {}
        untold = set()
        for alert in alerts:
            if alert.when is When.MONITOR and alert.subject.startswith(_OF_CHANNELS):
                continue
            for who in alert.recipients:
                if who not in people or hearing.untold(alert, who) is None:
                    continue
                untold.add((alert.id, who))
                known = hearing.of(alert.id).get(who)
                after_ms = 0 if known is None else known.at_ms
                rows = [at_ms for at_ms in written.get((alert.id, who), ()) if at_ms > after_ms]
                since_ms = min(rows, default=self._since.setdefault((alert.id, who), now_ms) + turn_ms)
                if now_ms - since_ms >= UNREACHED_MS:
                    waiting[who] = waiting.get(who, 0) + 1
        self._since = {pair: at_ms for pair, at_ms in self._since.items() if pair in untold}
        for who, count in waiting.items():
            alerts_are = "1 open alert is" if count == 1 else f"{count} open alerts are"
            found.note(
                f"person_unreached:{who}",
                f"no channel of {one_line(who, 80)} has taken a page for over two minutes: "
                f"{alerts_are} not told to them",
            )


def _turn_ms(alerting: Alerting) -> int:
    """How long a letter may wait for its turn: for others that belong to it, and for the pace."""
    return ms(alerting.group_wait) + min(1 + RESERVE, alerting.pace.burst) * ms(alerting.pace.every)


def _written(notices: Iterable[Notice]) -> Mapping[tuple[int, str], Sequence[int]]:
    """When rows were written, by alert and recipient."""
    found: dict[tuple[int, str], list[int]] = {}
    for notice in notices:
        for alert_id in notice.alert_ids:
            found.setdefault((alert_id, notice.recipient), []).append(notice.created_ms)
    return found


def _late(alerts: Iterable[Alert], now_ms: int, found: _Findings) -> None:
    late = [a for a in alerts if (at := a.next_step_at_ms) is not None and now_ms - at > LATE_MS]
    if late:
        named = ", ".join(f"{alert.id} ({one_line(alert.name, 60)})" for alert in late[:5])
        more = f" and {len(late) - 5} more" if len(late) > 5 else ""
        found.note("step_late", f"the pager does not go on: the next step is late of alert {named}{more}")


def _expired(notices: Iterable[Notice], found: _Findings) -> None:
    for notice in notices:
        if notice.live and notice.expired >= _EXPIRED:
            channel = f"channel {notice.channel + 1} of {one_line(notice.recipient, 80)}"
            found.note(
                f"channel_lease:{notice.recipient}:{notice.channel + 1}",
                f"a page by {channel} was begun {notice.expired + 1} times and had no outcome",
            )
