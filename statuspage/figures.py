"""Numbers as text, never rounded in our favour.

A percentage is truncated to three decimals, so "100.000 %" appears only when it is exactly true. Seconds of
downtime are rounded up, so an outage of half a second is never "0 s".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

_NB = "\u00a0"  # keeps a number and its unit on one line


def percent(ratio: Fraction | None) -> str:
    """*ratio* in per cent, truncated to three decimals; "no figure yet" for None."""
    if ratio is None:
        return "no figure yet"
    whole, thousandths = divmod(ratio.numerator * 100_000 // ratio.denominator, 1000)
    return f"{whole}.{thousandths:03d}{_NB}%"


def duration(ms: int) -> str:
    """*ms* in units down to seconds, rounded up: ``4 min 7 s``, ``1 d 2 h``."""
    return _units(-(-ms // 1000), ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))) or f"0{_NB}s"


def roughly(ms: int) -> str:
    """*ms* in units down to minutes, for durations that still grow: ``34 min``, ``under a minute``."""
    return _units(ms // 1000, ((86_400, "d"), (3600, "h"), (60, "min"))) or "under a minute"


def _units(seconds: int, scale: tuple[tuple[int, str], ...]) -> str:
    parts = []
    for size, unit in scale:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{_NB}{unit}")
    return " ".join(parts)
