"""Conversion of rows to values, and of beliefs to rows (readings to rows: `watch.core.evidence`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from watch.core.confirm import Belief, Streak
from watch.core.reading import Observation, Reason, Verdict
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERDICTS = {str(v): v for v in Verdict}
_REASONS = {str(r): r for r in Reason}


def observation_of(check: str, vantage: str, row: Sequence[Any]) -> Observation:
    """The observation of a row that `observation_row` made."""
    at_ms, took_ms, seq, verdict, reason, detail, latency_us, tainted, body = row
    facts, phases = orjson.loads(body)
    latency = None if latency_us is None else latency_us / 1_000_000
    return Observation(
        check,
        vantage,
        at_ms,
        took_ms,
        seq,
        _VERDICTS[verdict],
        _REASONS[reason],
        detail,
        latency,
        facts,
        phases,
        bool(tainted),
    )


def belief_text(belief: Belief) -> str:
    return orjson.dumps([belief.state.value, *(_plain(value) for value in belief[1:])]).decode()


def belief_of(text: str) -> Belief:
    state, since_ms, last_ms, *streaks, blips = orjson.loads(text)
    down_run, degraded_run, serving_run, up_run = (
        None if streak is None else Streak(*streak) for streak in streaks
    )
    return Belief(State(state), since_ms, last_ms, down_run, degraded_run, serving_run, up_run, blips)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
