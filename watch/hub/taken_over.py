"""What a hub takes over from its store at a start, by the time it is now.

Stamps on disk may lie ahead of the clock: it was ahead when they were written, or has gone back. Nothing may stay *up*
because its last reading lies in the future, no canary round of the future may confirm an outage, and no vantage point
may be refused because it once started later than now. In a new clock epoch nothing is believed at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.clock_epoch import Boot, ClockEpoch, following
from watch.core.confirm import Belief
from watch.core.ledger import Kind
from watch.hub.measures import known_before
from watch.hub.replay import epochs_of
from watch.ports import CLOSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.core.darkness import Gap
    from watch.core.measured import Finding
    from watch.core.reading import Observation
    from watch.core.settings import Settings
    from watch.core.trend import QuarterHours
    from watch.hub.recorder import Recorder
    from watch.ports import Reads

_SOON_MS = 60_000  # how far the clock of another machine may be ahead
Key = tuple[str, str]


def epoch_from(
    reads: Reads, last_ms: int, now_ms: int, *, followed: bool, boot: Boot | None = None
) -> ClockEpoch | None:
    """The clock epoch that begins at *now_ms* where the record ends at *last_ms* (`following`); None without one."""
    before = epochs_of(reads).entries
    return following(last_ms, now_ms, before[-1] if before else None, followed=followed, boot=boot)


class TakenOver:
    """The stored state as of *now_ms*.

    Args:
        epoch: The clock epoch that begins now, if any.
    """

    def __init__(self, reads: Reads, now_ms: int, epoch: ClockEpoch | None = None) -> None:
        self._reads, self._now_ms, self._epoch = reads, now_ms, epoch

    @property
    def anew(self) -> bool:
        """Whether nothing is believed."""
        return self._epoch is not None and self._epoch.anew

    def beliefs(self) -> Mapping[Key, Belief]:
        """The beliefs by (check, vantage point)."""
        kept = self._reads.beliefs()
        if self._epoch is None or not self._epoch.anew:
            return kept
        return {key: Belief(since_ms=self._epoch.after_ms, blips=b.blips) for key, b in kept.items()}

    def latest(self) -> Mapping[Key, Observation]:
        """The newest observation by (check, vantage point)."""
        if self.anew:
            return {}
        return {key: o for key, o in self._reads.latest().items() if o.at_ms <= self._now_ms}

    def sights(self) -> Mapping[str, int]:
        """When the last good canary round of each vantage point began."""
        return {name: at_ms for name, at_ms in self._reads.sights().items() if at_ms <= self._now_ms}

    def measured(self) -> Iterator[Finding]:
        """What open alerts tell of that readings showed without a change of state."""
        return known_before(self._reads.alerts()[0], self._now_ms)

    def darks(self) -> tuple[Mapping[int, int | None], Mapping[int, Mapping[str, Gap]]]:
        """The dark stretches that are not closed, and their gaps."""
        return ({}, {}) if self.anew else self._reads.darks()

    def lanes(self, settings: Settings) -> Mapping[Key, tuple[int, int]]:
        """By (vantage point, lane), the epoch and number of the last finding accepted."""
        local = {vantage.name for vantage in settings.vantages.values() if vantage.local}
        return {
            (name, lane): mark
            for (name, lane), mark in self._reads.lanes().items()
            if mark[0] <= self._now_ms + (0 if name in local else _SOON_MS)
        }

    def trends(self, vantage: str, since_ms: int) -> dict[str, dict[str, QuarterHours]]:
        """The trends that *vantage* recorded since *since_ms*."""
        return {
            check: {
                fact: {at_ms: sums for at_ms, sums in quarters.items() if at_ms <= self._now_ms}
                for fact, quarters in facts.items()
            }
            for check, facts in self._reads.trends(vantage, since_ms).items()
        }

    def begin(self, recorder: Recorder) -> None:
        """Record the epoch that begins now, if one does; drop what lies ahead of it."""
        epoch = self._epoch
        if epoch is None:
            return
        recorder.entry(
            Kind.CLOCK, "epoch", epoch.body(), now_ms=epoch.after_ms, effective_ms=epoch.effective_ms
        )
        if epoch.anew:
            recorder.anew_ms = recorder.batch.anew_ms = epoch.after_ms
            recorder.batch.beliefs.update(self.beliefs())
            recorder.batch.darks.update(dict.fromkeys(self._reads.darks()[0], CLOSED))
