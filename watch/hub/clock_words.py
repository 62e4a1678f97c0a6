"""What people read about the clock: a step, a new epoch, a time in which the hub did not run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.core.clock_epoch import AHEAD, BACK
from watch.core.localtime import from_utc_ms

if TYPE_CHECKING:
    from watch.core.clock_epoch import ClockEpoch

_UTC = ZoneInfo("UTC")
_UNITS = (("year", 31_536_000), ("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def step_text(at_ms: int, skew_ms: int, follow_ms: int | None) -> str:
    """The wall clock was found to differ by *skew_ms* at *at_ms*, by our time; we follow it at *follow_ms*."""
    way = "ahead of" if skew_ms > 0 else "behind"
    found = (
        f"at {_instant(at_ms)} the machine's clock was found {span(skew_ms)} {way} ours: "
        f"it said {_instant(at_ms + skew_ms)}. Our times are not affected"
    )
    if follow_ms is None:
        return f"{found}. That time cannot be right: set the machine's clock"
    return f"{found}; if it still says so at {_instant(follow_ms)}, the hub goes over to it. If it is wrong, correct it"


def epoch_text(epoch: ClockEpoch) -> str:
    """A new clock epoch has begun."""
    both = f"{_instant(epoch.before_ms)} before, {_instant(epoch.after_ms)} after"
    if epoch.why == AHEAD:
        lost = span(epoch.after_ms - epoch.before_ms)
        return f"the machine's clock was set ahead by {lost}, and the hub has gone over to it ({both})"
    if epoch.why == BACK:
        behind = span(epoch.before_ms - epoch.after_ms)
        return (
            f"the machine's clock is {behind} behind the end of the record ({both}). A new clock epoch begins: "
            "the record is kept, its part that lies ahead does not count, and checks are unknown until they are read. "
            "If the time is wrong, set the machine's clock: the hub follows"
        )
    return (
        f"the machine's clock was behind and is right again ({both}): what was recorded meanwhile does not count, "
        "and the time is unknown"
    )


def pause_text(from_ms: int, until_ms: int) -> str:
    """The hub did not run."""
    return (
        f"the hub did not run for {span(until_ms - from_ms)}, from {_instant(from_ms)} to {_instant(until_ms)}: "
        "the machine was suspended, or this process was stopped. Nothing was asked in that time"
    )


def span(ms: int) -> str:
    """The length of *ms* in its two largest units, without a sign."""
    left, said = max(1, round(abs(ms) / 1000)), []
    for unit, seconds in _UNITS:
        n, left = divmod(left, seconds)
        if n:
            plural = "s" if n > 1 and unit in ("year", "day") else ""
            said.append(f"{n} {unit}{plural}")
        elif said:
            break
    return " ".join(said[:2])


def _instant(ms: int) -> str:
    return f"{from_utc_ms(ms, _UTC):%Y-%m-%d %H:%M:%S} UTC"
