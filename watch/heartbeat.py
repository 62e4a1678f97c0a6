"""The outside heartbeat: somebody else is told each minute that the monitoring itself works.

A monitoring that has died says nothing, and silence reads as "all is well". So a service outside (healthchecks.io,
Uptime Kuma, Cronitor) waits for a beat of ours, and alerts people when none comes. A beat that went out in any case
would prove that a process runs, and no more. It goes out only while all of this holds:

    no loop of the hub stands still, and checks are asked on time
    the store is written
    the pager's audit runs, and finds nobody who waits for a page in vain
    a synthetic alert went through desk, outbox and sender to our own receiver within five minutes (`alerts.circuit`)

What does not hold is a trouble with its causes: everybody who can still be told reads why the beats have stopped. That
a beat could not be delivered is another one, with the host and the cause. A hub without `heartbeat_to` does none of it.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from watch.alerts.loopback import Loopback
from watch.beat import beat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watch.alerts.circuit import Circuit
    from watch.core.settings import Secret, Settings
    from watch.core.standing import OwnTrouble
    from watch.hub.troubles import Troubles
    from watch.ports import Clock

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds between beats
AGAIN = 20.0  # seconds after a beat that was not delivered
CALL_EVERY = 120.0  # seconds between two calls of the synthetic alert
FRESH = 300.0  # seconds for which one that arrived is a proof
PATIENCE = 30.0  # seconds for which a beat may be held back before it is said: a start takes some
_HELD_MS, _UNDELIVERED_MS = 60_000, 120_000  # what is over by then pages nobody
_AUDITED = 180.0  # seconds; the audit looks each minute
_LOOK = 1.0
# Troubles with which the pipeline does not work, each when it has lasted for as long as it may.
_BROKEN = frozenset((
    "loop_stuck", "overloaded", "checks_stopped", "store_stuck", "store_lost", "store_corrupt", "step_late",
    "person_unreached", "channel_lease",
))  # fmt: skip


class Audit(Protocol):
    """The pager's audit, as far as it is needed here."""

    looked: float
    """When it last looked to the end, on the monotonic clock in seconds."""


class Heartbeat:
    """Sends the beats; `run` until cancelled.

    Args:
        settings: Gives the settings in force.
        circuit: The synthetic alert.
        listed: Gives all troubles of our own, as of now.
        audit: The pager's.
    """

    def __init__(
        self, settings: Callable[[], Settings], circuit: Circuit, listed: Callable[[], Sequence[OwnTrouble]],
        audit: Audit, troubles: Troubles, clock: Clock,
    ) -> None:  # fmt: skip
        self._settings, self._circuit, self._listed = settings, circuit, listed
        self._audit, self._troubles, self._clock = audit, troubles, clock
        self._to: Secret | None = None
        self._receiver: Loopback | None = None
        # Instants are seconds on the clock that goes on while the machine is suspended.
        self._looked = 0.0
        self._arrived: float | None = None  # when a letter last came to our receiver
        self._proven: float | None = None  # the same of one whose delivery is on disk
        self._delivered = 0
        self._due = self._called = 0.0
        self._held = ""

    async def run(self) -> None:
        try:
            while True:
                await self.look()
                await self._clock.sleep(_LOOK)
        finally:
            await self.end()

    async def end(self) -> None:
        """Close the receiver of the synthetic alert."""
        if self._receiver is not None:
            await self._receiver.end()

    async def look(self) -> None:
        """Follow the settings, keep the proof fresh, and send a beat if one is due and nothing holds it back."""
        to = self._settings().heartbeat_to
        if to != self._to:
            await self._follow(to)
        if to is None:
            return
        now = self._now()
        if now - self._looked > PATIENCE:  # nothing ran meanwhile: what is late now is late because of that
            self._due = max(self._due, now)
        self._looked = now
        await self._prove(now)
        causes = tuple(self._causes(now))
        late = now - self._due
        self._say(causes if causes and (late >= PATIENCE or self._held) else ())
        if causes or late < 0:
            return
        self._due += EVERY if late < EVERY else late + EVERY
        await self._beat(to)

    async def _follow(self, to: Secret | None) -> None:
        """Take over another URL: the first beat to it is due at once."""
        self._to, self._due = to, self._now()
        self._troubles.note("heartbeat_undelivered", None, self._clock.now_ms())
        self._say(())
        if to is None and self._receiver is not None:
            self._circuit.rest()
            await self._receiver.end()
            self._receiver = self._arrived = self._proven = None

    async def _prove(self, now: float) -> None:
        """Let the synthetic alert call when it is time, and note what has come of it."""
        if self._receiver is None:
            receiver = Loopback(self._note_arrival)
            with contextlib.suppress(OSError):  # no descriptor is left: no proof, and it is tried again
                await receiver.begin()
                self._circuit.begin(receiver.channel())
                self._receiver, self._called = receiver, now
        elif now - self._called >= CALL_EVERY:
            self._called = now
            self._circuit.call(self._receiver.channel())
        if self._circuit.delivered != self._delivered:
            self._delivered, self._proven = self._circuit.delivered, self._arrived

    def _now(self) -> float:
        return self._clock.now_ms() / 1000

    def _note_arrival(self) -> None:
        self._arrived = self._now()

    def _causes(self, now: float) -> Iterator[str]:
        """Why no beat may go out now."""
        now_ms = self._clock.now_ms()
        for trouble in self._listed():
            if trouble.kind in _BROKEN and trouble.pages_ms <= now_ms:
                yield trouble.text.removesuffix(".")
        if self._clock.monotonic() - self._audit.looked > _AUDITED:
            yield "the pager's audit has not looked for over three minutes"
        if self._proven is None:
            yield "no synthetic alert has come through the pager yet"
        elif now - self._proven > FRESH:
            yield "no synthetic alert has come through the pager for over five minutes"

    def _say(self, causes: Sequence[str]) -> None:
        """Say that the beats are held back, and why; nothing when *causes* is empty."""
        held = f"the outside heartbeat is held back: {'; '.join(causes)}" if causes else ""
        if held and not self._held:
            log.error("%s", held)
        elif self._held and not held:
            log.warning("the outside heartbeat is no longer held back")
        if held or self._held:
            self._troubles.note("heartbeat_held", held or None, self._clock.now_ms(), hold_ms=_HELD_MS)
        self._held = held

    async def _beat(self, to: Secret) -> None:
        why = await beat(to, self._clock)
        if why:
            log.warning("the outside heartbeat was not delivered: %s", why)
            self._due = self._now() + AGAIN
        text = f"the outside heartbeat cannot be delivered to {why}" if why else None
        self._troubles.note("heartbeat_undelivered", text, self._clock.now_ms(), hold_ms=_UNDELIVERED_MS)
