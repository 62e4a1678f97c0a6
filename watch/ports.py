"""What the core's users need of the outside world, said in our own words.

The tree of errors, each of which is a sentence for a person and none of which is a bug:

    Trouble                       the root; its text is what the user reads
    ├── ConfigError               checks.yaml is wrong: all mistakes, with their places
    ├── StoreError                the database cannot be opened, read or written
    │   ├── StoreHeld             another hub holds it (exit 3)
    │   └── StoreCorrupt          it is damaged: nothing was changed, and here is the way back
    └── ListenError               an address cannot be bound
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.confirm import Belief
    from watch.core.darkness import Gap
    from watch.core.days import DayRow, MonthKey
    from watch.core.delivery import Delivery, Receipt
    from watch.core.ledger import Entry
    from watch.core.merkle import Tile
    from watch.core.reading import Observation, Reading
    from watch.core.settings import Settings
    from watch.core.sketch import Sketch
    from watch.core.standing import OwnTrouble, Standing
    from watch.core.trend import QuarterHour, QuarterHours


class Trouble(Exception):  # noqa: N818 - the users' word for it
    """Something the user can put right. The text says what, where and how; `exit_code` is the command's."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """One thing to say about one place in checks.yaml: a mistake or a warning.

    Args:
        line: Counted from 1, as is *column*; 0 when it is about the file as a whole.
        excerpt: The line as it may be shown: secrets masked, cut to the neighbourhood of the place.
        pointer: What stands under the excerpt: blanks and a caret.
        cure: What to write instead; empty when the message says it all.
    """

    file: str
    line: int
    column: int
    message: str
    excerpt: str = ""
    pointer: str = ""
    cure: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        shown = [f"    {self.excerpt}", f"    {self.pointer}"] if self.excerpt else []
        cure = [f"    {self.cure}"] if self.cure else []
        return "\n".join([f"{place}: {self.message}", *shown, *cure])


class ConfigError(Trouble):
    """checks.yaml cannot be used: *mistakes* are all the reasons, in the file's order; the text is all of them."""

    def __init__(self, text: str, mistakes: tuple[Remark, ...] = ()) -> None:
        super().__init__(text)
        self.mistakes = mistakes


class StoreError(Trouble):
    """The database cannot be opened, read or written."""


class StoreHeld(StoreError):  # noqa: N818 - as `Trouble`
    """Another hub holds the store."""

    exit_code = 3


class StoreCorrupt(StoreError):  # noqa: N818 - as `Trouble`
    """The database is damaged."""


class ListenError(Trouble):
    """An address cannot be bound."""


class Probe(Protocol):
    """Asks one target one question, once.

    A probe is a frozen dataclass: its fields are its options in checks.yaml. It neither retries, nor times itself
    out, nor keeps state between runs: the prober does the first two, the core does the third.
    """

    async def run(self, *, now: datetime) -> Reading:
        """Return what was found; raise `ProbeFailure` for the target's fault, `OurFault` for ours.

        A probe that could ask returns *up* and its facts: whether they are good enough is for the
        expectations to say.
        """

    def peer(self) -> str:
        """The host that it loads; empty when it asks no other machine."""


class Clock(Protocol):
    """The only way to learn the time or to wait. Tests pass one that jumps."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* on the monotonic clock."""


class Uplink(Protocol):
    """Where a vantage point's findings go: into the hub beside it, or over the network."""

    async def take(self, said: Delivery) -> Receipt:
        """Take findings over; the receipt comes when they are on disk."""


