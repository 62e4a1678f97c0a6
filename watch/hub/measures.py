"""What readings show without a change of state: conditions over facts, and slowness, for the rules that ask for it.

Each accepted reading is looked at once, when it comes, for the checks that such a rule covers; all others cost one look
into a table. Nothing is read from the store here: what a check usually takes is told by `watch.hub.usual_latency`.

A reading that is unknown decides nothing, so a blind or overloaded vantage point changes nothing. Readings within a
maintenance window that suppresses alerts are no sign of slowness. A condition holds while the newest reading of any
vantage point that decides it says so. What is told of when the hub starts holds until a reading says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.core.measured import Finding, part_of
from watch.core.quantity import duration_text
from watch.core.reading import FactType, Verdict
from watch.core.settings import When
from watch.core.slowness import WEEK_MS, Recent, Slowness
from watch.core.wording import fact_text
from watch.hub.check_names import move

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from watch.core.alert import Alert
    from watch.core.fact_condition import FactCondition
    from watch.core.reading import Observation
    from watch.hub.plan import Plan

Key = tuple[str, str]
HOUR_MS = 3_600_000
_ROUND_MS = 60_000  # in which each check is compared once
_GOOD = (Verdict.UP, Verdict.DEGRADED)


class _Said(NamedTuple):
    """What the newest reading of a vantage point says of a condition; since_ms: since when it holds, None if not."""

    since_ms: int | None
    detail: str = ""


class Measures:
    """The findings (`watch.core.measured`).

    Args:
        known: Those that were told of before the hub began.

    Attributes:
        quiet: The components whose alerts a maintenance window suppresses now.
        usual: The p95 of the week before, in seconds, by (check, vantage point); None when it is not known.
    """

    def __init__(self, known: Iterable[Finding] = ()) -> None:
        self.quiet: Collection[str] = ()
        self.usual: dict[Key, float | None] = {}
        self._known = tuple(known)
        self._plan: Plan | None = None
        self._said: dict[tuple[str, str], dict[str, _Said]] = {}  # (check, condition) → by vantage point
        self._recent: dict[Key, Recent] = {}
        self._slowness: dict[Key, Slowness] = {}
        self._round: Iterator[Key] = iter(())
        self._looked_ms = 0
        self._holding: Mapping[str, Finding] = {}
        self._changed = False

    def plan(self, plan: Plan, changed: Collection[str]) -> None:
        """Replace the plan. Of *changed* checks it is not known how long they take now."""
        self._plan, self._changed = plan, True
        known, self._known = self._known, ()
        for it in known:
            self._resume(it, plan)
        texts = {name: {test.text for test in tests} for name, tests in plan.conditions.items()}
        for (name, text), said in list(self._said.items()):
            asking = plan.asked.get(name, ()) if text in texts.get(name, ()) else ()
            self._said[name, text] = {vantage: it for vantage, it in said.items() if vantage in asking}
            if not self._said[name, text]:
                del self._said[name, text]
        for table in (self._recent, self._slowness, self.usual):
            for key in [k for k in table if k[0] not in plan.timed or k[1] not in plan.asked.get(k[0], ())]:
                del table[key]
        for key in [k for k in self._recent if k[0] in changed]:
            del self._recent[key]

    def _resume(self, it: Finding, plan: Plan) -> None:
        """Go on with *it*: by the vantage points that showed it; if that is not known, by all."""
        asking = plan.asked.get(it.check, ())
        for vantage in [v for v in it.seen_from if v in asking] or asking:
            if it.when is When.FACT:
                self._said.setdefault((it.check, it.condition), {})[vantage] = _Said(it.since_ms, it.detail)
            else:
                self._slowness[it.check, vantage] = Slowness(it.since_ms)

    def rename(self, keys: Mapping[Key, Key]) -> None:
        """Know checks by other names: former → new. The new plan follows."""
        move(self._recent, keys)
        move(self._slowness, keys)
        move(self.usual, keys)
        names = {old[0]: new[0] for old, new in keys.items()}
        self._said = {(names.get(name, name), text): said for (name, text), said in self._said.items()}

    def drop(self, key: Key) -> None:
        """Forget what was read of *key*."""
        for table in (self._recent, self._slowness, self.usual):
            table.pop(key, None)
        for (name, _), said in self._said.items():
            if name == key[0]:
                said.pop(key[1], None)
        self._changed = True

    # ---- readings ----

    def read(self, o: Observation) -> None:
        """Look at *o*, which was accepted."""
        plan = self._plan
        if plan is None:
            return
        for test in plan.conditions.get(o.check, ()):
            if test.decides(o):
                self._decided(test, o)
        check = plan.timed.get(o.check)
        if check is None or o.latency is None or o.verdict not in _GOOD or o.tainted:
            return
        if check.component not in self.quiet:
            recent = self._recent.get((o.check, o.vantage))
            if recent is None:
                window_ms = plan.settings.alerting.slow.window_ms(check.every)
                recent = self._recent[o.check, o.vantage] = Recent(window_ms)
            recent.add(o.at_ms, o.latency)

    def _decided(self, test: FactCondition, o: Observation) -> None:
        said = self._said.setdefault((o.check, test.text), {})
        was, holds = said.get(o.vantage), test.holds(o)
        before_ms = None if was is None else was.since_ms
        said[o.vantage] = (
            _Said(o.at_ms if before_ms is None else before_ms, test.told(o)) if holds else _Said(None)
        )
        self._changed |= was is None or holds is (before_ms is None)

    # ---- time ----

    def look(self, now_ms: int) -> None:
        """Compare the next latencies with what is usual: each in a minute, as many as are due since the last look."""
        elapsed_ms = min(max(now_ms - self._looked_ms, 0), _ROUND_MS)
        self._looked_ms = now_ms
        for _ in range(len(self._recent) * elapsed_ms // _ROUND_MS + 1):
            key = next(self._round, None)
            if key is None:
                self._round = iter(list(self._recent))
                self._changed |= bool(self._holding)  # what was measured is told anew
                key = next(self._round, None)
            recent = None if key is None else self._recent.get(key)
            if key is not None and recent is not None and key[0] in self.timed:
                self._compare(key, recent, now_ms)

    def _compare(self, key: Key, recent: Recent, now_ms: int) -> None:
        assert self._plan is not None
        slowness, check = self._slowness.setdefault(key, Slowness()), self._plan.timed[key[0]]
        p95, terms = (
            None if check.component in self.quiet else recent.p95(now_ms),
            self._plan.settings.alerting.slow,
        )
        held_ms = terms.held_ms(check.every)
        self._changed |= slowness.look(now_ms, p95, self.usual.get(key), terms, held_ms)

    def week(self, check: str, now_ms: int) -> tuple[int, int]:
        """The week that *check* is compared with, in whole hours: before it became slow, or before now."""
        assert self._plan is not None
        slow = [s.since_ms for key, s in self._slowness.items() if key[0] == check and s.since_ms is not None]
        began_ms = min(slow, default=0)
        if now_ms - began_ms > WEEK_MS:
            began_ms = now_ms - self._plan.settings.alerting.slow.window_ms(self._plan.timed[check].every)
        to_ms = began_ms - began_ms % HOUR_MS
        return to_ms - WEEK_MS, to_ms

    @property
    def timed(self) -> Collection[str]:
        """The checks whose latency is compared with what is usual."""
        return () if self._plan is None else self._plan.timed.keys()

    # ---- findings ----

    @property
    def holding(self) -> Mapping[str, Finding]:
        """Those that hold, by key; another mapping when any of them has changed."""
        if self._changed:
            self._changed = False
            found = [*self._facts(), *self._slowest()]
            if found or self._holding:
                self._holding = {it.key: it for it in found}
        return self._holding

    def well(self, key: str) -> bool:
        """Whether readings say that the finding with this *key* does not hold; False while nothing is known."""
        when, subject, check, condition = part_of(key)
        if key in self.holding:
            return False
        if when is When.FACT:
            return bool(self._said.get((check, condition)))
        return any(it.known for name, it in self._slowness.items() if name[0].partition("/")[0] == subject)

    def _facts(self) -> Iterator[Finding]:
        for (check, text), said in self._said.items():
            holds = {v: it for v, it in said.items() if it.since_ms is not None}
            if holds:
                since_ms = min(it.since_ms for it in holds.values() if it.since_ms is not None)
                yield Finding(
                    when=When.FACT, subject=check.partition("/")[0], check=check, condition=text, since_ms=since_ms,
                    detail=next(iter(holds.values())).detail, seen_from=tuple(holds),
                )  # fmt: skip

    def _slowest(self) -> Iterator[Finding]:
        """By component, its slowest check."""
        checks: dict[str, dict[str, Slowness]] = {}
        for (check, vantage), it in self._slowness.items():
            if it.known:
                checks.setdefault(check, {})[vantage] = it
        parts: dict[str, list[tuple[str, dict[str, Slowness]]]] = {}
        for check, views in checks.items():
            slow = {vantage: it for vantage, it in views.items() if it.since_ms is not None}
            if 2 * len(slow) > len(views):
                parts.setdefault(check.partition("/")[0], []).append((check, slow))
        for component, some in parts.items():
            check, slow = max(some, key=lambda one: max(it.times for it in one[1].values()))
            since_ms = min(it.since_ms or 0 for _, views in some for it in views.values())
            yield Finding(
                when=When.SLOW, subject=component, check=check, since_ms=since_ms, seen_from=tuple(slow),
                detail=self._slow_text(max(slow.values(), key=lambda it: it.times), len(some) - 1, check),
            )  # fmt: skip

    def _slow_text(self, it: Slowness, others: int, check: str) -> str:
        if self._plan is None or check not in self._plan.timed or not it.usual:
            return ""
        lasting = self._plan.settings.alerting.slow.lasting(self._plan.timed[check].every)
        recent, usual = (fact_text(seconds, FactType.DURATION) for seconds in (it.recent, it.usual))
        more = f"; {others} other{'s' * (others > 1)} of its checks too" if others else ""
        said = f"one answer in 20 of the last {duration_text(lasting)} took {recent} or longer"
        return f"{said}; in the week before, {usual} or longer{more}"


def known_before(alerts: Iterable[Alert], now_ms: int) -> Iterator[Finding]:
    """The findings that *alerts* tell of that are open."""
    for alert in alerts:
        if alert.open and alert.when in (When.SLOW, When.FACT):
            told = alert.background
            yield Finding(
                when=alert.when, subject=alert.subject, check=alert.cause, condition=alert.condition,
                since_ms=min(alert.since_ms, now_ms), detail=alert.detail,
                seen_from=() if told is None else told.seen_from,
            )  # fmt: skip
