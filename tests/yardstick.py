"""What a test about time measures against: counts and ratios, so that it says the same on a slow, busy machine.

* `PATIENCE` only ends a test that hangs. No claim is made about it.
* A duration is counted in ticks of a timer of the test's own loop: what others do to the machine delays both alike.
* A cost is the processor time of the work, as a ratio to that of other work, measured in the same test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 90.0  # seconds until a test gives up
TICK = 0.01  # seconds of the timer that is counted
HOLD = 10  # slices of work for which nothing may hold the loop: 50 ms where a slice takes 5
_ROW = {"name": "a component", "facts": {str(n): n for n in range(40)}, "text": "x" * 200}


def slice_of_work() -> None:
    """Do what takes about 5 ms on an idle machine of 2025: the unit in which a hold of the loop is measured."""
    for _ in range(400):
        json.loads(json.dumps(_ROW))


def cost(work: Callable[[], object], *, of: int = 1) -> float:
    """The processor seconds that this thread spends on *work*: the least of *of* tries."""
    return min(_spent(work) for _ in range(of))


def _spent(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


@contextlib.contextmanager
def favoured() -> Iterator[None]:
    """This thread, and what it starts, before all others on a processor: only root can ask for that.

    A better nice value would not do: it counts only among the processes of one session.
    """
    usual = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *usual)


async def cancelled(*tasks: asyncio.Future[object], ticks: int = 50) -> None:
    """Cancel *tasks*, which must end before the loop's timer ticked *ticks* times."""
    for task in tasks:
        task.cancel()
    for _ in range(ticks):
        _, pending = await asyncio.wait(tasks, timeout=TICK)
        if not pending:
            return
    raise AssertionError(f"not over {ticks} ticks after they were cancelled: {pending}")
