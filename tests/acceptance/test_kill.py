"""Fifty times kill -9 in the middle of writing: nothing that was acknowledged is lost, nobody is paged falsely.

Five hubs are killed ten times each, side by side. Each watches a target that is always well and one that goes down and
comes back; each is away for five seconds, longer than a state holds (2.5 × 1 s + 500 ms).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import web

from tests.acceptance.estate import Hub, until
from tests.alerts.receiver import Receiver, Serving
from watch.core.marks import Edge
from watch.core.timeline import State, state_at
from watch.hub.replay import DAY_MS, book_now
from watch.stores.sqlite import reading

if TYPE_CHECKING:
    from pathlib import Path
from typing import Self

HUBS, KILLS = 5, 10
AWAY = 5.0  # seconds
CONFIG = """
service: {{name: Acme {number}, timezone: UTC}}
defaults: {{every: 1s, timeout: 1500ms, retry_every: 300ms}}  # so that a state lapses within `AWAY`
components:
  steady: {{checks: {{home: {{http: "{url}/steady"}}}}}}
  flaky: {{checks: {{home: {{http: "{url}/flaky{number}"}}}}}}
people: {{alice: {{channels: ["{phone}"]}}}}
alerts: [{{when: down, components: all}}]
alerting: {{group_wait: 100ms, resolve_hold: 1s, reopen: 1s}}
"""
# What must still be there after a kill because somebody could have read it before.
KEPT = {
    "ledger": "SELECT seq, hash FROM ledger",
    "evidence": "SELECT entry, at_ms, verdict FROM evidence",
    "observation": "SELECT id, at_ms, verdict FROM observation",
    "alert": "SELECT id, key FROM alert",
    "notice": "SELECT id FROM notice",
    "heard": "SELECT alert_id, recipient FROM heard",
}


class Targets:
    """Web servers on one port, told apart by path; those in `down` answer 503."""

    def __init__(self) -> None:
        self.down: set[str] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(status=503 if request.match_info["name"] in self.down else 200)


async def test_fifty_kills_lose_nothing_and_page_nobody_falsely(tmp_path):
    async with Targets() as targets, Serving() as phone, asyncio.TaskGroup() as group:
        for n in range(HUBS):
            group.create_task(_killed_often(tmp_path / str(n), n, targets, phone))


async def _killed_often(folder: Path, number: int, targets: Targets, phone: Receiver) -> None:
    folder.mkdir()
    hub = Hub(folder, CONFIG.format(number=number, url=targets.url, phone=f"{phone.url}/{number}"))
    try:
        await _kills(hub, number, targets, phone)
    finally:
        if hub.running is not None and hub.running.returncode is None:
            await hub.kill()


async def _kills(hub: Hub, number: int, targets: Targets, phone: Receiver) -> None:
    chance, flaky = random.Random(number), f"flaky{number}"
    absences: list[tuple[int, int]] = []
    acknowledged: dict[str, set] = {table: set() for table in KEPT}
    for kill in range(KILLS):
        (targets.down.add if kill % 3 else targets.down.discard)(flaky)
        await hub.begin()
        await asyncio.sleep(chance.uniform(0, 4))  # the moment of the kill is what this test varies
        for table, sql in KEPT.items():
            found = set(hub.rows(sql))
            assert acknowledged[table] <= found, f"hub {number}, kill {kill}: {table} lost rows"
            acknowledged[table] = found
        await hub.kill()
        killed_ms = time.time_ns() // 1_000_000
        await asyncio.sleep(AWAY)
        absences.append((killed_ms, time.time_ns() // 1_000_000))
    targets.down.discard(flaky)
    await hub.begin()
    await until(lambda: _told(hub), what=f"all is told; {hub.said()[-500:]}")
    for table, sql in KEPT.items():
        assert acknowledged[table] <= set(hub.rows(sql)), f"hub {number}: {table} lost rows"
    await _judge(hub, [body for path, body in phone.received if path == str(number)], absences)


def _told(hub: Hub) -> bool:
    """Whether every alert is closed and no notice is on its way."""
    still = hub.rows(
        "SELECT 1 FROM alert WHERE resolved_ms IS NULL UNION SELECT 1 FROM notice WHERE status IN ('pending', 'sending')"
    )
    return not still


async def _judge(hub: Hub, messages: list[dict], absences: list[tuple[int, int]]) -> None:
    code, out = await hub.verb("ledger", "verify")
    assert code == 0, out
    transitions = [
        (s, json.loads(b)["to"], e)
        for s, e, b in hub.rows(
            "SELECT subject, effective_ms, body FROM ledger WHERE kind = 'transition' ORDER BY seq"
        )
    ]
    now_ms = time.time_ns() // 1_000_000
    store = hub.folder / "threenines.db"
    with reading(store) as reads:
        steady = book_now(reads, store, 0).check_timeline(
            "steady/home", Edge.FOUND, absences[0][0] - DAY_MS, now_ms
        )
    assert {state for _, _, state in steady} <= {State.UP, State.UNKNOWN}, (
        "it was never anything but up or unseen"
    )
    assert steady[-1][1:] == (now_ms, State.UP)
    for killed_ms, back_ms in absences:
        state = state_at(steady, back_ms - 500)
        assert state is State.UNKNOWN, f"the absence from {killed_ms} to {back_ms} reads {state}"

    alerts = [json.loads(body) for (body,) in hub.rows("SELECT body FROM alert")]
    assert {a["subject"] for a in alerts} == {"flaky"}, "a false alert"
    for at_ms in (at for subject, to, at in transitions if subject == "flaky/home" and to == "down"):
        assert any(a["since_ms"] <= at_ms <= a["resolved_ms"] for a in alerts), (
            f"the outage at {at_ms} raised no alert"
        )

    told = Counter(
        (key, _event(m)) for m in messages for key in {a["dedup_key"] for a in alerts} if key in m["message"]
    )
    for alert in alerts:
        events = {event for key, event in told if key == alert["dedup_key"]}
        assert "late" in events or {"down", "recovered"} <= events, (
            f"{alert['dedup_key']} was told as {events}: {[m['title'] for m in messages]}"
        )
    openings = sum(1 + a["again"] for a in alerts)
    assert sum(told.values()) - 2 * openings <= KILLS, f"more than one duplicate a kill: {told}"


def _event(message: dict) -> str:
    title = message["title"]
    return (
        "down"
        if title.startswith("DOWN")
        else "late"
        if "was down" in title.lower() or "late" in message["message"]
        else "recovered"
    )
