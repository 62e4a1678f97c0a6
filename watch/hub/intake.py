"""From observations to confirmed transitions, each with its evidence.

Everything that must be on disk together is gathered in one `Batch`; whoever owns the intake takes it and commits.
Readings that change nothing may wait there for a second; a change says so (`changed_checks`), and is committed at once.

Latency sketches are kept here by the hour and written a slice at a time, as are the quarters of facts that fill up or
empty, and beliefs whose readings only renew them: a crash may cost some minutes of percentiles, never a second of a
timeline.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from watch.core import confirm
from watch.core.confirm import Belief, Change, Confirmation
from watch.core.ledger import Entry, Kind, LedgerChain
from watch.core.reading import Observation, Reason, Verdict
from watch.core.sketch import Sketch
from watch.core.timeline import State
from watch.core.trend import QuarterHour, quarter_of
from watch.hub.deadlines import Deadlines
from watch.ports import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.settings import Check
    from watch.core.standing import Sight

HOUR_MS = 3_600_000
_SLICES = 300  # a slice a second: everything is written once in five minutes
_TRAIL = 24  # readings kept as evidence of one transition at most
Key = tuple[str, str]


class Intake:
    """Beliefs by (check, vantage point), and the batch that waits.

    Args:
        chain: The end of the ledger; nobody else may append while this intake lives.
        latest: The newest observation of each, for people to see why.
    """

    def __init__(
        self, chain: LedgerChain, beliefs: Mapping[Key, Belief], latest: Mapping[Key, Observation]
    ) -> None:
        self.beliefs: dict[Key, Belief] = dict(beliefs)
        self.latest: dict[Key, Observation] = dict(latest)
        self.blind: set[str] = set()
        self.changed_checks: set[str] = set()
        self._chain = chain
        self._terms: dict[str, Confirmation] = {}
        self._followed: dict[str, tuple[str, ...]] = {}
        self._batch = Batch()
        self._written: list[Entry] = []
        self._trails: dict[Key, list[Observation]] = {}
        self._proven: set[tuple[str, str]] = set()
        self._sketches: dict[Key, tuple[int, Sketch]] = {}
        self._quarters: dict[Key, dict[tuple[str, int], QuarterHour]] = {}
        self._slices: Iterator[Key] = iter(())
        self._lapses: Deadlines[Key] = Deadlines()

    def plan(self, checks: Mapping[str, Check], changed: Iterable[str], now_ms: int) -> None:
        """Judge these checks by their terms from now on; those *changed* keep their state and lose their streak."""
        terms = {name: check.confirmation for name, check in checks.items()}
        self._followed = {name: tuple(check.courses) for name, check in checks.items() if check.courses}
        for name in changed:
            for key in [k for k in self.beliefs if k[0] == name]:
                belief = self.beliefs[key]._replace(
                    down_run=None, degraded_run=None, serving_run=None, up_run=None
                )
                self._keep(key, belief)
        for key in [k for k in self.beliefs if k[0] not in terms]:
            self._apply(
                key, *confirm.blinded(self.beliefs[key], at_ms=now_ms, reason=Reason.OK), None, now_ms
            )
            self.changed_checks.add(key[0])
            del self.beliefs[key]
            self.latest.pop(key, None)
            self._trails.pop(key, None)
            self._sketches.pop(key, None)
            self._quarters.pop(key, None)
        self._terms = terms
        self._lapses = Deadlines(self.beliefs)

    def rename(self, key: str, was: str) -> None:
        """Component *key* carries on what *was* was: its checks are known by new names."""
        for check, vantage in [k for k in self.beliefs if k[0].startswith(f"{was}/")]:
            belief = self.beliefs.pop((check, vantage))
            self.latest.pop((check, vantage), None)
            self._keep((key + check[len(was) :], vantage), belief)

    def record(self, kind: Kind, subject: str, body: Mapping[str, object], now_ms: int) -> Entry:
        """Append an entry that is no transition; the caller reads it."""
        entry = self._chain.entry(kind, subject, body, now_ms=now_ms)
        self._batch.entries.append(entry)
        return entry

    def unread(self) -> list[Entry]:
        """The entries written since this was last asked, or taken."""
        entries, self._written = self._written, []
        return entries

    def accept(self, o: Observation, now_ms: int) -> bool:
        """Judge one observation; False when its check is not ours (any more)."""
        terms = self._terms.get(o.check)
        if terms is None:
            return False
        key = (o.check, o.vantage)
        belief = self.beliefs.get(key)
        if belief is None:
            belief = self.beliefs[key] = Belief(since_ms=o.at_ms)
        if belief.last_ms is None:
            self._lapses.add(key)
        self._batch.observations.append(o)
        after, changes = confirm.observed(
            belief, terms, verdict=o.verdict, reason=o.reason, at_ms=o.at_ms, took_ms=o.took_ms
        )
        if changes or not (after.settled and belief.settled):
            self._follow(key, o)
            self._apply(key, after, changes, o, now_ms)
        else:
            self.beliefs[key] = after
        self.latest[key] = o
        if o.latency is not None and o.verdict is not Verdict.DOWN and not o.tainted:
            self._sketch(key, o.at_ms).add(o.latency)
        if o.check in self._followed:
            self._sum_up(key, o)
        return True

    def sweep(self, now_ms: int) -> None:
        """Let states lapse whose validity is over, and write a slice of what only renews itself."""
        for key in self._lapses.past(now_ms, self._lapse_ms):
            after, changes = confirm.lapsed(self.beliefs[key], self._terms[key[0]], now_ms=now_ms)
            self._apply(key, after, changes, self.latest.get(key), now_ms)
        self._write_slice()

    def _lapse_ms(self, key: Key) -> int | None:
        """When the state of *key* lapses if nothing more is read; None when there is none that could."""
        belief = self.beliefs.get(key)
        if belief is None or belief.last_ms is None:
            return None
        return belief.last_ms + self._terms[key[0]].validity_ms

    def see(self, vantage: str, *, blind: bool, good_ms: int, now_ms: int) -> bool:
        """Note whether *vantage* can see; True when that is news. Blind, nothing since *good_ms* counts."""
        news = blind != (vantage in self.blind)
        if not blind:
            self.blind.discard(vantage)
            return news
        self.blind.add(vantage)
        for key, belief in list(self.beliefs.items()):
            if key[1] == vantage:
                after, changes = confirm.blinded(belief, at_ms=good_ms, reason=Reason.BLIND)
                self._apply(key, after, changes, self.latest.get(key), now_ms)
        return news

    def prove(self, sight: Sight, now_ms: int) -> None:
        """Put on record which canaries were seen good, each once."""
        for name in sight.good:
            if (sight.vantage, name) not in self._proven:
                self._proven.add((sight.vantage, name))
                self._batch.canaries[sight.vantage, name] = now_ms

    def take(self) -> tuple[Batch, list[Entry], set[str]]:
        """The batch that waits, its ledger entries, and the checks that were changed_checks; all are then empty."""
        taken = self._batch, self._written, self.changed_checks
        self._batch, self._written, self.changed_checks = Batch(), [], set()
        return taken

    def rest(self) -> None:
        """Put all that was to be written a slice at a time into the batch: we are about to stop."""
        for key in self.beliefs:
            self._write_one(key)

    @property
    def waiting(self) -> int:
        return len(self._batch.observations)

    def _apply(
        self, key: Key, after: Belief, changes: tuple[Change, ...], o: Observation | None, now_ms: int
    ) -> None:
        self._keep(key, after)
        for change in changes:
            entry = self._write(self._transition(key, change, o, now_ms))
            proof = self._trails.get(key) or ([o] if o is not None else [])
            self._batch.evidence += [(entry.seq, reading) for reading in proof]
            self.changed_checks.add(key[0])
        if after.settled:
            self._trails.pop(key, None)

    def _transition(self, key: Key, change: Change, o: Observation | None, now_ms: int) -> Entry:
        body = {
            "from": change.was.value, "to": change.state.value, "reason": change.reason.value,
            "detail": o.detail if o is not None and change.state in (State.DOWN, State.DEGRADED) else "",
            "earliest_ms": change.earliest_ms, "latest_ms": change.latest_ms,
        }  # fmt: skip
        return self._chain.entry(
            Kind.TRANSITION, key[0], body, now_ms=now_ms, effective_ms=change.effective_ms, vantage=key[1]
        )

    def _follow(self, key: Key, o: Observation) -> None:
        """Remember the reading before a streak and those of the streak: they may become evidence."""
        trail = self._trails.get(key)
        if trail is None:
            before = self.latest.get(key)
            trail = self._trails[key] = [] if before is None else [before]
        if len(trail) >= _TRAIL:
            del trail[_TRAIL // 2]
        trail.append(o)

    def _keep(self, key: Key, belief: Belief) -> None:
        self.beliefs[key] = self._batch.beliefs[key] = belief

    def _write(self, entry: Entry) -> Entry:
        self._batch.entries.append(entry)
        self._written.append(entry)
        return entry

    def _sketch(self, key: Key, at_ms: int) -> Sketch:
        hour_ms = at_ms - at_ms % HOUR_MS
        held = self._sketches.get(key)
        if held is None or held[0] != hour_ms:
            self._write_sketch(key)
            held = self._sketches[key] = (hour_ms, Sketch())
        return held[1]

    def _sum_up(self, key: Key, o: Observation) -> None:
        """Add what fills up or empties to its quarter of an hour."""
        sums, quarter_ms = self._quarters.setdefault(key, {}), quarter_of(o.at_ms)
        for fact in self._followed[o.check]:
            value = o.facts.get(fact)
            if isinstance(value, int | float):
                sum_ = sums.get((fact, quarter_ms), QuarterHour())
                sums[fact, quarter_ms] = sum_.plus(QuarterHour(1, o.at_ms - quarter_ms, float(value)))

    def _write_slice(self) -> None:
        keys = list(islice(self._slices, len(self.beliefs) // _SLICES + 1))
        if not keys:
            self._slices = iter(list(self.beliefs))
        for key in keys:
            if key in self.beliefs:
                self._write_one(key)

    def _write_one(self, key: Key) -> None:
        self._batch.beliefs[key] = self.beliefs[key]
        self._write_sketch(key)
        for (fact, quarter_ms), sums in self._quarters.pop(key, {}).items():
            before = self._batch.quarters.get((*key, fact, quarter_ms), QuarterHour())
            self._batch.quarters[(*key, fact, quarter_ms)] = before.plus(sums)

    def _write_sketch(self, key: Key) -> None:
        held = self._sketches.pop(key, None)
        if held is not None:
            self._batch.sketches.setdefault((*key, held[0]), Sketch()).merge(held[1])
