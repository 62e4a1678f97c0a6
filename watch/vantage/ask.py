"""Ask once, by the vantage point's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from watch.core.expect import Judge
from watch.vantage.prober import Judging, observe

if TYPE_CHECKING:
    from watch.core.reading import Reading
    from watch.ports import Clock, Probe

_ANYTHING = Judge((), ())


async def asked(probe: object, judge: Judging | None, *, clock: Clock, timeout: timedelta) -> Reading:  # noqa: ASYNC109 - see `observe`
    """The reading of *probe* now; *judge* None takes any answer."""
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    return await observe(cast("Probe", probe), judge or _ANYTHING, now=now, timeout=timeout)
