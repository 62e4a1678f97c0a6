"""The event loop that commands run on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, TypeVar

from watch.cli.interrupts import leave, leave_quietly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")


def run_loop(work: Callable[[], Awaitable[T]]) -> T:
    """The result of *work*, run on a new event loop. Ctrl-C cancels it and then raises KeyboardInterrupt."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop

    async def awaited() -> T:
        return await work()

    with _cancelling(), asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(awaited())


@contextlib.contextmanager
def _cancelling() -> Iterator[None]:
    """Leave Ctrl-C to the loop, which takes it over only from Python's own handler."""
    if signal.getsignal(signal.SIGINT) is not leave:  # somebody else's process, such as a test's
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        leave_quietly()
