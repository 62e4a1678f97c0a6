"""The outside heartbeat of a hub of its own process: what a service outside gets, and what people see of it."""

from __future__ import annotations

import json
import re

import pytest

from tests.acceptance.estate import until
from tests.beats import Waiting
from tests.cli.running import CONFIG, answering, configure, running
from tests.ports import free_port

SECRET = "s3cr3t-uuid"
OURS = ("~heartbeat", "pager's proof", SECRET)


@pytest.fixture
async def service():
    async with Waiting() as service:
        yield service


async def test_beats_come_again_after_a_kill_and_nobody_sees_how_the_pager_proves_itself(tmp_path, service):
    text = f"{CONFIG}heartbeat_to: {service.url}/{SECRET}\n"
    async with running(tmp_path, text) as hub:
        await until(lambda: service.beats, what=f"a beat; {hub.said()}")
        assert await hub.kill() == -9
        hub.env["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"  # what is on this machine needs no proxy
        before = service.beats
        await answering(hub)
        await until(lambda: service.beats > before, what=f"a beat after the kill; {hub.said()}")
        assert service.paths() == {f"/{SECRET}"}
        assert hub.rows("SELECT count(*) FROM alert WHERE key LIKE '%heartbeat'") == [(1,)]
        seen = [
            (await hub.answer(port, path))[1]
            for port, path in (
                (hub.page, "/"), (hub.page, "/api/v2/summary.json"), (hub.operators, "/healthz"),
                (hub.operators, "/readyz"), (hub.operators, "/metrics"),
            )
        ]  # fmt: skip
        assert re.search(r"threenines_outbox_dwell_seconds_count 0\b", seen[-1]), "it is no notice to people"
        verbs = (
            ("status",), ("ack",), ("ack", "--json"), ("events", "--json"), ("uptime",), ("doctor",),
            ("oncall",), ("silence", "list"),
        )  # fmt: skip
        said = [await hub.verb(*words) for words in verbs]
        code, acked = await hub.verb("ack", "--all")
        assert code == 2
        assert "no alert is open" in acked
        assert (await hub.verb("ledger", "verify"))[0] == 0
        assert await hub.kill(15) == 0
        said += [await hub.verb(*words) for words in verbs], (0, hub.said())
    for text in (*seen, *map(str, said), acked):
        for word in OURS:
            assert word not in text, text
    assert hub.rows("SELECT count(*) FROM ledger WHERE body LIKE '%heartbeat%'") == [(0,)]
    assert hub.rows("SELECT count(*) FROM happening WHERE body LIKE '%heartbeat%'") == [(0,)]


async def test_a_beat_that_does_not_arrive_is_said_wherever_troubles_are_and_a_reload_takes_over_another_url(
    tmp_path, service
):
    port = free_port()
    async with running(tmp_path, f"{CONFIG}heartbeat_to: http://127.0.0.1:{port}/{SECRET}\n") as hub:
        text = f"the outside heartbeat cannot be delivered to 127.0.0.1:{port}: connection refused"
        await until(lambda: _says(hub, text), what="/readyz says it")
        told = {verb: (await hub.verb(verb))[1] for verb in ("status", "doctor", "events")}
        for said in (
            *told.values(),
            json.loads((await hub.verb("status", "--json"))[1])["troubles"][0]["text"],
        ):
            assert text in said
            assert SECRET not in said
        assert "correct `heartbeat_to` in checks.yaml" in told["doctor"]
        await until(lambda: _counts(hub, 1.0), what="the metric says it")
        configure(hub, f"{CONFIG}heartbeat_to: {service.url}/{SECRET}\n")
        code, changed = await hub.verb("reload")
        assert code == 0, changed
        assert "changed: heartbeat_to" in changed
        await until(lambda: service.beats, what="a beat to the other URL")
        await until(lambda: _says_not(hub, text), what="it is over")
        await until(lambda: _counts(hub, 0.0), what="for the metric, too")


async def _says(hub, text: str) -> bool:
    return text in (await hub.answer(hub.operators, "/readyz"))[1]


async def _says_not(hub, text: str) -> bool:
    return not await _says(hub, text)


async def _counts(hub, number: float) -> bool:
    line = f'threenines_trouble{{kind="heartbeat_undelivered"}} {number}'
    return line in (await hub.answer(hub.operators, "/metrics"))[1]
