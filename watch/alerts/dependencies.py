"""Which alerts do not open, because something that their component depends on explains them.

A switch that fails takes all behind it down: that is one alert, which names them. This holds back the opening of alerts
and nothing else: checks go on, states and figures are what they are, and an alert that is open is closed as usual.

* While the `down` alert of something that it depends on is open, no alert of the component opens. If it is still in
  trouble when that alert closes, its own opens then.
* Trouble may show in the component first. So its alert waits until what it depends on is known to be well: by readings
  that began after the first bad one of the component; the hub has them taken at once (`watch.hub.reasked`). While these
  are bad, or there are none, it waits until that would have been found down too: as long as its checks need.
* If what it depends on is not well, but has no open alert (no rule, a silence, a window), it waits for two minutes.
  Then it opens by itself: nothing is ever held back without a page about the cause.
* When what it depends on is well again, the component is read again at once, and its alert opens if it is still bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from watch.core.dependence import all_above, leaves
from watch.core.measured import MEASURED
from watch.core.settings import When
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watch.alerts.holding import Condition
    from watch.core.alert import Alert
    from watch.core.settings import Check, Settings
    from watch.core.standing import Standing

ALONE_MS = timedelta(minutes=2) // timedelta(milliseconds=1)
_WELL = (State.UP, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class Held:
    """Why an alert does not open: the components whose open alerts explain it; or else those that may yet.

    Args:
        until_ms: How long it waits at most (Unix time in ms).
        again: What it depends on is well again: it waits until it has been read since.
    """

    explained_by: tuple[str, ...]
    waits_for: tuple[str, ...]
    until_ms: int
    again: bool = False


class Readings(Protocol):
    """What the newest readings say of components."""

    def state(self, component: str, after_ms: int) -> State:
        """How it stands by readings that began after an instant (Unix time in ms); unknown without them."""

    def failing_ms(self, component: str) -> int:
        """When the first bad reading of its trouble ended (Unix time in ms); 0 when that is not known."""

    def asked_ms(self, component: str) -> int:
        """When it was last asked because what it depends on was well again (Unix time in ms); 0 for never."""


class Unread:
    """No readings: what is believed decides, after as long as a check needs."""

    def state(self, component: str, after_ms: int) -> State:  # noqa: ARG002 # it knows of none
        return State.UNKNOWN

    def failing_ms(self, component: str) -> int:  # noqa: ARG002
        return 0

    def asked_ms(self, component: str) -> int:  # noqa: ARG002
        return 0


class Dependencies:
    """What components depend on.

    Args:
        opened: Returns the open alert of a key; None when there is none.

    Attributes:
        readings: The newest readings; none unless somebody has them.
        held: Since the last `causes_first`, what `causes` has said of each condition whose alert may not open, by key.
    """

    def __init__(self, settings: Settings, opened: Callable[[str], Alert | None]) -> None:
        self._opened = opened
        self.readings: Readings = Unread()
        self.held: dict[str, Held] = {}
        self.plan(settings)

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._hold_ms = settings.alerting.resolve_hold // timedelta(milliseconds=1)
        needed = {key: part.depends_on for key, part in settings.components.items() if part.depends_on}
        self._above = {key: tuple(all_above(key, needed)) for key in needed}
        causes = {cause for above in self._above.values() for cause in above}
        self._found_ms = {key: min(_found_ms(key, settings), ALONE_MS) for key in causes}

    def causes_first(self, conditions: list[Condition]) -> list[Condition]:
        """*conditions* with those of a component after those of all that it depends on."""
        self.held = {}
        if not self._above:
            return conditions
        return sorted(conditions, key=lambda c: len(self._above.get(c.subject, ())))

    def causes(
        self, condition: Condition, now_ms: int, standings: Mapping[str, Standing]
    ) -> list[Alert] | None:
        """The open alerts that explain *condition*; None when its own alert may open.

        An empty list means that it waits for one.
        """
        above = self._above.get(condition.subject, ()) if condition.when is not When.MONITOR else ()
        found = [alert for key in above if (alert := self._explains(key, now_ms, standings)) is not None]
        began_ms = condition.since_ms if condition.trouble_ms is None else condition.trouble_ms
        held = Held(tuple(a.subject for a in found), above, now_ms) if found else None
        held = held or self._waits(condition, above, began_ms, standings)
        if held is None or (not found and held.until_ms <= now_ms):
            return None
        self.held[condition.key] = held
        return found

    def _waits(
        self, condition: Condition, above: tuple[str, ...], began_ms: int, standings: Mapping[str, Standing]
    ) -> Held | None:
        """For what *condition*, which began at *began_ms* and which no alert explains, may have to wait."""
        if not above:
            return None
        readings, key = self.readings, condition.subject
        again_ms = readings.asked_ms(key)
        if again_ms > began_ms and not _bad(condition.when, readings.state(key, again_ms)):
            return Held((), above, again_ms + ALONE_MS, again=True)
        after_ms = max(began_ms, readings.failing_ms(key))
        unclear = [cause for cause in above if not self._well(cause, after_ms, standings)]
        if not unclear:
            return None
        return Held((), tuple(unclear), began_ms + max(self._waits_ms(cause, standings) for cause in unclear))

    def _well(self, key: str, after_ms: int, standings: Mapping[str, Standing]) -> bool:
        """Whether *key* is well, also by readings that began after *after_ms*."""
        standing = standings.get(key)
        if standing is None or standing.state not in _WELL:
            return False
        return self.readings.state(key, after_ms) in _WELL

    def _explains(self, key: str, now_ms: int, standings: Mapping[str, Standing]) -> Alert | None:
        """The open alert of *key*, unless it is open only because *key* flaps, and *key* is well."""
        alert, standing = self._opened(f"{When.DOWN}:{key}"), standings.get(key)
        if alert is None or alert.flaps.since_ms is None or standing is None:
            return alert
        well = standing.state in _WELL and now_ms - standing.since_ms >= self._hold_ms
        return None if well else alert

    def _waits_ms(self, key: str, standings: Mapping[str, Standing]) -> int:
        standing = standings.get(key)
        well = standing is not None and standing.state in _WELL
        return self._found_ms[key] if well else ALONE_MS


def _bad(when: When, state: State) -> bool:
    """Whether *state* is one of trouble that is meant by *when*; of what is no state, it does not tell."""
    if when is When.UNKNOWN or when in MEASURED:
        return True
    return state is State.DOWN or (state is State.DEGRADED and when is not When.DOWN)


def _found_ms(key: str, settings: Settings) -> int:
    """How long it takes at most until *key* is found down, in ms."""
    longest = max(
        (_confirmed(settings.checks[name]) for name in leaves(settings, (key,)) if name in settings.checks),
        default=timedelta(0),
    )
    return longest // timedelta(milliseconds=1)


def _confirmed(check: Check) -> timedelta:
    return check.every + (check.confirm_down - 1) * (check.retry_every + check.timeout) + check.timeout
