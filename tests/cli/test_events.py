"""`threenines events`, as a person at a terminal and a script use it, with a hub that runs and without one."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.estate import until
from tests.alerts.receiver import Serving
from tests.cli.running import DB, WEB, answering, configure, running
from tests.yardstick import PATIENCE

ALERTS = """service: {{name: Acme, timezone: UTC}}
defaults: {{confirm: {{down: 2}}, retry_every: 500ms}}
people: {{alice: {{channels: ["{url}/alice"]}}, bob: {{channels: ["json://127.0.0.1:1/x"]}}}}
rotations: {{primary: {{people: [alice]}}}}
alerts: [{{when: down, components: [web]}}]
alerting: {{group_wait: 0s, resolve_hold: 0s}}
maintenance: {{deploy: {{components: [web], when: "Mon-Sun 00:00-23:59 UTC"}}}}
"""
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  (\w+) +(.*)")


@pytest.fixture
async def receiver():
    async with Serving() as there:
        yield there


@pytest.fixture
def text(receiver):
    return ALERTS.format(url=receiver.url) + WEB + DB


@pytest.fixture
async def hub(tmp_path, text):
    """A hub whose two components are down, and of which alice and bob are told."""
    async with running(tmp_path, text) as hub:
        await until(lambda: pages(hub) >= {"delivered", "failed"}, what="alice was told, and bob not")
        yield hub


def pages(hub) -> set[str]:
    return {word for (word,) in hub.rows("SELECT word FROM happening WHERE sort = 'page'")}


async def listed(hub, *words: str) -> list[dict]:
    code, out = await hub.verb("events", "--json", *words)
    assert code == 0, out
    return [json.loads(line) for line in out.splitlines()]


def found(events, kind, word, **facts) -> list[dict]:
    return [
        it
        for it in events
        if (it["kind"], it["word"]) == (kind, word) and facts.items() <= it["facts"].items()
    ]


@asynccontextmanager
async def following(hub, *words: str):
    """`events -f` in a process of its own, and the lines that it has printed so far."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "watch", "events", "-f", *words, cwd=hub.folder,
        env={**os.environ, **hub.env}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            lines.append(line.decode())

    reading = asyncio.create_task(read())
    try:
        yield process, lines
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def test_states_alerts_and_pages_are_one_stream_in_time_order(hub):
    events = await listed(hub)
    assert [it["at_ms"] for it in events] == sorted(it["at_ms"] for it in events)
    assert found(events, "check", "down", vantage="local", reason="refused")
    assert found(events, "state", "down", name="web", **{"from": "unknown"})
    assert found(events, "alert", "opened", when="down")
    assert found(events, "page", "delivered", person="alice", channel=1)
    (failed, *_) = found(events, "page", "failed", person="bob", channel=1)
    assert failed["facts"]["detail"]
    assert found(events, "maintenance", "begun")
    assert found(events, "hub", "started")
    assert len({it["id"] for it in events}) == len(events)


async def test_a_line_for_people_says_the_same_as_the_object_for_scripts(hub):
    events = await listed(hub)
    code, out = await hub.verb("events")
    assert code == 0
    matches = [LINE.fullmatch(line) for line in out.splitlines()]
    assert all(matches), out
    lines = [match.groups() for match in matches if match]
    for event in events:
        assert any(kind == event["kind"] and said.startswith(event["text"]) for kind, said in lines)
    assert ("page", "`[Acme] DOWN: web` to alice by channel 1: delivered") in lines


