"""All that decides who is told: the alert desk, acknowledge links and operators' verbs, put together for the hub."""

from __future__ import annotations

from functools import partial
from time import thread_time
from typing import TYPE_CHECKING, Any

from watch.alerts.ack_link import AckLinks
from watch.alerts.interventions import Interventions
from watch.alerts.not_ahead import not_ahead
from watch.alerts.proven_desk import ProvenDesk
from watch.stores.key_file import key_beside
from watch.web.ack_page import AckPages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from watch.core.delivery import Command, Receipt
    from watch.core.settings import Settings
    from watch.hub.hub import Hub
    from watch.ports import Clock, Reads


class Paging:
    """The desk with what belongs to it.

    Args:
        settings: Gives the settings in force.
        set_by_ms: By how much the clock was set since the rows in the store were written, in ms.
    """

    def __init__(
        self, settings: Callable[[], Settings], reads: Reads, clock: Clock, set_by_ms: int = 0
    ) -> None:
        self._settings, self._clock = settings, clock
        self._links = AckLinks(partial(key_beside, settings().store), settings)
        rows = not_ahead(*reads.alerts(), clock.now_ms(), set_by_ms)
        self.desk = ProvenDesk(
            settings(), *rows, reads.silences(), spent=thread_time, how_to_ack=self._links.line
        )
        self.desk.moved(clock.now_ms(), set_by_ms)
        told = Interventions(self.desk, settings, clock)
        self.verbs: Mapping[str, Callable[[Command], Awaitable[Mapping[str, Any]]]] = told.verbs
        self.questions = {"alerts": told.alerts, "silences": told.silences}

    def follow(self, hub: Hub) -> None:
        """Ask *hub* for all that the desk wants to know of it."""
        self.desk.escalator.rotations = lambda: hub.on_call.rotations
        self.desk.dependencies.readings = hub.reasked
        self.desk.conditions.measures = hub.intake.measures
        self.desk.insight = hub.backgrounds

    def pages(self, take: Callable[[Command], Awaitable[Receipt]]) -> AckPages:
        """The pages behind acknowledge links; *take* is the hub's door for commands."""
        return AckPages(self._links, self.desk, self._settings, self._clock, take)
