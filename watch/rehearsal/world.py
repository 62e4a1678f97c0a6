"""What probes and channels of a rehearsal give: the script's faults, as readings and results of sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import NOTHING, Observation, Reason, Verdict
from watch.rehearsal.script import Fails, Goes

if TYPE_CHECKING:
    from collections.abc import Collection

    from watch.core.settings import Check, Vantage
    from watch.rehearsal.script import Fault, Script

_TOOK_MS = 50  # how long a probe takes that is answered
_USUAL = {
    Reason.TIMEOUT: "no answer in time",
    Reason.REFUSED: "connection refused",
    Reason.UNREACHABLE: "no route to the host",
    Reason.DNS: "the name cannot be looked up",
    Reason.SLOW: "it answers slowly",
}
USUAL_S = _TOOK_MS / 1000
_VERDICTS = {
    Goes.UP: Verdict.UP,
    Goes.UNKNOWN: Verdict.UNKNOWN,
    Goes.DOWN: Verdict.DOWN,
    Goes.DEGRADED: Verdict.DEGRADED,
}
_ORDER = {goes: n for n, goes in enumerate(Goes)}


class World:
    """What a script makes of the world.

    Args:
        unusable: The channels that nothing can be sent to: (person, number from 1).
    """

    def __init__(self, script: Script, unusable: Collection[tuple[str, int]] = ()) -> None:
        self._script, self._unusable = script, frozenset(unusable)
        self._faults: dict[str, list[Fault]] = {}
        for fault in script.faults:
            for check in fault.checks:
                self._faults.setdefault(check, []).append(fault)

    def fault(self, check: str, vantage: str, at_ms: int) -> Fault | None:
        """The worst fault of *check* at *at_ms* as *vantage* sees it; of equals the first."""
        found = [f for f in self._faults.get(check, ()) if f.covers(check, vantage, at_ms)]
        return min(found, key=lambda f: _ORDER[f.goes], default=None)

    def well(self, check: str, vantage: str, at_ms: int) -> bool:
        """Whether *check* answers at *at_ms* as it should, and *vantage* sees it."""
        if check in self._faults and self.fault(check, vantage, at_ms) is not None:
            return False
        return not (self._script.blindness and self.blind(vantage, at_ms))

    def blind(self, vantage: str, at_ms: int) -> bool:
        return any(b.covers(vantage, at_ms) for b in self._script.blindness)

    def silent(self, vantage: str, at_ms: int) -> bool:
        return any(b.silent and b.covers(vantage, at_ms) for b in self._script.blindness)

    def answer(self, check: Check, vantage: Vantage, at_ms: int, *, known_blind: bool) -> Observation | None:
        """What a run that begins at *at_ms* gives; None when there is none.

        Args:
            known_blind: Whether the canaries of *vantage* have said that it is blind.
        """
        fault = self.fault(check.name, vantage.name, at_ms)
        if fault is not None and fault.goes is Goes.SILENT:
            return None
        verdict, reason, detail = Verdict.UP, Reason.OK, ""
        if known_blind:
            verdict, reason = Verdict.UNKNOWN, Reason.BLIND
            detail = f"vantage point {vantage.name} is blind: too few of its canaries answer"
        elif self.blind(vantage.name, at_ms):  # it takes its own fault for the target's until canaries say so
            verdict, reason, detail = Verdict.DOWN, Reason.TIMEOUT, _USUAL[Reason.TIMEOUT]
        elif fault is not None:
            verdict, reason = _VERDICTS[fault.goes], fault.reason
            detail = (
                fault.detail or _USUAL.get(reason, "as the script says") if fault.goes is not Goes.UP else ""
            )
        shows = fault if verdict in (Verdict.UP, Verdict.DEGRADED) else None
        took_ms = round(check.timeout.total_seconds() * 1000) if reason is Reason.TIMEOUT else _TOOK_MS
        if shows is not None and shows.latency_ms is not None:
            took_ms = shows.latency_ms
        latency = took_ms / 1000 if verdict in (Verdict.UP, Verdict.DEGRADED) else None
        return Observation(
            check.name, vantage.name, at_ms, took_ms, 0, verdict, reason, detail, latency,
            NOTHING if shows is None else shows.facts, NOTHING,
        )  # fmt: skip

    def failure(self, person: str, channel: int, at_ms: int) -> Fails | None:
        """How a channel fails at *at_ms*; None when it works."""
        if (person, channel + 1) in self._unusable:
            return Fails.UNUSABLE
        return next((c.how for c in self._script.channels if c.covers(person, channel, at_ms)), None)
