"""One run of a probe, at the time of the vantage point's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from watch.core.expect import Judge
from watch.probes.wire.net.way import by
from watch.vantage.prober import Judging, observe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from datetime import timedelta

    from watch.core.reading import Reading
    from watch.core.settings import Way
    from watch.ports import Clock, Probe
    from watch.vantage.limit import Waited

_ANYTHING = Judge((), ())


def asked(
    probe: object,
    judge: Judging | None,
    *,
    clock: Clock,
    timeout: timedelta,
    way: Way | None = None,
    waited: Waited | None = None,
) -> Coroutine[Any, Any, Reading]:
    """The reading of one run of *probe* over *way*; with *judge* None any answer is up."""
    it: Probe = probe  # type: ignore[assignment] # the core holds a check's probe and knows no probes
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    run = observe(it, judge or _ANYTHING, now=now, timeout=timeout, waited=waited)
    return run if way is None else _over(way, it.peer(), run)


async def _over(way: Way, host: str, run: Awaitable[Reading]) -> Reading:
    with by(way, host):
        return await run
