"""The title of a letter: `[Acme] DOWN: API, Web site (+1); 2 degraded; 1 resolved`.

The alerts of the same kind as the root are named as far as one line of a mail program has room, and the rest of them
are counted in brackets. All others are counted by what they are: nothing that is less than down is counted under DOWN,
and the numbers add up to all alerts of the letter.
"""

from __future__ import annotations

from collections import Counter
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
_SERVICE = 100  # characters that a title may have, from which on it begins with the service's name
WORDS: Mapping[When, str] = {
    When.DOWN: "DOWN",
    When.DEGRADED: "DEGRADED",
    When.REDUNDANCY_LOST: "REDUNDANCY LOST",
    When.UNKNOWN: "NO DATA",
    When.MONITOR: "MONITORING TROUBLE",
}
WAS: Mapping[When, str] = {
    When.DOWN: "was down",
    When.DEGRADED: "was degraded",
    When.REDUNDANCY_LOST: "was without full redundancy",
    When.UNKNOWN: "had no data",
    When.MONITOR: "was in trouble",
}


def title(news: News, settings: Settings, limit: int) -> str:
    """The title in at most *limit* characters: names are left out or shortened, never the numbers."""
    event, root = news[0]
    service = f"[{plain(settings.service.name, 40)}] " if limit >= _SERVICE else ""
    before = f"{service}{_kind(event, root)}: "
    names = [plain(it.name, TITLE // 2) for said, it in news if _kind(said, it) == _kind(event, root)]
    alone = len(news) == 1
    after = _after(event, root, settings) if alone or len(names) == 1 else ""
    behind = len(root.behind) if alone and event is Event.TRIGGERED else 0
    rest = f" (+{behind} behind it)" if behind else _rest(news, _kind(event, root))
    for end in (after, ""):
        room = limit - len(before) - len(end) - len(rest)
        if root.when is not When.MONITOR and _listed(names, room):
            return f"{before}{_listed(names, min(room, max(_LINE - len(before), len(names[0]) + 12)))}{end}{rest}"
        more = _more(len(names) - 1)
        if room - len(more) >= min(len(names[0]), 12):
            return f"{before}{plain(root.name, min(room - len(more), TITLE // 2))}{more}{end}{rest}"
    room = limit - len(before) - len(more) - len(rest)
    if room < 5:  # all numbers as one
        rest, more = "", f" +{len(news) - 1}"
        room = limit - len(before) - len(more)
    return f"{before}{plain(root.name, max(room, 5))}{more}{rest}"


def _listed(names: Sequence[str], room: int) -> str:
    """As many of *names* as fit into *room*, and how many more there are; empty if not even the first fits."""
    for count in range(len(names), 0, -1):
        text = f"{', '.join(names[:count])}{_more(len(names) - count)}"
        if len(text) <= room:
            return text
    return ""


def _more(count: int) -> str:
    return f" (+{count})" if count else ""


def _rest(news: News, kind: str) -> str:
    """`; 2 degraded; 3 resolved`: the alerts that are of another kind than the root."""
    others = Counter(_kind(event, alert) for event, alert in news)
    del others[kind]
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
        return ""
    if alert.by_hand:
        return f" is still {STILL[alert.when]}" if alert.lasts else f" {was(alert)}"
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
    When.MONITOR: "there",
}


def was(alert: Alert) -> str:
    """`was down`: what it was in, now that it is over."""
    return "was flapping" if alert.flapping else WAS[alert.when]
