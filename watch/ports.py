"""The protocols for everything outside the core: probes, clock, stores, uplink, alert desk, metrics."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.background import Background
    from watch.core.confirm import Belief
    from watch.core.darkness import Gap
    from watch.core.days import DayRow, MonthKey
    from watch.core.delivery import Delivery, Receipt
    from watch.core.happening import Happening
    from watch.core.ledger import Entry
    from watch.core.merkle import Tile
    from watch.core.reading import Observation, Reading
    from watch.core.recorded_override import RecordedOverride
    from watch.core.settings import Settings
    from watch.core.silence import Silence
    from watch.core.sketch import Sketch
    from watch.core.standing import OwnTrouble, Standing
    from watch.core.trend import QuarterHour, QuarterHours


class Probe(Protocol):
    """A question to a target.

    A probe is a frozen dataclass: its fields are its options in checks.yaml. It has no retries, no
    timeout and no state between runs: the vantage point does the first two, the core the third.
    """

    async def run(self, *, now: datetime) -> Reading:
        """Ask once and return the reading; raise `ProbeFailure` for a fault of the target, `OurFault` for ours.

        A probe that got an answer returns *up* and its facts; expectations then decide the verdict.
        """

    def peer(self) -> str:
        """The host that it asks; empty when it asks no other machine."""


class Clock(Protocol):
    """The only source of time, and the only way to wait. Tests use a virtual one."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* on the monotonic clock."""


class Uplink(Protocol):
    """The way of a vantage point's findings to the hub: in the same process, or over the network."""

    async def take(self, said: Delivery) -> Receipt:
        """Deliver findings; the receipt comes when they are on disk."""


@dataclass(slots=True)
class Batch:
    """What is written in one transaction, completely or not at all.

    Args:
        evidence: Readings kept permanently, each with the seq of the ledger entry that it proves.
        checkpoints: Canonical rows by the seq of the checkpoint's entry.
        days: Past local days, as `watch.core.days.month_body` by zone, component and month; they replace stored ones.
        void_days: Components, each with the first month whose days are no longer valid.
        darks: Dark stretches by the seq of their entry: their end, or None; `CLOSED` once an entry has all gaps.
        gaps: By (seq of the dark stretch's entry, check); None removes.
        lanes: By (vantage point, lane), the epoch and number of the last finding accepted.
        beliefs: By (check, vantage point); they replace stored ones; None removes.
        canaries: By (vantage point, canary), when it was first known to be good.
        sights: By vantage point, when its last good canary round began.
        sketches, quarters: By (check, vantage point, hour), or with a fact by the quarter; added to what was kept.
        renames: Checks that have another name: former → new. What is stored under a former name is kept.
        alerts, notices, heard: Rows by id, or by (alert, recipient); they replace stored ones; None removes.
        silences: Rows by id; they replace stored ones.
        overrides: Overrides of on-call rotations made by command, by id; they replace stored ones.
        happenings: What happened and is in no other table.
        anew_ms: When a new clock epoch begins: sights, quarters and days that lie ahead of it are dropped.
    """

    observations: list[Observation] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    evidence: list[tuple[int, Observation]] = field(default_factory=list)
    checkpoints: dict[int, Sequence[str]] = field(default_factory=dict)
    days: dict[MonthKey, str] = field(default_factory=dict)
    void_days: list[tuple[str, str]] = field(default_factory=list)
    darks: dict[int, int | None] = field(default_factory=dict)
    gaps: dict[tuple[int, str], Gap | None] = field(default_factory=dict)
    lanes: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    beliefs: dict[tuple[str, str], Belief | None] = field(default_factory=dict)
    canaries: dict[tuple[str, str], int] = field(default_factory=dict)
    sights: dict[str, int] = field(default_factory=dict)
    sketches: dict[tuple[str, str, int], Sketch] = field(default_factory=dict)
    quarters: dict[tuple[str, str, str, int], QuarterHour] = field(default_factory=dict)
    renames: dict[str, str] = field(default_factory=dict)
    alerts: dict[int, Alert] = field(default_factory=dict)
    notices: dict[int, Notice] = field(default_factory=dict)
    heard: dict[tuple[int, str], Heard | None] = field(default_factory=dict)
    silences: dict[int, Silence] = field(default_factory=dict)
    overrides: dict[int, RecordedOverride] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    anew_ms: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def rename(self, names: Mapping[str, str]) -> None:
        """Know checks by other names: former → new, all at once."""
        self.observations = [
            o._replace(check=names[o.check]) if o.check in names else o for o in self.observations
        ]
        self.sketches = {(names.get(key[0], key[0]), *key[1:]): one for key, one in self.sketches.items()}
        self.quarters = {(names.get(key[0], key[0]), *key[1:]): one for key, one in self.quarters.items()}
        before = self.renames
        twice = {old: names.get(new, new) for old, new in before.items()}
        self.renames = twice | {old: new for old, new in names.items() if old not in before.values()}


