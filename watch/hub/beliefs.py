"""What is believed and known of each check, as each vantage point saw it; it stays through reloads and renames.

The intake judges (`watch.hub.intake`); here is what it judges by, and where its result is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core import confirm
from watch.core.ledger import Kind
from watch.core.marks import transition_body
from watch.core.reading import Observation, Reason
from watch.hub.canary_gate import CanaryGate
from watch.hub.check_names import move, renamed_key
from watch.hub.lapses import Lapses
from watch.hub.measures import Measures
from watch.hub.sights import Sights
from watch.hub.summaries import Summaries
from watch.hub.trails import Trails

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from watch.core.confirm import Belief, Change, Confirmation
    from watch.hub.plan import Plan
    from watch.hub.recorder import Recorder
    from watch.hub.taken_over import TakenOver

Key = tuple[str, str]


class Beliefs:
    """Beliefs by (check, vantage point), and the newest observation of each (`latest`).

    Attributes:
        overloaded: The vantage points that cannot keep up with their checks now.
        told: Beliefs whose streaks changed since somebody last asked (`heard`).
        doubled: (check, vantage point) confirmed by twice the readings: its own site stands in for others.
        confirmed_by: How many readings in a row confirmed each state that changed since the hub began.
    """

    def __init__(self, recorder: Recorder, kept: TakenOver) -> None:
        self.beliefs: dict[Key, Belief] = dict(kept.beliefs())
        self.latest: dict[Key, Observation] = dict(kept.latest())
        self.sights = Sights(recorder)
        self.overloaded: set[str] = set()
        self.changed_checks: set[str] = set()
        self.doubled: frozenset[Key] = frozenset()
        self.confirmed_by: dict[Key, int] = {}
        self._told: dict[Key, Belief] = {}
        self._recorder = recorder
        self._confirmations: dict[str, Confirmation] = {}
        self._asked: Mapping[str, frozenset[str]] = {}
        self._followed: Mapping[str, tuple[str, ...]] = {}
        self._leaving: set[str] = set()
        self._renewed_ms: dict[str, int] = {}
        self.gate = CanaryGate(kept.sights())
        self._trails = Trails()
        self._summaries = Summaries()
        self.measures = Measures(kept.measured())
        self._lapses = Lapses(self.beliefs)

    def plan(
        self, plan: Plan, changed: Collection[str], leaving: Mapping[str, Confirmation], now_ms: int
    ) -> Iterator[None]:
        """Replace the plan, in small steps. *changed* checks keep their state and lose their streak.

        Args:
            leaving: Checks that were removed and may be back soon: they keep their state, and nobody asks them.
        """
        self._confirmations, self._leaving = {**leaving, **plan.confirmations}, set(leaving)
        self._followed, self._asked = plan.followed, plan.owed
        self.gate.plan(plan.settings)
        self.measures.plan(plan, changed)
        vantages = plan.settings.vantages
        for key in ((name, vantage) for name in changed for vantage in vantages):
            belief = self.beliefs.get(key)
            if belief is not None and belief != (bare := confirm.streakless(belief)):
                self._keep(key, bare)
            yield
        for key in [k for k in self.beliefs if k[0] not in self._confirmations or k[1] not in vantages]:
            self._drop(key, now_ms)
            yield
        for key, belief in list(
            self.beliefs.items()
        ):  # a streak may wait for canaries since before a restart
            if confirm.awaits_sight(belief, self._confirmations[key[0]], self.gate.good_ms(key[1])):
                self.gate.hold(*key)
            yield
        yield from self._lapses.plan(self._confirmations, plan.keys)

    def renew(self, changed: Iterable[str], now_ms: int) -> None:
        """Ignore readings of *changed* checks that began before *now_ms*: they asked the former question."""
        self._renewed_ms = dict.fromkeys(changed, now_ms)

    def leave(self, check: str, at_ms: int) -> None:
        """Forget *check*, which was removed at *at_ms*."""
        for key in [(check, vantage) for vantage in self._asked if (check, vantage) in self.beliefs]:
            self._drop(key, at_ms)
        self._confirmations.pop(check, None)
        self._leaving.discard(check)

    def _drop(self, key: Key, now_ms: int) -> None:
        """Forget *key*; its state is unknown if it is watched again."""
        at_ms = min((self.sights.dark_from(key, dark) for dark in self.sights.pending(key)), default=now_ms)
        _, changes = confirm.blinded(self.beliefs[key], at_ms=at_ms, reason=Reason.OK)
        self.sights.spare(key)
        self._enter(key, changes, None, now_ms)
        self.changed_checks.add(key[0])
        del self.beliefs[key]
        self._recorder.batch.beliefs[key] = None
        self.latest.pop(key, None)
        self.confirmed_by.pop(key, None)
        self._trails.drop(key)
        self._summaries.drop(key)
        self.measures.drop(key)

    def rename(self, parts: Mapping[str, str]) -> Iterator[None]:
        """Know the checks of components by other keys: former → new, all in the last of some small steps."""
        keys: dict[Key, Key] = {}
        for key in (*self.beliefs, *self.latest):
            if (new := renamed_key(key, parts)) is not None:
                keys[key] = new
            yield
        names = {old[0]: new[0] for old, new in keys.items()}
        self._recorder.batch.beliefs.update(dict.fromkeys(keys, None))
        move(self.beliefs, keys)
        move(self.latest, keys)
        move(self.confirmed_by, keys)
        for key in keys.values():
            if (belief := self.beliefs.get(key)) is not None:
                self._keep(key, belief)
                if not belief.settled:
                    self._told[key] = belief
            if (o := self.latest.get(key)) is not None:
                self.latest[key] = o._replace(check=key[0])
        self.doubled = frozenset(keys.get(key, key) for key in self.doubled)
        self._trails.rename(keys)
        self._summaries.rename(keys)
        self.measures.rename(keys)
        self.gate.rename(names)
        self.sights.rename(names)
        self._recorder.rename(names)

    @property
    def unseeing(self) -> set[str]:
        """The vantage points of which it is said that they are blind or overloaded."""
        return self.sights.blind | self.overloaded

    def owes(self, check: str, vantage: str) -> bool:
        """Whether *vantage* is to ask *check*."""
        return check in self._asked.get(vantage, ())

    def _confirmation(self, key: Key) -> Confirmation:
        confirmation = self._confirmations[key[0]]
        return confirmation._replace(down=2 * confirmation.down) if key in self.doubled else confirmation

    def heard(self) -> dict[Key, Belief]:
        """The beliefs whose streaks changed since this was last asked."""
        told, self._told = self._told, {}
        return told

    def _enter(self, key: Key, changes: tuple[Change, ...], o: Observation | None, now_ms: int) -> None:
        """Record *changes*, each with the readings that prove it."""
        for change in changes:
            proof = self._trails.proof(key, o)
            self._recorder.entry(
                Kind.TRANSITION, key[0], transition_body(change, "" if o is None else o.detail), now_ms=now_ms,
                effective_ms=change.effective_ms, vantage=key[1], readings=proof,
            )  # fmt: skip
            self.confirmed_by[key] = change.readings
            self.changed_checks.add(key[0])

    def _keep(self, key: Key, belief: Belief) -> None:
        self.beliefs[key] = self._recorder.batch.beliefs[key] = belief
