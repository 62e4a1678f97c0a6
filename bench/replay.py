"""One recorded month through two checkouts: their figures must agree to the millisecond.

    python -m bench.replay record STREAM [SEED]     make a month of observations
    python -m bench.replay figures STREAM OUT.json  put it through this tree's hub; keep what its ledger comes to
    python -m bench.replay compare A.json B.json    exit with 1 unless B differs by allowed changes only

A stream is JSON lines: the plan, then events in order of `at`, in ms (*every*: seconds by check), of three kinds:
    {"at", "read": [check, at_ms, took_ms, verdict, reason]}, {"at", "blind", "good_ms"}, {"at", "until", "kill", "every"}
"""  # noqa: E501 - one line for the three kinds of events

from __future__ import annotations

import asyncio
import heapq
import json
import random
import sys
from bisect import bisect_right
from collections import Counter as Tally
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from tests.fakes import UTC, Counter, FakeClock, MemoryStore, SilentDesk, observation, settings
from watch.core.book import Edge
from watch.core.confirm import Belief, Confirmation, observed
from watch.core.delivery import Delivery
from watch.core.figures import figure
from watch.core.localtime import Month
from watch.core.reading import Reason, Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.hub.hub import Hub
from watch.hub.replay import book_now, ledger_end

MONTH, STORE, MINUTE, HOUR, TIMEOUT_MS = Month(2025, 11), Path("x"), 60_000, 3_600_000, 10_000
START_MS, END_MS = MONTH.bounds_ms(UTC)
TALLY = ("scope_ms", "excluded_ms", "up_ms", "degraded_ms", "down_ms", "unknown_ms")
BOUNDS = ("down_min_ms", "down_max_ms")


def plan_of():
    """Fifty components of 78 checks: one check, all of two, one of two, two of three; six contain two others."""
    shapes = [(1, None)] * 30 + [(2, None)] * 4 + [(2, 1)] * 8 + [(3, 2)] * 8
    parts = {f"c{n:02}": [f"c{n:02}/k{i}" for i in range(size)] for n, (size, _) in enumerate(shapes)}
    needs = {f"c{n:02}": k for n, (_, k) in enumerate(shapes) if k} | {"c01": 2, "c03": 2, "c05": 2}
    parts |= {f"c{n:02}": [f"c{n:02}/k0", f"c{34 + n}", f"c{42 + n}"] for n in range(6)}
    checks = [m for members in parts.values() for m in members if "/" in m]
    return {"components": parts, "needs": needs, "checks": checks}


class Target:
    """One check: how its target fares, for seconds to hours, and what the vantage point makes of it."""

    def __init__(self, name, chance):
        self.name, self.chance, self.every, self.belief, self.spells = name, chance, 300_000, Belief(), []
        at = START_MS
        while (at := at + int(chance.expovariate(1 / (70 * HOUR)))) < END_MS:
            length = chance.choice((20_000, 90_000, 10 * MINUTE, HOUR, 5 * HOUR)) * chance.uniform(0.5, 1.5)
            for kind in chance.choice(("down", "down", "degraded", "degraded down", "down degraded")).split():
                self.spells.append((at, at := at + int(length), kind))

    def fares(self, at):
        """What a probe sees at one instant: the truth, but for a blip."""
        verdict = next((kind for lo, hi, kind in self.spells if lo <= at < hi), "up")
        if self.chance.random() < (0.001 if verdict == "up" else 0.03):
            return self.chance.choice(("down", "degraded") if verdict == "up" else ("up", "degraded"))
        return verdict


