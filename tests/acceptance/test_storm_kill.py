"""Twenty times kill -9 of a hub and of what it sends with, in a storm of outages (`stormed.py`).

Each outage is told at least once, and no kill costs more than one duplicate. `make soak` does the same ten times as often.
"""

from __future__ import annotations

import asyncio

from tests.acceptance.killed import Targets
from tests.acceptance.stormed import Stormed
from tests.alerts.receiver import Serving

HUBS, KILLS = 4, 5


async def test_twenty_kills_of_hubs_and_of_senders_in_a_storm_lose_no_page(tmp_path, seed):
    async with Targets() as targets, Serving() as phone, asyncio.TaskGroup() as group:
        hubs = [
            Stormed(tmp_path / str(number), number, f"{seed} storm {number}", targets, phone, aways=(0.0,))
            for number in range(HUBS)
        ]
        for hub in hubs:
            group.create_task(hub.run(KILLS))
    assert sum(hub.twice for hub in hubs) > 0, "no kill came between a letter and its answer"
