"""What the core's tests are made of: random spans and timelines on a short axis, and times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from watch.core.timeline import State, merged

AXIS = 60  # short enough to compare with a walk over every millisecond
BELIEFS = (State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN)
NEW_YORK, BERLIN, LORD_HOWE = (
    ZoneInfo(n) for n in ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe")
)
HOUR, DAY = 3_600_000, 86_400_000

instants = st.integers(0, AXIS)
loose_spans = st.lists(
    st.tuples(instants, instants), max_size=8
)  # any order, overlapping, some empty or backwards
loose_items = st.lists(st.tuples(instants, instants, st.sampled_from(BELIEFS)), max_size=10)


def timelines(states=BELIEFS):
    """Tidy timelines with gaps."""
    cuts = st.lists(instants, unique=True, max_size=12).map(sorted)
    return cuts.flatmap(
        lambda at: st.lists(
            st.sampled_from([*states, None]), min_size=max(len(at) - 1, 0), max_size=max(len(at) - 1, 0)
        ).map(
            lambda chosen: merged(
                (a, b, s) for a, b, s in zip(at, at[1:], chosen, strict=False) if s is not None
            )
        )
    )


def held(spans) -> set[int]:
    """The milliseconds that spans hold."""
    return {ms for start, end in spans for ms in range(start, end)}


def at(text: str, zone: ZoneInfo | None = None) -> int:
    """The instant that ISO text names: UTC, or the (first) wall clock of *zone*."""
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=zone or UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


def iso(ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M")
