"""Fifty times kill -9 in the middle of writing: nothing that was acknowledged is lost, nobody is paged falsely.

Five hubs are killed ten times each, side by side (`killed.py`); each is away for five seconds, longer than a state
holds. `make soak` does the same with 10,000 checks, and more often.
"""

from __future__ import annotations

import asyncio

from tests.acceptance.killed import Killed, Targets
from tests.alerts.receiver import Serving

HUBS, KILLS = 5, 10


async def test_fifty_kills_lose_nothing_and_page_nobody_falsely(tmp_path, seed):
    async with Targets() as targets, Serving() as phone, asyncio.TaskGroup() as group:
        for number in range(HUBS):
            hub = Killed(tmp_path / str(number), number, f"{seed} kills {number}", targets, phone)
            group.create_task(hub.run(KILLS))
