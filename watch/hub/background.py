"""What a letter tells beside the trouble: found in memory when an alert is first told in full, for one alert a letter.

Nothing is read from the store, and of a component with very many checks only the first are looked at: letters must
leave at once in a mass outage. What changed before: transitions of the component's own checks and of those that it
depends on, reloads and starts of the hub, and maintenance windows that began.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from watch.core.background import Background
from watch.core.figures import maintenance
from watch.core.happening import Sort
from watch.core.marks import Edge
from watch.core.measured import MEASURED
from watch.core.settings import When
from watch.core.timeline import State
from watch.core.wording import one_line
from watch.hub.target_words import target_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from watch.core.alert import Alert
    from watch.core.book import Book
    from watch.core.happening import Happening
    from watch.core.marks import Mark
    from watch.core.settings import Check, Settings
    from watch.core.standing import CheckStanding
    from watch.hub.board import Board
    from watch.hub.intake import Intake

_NEAR_MS = 3_600_000  # how long before the trouble a change may have been
_TRANSITIONS, _OTHERS = 3, 2
_MOST = 200  # checks that are looked at
_WORDS = {State.DOWN: "went down", State.DEGRADED: "was degraded", State.UP: "was up again"}
_BAD = (State.DOWN, State.DEGRADED)
_STATES = {
    When.DOWN: (State.DOWN,), When.DEGRADED: _BAD, When.REDUNDANCY_LOST: _BAD, When.UNKNOWN: (State.UNKNOWN,)
}  # fmt: skip


class Backgrounds:
    """Finds them.

    Args:
        board: Gives the current states. asked: gives the vantage points that run a check.
    """

    def __init__(
        self,
        book: Book,
        intake: Intake,
        board: Callable[[], Board],
        asked: Callable[[str], Sequence[str]],
    ) -> None:
        self._book, self._intake, self._board, self._asked = book, intake, board, asked
        self._ours: deque[tuple[int, str]] = deque(maxlen=_OTHERS)  # the last reloads and starts of the hub

    def note(self, happening: Happening) -> None:
        """Remember *happening* if it is a change of ours."""
        if happening.sort in (Sort.RELOAD, Sort.HUB):
            text = f"the hub {happening.word}" if happening.sort is Sort.HUB else happening.text
            self._ours.append((happening.at_ms, text))

    def of(self, alert: Alert) -> Background:
        """The background of *alert*, which is open."""
        board = self._board()
        check = board.settings.checks.get(alert.cause)
        standing = board.checks.get(alert.cause)
        before = tuple(self._before(alert, board.settings))
        if check is None or standing is None:
            return Background(before=before)
        found = self._intake.measures.holding.get(alert.key)
        if alert.when in MEASURED:
            seen = standing.seen_from if found is None else found.seen_from
            vantages_asked = len(self._asked(check.name))
            return Background(
                asked=target_words(check), seen_from=seen, vantages=vantages_asked, before=before
            )
        marks = self._marks(check.name, alert.when, standing)
        counts = [self._intake.confirmed_by.get((check.name, v), 0) or self._least(check, v) for v in marks]
        good = [mark.earliest_ms for mark in marks.values() if _saw_good(mark)]
        vantages = board.settings.vantages
        return Background(
            asked=target_words(check),
            seen_from=tuple(marks) or standing.seen_from,
            vantages=len(self._asked(check.name)),
            readings=min(counts, default=0),
            canaries=alert.when is When.DOWN and bool(marks) and all(vantages[v].canaries for v in marks),
            others=self._others(alert, board),
            good_ms=max(good, default=None),
            before=before,
        )

    def down_ms(self, subject: str, from_ms: int, to_ms: int) -> int | None:
        """How long component *subject* was down in that time by the ledger; None when that takes too long to say."""
        if from_ms < self._book.whole_ms or len(self._near(subject, self._board().settings, _MOST)) >= _MOST:
            return None
        timeline = self._book.component_timeline(subject, Edge.FOUND, from_ms, to_ms)
        return sum(hi - lo for lo, hi, state in timeline if state is State.DOWN)

    def _marks(self, check: str, when: When, standing: CheckStanding) -> Mapping[str, Mark]:
        """The transitions into the trouble, by the vantage points that see it."""
        known = self._book.marks.get(check, {})
        last = {
            v: known[v][-1]
            for v in standing.seen_from
            if known.get(v) and v in self._board().settings.vantages
        }
        return {
            v: mark
            for v, mark in last.items()
            if mark.state in _STATES.get(when, ()) and when is not When.UNKNOWN
        }

    def _least(self, check: Check, vantage: str) -> int:
        """The readings that confirm trouble at least."""
        return check.confirm_down * (2 if (check.name, vantage) in self._intake.doubled else 1)

    def _others(self, alert: Alert, board: Board) -> int:
        names = [name for name in self._near(alert.subject, board.settings, _MOST) if name in board.checks]
        return sum(board.checks[name].state in _BAD for name in names if name != alert.cause)

    # ---- what changed before ----

    def _before(self, alert: Alert, settings: Settings) -> list[tuple[int, str]]:
        told = [*self._transitions(alert, settings)][-_TRANSITIONS:]
        told += [(at_ms, text) for at_ms, text in self._ours if 0 <= alert.since_ms - at_ms <= _NEAR_MS]
        told += [*self._windows(alert, settings)][-_OTHERS:]
        return sorted((at_ms, one_line(text, 160)) for at_ms, text in told)

    def _transitions(self, alert: Alert, settings: Settings) -> Iterator[tuple[int, str]]:
        """The confirmed changes of its checks and of what it depends on, before it began; oldest first."""
        keys = [alert.subject, *_needs(alert.subject, settings)]
        names = dict.fromkeys(name for key in keys for name in self._near(key, settings, _MOST))
        found: dict[tuple[int, str], str] = {}
        for name in islice(names, _MOST):
            for marks in self._book.marks.get(name, {}).values():
                for mark in _shortly(marks, alert.since_ms):
                    component = settings.components[name.partition("/")[0]].name
                    why = f": {mark.detail or mark.reason}" if mark.state in _BAD else ""
                    text = f"{name} of {component} {_WORDS[mark.state]}{why}"
                    found.setdefault((mark.effective_ms, text), text)
        yield from ((at_ms, text) for (at_ms, text) in sorted(found))

    def _windows(self, alert: Alert, settings: Settings) -> Iterator[tuple[int, str]]:
        near = {alert.subject, *_needs(alert.subject, settings)}
        for window, it in maintenance(self._book, alert.since_ms - _NEAR_MS, alert.since_ms + 1):
            if near.intersection(window.components):
                over = it.to_ms <= alert.since_ms
                yield (
                    it.to_ms if over else it.from_ms,
                    f"maintenance window {window.name} {'ended' if over else 'began'}",
                )

    def _near(self, key: str, settings: Settings, most: int) -> list[str]:
        """The first checks of component *key* and its parts."""
        found: list[str] = []
        todo, known = [key], {key}
        while todo and len(found) < most:
            part = settings.components.get(todo.pop(0))
            for member in () if part is None else part.members[:most]:
                if "/" in member:
                    found.append(member)
                elif member not in known:
                    known.add(member)
                    todo.append(member)
        return found[:most]


def _saw_good(mark: Mark) -> bool:
    """Whether a good reading came right before the readings that confirmed *mark*."""
    return mark.was is State.UP and mark.earliest_ms < mark.effective_ms


def _shortly(marks: Sequence[Mark], since_ms: int) -> Iterator[Mark]:
    """The last few of *marks* shortly before *since_ms*."""
    for mark in marks[-8:]:
        told = mark.state in _BAD or (mark.state is State.UP and mark.was in _BAD)
        if told and since_ms - _NEAR_MS <= mark.effective_ms < since_ms:
            yield mark


def _needs(key: str, settings: Settings) -> list[str]:
    """What component *key* depends on, at any depth."""
    found: list[str] = []
    todo = [key]
    while todo:
        part = settings.components.get(todo.pop())
        new = [it for it in (() if part is None else part.depends_on) if it not in found and it != key]
        found += new
        todo += new
    return found
