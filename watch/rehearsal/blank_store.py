"""A store that has nothing and keeps nothing: a rehearsal touches no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.core.recorded_override import RecordedOverride
    from watch.ports import Batch, Reads


class BlankReads:
    """What a hub asks a store when it begins: there is nothing but *overrides* of rotations."""

    def __init__(self, overrides: Sequence[RecordedOverride] = ()) -> None:
        self._overrides = overrides

    def beliefs(self) -> Mapping[tuple[str, str], object]:
        return {}

    latest = sights = lanes = beliefs

    def darks(self) -> tuple[Mapping[int, int | None], Mapping[int, object]]:
        return {}, {}

    def overrides(self) -> Sequence[RecordedOverride]:
        return self._overrides

    def lasting(self) -> Sequence[object]:
        return ()

    silences = lasting

    def alerts(self) -> tuple[Sequence[object], ...]:
        return (), (), ()


class BlankStore:
    """The store."""

    def __init__(self, overrides: Sequence[RecordedOverride] = ()) -> None:
        # A hub asks for no more than this; whatever else it asked for one day would fail loudly.
        self.reads = cast("Reads", BlankReads(overrides))

    async def commit(self, batch: Batch) -> None:
        """Nothing is kept."""

    async def forget(self, before_ms: int, ahead_ms: int = 2**62) -> int:  # noqa: ARG002 - likewise
        return 0

    async def forget_sketches(self, before_ms: int) -> int:  # noqa: ARG002 - likewise
        return 0

    async def close(self) -> None:
        """Nothing is open."""


class NoMeter:
    """Metrics that nobody reads."""

    def observed(self, verdict: str, reason: str) -> None: ...
    def lag(self, seconds: float) -> None: ...
    def schedule_lag(self, seconds: float) -> None: ...
    def late(self, vantage: str, checks: int) -> None: ...
