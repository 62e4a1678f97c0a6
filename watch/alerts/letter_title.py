"""The title of a letter: `[Acme] DOWN: API, Web site (+1); 2 degraded; 1 resolved`.

The alerts of the same kind as the root are named as far as one line of a mail program has room, and the rest of them
are counted in brackets. All others are counted by what they are: nothing that is less than down is counted under DOWN,
and the numbers add up to all alerts of the letter.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from watch.alerts.letter_times import clock_span, lasted, within
from watch.alerts.letter_words import plain
from watch.core.alert import Alert, Event
from watch.core.settings import Settings, When

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.alerts.letter_order import News

TITLE = 200
_LINE = 78  # characters: more names would make a title longer than the line of a mail program
_NAMED = 40  # more names than any line holds
_SERVICE = 100  # characters that a title may have, from which on it begins with the service's name
WORDS: Mapping[When, str] = {
    When.DOWN: "DOWN",
    When.DEGRADED: "DEGRADED",
    When.REDUNDANCY_LOST: "REDUNDANCY LOST",
    When.UNKNOWN: "NO DATA",
    When.SLOW: "SLOW",
    When.FACT: "CONDITION MET",
    When.MONITOR: "MONITORING TROUBLE",
}
WAS: Mapping[When, str] = {
    When.DOWN: "was down",
    When.DEGRADED: "was degraded",
    When.REDUNDANCY_LOST: "was without full redundancy",
    When.UNKNOWN: "had no data",
    When.SLOW: "was slow",
    When.FACT: "met the condition",
    When.MONITOR: "was in trouble",
}


class Titles:
    """The titles of a letter that tells *news*, for all lengths: a mass outage is counted once."""

    def __init__(self, news: News, settings: Settings) -> None:
        event, self._root = news[0]
        kinds = [_kind(said, it) for said, it in news]
        self._count, self._same = len(news), kinds.count(kinds[0])
        alike = ((said, it) for (said, it), kind in zip(news, kinds, strict=True) if kind == kinds[0])
        self._names = [plain(it.name, TITLE // 2) for _, it in islice(alike, _NAMED)]
        self._what, self._service = f"{kinds[0]}: ", f"[{plain(settings.service.name, 40)}] "
        self._after = _after(event, self._root, settings) if self._same == 1 else ""
        behind = len(self._root.behind) if len(news) == 1 and event is Event.TRIGGERED else 0
        self._rest = f" (+{behind} behind it)" if behind else _rest(kinds)

    def within(self, limit: int) -> str:
        """The title in at most *limit* characters: names are left out or shortened, never the numbers."""
        before = f"{self._service if limit >= _SERVICE else ''}{self._what}"
        rest, more, first = self._rest, _more(self._same - 1), self._names[0]
        for end in (self._after, ""):
            room = limit - len(before) - len(end) - len(rest)
            if self._root.when is not When.MONITOR and (
                names := self._listed(room, max(_LINE - len(before), len(first) + 12))
            ):
                return f"{before}{names}{end}{rest}"
            if room - len(more) >= min(len(first), 12):
                return f"{before}{plain(self._root.name, min(room - len(more), TITLE // 2))}{more}{end}{rest}"
        room = limit - len(before) - len(more) - len(rest)
        if room < 5:  # all numbers as one
            rest, more = "", f" +{self._count - 1}"
            room = limit - len(before) - len(more)
        return f"{before}{plain(self._root.name, max(room, 5))}{more}{rest}"

    def _listed(self, room: int, wanted: int) -> str:
        """As many names as fit into *wanted*, and how many more there are; empty if not even one fits into *room*."""
        for count in range(len(self._names), 0, -1):
            text = f"{', '.join(self._names[:count])}{_more(self._same - count)}"
            if len(text) <= min(room, wanted):
                return text
        return ""


def _more(count: int) -> str:
    return f" (+{count})" if count else ""


def _rest(kinds: Sequence[str]) -> str:
    """`; 2 degraded; 3 resolved`: the alerts that are of another kind than the root, the first."""
    others = Counter(kinds)
    del others[kinds[0]]
    return "".join(f"; {count} {_small(word)}" for word, count in others.items())


def _small(word: str) -> str:
    return word.lower().replace("monitoring trouble", "of the monitoring")


def _kind(event: Event, alert: Alert) -> str:
    """What the title calls it."""
    if event is Event.TRIGGERED:
        again = " AGAIN" if alert.again and not alert.flaps.since_ms else ""
        return f"{'FLAPPING' if alert.flapping else WORDS[alert.when]}{again}"
    if alert.closing:
        return "CLOSED BY HAND" if alert.by_hand else "CLOSED"
    if event is Event.MERGED:
        return "DELIVERED LATE"
    return "OVER" if alert.when is When.MONITOR else "RESOLVED"


def _after(event: Event, alert: Alert, settings: Settings) -> str:
    """What the title says after the name of a single alert."""
    if event is Event.TRIGGERED:
        return f" ({plain(alert.condition, 60)})" if alert.condition and not alert.flapping else ""
    if alert.by_hand:
        return f" is still {still(alert)}" if alert.lasts else f" {was(alert)}"
    if alert.closing:
        return f" ({alert.closing})"
    if alert.when is When.MONITOR:  # its name is a whole phrase
        return f" (lasted {lasted(alert)})"
    if event is Event.RESOLVED:
        return f" {was(alert)} for {lasted(alert)}{within(alert)}"
    return f" {was(alert)} {clock_span(alert, settings)}"


STILL: Mapping[When, str] = {
    When.DOWN: "down",
    When.DEGRADED: "degraded",
    When.REDUNDANCY_LOST: "without full redundancy",
    When.UNKNOWN: "without data",
    When.SLOW: "slow",
    When.FACT: "meeting the condition",
    When.MONITOR: "there",
}


def was(alert: Alert) -> str:
    """`was down`: what it was in, now that it is over."""
    return "was flapping" if alert.flapping else f"{WAS[alert.when]}{_which(alert)}"


def still(alert: Alert) -> str:
    """`down`: what it still is."""
    return f"{STILL[alert.when]}{_which(alert)}"


def _which(alert: Alert) -> str:
    return f" {plain(alert.condition, 120)}" if alert.condition else ""
