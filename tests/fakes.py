"""Stand-ins behind ports, for tests in which no real one would add anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.core.days import rows_of_month
from watch.core.expect import Judge
from watch.core.happening import BEGUN, OVER
from watch.core.ledger import Kind
from watch.core.reading import Observation, Reason, Verdict
from watch.core.settings import Check, Component, PageSettings, Service, Settings, Vantage
from watch.core.sketch import Sketch
from watch.ports import CLOSED
from watch.rehearsal.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.ports import Batch

UTC = ZoneInfo("UTC")
START_MS = 1_764_000_000_000  # 2025-11-24 16:00 UTC, a Monday


class FakeClock(VirtualClock):
    """A clock that goes where it is told."""

    def __init__(self, now_ms: int = START_MS) -> None:
        super().__init__(now_ms)


@dataclass
class MemoryStore:
    """Keeps every batch; hands out what it was given to begin with."""

    batches: list[Batch] = field(default_factory=list)
    kept_beliefs: dict = field(default_factory=dict)
    kept_latest: dict = field(default_factory=dict)
    kept_darks: dict = field(default_factory=dict)
    kept_gaps: dict = field(default_factory=dict)
    kept_lanes: dict = field(default_factory=dict)
    kept_rows: dict = field(default_factory=dict)
    kept_days: dict = field(default_factory=dict)

    @property
    def reads(self):
        return self

    async def commit(self, batch: Batch) -> None:
        self.batches.append(batch)
        for kept, news, gone in (
            (self.kept_beliefs, batch.beliefs, None),
            (self.kept_gaps, batch.gaps, None),
            (self.kept_darks, batch.darks, CLOSED),
        ):
            kept.update(news)
            for key in [
                k for k, v in kept.items() if v == gone and not (gone is None and kept is self.kept_darks)
            ]:
                del kept[key]
        closed = {seq for seq, until_ms in batch.darks.items() if until_ms == CLOSED}
        self.kept_gaps = {key: gap for key, gap in self.kept_gaps.items() if key[0] not in closed}
        self.kept_lanes |= batch.lanes
        self.kept_rows |= batch.checkpoints
        for component, since in batch.void_days:
            for key in [k for k in self.kept_days if k[1] == component and k[2] >= since]:
                del self.kept_days[key]
        self.kept_days |= batch.days

    def beliefs(self):
        found = dict(self.kept_beliefs)
        for (
            key,
            newest,
        ) in self.kept_latest.items():  # as the real one: readings that changed nothing moved only this
            belief = found.get(key)
            if belief is not None and belief.last_ms is not None and newest.verdict != "unknown":
                found[key] = belief._replace(last_ms=max(belief.last_ms, newest.at_ms))
        return found

    def latest(self):
        return dict(self.kept_latest)

    def last_sign_ms(self):
        last = self.last_entry()
        beliefs = [max(b.since_ms, b.last_ms or 0) for b in self.beliefs().values()]
        return max([0 if last is None else last.recorded_ms, *beliefs])

    def darks(self):
        gaps: dict[int, dict] = {}
        for (seq, name), gap in self.kept_gaps.items():
            gaps.setdefault(seq, {})[name] = gap
        return dict(self.kept_darks), gaps

    def lanes(self):
        return dict(self.kept_lanes)

    def entries(self, after: int = 0, before: int = 2**62):
        return iter([e for b in self.batches for e in b.entries if after < e.seq < before])

    def entries_within(self, lo_ms: int, hi_ms: int):
        return iter([e for e in self.entries() if lo_ms <= e.effective_ms < hi_ms])

    def last_entries(self, lo_ms: int, whole_ms: int):
        found, timelines = list(self.entries_within(lo_ms, 2**62)), {}
        for e in found:
            if e.kind == Kind.TRANSITION and e.effective_ms < whole_ms:
                timelines.setdefault((e.subject, e.vantage), []).append(e.seq)
        dropped = {seq for seqs in timelines.values() for seq in seqs[:-2]}
        return iter([e for e in found if e.seq not in dropped])

    def late_entries(self, after: int):
        return iter([e for e in self.entries(after) if e.late])

    def entry(self, seq: int):
        return next((e for e in self.entries() if e.seq == seq), None)

    def last_entry(self):
        return max(self.entries(), key=lambda e: e.seq, default=None)

    def checkpoint(self, at_ms: int):
        found = [e for e in self.entries() if e.kind == "checkpoint" and e.effective_ms <= at_ms]
        return max(found, key=lambda e: e.effective_ms, default=None)

    def checkpoints(self):
        found = [e for e in self.entries() if e.kind == "checkpoint"]
        return sorted(found, key=lambda e: (e.effective_ms, e.seq))

    def checkpoint_rows(self, seq: int):
        return iter(self.kept_rows[seq])

    def days(self, zone: str, from_month: str, to_month: str):
        for (of, component, month), body in sorted(self.kept_days.items()):
            if of == zone and from_month <= month <= to_month:
                yield from rows_of_month(zone, component, month, body)

    def tiles(self):
        return [tile for b in self.batches for tile in b.tiles]

    def alerts(self):
        return (), (), ()

    def overrides(self):
        return list({k: it for b in self.batches for k, it in b.overrides.items()}.values())

    def silences(self):
        return list({k: it for b in self.batches for k, it in b.silences.items()}.values())

    def happenings(self, after: int):
        found = enumerate((h for b in self.batches for h in b.happenings), 1)
        return iter([(number, happening) for number, happening in found if number > after])

    def lasting(self):
        newest = {(h.sort, h.key): h for _, h in self.happenings(0) if h.word in (BEGUN, OVER)}
        return [happening for happening in newest.values() if happening.word == BEGUN]

    def canaries(self, vantage):
        return frozenset(name for b in self.batches for v, name in b.canaries if v == vantage)

    def sights(self):
        return {v: ms for b in self.batches for v, ms in b.sights.items()}

    def trends(self, vantage, since_ms):
        return {}

    def sketch(self, check, from_ms, to_ms):
        return Sketch()


class Counter:
    """A meter that counts verdicts."""

    def __init__(self) -> None:
        self.verdicts: list[tuple[str, str]] = []

    def observed(self, verdict: str, reason: str) -> None:
        self.verdicts.append((verdict, reason))

    def lag(self, seconds: float) -> None:
        pass

    schedule_lag = lag

    def late(self, vantage: str, checks: int) -> None:
        pass


class SilentDesk:
    """An alert desk with nobody to tell."""

    def __init__(self) -> None:
        self.troubles: Sequence = ()
        self.quiet: dict[str, int] = {}

    def plan(self, settings) -> None:
        pass

    def rename(self, parts) -> None:
        pass

    def step(self, batch, now_ms, standings, troubles, quiet, unasked=None) -> None:
        self.troubles, self.quiet, self.unasked = troubles, quiet, unasked

    def committed(self) -> None:
        pass


def check(name: str, **more) -> Check:
    component = name.split("/", maxsplit=1)[0]
    plain = {
        "probe": object,
        "judge": Judge((), ()),
        "every": timedelta(seconds=10),
        "timeout": timedelta(seconds=5),
    }
    return Check(name=name, component=component, kind="fake", **(plain | more))


def settings(components: dict[str, list[str]], *, checks: dict[str, dict] | None = None, **more) -> Settings:
    """Settings with *components* (key → members; ``a/b`` is a check); *checks* gives checks options of their own."""
    needs = more.pop("needs", {})
    parts = {
        key: Component(key=key, name=key.title(), members=tuple(members), needs=needs.get(key), site="here")
        for key, members in components.items()
    }
    all_checks = {
        m: check(m, **(checks or {}).get(m, {}))
        for members in components.values()
        for m in members
        if "/" in m
    }
    plain = {
        "service": Service(name="Acme", url=None, timezone=UTC, target=Fraction(999, 1000), site="here"),
        "vantages": {"local": Vantage(name="local", site="here")},
        "components": parts,
        "checks": all_checks,
        "windows": {},
        "people": {},
        "catch_all": (),
        "escalations": {},
        "alerts": (),
        "page": PageSettings(title="Acme"),
        "store": Path("unused.db"),
    }
    return Settings(**(plain | more))


def observation(
    name: str, at_ms: int, verdict: Verdict = Verdict.UP, *, took_ms: int = 20, vantage: str = "local", **more
) -> Observation:
    reason = Reason.OK if verdict is Verdict.UP else Reason.TIMEOUT
    plain = {
        "detail": "" if verdict is Verdict.UP else "no answer",
        "latency": took_ms / 1000,
        "facts": {},
        "phases": {},
    }
    return Observation(
        name, vantage, at_ms, took_ms, 0, verdict, more.pop("reason", reason), **(plain | more)
    )
