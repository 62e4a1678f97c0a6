"""From observations to confirmed transitions, each with its evidence.

There is one belief per check and vantage point (`watch.hub.beliefs`). Everything that must be on disk together is
gathered in the recorder's batch. Readings that change nothing may wait there for a second; a change says so
(`changed_checks`), and is committed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core import confirm
from watch.core.confirm import Belief, Change
from watch.core.darkness import Why
from watch.core.reading import Observation, Reason, Verdict
from watch.core.timeline import State
from watch.hub.beliefs import Beliefs, Key
from watch.hub.door import voided

if TYPE_CHECKING:
    from watch.core.darkness import Dark
    from watch.core.standing import Sight

_LAPSES = 1000  # states that may lapse at once, before the loop may do something else


class Intake(Beliefs):
    """Judges what comes in, by (check, vantage point)."""

    def settled(self, check: str, vantage: str) -> bool:
        """Whether no streak of *check* is under way, as *vantage* sees it."""
        belief = self.beliefs.get((check, vantage))
        return belief is None or belief.settled

    # ---- readings ----

    def accept(self, o: Observation, now_ms: int) -> bool:
        """Judge one observation; False if its vantage point does not run its check."""
        if o.check in self._leaving:  # read before it was removed
            return True
        key = o.check, o.vantage
        if o.check not in self._confirmations or not self.owes(*key):
            return False
        if o.at_ms < self._renewed_ms.get(o.check, 0):
            return True
        dark = self.sights.pending(key)
        if (dark or self.sights.blind) and self.sights.voids(key, o.at_ms):
            o = voided(o, f"{o.vantage} could not see its own canaries")
        belief = self.beliefs.get(key)
        if belief is None:
            belief = self.beliefs[key] = Belief(since_ms=o.at_ms)
        if belief.last_ms is None:
            self._lapses.add(key)
        self._recorder.batch.observations.append(o)
        self._judge(key, belief, o, dark, now_ms)
        self.latest[key] = o
        self.measures.read(o)
        if o.latency is not None and o.verdict is not Verdict.DOWN and not o.tainted:
            self._summaries.time(key, o, self._recorder.batch)
        if o.check in self._followed:
            self._summaries.sum_up(key, o, self._followed[o.check])
        return True

    def _judge(self, key: Key, belief: Belief, o: Observation, dark: tuple[Dark, ...], now_ms: int) -> None:
        if o.verdict is Verdict.UNKNOWN:
            last = self.latest.get(key)
            if belief.state is State.UNKNOWN and (last is None or last.reason is not o.reason):
                self.changed_checks.add(o.check)  # people see why
            return
        confirmation = self._confirmation(key)
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
            if now_ms >= from_ms:  # it lapsed while this reading was under way
                self.changed_checks.add(key[0])
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
        self.sights.blind.add(sight.vantage)
        dark = self.sights.begin(sight.vantage, Why.BLIND, self.gate.blind_from(sight), self.beliefs)
        self.sights.record(dark, now_ms)
        unknown = [key for key, b in self.beliefs.items() if b.state is State.UNKNOWN and not b.settled]
        for key in unknown:
            if key[1] == sight.vantage:
                self._keep(key, confirm.streakless(self.beliefs[key]))
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
        self.sights.begin(vantage, Why.AWAY, from_ms, self.beliefs).until_ms = until_ms

    def sweep(self, now_ms: int) -> bool:
        """Let states lapse whose validity is over; False when there are more of them, for the next call."""
        for key in self._lapses.past(now_ms, _LAPSES):
            self._lapse(key, now_ms)
        if not self._lapses.over(now_ms):
            return False
        self.sights.settle(now_ms)
        self._summaries.write_slice(self.beliefs, self._recorder.batch)
        self.measures.look(now_ms)
        return True

    def _lapse(self, key: Key, now_ms: int) -> None:
        belief, o = self.beliefs[key], self.latest.get(key)
        ours = key[1] in self.overloaded or (o is not None and o.reason is Reason.OVERLOADED)
        if ours and not self.sights.pending(key):
            dark = self.sights.overloaded(key[1], key[0])
            if dark is None:
                dark = self.sights.begin(key[1], Why.OVERLOADED, now_ms, {})
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

    def rest(self) -> None:
        """Put all pending beliefs and sums into the batch before shutdown."""
        self._summaries.write_all(self.beliefs, self._recorder.batch)
