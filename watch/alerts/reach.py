"""Who cannot be reached about what: all channels of the recipient refused recently, or left the notice unanswered.

A refusal may be a fault of the provider that is over soon, so a recipient whose channels all refused is tried again
after ten minutes. A channel that took the same notice twice without an answer may have delivered it twice. It does not
get that notice again until it has answered something else, or an hour has passed and the notice is still true; then it
gets it once. Meanwhile the alert goes on to others, like the catch-all, and the trouble `channel_unanswered` says what
is not known. A new start of the hub forgets both.

That a channel fails is never told over that channel: it goes to the recipient's others, or to others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from watch.core.alert import Alert, Event, Notice

UNANSWERED = 2  # sends without an answer, then the channel has had its turn
REFUSED_MS = 600_000
UNANSWERED_MS = 3_600_000
_NEVER_MS = 2**62
_About = tuple[int, str, "Event"]  # alert id, recipient, event


class Reach:
    """What the channels of each recipient did with notices.

    Args:
        channels: Returns the number of a person's channels; 0 for an unknown person.
        alerts: All alerts by id; the mapping is read later, too.
    """

    def __init__(self, channels: Callable[[str], int], alerts: Mapping[int, Alert]) -> None:
        self._channels, self._alerts = channels, alerts
        self._refused_until: dict[_About, int] = {}
        self._unanswered: dict[_About, dict[int, int]] = {}  # channel → until when

    def reset(self, changed: Collection[str]) -> None:
        """Forget what refused: it may work now. What left something unanswered is forgotten for *changed* people."""
        self._refused_until.clear()
        self._unanswered = {a: left for a, left in self._unanswered.items() if a[1] not in changed}

    def rename(self, names: Mapping[str, str]) -> None:
        """Know people by other names: former → new."""
        self._refused_until = {_renamed(about, names): at for about, at in self._refused_until.items()}
        self._unanswered = {_renamed(about, names): left for about, left in self._unanswered.items()}

    def open(self, alert_id: int, recipient: str, event: Event, now_ms: int) -> bool:
        """Whether *recipient* has a channel that may take a notice of *event*."""
        about = alert_id, recipient, event
        return self._refused_until.get(about, 0) <= now_ms and any(
            self._waits_ms(about, channel) <= now_ms for channel in range(self._channels(recipient))
        )

    def on_first_channel(self, notice: Notice) -> Notice | None:
        """The new row *notice* on its channel, or the first after it that may take any of it; None if none may."""
        for channel in range(notice.channel, self._channels(notice.recipient)):
            waits_ms = [self._waits_ms(about, channel) for about in _abouts(notice)]
            if min(waits_ms) <= notice.created_ms:
                again = min(waits_ms) > 0
                return replace(notice, channel=channel, unanswered=UNANSWERED - 1 if again else 0)
        return None

    def _waits_ms(self, about: _About, channel: int) -> int:
        """Until when *channel* does not get it; 0 if it may."""
        if _failing(self._alerts.get(about[0])) == (about[1], channel):
            return _NEVER_MS
        return self._unanswered.get(about, {}).get(channel, 0)

    def refused(self, notice: Notice, now_ms: int) -> None:
        """The last channel of the recipient refused *notice*, and no other one is trying."""
        self._refused_until.update((about, now_ms + REFUSED_MS) for about in _abouts(notice))

    def unanswered(self, notice: Notice, now_ms: int) -> None:
        """The channel took *notice* once more without an answer, and has had its turn."""
        for about in _abouts(notice):
            self._unanswered.setdefault(about, {})[notice.channel] = now_ms + UNANSWERED_MS

    def answered(self, notice: Notice) -> None:
        """The channel works: it has delivered *notice*."""
        for about in [about for about in self._unanswered if about[1] == notice.recipient]:
            self._unanswered[about].pop(notice.channel, None)
            if not self._unanswered[about]:
                del self._unanswered[about]


def _failing(alert: Alert | None) -> tuple[str, int] | None:
    """The person and channel of a trouble like `channel_refused:alice:2`; None for all other alerts."""
    if alert is None or alert.when is not When.MONITOR or not alert.subject.startswith("channel_"):
        return None
    person, _, number = alert.subject.partition(":")[2].rpartition(":")
    return person, int(number) - 1


def _abouts(notice: Notice) -> list[_About]:
    return [(alert_id, notice.recipient, notice.event) for alert_id in notice.alert_ids]


def _renamed(about: _About, names: Mapping[str, str]) -> _About:
    return about[0], names.get(about[1], about[1]), about[2]
