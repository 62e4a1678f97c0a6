"""The beats of a rehearsal: how far time may go at once without passing over anything.

While anything is going on a beat is a second, as in the running hub; in calm times it is longer, but never beyond the
next instant at which something can happen by itself: an edge of a window, the end of a rule's `for`, a step of an
escalation, a letter's turn, a retry, the end of an acknowledgement, a silence or a flapping, a recovery that has held.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from watch.alerts.behind import SETTLED_MS
from watch.alerts.flaps import changes_ms
from watch.alerts.open_alerts import ms
from watch.core.window import occurrences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watch.core.settings import Settings
    from watch.core.window import Window
    from watch.rehearsal.diary import Diary
    from watch.rehearsal.estate import Estate

_BEAT_MS = 1_000
TOGETHER_MS = 250  # what is due within it is done in one turn, as in a running hub, which turns each second
LIVELY_MS = 20_000  # after a change
CALM_MS = 300_000


class Pace:
    """Gives the end of each beat.

    Args:
        windows: The maintenance windows that may count in `[from_ms, to_ms)`.
        calm_ms: The longest beat; a second makes the hub turn as often as a running one.
    """

    def __init__(
        self, settings: Settings, estate: Estate, diary: Diary, windows: Iterable[Window], from_ms: int, to_ms: int,
        calm_ms: int = CALM_MS,
    ) -> None:  # fmt: skip
        self._alerting, self._estate, self._diary, self._calm_ms = settings.alerting, estate, diary, calm_ms
        self._to_ms = to_ms
        self._edges = sorted(
            {
                edge
                for window in windows
                for o in occurrences(window, from_ms, to_ms)
                for edge in (o.from_ms, o.to_ms)
            }
        )
        self.lively_until_ms = from_ms

    def beat_ms(self, now_ms: int, *others: int | None) -> int:
        """When the beat ends that begins at *now_ms*; *others* are further instants at which it must end."""
        lively = now_ms < max(self.lively_until_ms, self._diary.changed_ms + LIVELY_MS)
        longest = _BEAT_MS if lively or self._diary.quiet_trouble else self._calm_ms
        own = (at + -at % TOGETHER_MS for at in self._timers(now_ms) if at is not None and at > now_ms)
        edges = (at for at in (self._to_ms, *others) if at is not None and at > now_ms)
        return min([now_ms + longest, *own, *edges])

    def _timers(self, now_ms: int) -> Iterator[int | None]:
        """Instants at which something may happen by itself."""
        desk, alerting = self._estate.desk, self._alerting
        n = bisect_right(self._edges, now_ms)
        yield self._edges[n] if n < len(self._edges) else None
        yield self._estate.next_send_ms()
        yield self._diary.after_changes(now_ms, ms(alerting.resolve_hold))
        for alert in desk.alerts:
            if alert.open:
                yield alert.next_step_at_ms
                yield None if alert.behind_ms is None else alert.behind_ms + SETTLED_MS
        yield desk.turns.next_ms
        yield from (held.until_ms for held in desk.dependencies.held.values())
        for silence in desk.silences.all.values():
            yield silence.until_ms
        for condition in self._diary.holding.values():
            yield from (condition.since_ms + ms(rule.lasting) for rule in condition.rules)
            yield from changes_ms(condition, alerting.flapping)
        for trouble in self._estate.hub.troubles.current():
            yield trouble.pages_ms
