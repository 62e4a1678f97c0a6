"""The event loop that commands run on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


def run_loop(work: Callable[[], Awaitable[T]]) -> T:
    """The result of *work*, run on a new event loop."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop

    async def awaited() -> T:
        return await work()

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(awaited())
