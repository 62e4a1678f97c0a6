"""What only several readings tell, from a real hub: how long a failover took, and when a disk will be full."""

from __future__ import annotations

import json
import signal
import sqlite3
import time

import pytest

from tests.acceptance.estate import Hub, echo, listening, until
from tests.ports import free_port

CONFIG = """
service: {{name: Acme Cloud, timezone: UTC}}
vantages: {{here: {{canaries: [{{icmp: 127.0.0.1}}]}}}}
components:
  firewall:
    name: Firewall
    checks:
      handover:
        tcp: 127.0.0.1:{port}
        every: 500ms
        timeout: 10s
        retry_every: 500ms
        warn: [gap < 2s]
  disks:
    checks:
      room:
        for_each: {{root: /}}
        file: {{path: "${{item}}", files: false}}
        every: 500ms
        warn: [exhausted_in > 90d]
"""
QUARTER_MS = 900_000


@pytest.fixture
async def estate(tmp_path):
    port = free_port()
    folders = [tmp_path / name for name in ("active", "standby", "hub")]
    for folder in folders:
        folder.mkdir()
    active, standby = echo(folders[0], port), echo(folders[1], port)
    hub = Hub(folders[2], CONFIG.format(port=port))
    yield hub, active, standby, port
    for process in (active, standby, hub):
        if process.running is not None and process.running.returncode is None:
            await process.kill()


def readings(hub, check):
    """Verdict, when it began and ended in ms, and facts of each reading of *check*, in order."""
    sql = (
        "SELECT verdict, at_ms, at_ms + took_ms, o.body FROM observation o JOIN name n ON n.id = check_id "
        "WHERE n.text = ? ORDER BY o.id"
    )
    return [(verdict, at, end, json.loads(body)[0]) for verdict, at, end, body in hub.rows(sql, check)]


async def test_a_failover_is_as_long_as_nobody_answered(estate):
    hub, active, standby, port = estate
    await active.start()
    await until(lambda: listening(port), what="the active one listens")
    await hub.begin()
    check = "firewall/handover"
    await until(lambda: len(readings(hub, check)) > 4, what="some readings")
    assert {verdict for verdict, *_ in readings(hub, check)} == {"up"}

    await active.kill()
    bad = lambda: sum(verdict == "down" for verdict, *_ in readings(hub, check))  # noqa: E731
    await until(lambda: bad() >= 6, what="six bad readings: over two seconds")
    await standby.start()
    await until(lambda: readings(hub, check)[-1][0] == "degraded", what="the other one answers")
    assert await hub.kill(signal.SIGTERM) == 0

    found = readings(hub, check)
    first_bad = next(n for n, it in enumerate(found) if it[0] == "down")
    back = next(n for n, it in enumerate(found) if n > first_bad and it[0] != "down")
    assert found[back][0] == "degraded", "it took longer than promised, and says so at once"
    told, true = found[back][3]["gap"], (found[back][2] - found[first_bad - 1][2]) / 1000
    assert told == pytest.approx(true, rel=0.2)
    growing = [facts["gap"] for verdict, _, _, facts in found[first_bad:back] if verdict == "down"]
    assert growing == sorted(growing)
    assert found[back][3]["gap"] >= growing[-1]


async def test_a_disk_that_fills_is_followed_through_a_restart(estate):
    hub, *_ = estate
    check = "disks/room[root]"
    await hub.begin()
    await until(lambda: len(readings(hub, check)) > 2, what="some readings")
    assert await hub.kill(signal.SIGTERM) == 0
    verdict, _, _, facts = readings(hub, check)[-1]
    assert (verdict, "exhausted_in" in facts) == ("up", False), "nothing is known from a minute of readings"

    # As if the hub had run for the last day: what is free fell by a hundredth every hour.
    begun_ms = int(time.time() * 1000) // QUARTER_MS * QUARTER_MS
    rows = [
        (
            begun_ms - n * QUARTER_MS,
            check,
            "here",
            "free",
            30,
            30 * QUARTER_MS // 2,
            30 * (facts["free"] + n / 400),
        )
        for n in range(1, 90)
    ]
    store = sqlite3.connect(hub.folder / "threenines.db")
    with store:
        store.executemany("INSERT INTO trend VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    store.close()

    before = len(readings(hub, check))
    await hub.begin()
    await until(lambda: len(readings(hub, check)) > before, what="a reading after the restart")
    verdict, _, _, facts = readings(hub, check)[before]
    assert verdict == "degraded"
    assert facts["exhausted_in"] == pytest.approx(facts["free"] * 100 * 3600, rel=0.1)