@dataclass(slots=True)
class Batch:
    """What must be on disk together, or not at all: one transaction.

    Args:
        evidence: Readings kept for ever, each with the seq of the ledger entry it proves.
        checkpoints: Canonical rows by the seq of the checkpoint's entry.
        days: Local days that are over, as `watch.core.days.month_body` by zone, component and month; they replace.
        void_days: Components with the first month whose days are no longer right.
        darks: Dark stretches by the seq of their entry: when sight came back, or None; `CLOSED` once an entry says all.
        gaps: By (seq of the dark stretch's entry, check); None where there is none any more.
        lanes: By (vantage point, lane), the epoch and number of the last finding accepted.
        beliefs: By (check, vantage point); they replace what was kept; None removes.
        canaries: By (vantage point, canary), when it was first known to be good.
        sights: By vantage point, when its last good canary round began.
        sketches: By (check, vantage point, hour in ms); they are added to what was kept.
        quarters: By (check, vantage point, fact, quarter of an hour in ms); they are added, too.
        alerts, notices, heard: Rows by id, or by (alert, recipient); they replace what was kept.
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
    alerts: dict[int, Alert] = field(default_factory=dict)
    notices: dict[int, Notice] = field(default_factory=dict)
    heard: dict[tuple[int, str], Heard] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))


CLOSED = -1  # in `Batch.darks`: the stretch needs no row any more


class Reads(Protocol):
    """What may be asked of a store; several processes may, while one hub writes."""

    def entries(self, after: int = 0, before: int = 2**62) -> Iterator[Entry]:
        """The ledger in order, from after one seq to before another."""

    def entries_within(self, lo_ms: int, hi_ms: int) -> Iterator[Entry]:
        """The entries effective in [lo_ms, hi_ms), in order of seq; without what only proves them (proof, hashes)."""

    def late_entries(self, after: int) -> Iterator[Entry]:
        """The late entries from after that seq on."""

    def entry(self, seq: int) -> Entry | None:
        """One entry."""

    def last_entry(self) -> Entry | None:
        """The end of the ledger."""

    def checkpoint(self, at_ms: int) -> Entry | None:
        """The newest checkpoint that holds from *at_ms* or earlier on."""

    def checkpoint_rows(self, seq: int) -> Iterator[str]:
        """The canonical rows of the checkpoint whose entry that is."""

    def tiles(self) -> Sequence[Tile]:
        """The roots that are kept of the tree over the ledger, smallest subtrees first, in order."""

    def evidence(self, seq: int) -> Sequence[Observation]:
        """The readings kept as proof of one ledger entry, in the order in which it hashes them."""

    def all_evidence(self) -> Iterator[tuple[Any, ...]]:
        """All evidence in order of entries: the entry's seq, then the columns that its `proof` hashes."""

    def checkpoints(self) -> Sequence[Entry]:
        """The checkpoints' entries in order of their instants."""

    def months(self) -> Sequence[tuple[str, str]]:
        """The zones and months of which days are kept, in order."""

    def days(self, zone: str, from_month: str, to_month: str) -> Iterator[DayRow]:
        """The days kept of those months, both included, by component and date."""

    def darks(self) -> tuple[Mapping[int, int | None], Mapping[int, Mapping[str, Gap]]]:
        """The dark stretches that no entry closes yet (see `Batch`), and their gaps."""

    def lanes(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """By (vantage point, lane), the epoch and number of the last finding accepted."""

    def beliefs(self) -> Mapping[tuple[str, str], Belief]:
        """What was believed last, by (check, vantage point), with the newest reading's time in each."""

    def latest(self) -> Mapping[tuple[str, str], Observation]:
        """The newest kept observation of each check and vantage point, as far as the last hour holds one."""

    def alerts(self) -> tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]:
        """Alerts that are open or were resolved lately, with their notices and who heard what."""

    def canaries(self, vantage: str) -> frozenset[str]:
        """The canaries of *vantage* that were good at some time."""

    def sights(self) -> Mapping[str, int]:
        """When the last good canary round of each vantage point began."""

    def trends(self, vantage: str, since_ms: int) -> Mapping[str, Mapping[str, QuarterHours]]:
        """What *vantage* saw fill up or empty in the quarters since then: check → fact → its quarters."""

    def sketch(self, check: str, from_ms: int, to_ms: int) -> Sketch:
        """The latency of *check* over all vantage points and the hours that touch [from_ms, to_ms)."""


class Store(Protocol):
    """The store of the one hub that holds it."""

    @property
    def reads(self) -> Reads:
        """What may be asked of it."""

    async def commit(self, batch: Batch) -> None:
        """Return once *batch* is on disk, or queued in memory while the disk takes nothing (`trouble` says so).

        Raises `StoreError` when the store can be trusted no longer: the process must start anew from the disk.
        """

    async def forget(self, before_ms: int) -> int:
        """Drop raw observations, and quarters of trends, from before *before_ms*; return how many went."""

    async def close(self) -> None:
        """Finish what was begun and let go of the store."""


class Desk(Protocol):
    """The alert desk, as the hub needs it."""

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""

    def step(
        self,
        batch: Batch,
        now_ms: int,
        standings: Mapping[str, Standing],
        troubles: Sequence[OwnTrouble],
        quiet: frozenset[str],
    ) -> None:
        """Put into *batch* what people must be told now."""

    def committed(self) -> None:
        """All that `step` has put into batches so far is on disk: it may be sent."""


class Meter(Protocol):
    """Where the hub's own figures go."""

    def observed(self, verdict: str, reason: str) -> None: ...
    def lag(self, seconds: float) -> None: ...
    def schedule_lag(self, seconds: float) -> None: ...