async def test_what_people_order_is_told_with_author_and_reason_and_hostile_text_is_one_line(hub):
    evil = "x\x1b[31m\n2026-01-01 00:00:00 UTC  state        web is up\u202e"
    assert (await hub.verb("ack", "web", "--by", "carol", "--reason", evil))[0] == 0
    assert (await hub.verb("silence", "add", "--components", "db", "--for", "1h", "--reason", evil))[0] == 0
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d %H:%M} UTC"
    assert (await hub.verb("oncall", "override", "bob", "--to", tomorrow, "--by", "dora"))[0] == 0
    await until(lambda: hub.rows("SELECT 1 FROM happening WHERE sort = 'oncall'"), what="bob has taken over")
    _, out = await hub.verb("events")
    assert all(LINE.fullmatch(line) for line in out.splitlines()), out
    assert all(line.isprintable() for line in out.splitlines())
    events = await listed(hub)
    assert found(events, "command", "ack", by="carol")[0]["about"] == ["web"]
    assert found(events, "alert", "acknowledged", acknowledged_by="carol")
    assert found(events, "silence", "begun")[0]["about"] == ["db"]
    assert "bob takes over primary (override 1 by dora)" in found(events, "oncall", "begun")[0]["text"]
    assert (await hub.verb("silence", "end", "1"))[0] == 0
    assert found(await listed(hub), "silence", "over")


async def test_a_name_keeps_what_is_about_that_component_or_check(hub):
    await until(
        lambda: hub.rows("SELECT 1 FROM happening WHERE key = 'db' AND word = 'down'"), what="db is down"
    )
    about_db = await listed(hub, "DB")
    assert {it["kind"] for it in about_db} == {"check", "state"}, "no rule is about db"
    assert all("db" in it["about"] for it in about_db)
    check = await listed(hub, "web/home")
    assert found(check, "check", "down")
    assert not found(check, "maintenance", "begun")
    code, out = await hub.verb("events", "wbe")
    assert (code, "there is no component or check 'wbe'; did you mean 'web'?" in out) == (2, True)
    code, out = await hub.verb("events", "--since", "soon")
    assert (code, "--since: " in out) == (2, True)


async def test_a_renamed_component_keeps_its_past(hub, text):
    configure(hub, text.replace("  web: {", "  shop: {was: web, ").replace("[web]", "[shop]"))
    assert (await hub.verb("reload"))[0] == 0
    events = await listed(hub, "shop")
    assert found(events, "state", "down", name="web")
    assert found(events, "rename", "renamed")
    assert "component web to shop" in found(await listed(hub), "reload", "done")[0]["text"]


async def test_the_store_says_the_same_when_no_hub_runs_and_the_end_of_the_hub_too(hub):
    before = await listed(hub)
    await hub.kill(signal.SIGTERM)
    after = await listed(hub)
    assert after[: len(before)] == before
    assert found(after, "hub", "stopped")
    assert not await listed(hub, "--since", "2100-01-01 00:00 UTC")


async def test_following_survives_a_restart_of_the_hub_and_ends_well_at_ctrl_c(hub):
    async with following(hub, "--json") as (process, lines):
        await until(lambda: any('"delivered"' in line for line in lines), what="the past was shown")
        await hub.kill()
        await answering(hub)
        assert (await hub.verb("ack", "web", "--by", "carol"))[0] == 0
        await until(lambda: any('"acknowledged"' in line for line in lines), what="the ack was shown")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    events = [json.loads(line) for line in lines]
    ids = [it["id"] for it in events]
    assert len(set(ids)) == len(ids), "nothing is shown twice"
    everything = {it["id"] for it in await listed(hub)}
    assert set(ids) <= everything
    shown = max(it["at_ms"] for it in events)
    late = [it["id"] for it in await listed(hub) if it["at_ms"] < shown and it["id"] not in ids]
    assert not late, "nothing is left out"
    assert len(found(events, "hub", "started")) == 2


async def test_a_trouble_of_ours_begins_and_is_over(hub, text):
    configure(hub, "service: {name: 7}\n")
    assert (await hub.verb("reload"))[0] == 2
    await until(
        lambda: hub.rows("SELECT 1 FROM happening WHERE key = 'config_reload' AND word = 'begun'"),
        what="begun",
    )
    configure(hub, text)
    assert (await hub.verb("reload"))[0] == 0
    await until(
        lambda: hub.rows("SELECT 1 FROM happening WHERE key = 'config_reload' AND word = 'over'"), what="over"
    )
    (begun,) = [it for it in found(await listed(hub), "trouble", "begun") if it["key"] == "config_reload"]
    assert begun["text"] == "checks.yaml has a mistake; the old configuration runs on"
    assert "\n- " in begun["facts"]["cure"]