class Recording:
    """A month as one vantage point lived it: it asks at a pace, and again soon until a change is confirmed."""

    def __init__(self, seed):
        self.chance = chance = random.Random(seed)
        self.plan, self.events, names = plan_of(), [], plan_of()["checks"]
        self.targets = {name: Target(name, chance) for name in names}
        self.aways, self.blinds = [], []  # (at, until, kill), (last good round, failed, told, sees)
        for n, seconds in enumerate((5, 20, 90, 300, 600, 700, 740, 800, 1200, 3600, 7200, 10_800)):
            at = START_MS + int((n + chance.uniform(0.2, 0.8)) * (END_MS - START_MS) / 12)
            self.aways.append((at, at + seconds * 1000, chance.random() < 0.5))
        for seconds in (30, 30, 90, 90, 900, 900, 7200, 7200):
            self.blinded(chance.randrange(START_MS, END_MS - 3 * HOUR), seconds)
        for n, later in ((2, 230_000), (3, -4 * MINUTE), (8, -10 * MINUTE)):  # around a restart of the hub
            self.blinded(self.aways[n][0] + later, 1_000)
        self.soon = 4  # times that blindness begins just after a recovery
        self.busy = [(chance.randrange(START_MS, END_MS), why) for why in 5 * ["internal", "overloaded"]]
        self.news = {n: {m: chance.choice((120, 900)) for m in chance.sample(names, 8)} for n in (4, 6, 9)}

    def blinded(self, failed, seconds, good=None):
        self.blinds.append((good or failed - 9_000, failed, failed + 4_000, failed + seconds * 1000))

    def tell(self, at, **event):
        self.events.append((at, len(self.events), {"at": at, **event}))

    def lived(self):
        """The plan, then all events in order."""
        queue, starts = [(START_MS + 2_000 + i * 3_700, name) for i, name in enumerate(self.targets)], 0
        while queue[0][0] < END_MS - 20_000:
            if starts < len(self.aways) and queue[0][0] >= self.aways[starts][0]:
                queue = self.restarted(starts, *self.aways[starts])
                starts += 1
            at, name = heapq.heappop(queue)
            heapq.heappush(queue, (self.asked(self.targets[name], at), name))
        rounds = [event["good_ms"] for *_, event in self.events if event.get("blind") is False]
        for good, failed, told, sees in self.blinds:
            good_ms = max([good, *(ms for ms in rounds if ms < failed)])
            for at, blind in ((told, True), (told + 15_000, True), (sees + 40, False)):
                if (at < sees or not blind) and not any(a <= at < u + 2_000 for a, u, _ in self.aways):
                    self.tell(at, blind=blind, good_ms=good_ms if blind else sees)
        self.events.sort(key=lambda event: event[:2])
        return [self.plan, *(event for at, _, event in self.events if self.heard(at, event))]

    def heard(self, at, event):
        """Whether the hub was there; a reading that was made blindly is marked on the way."""
        began = event["read"][1] if "read" in event else at
        if any((told <= at and began < sees) or sees <= at < sees + 40 for _, _, told, sees in self.blinds):
            event.get("read", [])[3:] = ["unknown", "blind"]
        return "until" in event or not any(began < u and a <= at for a, u, _ in self.aways)

    def restarted(self, n, at, until, kill):
        """The queue after a start: a round of canaries at once, the first readings spread over a pace."""
        every, blind, queue = self.news.get(n, {}), False, []
        self.tell(at, until=until, kill=kill, every=every)
        for i, (good, failed, told, sees) in enumerate(self.blinds):
            if failed <= until + 500 < sees:
                blind, self.blinds[i] = True, (good, failed, min(told, until + 1_500), sees)
        self.tell(until + 1_500, blind=blind, good_ms=until + 50 * (not blind))
        for target in self.targets.values():
            target.every = every.get(target.name, target.every // 1000) * 1000
            target.belief = self.chance.choice((Belief(), target.belief))
            heapq.heappush(queue, (until + 2_000 + self.chance.randrange(target.every), target.name))
        return queue

    def asked(self, target, at):
        """Ask once; when to ask next."""
        chance, cut = self.chance, any(failed <= at < sees for _, failed, _, sees in self.blinds)
        verdict, bad = target.fares(at), chance.choice(("timeout", "refused"))
        verdict, bad = ("down", "unreachable") if cut else (verdict, bad)
        reason = {"up": "ok", "degraded": "slow"}.get(verdict, bad)
        took = TIMEOUT_MS if reason == "timeout" else chance.randrange(2, 90)
        for lo, ours in self.busy:
            if lo <= at < lo + HOUR and chance.random() < 0.9:
                verdict, reason = "unknown", ours
        if any(told <= at < sees for _, _, told, sees in self.blinds):
            verdict, reason, target.belief = "unknown", "blind", Belief()
        if verdict == "down" and target.belief.degraded_run:  # what may confirm it asks the canaries
            near = any(-20_000 < at - moment[-3] < 1_000 for moment in self.blinds + self.aways)
            late = not near and chance.random() < 0.5
            verdict, reason = ("unknown", "blind") if cut else (verdict, reason)
            if not cut:
                self.tell(at + (took + 30) * late, blind=False, good_ms=at + (took + 5) * late)
        self.tell(at + took, read=[target.name, at, took, verdict, reason])
        was, terms = target.belief.state.value, Confirmation(3, 2, target.every * 5 // 2 + TIMEOUT_MS)
        seen = {"verdict": Verdict(verdict), "reason": Reason(reason), "at_ms": at, "took_ms": took}
        target.belief, _ = observed(target.belief, terms, **seen)
        if self.soon and was == "down" and target.belief.state.value == "up" and chance.random() < 0.1:
            self.soon -= 1
            self.blinded(at + took + 1_000, 600, target.belief.since_ms - chance.randrange(1, 4_000))
        return at + target.every if target.belief.settled else max(at + 5_000, at + took)


class Life:  # the hub of this tree, start after start, over one store
    def __init__(self, plan):
        self.plan, self.every, self.store, self.clock = plan, {}, MemoryStore(), FakeClock(START_MS)
        self.start()

    def start(self):
        self.epoch, self.sent, self.swept, self.rested = self.clock.ms, 0, self.clock.ms, self.clock.ms
        times = {m: timedelta(seconds=self.every.get(m, 300)) for m in self.plan["checks"]}
        two, ten = tuple(Canary(name=n, probe=object) for n in "ab"), timedelta(milliseconds=TIMEOUT_MS)
        plan = settings(
            self.plan["components"], needs=self.plan["needs"],
            checks={name: {"every": every, "timeout": ten} for name, every in times.items()},
            vantages={"local": Vantage(name="local", site="here", canaries=two)},
        )  # fmt: skip
        book, end = book_now(self.store, STORE, 0), ledger_end(self.store)
        self.hub = Hub(plan, self.store, book, end, SilentDesk(), Counter(), self.clock, lambda: None)
        self.hub.intake._summaries.write_slice = lambda *_: None  # noqa: SLF001 - `rest` writes, at known times

    async def keep(self):
        (batch := self.hub.recorder.take()).observations.clear()  # nobody asks for them
        await self.store.commit(batch)

    async def pass_until(self, at):
        """Sweep each minute, and write what is believed every five."""
        while self.swept // 1000 < at // 1000:
            self.swept = self.clock.ms = min(self.swept + MINUTE, at // 1000 * 1000)
            while not self.hub.intake.sweep(self.clock.ms):
                pass
            if self.swept - self.rested >= 5 * MINUTE:
                self.rested, _ = self.swept, self.hub.intake.rest()
            await self.keep()
        self.clock.ms = at

    async def hear(self, event):
        await self.pass_until(event["at"])
        if "until" in event:
            self.hub.intake.rest() if not event["kill"] else None
            await self.keep()
            self.store.kept_latest, self.clock.ms = self.hub.intake.latest, event["until"]
            self.every |= event["every"]
            self.start()
        else:
            if "blind" in event:
                found = Sight("local", event["blind"], event["good_ms"], () if event["blind"] else ("a", "b"))
            else:
                name, at_ms, took, verdict, reason = event["read"]
                found = observation(name, at_ms, Verdict(verdict), took_ms=took, reason=Reason(reason))
            self.sent += 1
            brought = Delivery(vantage="local", epoch=self.epoch, first=self.sent, findings=(found,))
            assert not self.hub._received(brought).refused, event  # noqa: SLF001 - `take` would wait for the disk


async def figures_of(plan, *events):
    """What the ledger comes to in the end, read from what is on disk."""
    life = Life(plan)
    for event in events:
        await life.hear(event)
    await life.pass_until(END_MS)
    told, book, figures = [e for e in events if "read" not in e], book_now(life.store, STORE, 0), {}
    for key in book.components:
        f = figure(book, key, MONTH, END_MS)
        figures[key] = {n: getattr(f.account, n) for n in TALLY} | {n: getattr(f, n) for n in BOUNDS}
    return {
        "plan": plan, "told": told, "ledger": Tally(entry.kind for entry in life.store.entries()), "figures": figures,
        "checks": {name: drawn(book.check_timeline, name) for name in book.checks},
        "components": {key: drawn(book.component_timeline, key) for key in book.components},
    }  # fmt: skip


def drawn(timeline, name):
    found = {edge.value: timeline(name, edge, START_MS, END_MS) for edge in Edge}
    return {e: [[a, b, s.value] for a, b, s in items if s.value != "unknown"] for e, items in found.items()}


def at_once(*timelines):
    """The stretches in which no timeline changes, each with its states in order."""
    edges, columns = sorted({ms for items in timelines for item in items for ms in item[:2]}), []
    for items in timelines:
        last = [items[i - 1] if (i := bisect_right(items, [ms + 1])) else (0, 0, "") for ms in edges]
        columns.append([s if ms < hi else "unknown" for ms, (_, hi, s) in zip(edges, last, strict=True)][:-1])
    return zip(pairwise(edges), *columns, strict=True)


def allowed(told, name, span, was, state):
    """By which change the newer tree may see check *name* in another *state* in *span*; None if by none."""
    (lo, hi), reach = span, 900_000 * 5 // 2 + TIMEOUT_MS
    if state == "unknown" and any(e["good_ms"] <= lo and hi <= e["at"] for e in told if e.get("blind")):
        return "b: blindness begins at the last good round"
    news = [event for event in told if name in event.get("every", ())]
    if "unknown" in (was, state) and any(e["at"] - reach <= lo and hi <= e["until"] + reach for e in news):
        return "c: a state holds by the terms of its last reading"
    return None


def differences(a, b):
    """(subject, edge, span, state by A, state by B, why it may be so)."""
    for kind in ("checks", "components"):
        for name, edge in [(name, edge) for name, edges in a[kind].items() for edge in edges]:
            members = a["plan"]["components"].get(name, ())
            parts = [d["checks" if "/" in m else "components"][m][edge] for d in (a, b) for m in members]
            for span, was, state, *now in at_once(a[kind][name][edge], b[kind][name][edge], *parts):
                before, after = now[: len(members)], now[len(members) :]
                why = allowed(b["told"], name, span, was, state) if kind == "checks" else None
                if before != after:
                    why = "of a member"
                elif (was, state) == ("degraded", "up") and set(after) == {"up", "unknown"}:
                    why = "a: who is unknown takes nothing from what works"
                if was != state:
                    yield name, edge, span, was, state, why


def compared(a, b):
    """Print what differs; whether all of it may."""
    found, mine, theirs = list(differences(a, b)), a["figures"], b["figures"]
    for (kind, edge, why), n in sorted(Tally(("/" in f[0], f[1], str(f[5])) for f in found).items()):
        print(f"{n:6} stretches of {'checks' if kind else 'components'}, {edge:5}  {why}")
    other = [(key, f) for key in mine for f in mine[key] if mine[key][f] != theirs[key][f]]
    print(f"{len(other)} of {sum(map(len, mine.values()))} figures differ")
    print(f"ledger: {a['ledger']} and {b['ledger']}")
    moved = {name for name, *_ in found}
    wrong = [f for f in found if f[5] is None] + [f for f in other if f[0] not in moved]
    print(*(f"NOT ALLOWED {difference}" for difference in wrong[:40]), sep="\n")
    return not wrong


def main(verb="", file="", other="7"):
    if verb == "record":
        Path(file).write_text("".join(json.dumps(e) + "\n" for e in Recording(int(other)).lived()), "utf-8")
    elif verb == "figures":
        lines = map(json.loads, Path(file).read_text("utf-8").splitlines())
        Path(other).write_text(json.dumps(asyncio.run(figures_of(*lines))), "utf-8")
    elif verb == "compare":
        return 0 if compared(*(json.loads(Path(one).read_text("utf-8")) for one in (file, other))) else 1
    return 0 if verb in ("record", "figures") else __doc__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
