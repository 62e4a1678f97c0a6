"""Checks that are asked again at once, because their components depend on one another.

An alert of a component waits while something that it depends on may explain its trouble (`watch.alerts.dependencies`).
So that it need not wait for the interval of a check:

* When a check of a component gives a worse reading than what is believed of it, the checks of all that the component
  depends on are asked at once. What they said before tells nothing: the trouble may show in the component first.
* When something that others depend on is well again, the checks of those of them that are in trouble are asked at once.
  What they said before may be of its outage.

`Reasked` also answers what the readings since an instant say of a component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.component import composed_state
from watch.core.dependence import all_above, leaves
from watch.core.quorum import Seen, quorum
from watch.core.reading import Verdict
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watch.core.book import Book
    from watch.core.reading import Observation
    from watch.core.standing import Standing
    from watch.hub.board import Board
    from watch.hub.intake import Intake
    from watch.hub.plan import Plan
    from watch.ports import Clock

_WELL = (State.UP, State.DEGRADED)
_BAD = (State.DOWN, State.DEGRADED)
_NONE: frozenset[str] = frozenset()
Key = tuple[str, str]


class Reasked:
    """What is to be asked at once, and what was read since.

    Args:
        board: Gives how everything stands.

    Attributes:
        answered: A check that was to be asked at once has been read since the last `take`.
    """

    def __init__(self, intake: Intake, book: Book, board: Callable[[], Board], clock: Clock) -> None:
        self._intake, self._book, self._board, self._clock = intake, book, board, clock
        self._asked: Mapping[str, tuple[str, ...]] = {}
        self._causes: Mapping[
            str, frozenset[str]
        ] = {}  # by check, the checks of what its component depends on
        self._checks: dict[str, frozenset[str]] = {}  # of each component that depends on others
        self._behind: dict[str, tuple[str, ...]] = {}  # by component, those that depend on it
        self._failing: dict[Key, tuple[Verdict, int]] = {}  # since which reading, and when that ended
        self._well: set[str] = set()  # those with others behind them that were well at the last look
        self._behind_ms: dict[str, int] = {}  # when a component was asked because its cause was over
        self._wanted: dict[str, set[str]] = {}  # by vantage point
        self._awaited: set[str] = set()
        self.answered = False

    def plan(self, plan: Plan) -> None:
        """Replace the settings."""
        settings, self._asked = plan.settings, plan.asked
        needing = {key: part.depends_on for key, part in settings.components.items() if part.depends_on}
        behind: dict[str, list[str]] = {}
        causes: dict[str, frozenset[str]] = {}
        known: dict[frozenset[str], frozenset[str]] = {}  # many depend on the same
        self._checks = {key: leaves(settings, (key,)) for key in needing}
        for key in needing:
            above = frozenset(all_above(key, needing))
            for cause in above:
                behind.setdefault(cause, []).append(key)
            if above not in known:
                known[above] = leaves(settings, above)
            for check in self._checks[key]:
                causes[check] = known[above] if check not in causes else causes[check] | known[above]
        self._causes, self._behind = causes, {cause: tuple(keys) for cause, keys in behind.items()}
        self._failing = {key: it for key, it in self._failing.items() if key[0] in causes}
        self._behind_ms = {key: at_ms for key, at_ms in self._behind_ms.items() if key in needing}
        self._well &= behind.keys()
        self._awaited &= plan.asked.keys()

    # ---- asking ----

    def read(self, o: Observation) -> None:
        """Note a reading that was let in."""
        if o.check in self._awaited and o.verdict is not Verdict.UNKNOWN:
            self._awaited.discard(o.check)
            self.answered = True
        causes = self._causes.get(o.check)
        if causes is None or o.verdict is Verdict.UNKNOWN:
            return
        key = o.check, o.vantage
        if o.verdict is Verdict.UP:
            self._failing.pop(key, None)
            return
        before = self._failing.get(key)
        if before is None or (before[0] is Verdict.DEGRADED and o.verdict is Verdict.DOWN):
            self._failing[key] = o.verdict, o.at_ms + o.took_ms
        standing = self._board().checks.get(o.check)
        worse = (State.DOWN,) if o.verdict is Verdict.DOWN else _BAD
        if standing is None or standing.state not in worse:
            self._want(causes)

    def look(self, standings: Mapping[str, Standing]) -> None:
        """Find what is well again; what depends on it and is in trouble is asked at once."""
        well = {key for key in self._behind if standings[key].state in _WELL}
        for cause in well - self._well:
            for key in self._behind[cause]:
                if standings[key].state in _BAD:
                    self._behind_ms[key] = self._clock.now_ms()
                    self._want(self._checks[key])
        self._well = well

    def _want(self, checks: Iterable[str]) -> None:
        for check in checks:
            self._awaited.add(check)
            for vantage in self._asked[check]:
                self._wanted.setdefault(vantage, set()).add(check)

    def take(self, vantage: str) -> frozenset[str]:
        """The checks that *vantage* is to ask at once; each is named once."""
        self.answered = False
        return frozenset(self._wanted.pop(vantage, _NONE))

    # ---- what was read ----

    def failing_ms(self, component: str) -> int:
        """When the last first bad reading of a check of *component* ended (Unix time in ms); 0 when none is known."""
        keys = ((check, v) for check in self._checks.get(component, ()) for v in self._asked[check])
        return max((self._failing[key][1] for key in keys if key in self._failing), default=0)

    def asked_ms(self, component: str) -> int:
        """When *component* was asked because something that it depends on was well again; 0 when it was not."""
        return self._behind_ms.get(component, 0)

    def state(self, component: str, after_ms: int) -> State:
        """How *component* stands by the last readings alone, if they began after *after_ms*; unknown without them."""
        board = self._board()
        part = board.settings.components[component]
        states = [
            self._check(member, after_ms) if "/" in member else self.state(member, after_ms)
            for member in part.members
        ]
        return composed_state(states, part.needs)

    def _check(self, name: str, after_ms: int) -> State:
        check, intake = self._board().settings.checks[name], self._intake
        seen = []
        for vantage in self._asked[name]:
            o = intake.latest.get((name, vantage))
            fresh = o is not None and o.at_ms > after_ms and o.verdict is not Verdict.UNKNOWN
            if not fresh and intake.state((name, vantage), self._clock.now_ms()) is not State.UNKNOWN:
                return State.UNKNOWN  # it has a say, and has not been asked yet
            state = State(o.verdict) if fresh and o is not None else State.UNKNOWN
            onsite = self._book.onsite(vantage, check.component)
            seen.append(Seen(vantage, onsite, state, vantage not in intake.sights.blind))
        return quorum(seen, check.audience, check.down_when, check.sources).state
