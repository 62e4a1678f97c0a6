"""The timing of alerts, as `alerting:` says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from watch.core.flapping import FlappingTerms
from watch.core.slowness import SlowTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPace:
    """How often one person gets letters: *burst* at once, then one after each *every*."""

    burst: int = 3
    every: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """The timing of alerts."""

    group_wait: timedelta = timedelta(seconds=10)
    resolve_hold: timedelta = timedelta(seconds=60)
    reopen: timedelta = timedelta(minutes=10)
    pace: LetterPace = field(default_factory=LetterPace)
    flapping: FlappingTerms = field(default_factory=FlappingTerms)
    slow: SlowTerms = field(default_factory=SlowTerms)
