"""Is an answer good enough? The judgement that a check's `expect` and `warn` pass on a reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from watch.core.reading import Reading, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Breach:
    """How a reading fell short: the reason that alerts and metrics share, and a sentence for people."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """One compiled sentence. Two with the same text are equal.

    Args:
        names: The facts it speaks of.
    """

    text: str
    names: frozenset[str]
    _breach: Callable[[Reading], Breach | None] = field(repr=False, compare=False)

    def breach(self, reading: Reading) -> Breach | None:
        """How *reading* falls short of it; None when it does not."""
        return self._breach(reading)


@dataclass(frozen=True, slots=True)
class Judge:
    """What a check expects: a broken `expect` reads down, a broken `warn` degraded."""

    expect: tuple[Expectation, ...] = ()
    warn: tuple[Expectation, ...] = ()

    def of(self, reading: Reading) -> Reading:
        """*reading* with the verdict it deserves; only an `up` one can get worse."""
        if reading.verdict is not Verdict.UP:
            return reading
        for verdict, sentences in ((Verdict.DOWN, self.expect), (Verdict.DEGRADED, self.warn)):
            for sentence in sentences:
                broken = sentence.breach(reading)
                if broken is not None:
                    return replace(reading, verdict=verdict, reason=broken.reason, detail=broken.detail)
        return reading
