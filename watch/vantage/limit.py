"""The time limit of a run, net of what the run waited for us (semantics §1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType

_LEAST = 0.001  # seconds


class Waited(Protocol):
    """How long a run has waited for us, in seconds."""

    def seconds(self) -> float: ...


def allowance(limit: float) -> float:
    """How long a run may wait for us, in seconds, before its timeout and slowness say nothing about the target."""
    return min(1.0, limit / 4)


class Limit:
    """Ends the block with TimeoutError after *seconds*, and after as much more as the block waited for us.

    It gives back at most the `allowance`: a run that waited for longer decides nothing anyway.

    Attributes:
        expired: Whether the limit ended the block.
    """

    __slots__ = ("_before", "_given", "_handle", "_seconds", "_task", "_waited", "expired")

    def __init__(self, seconds: float, waited: Waited | None) -> None:
        self._seconds, self._waited = seconds, waited
        self._given = 0.0
        self.expired = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._before = task, task.cancelling()
        self._handle = loop.call_later(self._seconds, self._due)

    def _due(self) -> None:
        waited = 0.0 if self._waited is None else self._waited.seconds()
        more = min(waited, allowance(self._seconds)) - self._given
        if more > _LEAST:
            self._given += more
            self._handle = asyncio.get_running_loop().call_later(more, self._due)
            return
        self.expired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        if self.expired and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error
