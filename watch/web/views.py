"""Snapshots of a running hub for the operators' listener."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from watch.core.figures import account_so_far
from watch.core.localtime import Month
from watch.core.reading import NOTHING
from watch.hub.answers import doctor_answer, status_answer
from watch.hub.on_call_answer import on_call_answer
from watch.hub.quiet import quiet_components
from watch.versions import versions
from watch.web.operators import Beat, Fact, Health, Readiness
from watch.web.series import CheckSample, ComponentSample, Samples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from watch.core.settings import Settings
    from watch.core.standing import OwnTrouble
    from watch.hub.hub import Hub
    from watch.ports import Clock
    from watch.stores.room import Room

_FIGURES_EVERY = 15.0  # seconds; a scrape must not compute the month's figures
_SLICE, _REST = 0.005, 0.02  # seconds of figures before the loop may do something else, and until the next
_STUCK_MS = 10_000


class Views:
    """Snapshots for /metrics, /healthz and /readyz.

    Args:
        beats: For each loop, when it last ran, on the monotonic clock in seconds.
        unwritten: Why what is acknowledged is not on disk now; None while it is.
        pending: The number of notices that wait to be sent.
        room: What is left of the store's disk.
    """

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        beats: Mapping[str, Callable[[], float]],
        unwritten: Callable[[], object],
        pending: Callable[[], int],
        room: Callable[[], Room | None],
    ) -> None:
        self._hub, self._clock, self._beats = hub, clock, beats
        self._unwritten, self._pending, self._room = unwritten, pending, room
        self._versions = versions()  # of what runs; others may be installed meanwhile
        self._unread: tuple[Settings | None, list[str]] = None, []
        self._figures: tuple[ComponentSample, ...] = ()

    async def figure(self) -> None:
        """Compute the figures of the month again and again, in slices."""
        while True:
            found, until = [], self._clock.monotonic() + _SLICE
            for sample in self._accounts():
                found.append(sample)
                if self._clock.monotonic() >= until:
                    await self._clock.sleep(_REST)
                    until = self._clock.monotonic() + _SLICE
            self._figures = tuple(found)
            await self._clock.sleep(_FIGURES_EVERY)

    def samples(self) -> Samples:
        return Samples(tuple(self._checks(self._hub.settings)), self._figures)

    def _checks(self, settings: Settings) -> Iterator[CheckSample]:
        standings = self._hub.board.checks
        for name, check in settings.checks.items():
            newest = self._hub.intake.latest.get((name, settings.vantage.name))
            phases = newest.phases if newest is not None else NOTHING
            yield CheckSample(name, check.component, standings[name].state.value, phases)

    def _accounts(self) -> Iterator[ComponentSample]:
        zone, now = self._hub.settings.service.timezone, self._clock.now_ms()
        month = Month.containing(now, zone)
        for key in tuple(self._hub.settings.components):
            if key not in self._hub.settings.components:
                continue  # a reload removed it meanwhile
            account = account_so_far(self._hub.book, key, month, now)
            yield ComponentSample(key, {"month": account.uptime}, int(account.remaining_ms))

    def health(self) -> Health:
        now = self._clock.monotonic()
        beats = tuple(Beat(name, round((now - at()) * 1000), _STUCK_MS) for name, at in self._beats.items())
        settings = self._hub.settings
        facts: dict[str, Fact] = {
            "components": len(settings.components),
            "checks": len(settings.checks),
            "ledger_entries": self._hub.book.version,
            "store": str(self._unwritten() or "accepts writes"),
            "notices_pending": self._pending(),
            "troubles": "; ".join(t.text for t in self.troubles()),
        }
        return Health(beats, facts)

    def readiness(self) -> Readiness:
        found = self.troubles()
        return Readiness(
            tuple(t.text for t in found if t.not_ready), tuple(t.text for t in found if not t.not_ready)
        )

    def troubles(self) -> Sequence[OwnTrouble]:
        """The one list of what is wrong with us, as of now."""
        troubles, now, beat = self._hub.troubles, self._clock.now_ms(), self._clock.monotonic()
        troubles.unread(self._unasked(), now)
        for name, at in self._beats.items():
            ago_ms = round((beat - at()) * 1000)
            troubles.silent(name, ago_ms if ago_ms > _STUCK_MS else None, now)
        return troubles.current()

    def _unasked(self) -> int:
        """How many checks have had no reading since the hub began; a check that had one is not looked at again."""
        settings = self._hub.settings
        planned, names = self._unread
        names = list(settings.checks) if planned is not settings else names
        self._unread = settings, [name for name in names if not self._hub.judged(name)]
        return len(self._unread[1])

    @property
    def questions(self) -> Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]]:
        """What the command line may ask, by verb."""
        return {"status": self.status, "now": self.time, "doctor": self.diagnosis, "oncall": self.on_call}

    async def status(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to `status`."""
        hub, now = self._hub, self._clock.now_ms()
        quiet = quiet_components(hub.book, hub.board.components, now)
        found = hub.intake.measures.holding.values()
        return status_answer(hub.settings, hub.board, now, os.getpid(), self.troubles(), quiet, found)

    async def time(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """The hub's time, which may differ from the machine's."""
        return {"now_ms": self._clock.now_ms()}

    async def on_call(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to `oncall`, made in another thread: a year of turns takes a while."""
        hub = self._hub
        return await asyncio.to_thread(
            on_call_answer, hub.settings, hub.on_call.recorded, said, self._clock.now_ms()
        )

    async def diagnosis(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to `doctor`."""
        now = self._clock.now_ms()
        return doctor_answer(
            self._hub.settings, self.troubles(), self._room(), self._versions, now, os.getpid()
        )
