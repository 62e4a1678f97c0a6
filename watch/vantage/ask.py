"""One run of a probe, at the time of the vantage point's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from watch.core.expect import Judge
from watch.probes.wire.net.way import by
from watch.vantage.prober import Judging, observe

if TYPE_CHECKING:
    from watch.core.reading import Reading
    from watch.core.settings import Way
    from watch.ports import Clock, Probe
    from watch.vantage.limit import Waited

_ANYTHING = Judge((), ())


async def asked(
    probe: object,
    judge: Judging | None,
    *,
    clock: Clock,
    timeout: timedelta,  # noqa: ASYNC109 - see `observe`
    way: Way | None = None,
    waited: Waited | None = None,
) -> Reading:
    """The reading of one run of *probe* over *way*; with *judge* None any answer is up."""
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    it = cast("Probe", probe)
    if way is None:
        return await observe(it, judge or _ANYTHING, now=now, timeout=timeout, waited=waited)
    with by(way, it.peer()):
        return await observe(it, judge or _ANYTHING, now=now, timeout=timeout, waited=waited)
