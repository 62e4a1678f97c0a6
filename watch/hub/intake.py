"""From observations to confirmed transitions, each with its evidence.

There is one belief per check and vantage point, and it is kept here. Everything that must be on disk together is
gathered in the recorder's batch. Readings that change nothing may wait there for a second; a change says so
(`changed_checks`), and is committed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core import confirm
from watch.core.confirm import Belief, Change, Confirmation
from watch.core.darkness import Why
from watch.core.ledger import Kind
from watch.core.marks import transition_body
from watch.core.reading import Observation, Reason, Verdict
from watch.core.timeline import State
from watch.hub.canary_gate import CanaryGate
from watch.hub.door import voided
from watch.hub.lapses import Lapses
from watch.hub.sights import Sights
from watch.hub.summaries import Summaries
from watch.hub.trails import Trails

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watch.core.settings import Settings
    from watch.core.standing import Sight
    from watch.hub.recorder import Recorder
    from watch.hub.taken_over import TakenOver

_LAPSES = 1000  # states that may lapse at once, before the loop may do something else
Key = tuple[str, str]


class Intake:
    """Beliefs by (check, vantage point), and the newest observation of each (`latest`).

    Attributes:
        overloaded: The vantage points that cannot keep up with their checks now.
        told: Beliefs whose streaks changed since somebody last asked (`heard`).
        doubled: (check, vantage point) confirmed by twice the readings: its own site stands in for others.
    """

    def __init__(self, recorder: Recorder, kept: TakenOver) -> None:
        self.beliefs: dict[Key, Belief] = dict(kept.beliefs())
        self.latest: dict[Key, Observation] = dict(kept.latest())
        self.sights = Sights(recorder)
        self.overloaded: set[str] = set()
        self.changed_checks: set[str] = set()
        self.doubled: frozenset[Key] = frozenset()
        self._told: dict[Key, Belief] = {}
        self._recorder = recorder
        self._confirmations: dict[str, Confirmation] = {}
        self._asked: dict[str, frozenset[str]] = {}
        self._followed: dict[str, tuple[str, ...]] = {}
        self.gate = CanaryGate(kept.sights())
        self._trails = Trails()
        self._summaries = Summaries()
        self._lapses = Lapses(self.beliefs)

    def plan(self, settings: Settings, changed: Iterable[str], now_ms: int) -> None:
        """Replace the settings. *changed* checks keep their state and lose their streak."""
        checks = settings.checks
        self._confirmations = {name: check.confirmation for name, check in checks.items()}
        self._followed = {name: tuple(check.courses) for name, check in checks.items() if check.courses}
        self._asked = {
            v.name: frozenset(check.name for check in settings.asked_from(v))
            for v in settings.vantages.values()
        }
        self.gate.plan(settings)
        for name in changed:
            for key in [k for k in self.beliefs if k[0] == name]:
                self._keep(key, confirm.streakless(self.beliefs[key]))
        for key in [k for k in self.beliefs if k[0] not in checks or k[1] not in settings.vantages]:
            self._drop(key, now_ms)
        for key, belief in self.beliefs.items():  # a streak may wait for canaries since before a restart
            if confirm.awaits_sight(belief, self._confirmations[key[0]], self.gate.good_ms(key[1])):
                self.gate.hold(*key)
        self._lapses.plan(self._confirmations)

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
        self._trails.drop(key)
        self._summaries.drop(key)

    def rename(self, key: str, was: str) -> None:
        """Rename the checks of component *was* to those of *key*."""
        names = {}
        for check, vantage in [k for k in self.beliefs if k[0].startswith(f"{was}/")]:
            names[check] = key + check[len(was) :]
            self._keep((names[check], vantage), self.beliefs.pop((check, vantage)))
            self._recorder.batch.beliefs[check, vantage] = None
            self.latest.pop((check, vantage), None)
        self.sights.rename(names)

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

    # ---- readings ----

    def accept(self, o: Observation, now_ms: int) -> bool:
        """Judge one observation; False if its vantage point does not run its check."""
        if o.check not in self._confirmations or not self.owes(o.check, o.vantage):
            return False
        key = (o.check, o.vantage)
        if (self.sights.blind or self.sights.pending(key)) and self.sights.voids(key, o.at_ms):
            o = voided(o, f"{o.vantage} could not see its own canaries")
        belief = self.beliefs.get(key)
        if belief is None:
            belief = self.beliefs[key] = Belief(since_ms=o.at_ms)
        if belief.last_ms is None:
            self._lapses.add(key)
        self._recorder.batch.observations.append(o)
        if o.verdict is not Verdict.UNKNOWN:
            self._judge(key, belief, o, now_ms)
        self.latest[key] = o
        if o.latency is not None and o.verdict is not Verdict.DOWN and not o.tainted:
            self._summaries.time(key, o, self._recorder.batch)
        if o.check in self._followed:
            self._summaries.sum_up(key, o, self._followed[o.check])
        return True

    def _judge(self, key: Key, belief: Belief, o: Observation, now_ms: int) -> None:
        confirmation = self._confirmation(key)
        dark = self.sights.pending(key)
        before = self._back_in_sight(key, belief, o.at_ms, now_ms) if dark else belief
        after, changes = confirm.observed(
            before, confirmation, verdict=o.verdict, reason=o.reason, at_ms=o.at_ms, took_ms=o.took_ms,
            sighted_ms=self.gate.good_ms(key[1]),
        )  # fmt: skip
        if not (changes or before is not belief) and after.settled and belief.settled:
            self.beliefs[key] = after
            return
        self._trails.follow(key, o, self.latest.get(key))
        self._told[key] = after
        if confirm.awaits_sight(after, confirmation, self.gate.good_ms(key[1])):
            self.gate.hold(*key)
        self._apply(key, after, changes, o, now_ms)

    def _back_in_sight(self, key: Key, belief: Belief, at_ms: int, now_ms: int) -> Belief:
        """*belief* before the first reading after a dark stretch: void, unless the state had not lapsed."""
        if belief.state is State.UNKNOWN:  # not the first reading since
            return belief
        pending = self.sights.pending(key)
        from_ms = min(self.sights.dark_from(key, dark) for dark in pending)
        self._lapses.add(key)
        if at_ms < from_ms:
            self.sights.spare(key)
            return belief
        for dark in pending:
            self.sights.record(dark, now_ms)
        self.sights.touch(key)
        self.changed_checks.add(key[0])
        return confirm.blinded(belief, at_ms=from_ms, reason=Reason.STALE)[0]

    def _apply(
        self, key: Key, after: Belief, changes: tuple[Change, ...], o: Observation | None, now_ms: int
    ) -> None:
        """Keep *after*; record *changes* unless the recorded state is the same."""
        self._keep(key, after)
        if changes and self.sights.pending(key):
            for dark in self.sights.pending(key):
                self.sights.record(dark, now_ms)
            self.sights.regain(key, changes[-1])
            self.changed_checks.add(key[0])
            if changes[-1].state is self._recorder.book.last_state(*key):
                changes = ()
        self._enter(key, changes, o, now_ms)
        if after.settled:
            self._trails.drop(key)

    def _enter(self, key: Key, changes: tuple[Change, ...], o: Observation | None, now_ms: int) -> None:
        """Record *changes*, each with the readings that prove it."""
        for change in changes:
            proof = self._trails.proof(key, o)
            self._recorder.entry(
                Kind.TRANSITION, key[0], transition_body(change, "" if o is None else o.detail), now_ms=now_ms,
                effective_ms=change.effective_ms, vantage=key[1], readings=proof,
            )  # fmt: skip
            self.changed_checks.add(key[0])

    def _keep(self, key: Key, belief: Belief) -> None:
        self.beliefs[key] = self._recorder.batch.beliefs[key] = belief

    # ---- sight ----

    def see(self, sight: Sight, now_ms: int) -> bool:
        """Process a round of canaries; True if the vantage point went blind or sees again."""
        held = self.gate.see(sight, self._recorder.batch, now_ms)
        news = sight.blind != (sight.vantage in self.sights.blind)
        if not sight.blind:
            self.sights.sees(sight.vantage, sight.good_ms)
            for check in held:
                self._confirm_held((check, sight.vantage), now_ms)
        elif news:
            self._go_blind(sight, now_ms)
        return news

    def _go_blind(self, sight: Sight, now_ms: int) -> None:
        """Record one entry for all checks; void the streaks of checks without a state."""
        mine = [(key, belief) for key, belief in self.beliefs.items() if key[1] == sight.vantage]
        self.sights.blind.add(sight.vantage)
        good_ms = self.gate.blind_from(sight)
        dark = self.sights.begin(sight.vantage, Why.BLIND, good_ms, ((key[0], b) for key, b in mine))
        self.sights.record(dark, now_ms)
        for key, belief in mine:
            if belief.state is State.UNKNOWN and not belief.settled:
                self._keep(key, confirm.streakless(belief))
                self._told[key] = self.beliefs[key]

    def _confirm_held(self, key: Key, now_ms: int) -> None:
        belief, o = self.beliefs.get(key), self.latest.get(key)
        if belief is None or key[0] not in self._confirmations:
            return
        if belief.state is not State.UNKNOWN and self.state(key, now_ms) is State.UNKNOWN:
            return  # read blindly or before an absence: the streak is void
        confirmation = self._confirmation(key)
        reason = Reason.TIMEOUT if o is None else o.reason
        after, changes = confirm.sighted(belief, confirmation, reason, self.gate.good_ms(key[1]))
        if changes:
            self._told[key] = after
            self._apply(key, after, changes, o, now_ms)
        elif confirm.awaits_sight(belief, confirmation, self.gate.good_ms(key[1])):
            self.gate.hold(*key)

    # ---- time ----

    def away(self, vantage: str, from_ms: int, until_ms: int) -> None:
        """Note that the hub was away and *vantage* was not read in that time."""
        mine = ((key[0], belief) for key, belief in self.beliefs.items() if key[1] == vantage)
        self.sights.begin(vantage, Why.AWAY, from_ms, mine).until_ms = until_ms

    def sweep(self, now_ms: int) -> bool:
        """Let states lapse whose validity is over; False when there are more of them, for the next call."""
        for key in self._lapses.past(now_ms, _LAPSES):
            self._lapse(key, now_ms)
        if not self._lapses.over(now_ms):
            return False
        self.sights.settle(now_ms)
        self._summaries.write_slice(self.beliefs, self._recorder.batch)
        return True

    def _lapse(self, key: Key, now_ms: int) -> None:
        belief, o = self.beliefs[key], self.latest.get(key)
        ours = key[1] in self.overloaded or (o is not None and o.reason is Reason.OVERLOADED)
        if ours and not self.sights.pending(key):
            dark = self.sights.overloaded(key[1], key[0])
            if dark is None:
                dark = self.sights.begin(key[1], Why.OVERLOADED, now_ms, ())
            self.sights.join(dark, key[0], belief)
        if self.sights.pending(key) and belief.state is not State.UNKNOWN:
            for dark in self.sights.pending(key):
                self.sights.record(dark, now_ms)
                if dark.why is Why.OVERLOADED:
                    self.sights.touch(key)
            self._lapses.dim(key)
            self.changed_checks.add(key[0])
            return
        after, changes = confirm.lapsed(belief, self._confirmations[key[0]], now_ms=now_ms)
        self._keep(key, after)
        self._enter(key, changes, o, now_ms)

    def state(self, key: Key, now_ms: int) -> State:
        """What is believed of *key* at this instant."""
        belief = self.beliefs.get(key)
        dim = any(now_ms >= self.sights.dark_from(key, dark) for dark in self.sights.pending(key))
        return State.UNKNOWN if belief is None or dim else belief.state

    def heard(self) -> dict[Key, Belief]:
        """The beliefs whose streaks changed since this was last asked."""
        told, self._told = self._told, {}
        return told

    def rest(self) -> None:
        """Put all pending beliefs and sums into the batch before shutdown."""
        self._summaries.write_all(self.beliefs, self._recorder.batch)