CLOSED = -1  # in `Batch.darks`: remove the row of the stretch


class Reads(Protocol):
    """The queries of a store. Several processes may read while one hub writes."""

    def entries(self, after: int = 0, before: int = 2**62) -> Iterator[Entry]:
        """The ledger entries with *after* < seq < *before*, in order."""

    def entries_within(self, lo_ms: int, hi_ms: int) -> Iterator[Entry]:
        """The entries effective in [lo_ms, hi_ms), in order of seq; without proof and hashes."""

    def last_entries(self, lo_ms: int, whole_ms: int) -> Iterator[Entry]:
        """The entries effective from lo_ms on; of the transitions before whole_ms only the two last of each timeline.

        In order of seq; without proof and hashes. A timeline is that of a check as one vantage point sees it.
        """

    def late_entries(self, after: int) -> Iterator[Entry]:
        """The late entries with seq > *after*."""

    def entry(self, seq: int) -> Entry | None:
        """The entry *seq*; None when there is none."""

    def last_entry(self) -> Entry | None:
        """The last entry of the ledger; None when it is empty."""

    def checkpoint(self, at_ms: int) -> Entry | None:
        """The newest checkpoint effective at *at_ms* or earlier."""

    def checkpoint_rows(self, seq: int) -> Iterator[str]:
        """The canonical rows of the checkpoint with entry *seq*."""

    def tiles(self) -> Sequence[Tile]:
        """The stored roots of subtrees of the tree over the ledger, smallest subtrees first, in order."""

    def evidence(self, seq: int) -> Sequence[Observation]:
        """The readings that prove entry *seq*, in the order in which its `proof` hashes them."""

    def all_evidence(self) -> Iterator[tuple[Any, ...]]:
        """All evidence in order of entries: the entry's seq, then the columns that its `proof` hashes."""

    def checkpoints(self) -> Sequence[Entry]:
        """The checkpoints' entries in order of their instants."""

    def months(self) -> Sequence[tuple[str, str]]:
        """The (zone, month) pairs with stored days, in order."""

    def days(self, zone: str, from_month: str, to_month: str) -> Iterator[DayRow]:
        """The stored days of those months, both included, by component and date."""

    def darks(self) -> tuple[Mapping[int, int | None], Mapping[int, Mapping[str, Gap]]]:
        """The dark stretches that no entry closes yet (see `Batch`), and their gaps."""

    def lanes(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """By (vantage point, lane), the epoch and number of the last finding accepted."""

    def beliefs(self) -> Mapping[tuple[str, str], Belief]:
        """The last beliefs by (check, vantage point), each with the time of the newest reading."""

    def last_sign_ms(self) -> int:
        """The latest time on record: of the last entry, of what is believed, and of the reading written last."""

    def latest(self) -> Mapping[tuple[str, str], Observation]:
        """The newest stored observation by (check, vantage point), within the hour before the newest of all."""

    def alerts(self) -> tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]:
        """Alerts that are open or recent, with their notices and what each recipient heard."""

    def silences(self) -> Sequence[Silence]:
        """The silences on record, oldest first."""

    def commands(self, lo_ms: int, hi_ms: int) -> Iterator[Entry]:
        """The commands that people gave in [lo_ms, hi_ms), in order."""

    def overrides(self) -> Sequence[RecordedOverride]:
        """The overrides of on-call rotations that were made by command, oldest first."""

    def happenings(self, after: int) -> Iterator[tuple[int, Happening]]:
        """What happened with a number > *after*, each with its number, in order."""

    def lasting(self) -> Sequence[Happening]:
        """What began and is not over, as far as the happenings on record say."""

    def place_at(self, at_ms: int) -> tuple[int, int]:
        """The last entry and the last happening that were recorded before *at_ms*; 0 for none."""

    def place_now(self) -> tuple[int, int]:
        """The last entry and the last happening of all."""

    def canaries(self, vantage: str) -> frozenset[str]:
        """The canaries of *vantage* that were ever good."""

    def sights(self) -> Mapping[str, int]:
        """When the last good canary round of each vantage point began."""

    def trends(self, vantage: str, since_ms: int) -> Mapping[str, Mapping[str, QuarterHours]]:
        """The trends that *vantage* recorded since *since_ms*: check → fact → its quarter hours."""

    def sketch(self, check: str, from_ms: int, to_ms: int) -> Sketch:
        """The latency of *check* over all vantage points and the hours that overlap [from_ms, to_ms)."""

    def latencies(self, check: str, from_ms: int, to_ms: int) -> Mapping[str, tuple[int, Sketch]]:
        """The same by vantage point, each with the number of hours that have readings."""


