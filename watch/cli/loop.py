"""The event loop that commands run on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from watch.cli.interrupts import leave, leave_quietly
from watch.errors import place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

log = logging.getLogger(__name__)
T = TypeVar("T")
_PATIENCE = 1.0  # seconds
_STUCK: list[str] = []


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

    runner, threads = asyncio.Runner(loop_factory=factory), ThreadPoolExecutor(thread_name_prefix="worker")
    runner.get_loop().set_default_executor(threads)
    runner.get_loop().set_exception_handler(_stray)
    with _cancelling():
        try:
            return runner.run(awaited())
        finally:
            _end(runner, threads)


def _stray(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log in one line what a library's task raised after its run was over. Its text is not: it may hold a secret."""
    error = context.get("exception")
    what = "no exception" if error is None else f"{type(error).__name__} at {place(error)}"
    log.warning("raised when nobody waited for it any more: %s", what)


def stuck() -> bool:
    """Whether something that was told to end has not; the process must then end without waiting for it."""
    return bool(_STUCK)


def _end(runner: asyncio.Runner, threads: ThreadPoolExecutor) -> None:
    """Cancel what still runs, and close the loop. What has not ended in time is left behind: `stuck`."""
    loop = runner.get_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE))
    threads.shutdown(wait=False, cancel_futures=True)
    until = time.monotonic() + _PATIENCE
    for thread in threading.enumerate():
        if thread.name.startswith("worker"):
            thread.join(max(0.0, until - time.monotonic()))
    left = [task.get_name() for task in tasks if not task.done()]
    left += [t.name for t in threading.enumerate() if t.name.startswith("worker")]
    if left:
        _STUCK.extend(left)
    else:
        runner.close()


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
