"""The prober: runs a probe once and turns every outcome into a reading.

Only here are faults of the target told apart from ours (semantics §1):

* The probe returned → the judge gives the verdict from the facts.
* `ProbeFailure`, an operating system error that only a peer can cause, no answer within *timeout* → down.
* `OurFault`, an error from a resource of ours that ran out, or any unexpected exception → unknown. Unknown is never
  downtime: a bug in a probe must not page the person on call.
* A timeout or slowness after a run waited for us for too long → unknown, *overloaded*. Time limit and latency are net
  of that waiting. What the target said (refused, reset, a status, a content) counts however late we were.

Details may contain text from the target: they are cut to one line of at most 200 visible characters.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from watch.core.reading import OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.errors import place
from watch.probes.wire.net.blame import carried, fault
from watch.vantage.limit import Limit, allowance

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from watch.ports import Probe
    from watch.vantage.limit import Waited

log = logging.getLogger(__name__)
_GOOD = (Verdict.UP, Verdict.UNKNOWN)
_OF_TIME = (Reason.TIMEOUT, Reason.SLOW)


class Judging(Protocol):
    """The interface of a judge: gives the verdict on an answer."""

    def of(self, reading: Reading) -> Reading:
        """The reading of an answer that has just arrived, with its verdict."""


async def observe(
    probe: Probe,
    judge: Judging,
    *,
    now: datetime,
    timeout: timedelta,  # noqa: ASYNC109 - the limit is the check's, and its lapse is a reading
    waited: Waited | None = None,
) -> Reading:
    """Run *probe* within *timeout* and return the reading that *judge* gives. Raises nothing but cancellation."""
    limit = Limit(timeout.total_seconds(), waited)
    try:
        with limit:
            reading = await probe.run(now=now)
        found = judge.of(reading if waited is None else _net(reading, waited.seconds()))
    except ProbeFailure as failure:
        found = _down(failure)
    except OurFault as failure:
        return _unknown(failure)
    except TimeoutError as error:
        found = _late(error, timeout) if limit.expired else _read(error, probe)
    except Exception as error:  # noqa: BLE001 - whatever a probe raises becomes a reading
        found = _read(error, probe)
    if waited is None or found.verdict in _GOOD or not (limit.expired or found.reason in _OF_TIME):
        return found
    seconds = waited.seconds()
    return _overloaded(seconds) if seconds > allowance(timeout.total_seconds()) else found


def _net(reading: Reading, waited: float) -> Reading:
    """*reading* with its latency net of what it waited for us."""
    latency = reading.facts.get("latency")
    if not waited or not isinstance(latency, float):
        return reading
    return replace(reading, facts={**reading.facts, "latency": max(0.0, latency - waited)})


def _overloaded(waited: float) -> Reading:
    return Reading(
        Verdict.UNKNOWN,
        Reason.OVERLOADED,
        f"it waited {waited:.1f} s for us, so it says nothing about the target",
    )


def _late(error: TimeoutError, timeout: timedelta) -> Reading:
    """Return the reading of a run that timed out; the code that was waiting may say what it waited for."""
    found = carried(error) or ProbeFailure(Reason.TIMEOUT, "no answer in time")
    if isinstance(found, OurFault):
        return _unknown(found)
    return _down(found, f" (limit {timeout.total_seconds():g} s)")


def _read(error: Exception, probe: Probe) -> Reading:
    found = fault(error)
    if isinstance(found, ProbeFailure):
        return _down(found)
    if isinstance(found, OurFault):
        return _unknown(found)
    kind: Any = getattr(probe, "KIND", type(probe).__name__)
    # Neither the probe nor the error's text is logged: either may contain a secret. Places in the code do not.
    log.error("a bug in the probe %s: %s at %s", kind, type(error).__name__, place(error))
    return Reading(Verdict.UNKNOWN, Reason.INTERNAL, f"a bug in our {kind} probe: {type(error).__name__}")


def _down(failure: ProbeFailure, more: str = "") -> Reading:
    detail = one_line(failure.detail, 200 - len(more)) + (more if failure.reason is Reason.TIMEOUT else "")
    return Reading(Verdict.DOWN, failure.reason, detail, failure.facts, failure.phases)


def _unknown(failure: OurFault) -> Reading:
    return Reading(Verdict.UNKNOWN, failure.reason, one_line(failure.detail))
