"""Makes the checkpoints of months that have ended, while the hub runs; the work is done in other threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from watch.hub.checkpoints import checkpoint_rows, checkpoints_due
from watch.hub.replay import live_from_ms
from watch.stores.sqlite import reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watch.hub.hub import Hub
    from watch.ports import Clock

T = TypeVar("T")
LOOK = 600.0  # seconds between looks at whether a month has ended


async def keep_checkpoints(hub: Hub, store: Path, clock: Clock) -> None:
    """Make those that are due, now and as months end; runs until cancelled."""
    while True:
        now = clock.now_ms()
        for month, at_ms in await asyncio.to_thread(_with_reads, store, checkpoints_due, now):
            await hub.committed()
            rows, through = await asyncio.to_thread(_with_reads, store, checkpoint_rows, store, at_ms)
            hub.keep_checkpoint(month, at_ms, rows, through, live_from_ms(now, hub.settings.service.timezone))
            await hub.committed()
        await clock.sleep(LOOK)


def _with_reads(store: Path, work: Callable[..., T], *arguments: object) -> T:
    """What *work* returns of a connection to *store* that is this thread's own."""
    with reading(store) as reads:
        return work(reads, *arguments)
