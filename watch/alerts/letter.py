"""The text of a notice, one screen long. The title says what happened to what; the body says the rest.

The root is told in full (`alerts.letter_lines`), each other alert on a line of its own, and what is beyond twenty by
name. Channels take texts of different lengths, from 32,000 characters to 66. A letter is made shorter by what it means:
what is worth least to somebody who was just woken is left out first, other alerts are named instead of told, then those
are counted that there is no room to name, and at last it says since when. Nothing is cut in the middle except a name
that is too long for a title.

Names and details come from the configuration and from targets: line breaks, control and bidi characters are removed
(a title becomes the subject of a mail), and titles end at 200 characters.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from watch.alerts.letter_lines import ACT, BEFORE, FACT, Line, key_line, lines_of, listed
from watch.alerts.letter_times import clock_span, since
from watch.alerts.letter_title import TITLE, Titles
from watch.alerts.letter_words import plain
from watch.alerts.message import Letter
from watch.core.alert import Event
from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.alerts.letter_order import News
    from watch.core.settings import Settings

_LISTED = 20
# Characters of title and body, a few below the limits of services; between them, because escapes make texts longer.
_LENGTHS = (32_000, 15_000, 10_000, 7_500, 5_000, 4_000, 3_000, 2_000, 1_500, 1_000, 750, 480, 300, 140, 66)
_JOINT = 2  # between them, where a channel sends both as one
# What the lines must be worth to stay, while the other alerts are told, named, and named as far as there is room.
_TOLD, _NAMED, _FITTING = (1, 2, 3, 4, 5), (3, 4, 5, 6), (6, 7, 8, 9, 10)
_SMS = 140  # characters: up to there, one sentence says more than a part of the letter
_SHORT_WHY = 60


def letters(
    news: News, settings: Settings, *, instead: bool = False, lines: Sequence[str] = ()
) -> tuple[Letter, ...]:
    """The text that tells *news*, in all lengths that channels need: longest first.

    Args:
        instead: It goes to the catch-all, because nobody else can be reached.
        lines: Why its recipient is called, and how they acknowledge it.
    """
    draft = _Draft(news, settings, instead=instead, lines=lines)
    return tuple(dict.fromkeys(draft.within(most) for most in _LENGTHS))


def letter(news: News, settings: Settings, *, instead: bool = False, lines: Sequence[str] = ()) -> Letter:
    """The longest of `letters`."""
    return _Draft(news, settings, instead=instead, lines=lines).within(_LENGTHS[0])


class _Draft:
    """A letter before its length is known."""

    def __init__(self, news: News, settings: Settings, *, instead: bool, lines: Sequence[str]) -> None:
        self._settings, self._count, self._titles = settings, len(news), Titles(news, settings)
        self._event, self._root = news[0]
        self._lines = lines_of(self._event, self._root, settings, lines)
        if instead:
            why = "You get this notice because none of the alert's recipients can be reached."
            self._lines.append(Line(4, ACT, why))
        near_ms, others = self._root.since_ms, news[1 : 1 + _LISTED]
        self._listed = [listed(event, it, settings, near_ms) for event, it in others]
        keys = Line(5, ACT, key_line([self._root, *(it for _, it in others)]))
        self._telling = [*(line for line in self._lines if line.text != key_line([self._root])), keys]
        self._names = _names(news)
        whole = len(self._names) == self._count
        # The characters of all names that get no line: more than any room if there are too many.
        self._least = sum(len(name) + 2 for name in self._names[1 + _LISTED :]) if whole else _LENGTHS[0] + 1

    def within(self, most: int) -> Letter:
        """The text in at most *most* characters, title and body together. What is left out is counted, never cut."""
        said = self._titles.within(min(TITLE, most // 2))
        room = most - len(said) - _JOINT
        if self._least <= room:
            told, rest = self._listed, self._others(1 + _LISTED)
            also = "\n".join(["Also:", *told, *([rest] if rest else [])]) if told else ""
            for worth in _TOLD:
                if len(body := self._body(worth, also, self._telling)) <= room:
                    return Letter(said, body)
            named = self._others(1) if len(self._names) == self._count else ""
            for worth in _NAMED if named else ():
                if len(body := self._body(worth, named)) <= room:
                    return Letter(said, body)
        for worth in _FITTING if most > _SMS else ():
            left = room - len(self._body(worth, "")) - 2
            if len(body := self._body(worth, self._others(1, left))) <= room:
                return Letter(said, body)
        return Letter(said, self._short(room))

    def _body(self, worth: int, others: str, lines: Sequence[Line] = ()) -> str:
        """The *lines* that are worth as much, with the *others* between what is known and what to do.

        Args:
            lines: Those about the root alone without it.
        """
        blocks = [
            "\n".join(
                line.text for line in lines or self._lines if line.block == block and line.worth >= worth
            )
            for block in (FACT, BEFORE, ACT)
        ]
        return "\n\n".join(part for part in (*blocks[:2], others, blocks[2]) if part)

    def _others(self, told: int, room: int = _LENGTHS[0]) -> str:
        """`And 480 more: API, Database and 478 others.`: all but the first *told*, or as many as fit into *room*."""
        count, names = self._count - told, self._names[told:]
        if count <= 0:
            return ""
        start = f"And {count} more"
        full = f"{start}: {', '.join(names)}."
        if len(names) == count and len(full) <= room:
            return full
        left = room - len(f"{start}:  and {count} others.")
        ends = itertools.accumulate(len(name) + 2 for name in names)
        fitting = sum(1 for _ in itertools.takewhile(lambda end: end <= left, ends))
        return (
            f"{start}: {', '.join(names[:fitting])} and {count - fitting} others." if fitting else f"{start}."
        )

    def _short(self, room: int) -> str:
        """Since when, and why and which alert if that fits."""
        root, settings = self._root, self._settings
        begun = since(root, settings)
        clock = clock_span(root, settings) if root.resolved_ms is not None else begun
        ours = root.when is When.MONITOR or self._event is not Event.TRIGGERED
        why = "" if ours else plain(root.detail or root.reason, _SHORT_WHY)
        candidates = (
            *([f"{clock}: {why}; {root.dedup_key}"] if why else []),
            f"{clock}, {root.dedup_key}",
            clock,
        )
        return next((text for text in candidates if len(text) <= room), begun)


def _names(news: News) -> list[str]:
    """The names of the alerts, as many as the longest letter could hold. Recoveries beside failures say so."""
    found: list[str] = []
    left = _LENGTHS[0]
    for event, alert in news:
        name = plain(alert.name, 60)
        name += " (resolved)" if event is not news[0][0] and news[0][0] is Event.TRIGGERED else ""
        left -= len(name)
        if left < 0:
            break
        found.append(name)
    return found
