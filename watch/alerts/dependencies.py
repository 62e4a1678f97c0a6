"""Which alerts do not open, because something that their component depends on explains them.

A switch that fails takes all behind it down: that is one alert, which names them. This holds back the opening of alerts
and nothing else: checks go on, states and figures are what they are, and an alert that is open is closed as usual.

* While the `down` alert of something that it depends on is open, no alert of the component opens. If it is still in
  trouble when that alert closes, its own opens then.
* Trouble may show in the component first. So its alert waits until what it depends on would have been found down too:
  as long as the checks of that need. If that is not well, but has no open alert (no rule, a silence, a window), it
  waits for two minutes. Then it opens by itself: nothing is ever held back without a page about the cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watch.core.settings import When
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
        until_ms: How long it waits for the latter (Unix time in ms).
    """

    explained_by: tuple[str, ...]
    waits_for: tuple[str, ...]
    until_ms: int


class Dependencies:
    """What components depend on.

    Args:
        opened: Returns the open alert of a key; None when there is none.

    Attributes:
        held: Since the last `causes_first`, what `causes` has said of each condition whose alert may not open, by key.
    """

    def __init__(self, settings: Settings, opened: Callable[[str], Alert | None]) -> None:
        self._opened = opened
        self.held: dict[str, Held] = {}
        self.plan(settings)

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._hold_ms = settings.alerting.resolve_hold // timedelta(milliseconds=1)
        needed = {key: part.depends_on for key, part in settings.components.items() if part.depends_on}
        self._above = {key: tuple(_above(key, needed)) for key in needed}
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
        until_ms = began_ms + max((self._waits_ms(key, standings) for key in above), default=0)
        if not found and until_ms <= now_ms:
            return None
        self.held[condition.key] = Held(tuple(a.subject for a in found), above, until_ms)
        return found

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


def _above(key: str, needed: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """All that *key* depends on, directly or not."""
    seen = {key}
    todo = [*needed.get(key, ())]
    while todo:
        cause = todo.pop()
        if cause not in seen:
            seen.add(cause)
            todo += needed.get(cause, ())
            yield cause


def _found_ms(key: str, settings: Settings) -> int:
    """How long it takes at most until *key* is found down, in ms."""
    longest = max((_confirmed(check) for check in _checks(key, settings)), default=timedelta(0))
    return longest // timedelta(milliseconds=1)


def _checks(key: str, settings: Settings) -> Iterator[Check]:
    """The checks of *key* and of all that it contains."""
    seen = {key}
    todo = [key]
    while todo:
        for member in settings.components[todo.pop()].members:
            if member in settings.checks:
                yield settings.checks[member]
            elif member in settings.components and member not in seen:
                seen.add(member)
                todo.append(member)


def _confirmed(check: Check) -> timedelta:
    return check.every + (check.confirm_down - 1) * (check.retry_every + check.timeout) + check.timeout