class Store(Protocol):
    """The store, as the hub that holds it uses it."""

    @property
    def reads(self) -> Reads:
        """Its queries."""

    async def commit(self, batch: Batch) -> None:
        """Return once *batch* is on disk, or queued in memory while the disk accepts no writes (`trouble` says why).

        Raises `StoreError` when the store can no longer be trusted: the process must restart from the disk.
        """

    async def forget(self, before_ms: int, ahead_ms: int = 2**62) -> int:
        """Drop observations older than *before_ms* or later than *ahead_ms*, and old trends; how many observations."""

    async def forget_sketches(self, before_ms: int) -> int:
        """Drop hourly latency sketches of hours that began before *before_ms*; return how many were dropped."""

    async def close(self) -> None:
        """Finish pending writes and release the store."""


class Desk(Protocol):
    """The alert desk, as the hub uses it."""

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""

    def rename(self, parts: Mapping[str, str]) -> None:
        """Know components by other keys: former → new."""

    def step(
        self, batch: Batch, now_ms: int, standings: Mapping[str, Standing], troubles: Sequence[OwnTrouble],
        quiet: Mapping[str, int], unasked: Callable[[str], bool] = ...,
    ) -> None:  # fmt: skip
        """Add to *batch* the alerts and notices that are due now."""

    def committed(self) -> None:
        """All notices that `step` has added so far are on disk and may be sent."""


class Insight(Protocol):
    """What the hub knows of the trouble of an alert, as letters ask for it: from memory, for one alert a letter."""

    def of(self, alert: Alert) -> Background:
        """What was asked, why it is believed, and what changed before; *alert* is open."""

    def down_ms(self, subject: str, from_ms: int, to_ms: int) -> int | None:
        """How long component *subject* was down in that time by the ledger; None when it is not known."""


class Meter(Protocol):
    """The metrics of the hub itself."""

    def observed(self, verdict: str, reason: str) -> None: ...
    def lag(self, seconds: float) -> None: ...
    def schedule_lag(self, seconds: float) -> None: ...
    def late(self, vantage: str, checks: int) -> None: ...
