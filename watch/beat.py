"""One beat of the outside heartbeat: a GET, and whether it was taken.

healthchecks.io, Uptime Kuma and Cronitor all take a GET of a URL that holds a secret. So only the host is ever shown.
It is asked as a check is: names of our own resolver, no metadata address, not even behind a redirect.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watch.core.reading import Reading, Reason, Verdict
from watch.probes.http import HttpProbe
from watch.probes.wire.http.journey import target
from watch.probes.wire.net.address import written
from watch.vantage.ask import asked

if TYPE_CHECKING:
    from watch.core.settings import Secret
    from watch.ports import Clock

TIMEOUT = timedelta(seconds=10)
_USUAL = {"http": 80, "https": 443}
# healthchecks.io answers 200 to a UUID that it does not know; Uptime Kuma says it in JSON.
_NOT_TAKEN = re.compile(rb'^OK \((not found|rate limited)\)|"ok" ?: ?(false)')


class _Taken:
    """Judges an answer: up if the beat was taken."""

    def of(self, reading: Reading) -> Reading:
        status, body = reading.facts.get("status"), reading.material.get("body")
        if not isinstance(status, int) or not 200 <= status < 300:
            return replace(
                reading, verdict=Verdict.DOWN, reason=Reason.STATUS, detail=f"it answered {status}"
            )
        refused = _NOT_TAKEN.search(body) if isinstance(body, bytes) else None
        if refused is None:
            return reading
        why = (refused[1] or b"not ok").decode()
        detail = f"it answered {status}, but did not take the beat: {why}"
        return replace(reading, verdict=Verdict.DOWN, reason=Reason.STATUS, detail=detail)


async def beat(to: Secret, clock: Clock) -> str:
    """Send one beat; empty when it was taken, else host and cause. It takes 10 s at most and raises nothing."""
    probe = HttpProbe(url=to.reveal(), max_body="1KiB")
    reading = await asked(probe, _Taken(), clock=clock, timeout=TIMEOUT)
    if reading.verdict is Verdict.UP:
        return ""
    where = place(to)
    return f"{where}: {reading.detail.removeprefix(f'{where}: ')}"


def place(to: Secret) -> str:
    """The host of the URL, with the port unless it is the usual one."""
    there = target(to.reveal())
    if there.port == _USUAL[there.scheme]:
        return there.host
    return written(there.host, there.port)
