"""`ack`, `resolve`, `silence` and `audit export`, as a person at a terminal uses them with a hub that runs."""

from __future__ import annotations

import getpass
import json
import re

import aiohttp
import pytest

from tests.acceptance.estate import until
from tests.alerts.receiver import Serving
from tests.cli.running import DB, WEB, commands, running
from tests.yardstick import PATIENCE

ALERTS = """service: {{name: Acme, timezone: UTC, outside_url: "http://watch.acme.example"}}
defaults: {{confirm: {{down: 2}}, retry_every: 500ms}}
people: {{alice: {{channels: ["{url}/alice"]}}}}
rotations: {{primary: {{people: [alice]}}}}
escalations: {{urgent: {{steps: [{{page: primary}}], repeat: 1m}}}}
alerts: [{{when: down, components: all, escalate: urgent}}]
alerting: {{group_wait: 0s, resolve_hold: 0s}}
"""


@pytest.fixture
async def receiver():
    async with Serving() as there:
        yield there


@pytest.fixture
async def hub(tmp_path, receiver):
    """A hub whose two components are down, and of which alice was told."""
    async with running(tmp_path, ALERTS.format(url=receiver.url) + WEB + DB) as hub:
        await until(lambda: told_of(hub) >= 2, what="alice was told of both")
        yield hub


def told_of(hub) -> int:
    return hub.rows("SELECT count(*) FROM heard")[0][0]


async def test_an_alert_is_listed_acknowledged_and_resolved(hub):
    code, out = await hub.verb("ack")
    assert code == 0
    assert re.search(r"^\d+ +web: down +\d{4}-.* UTC +alice +next step at ", out, re.MULTILINE), out
    code, out = await hub.verb("ack", "web", "--by", "bob", "--for", "1h", "--reason", "on it")
    assert code == 0
    assert re.fullmatch(r"Alert \d+ \(web\) is acknowledged by bob until \d{4}-.* UTC\.\n", out)
    code, out = await hub.verb("ack", "--json")
    by = {alert["subject"]: alert["acknowledged"] for alert in json.loads(out)["alerts"]}
    assert (by["web"]["by"], by["web"]["account"], by["db"]) == ("bob", getpass.getuser(), None)
    code, out = await hub.verb("resolve", "db", "--reason", "known")
    assert re.fullmatch(
        r"Alert \d+ \(db\) is closed\. Its trouble lasts: it opens again at \S+ \S+ UTC unless it recovers before\.\n",
        out,
    )
    code, out = await hub.verb("ack")
    assert "bob has it until" in out
    assert "db" not in out
    code, out = await hub.verb("ack", "nothing")
    assert (code, "no open alert is called 'nothing'. Open alerts: " in out) == (2, True)


async def test_several_alerts_are_acknowledged_at_once(hub):
    for words in (("web", "db"), ("--all",)):
        code, out = await hub.verb("ack", *words, "--by", "bob")
        assert code == 0, out
        assert {"(web) is acknowledged by bob", "(db) is acknowledged by bob"} <= set(
            re.findall(r"\(\w+\) is acknowledged by bob", out)
        )
    code, out = await hub.verb("ack", "web", "--all")
    assert (code, "name alerts, or say --all: not both" in out) == (2, True)


async def test_a_silence_is_added_listed_and_ended(hub):
    code, out = await hub.verb("silence", "list")
    assert (code, out) == (0, "No silence is in force.\n")
    code, out = await hub.verb("silence", "add", "--components", "web,db", "--when", "down", "--for", "2h", "--reason", "deploy", "--by", "bob")  # fmt: skip
    assert code == 0
    assert re.fullmatch(r"Silence 1: web, db \(down\), until \d{4}-.* UTC, by bob: deploy\.\n", out)
    code, out = await hub.verb("ack")
    assert out.count("silenced") == 2
    code, out = await hub.verb("silence", "end", "1", "--by", "carol")
    assert (code, out) == (0, "Silence 1 has ended.\n")
    code, out = await hub.verb("silence", "list", "--all")
    assert "ended by carol, by bob: deploy" in out
    code, out = await hub.verb("silence", "add", "--components", "web", "--reason", "x")
    assert (code, "a silence needs one end: write --until TIME or --for TIME" in out) == (2, True)
    code, out = await hub.verb("silence", "add", "--for", "1h", "--reason", "x")
    assert (code, "say what to silence" in out) == (2, True)


async def test_the_link_in_the_letter_acknowledges_and_all_of_it_is_in_the_audit_trail(hub, receiver):
    letter = receiver.bodies("alice")[0]
    link = re.search(r"^To acknowledge: http://watch\.acme\.example(/ack/[\w-]+)$", letter, re.MULTILINE)[1]
    status, page = await hub.answer(hub.operators, link)
    assert (status, "Acknowledge as alice" in page) == (200, True)
    assert [verb for verb, _ in commands(hub)] == []
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for expected in (200, 410):
            async with session.post(f"http://127.0.0.1:{hub.operators}{link}") as answer:
                assert answer.status == expected
    await hub.verb(
        "silence", "add", "--groups", "None", "--for", "1h", "--reason", "refused, so not on record"
    )
    await hub.verb("reload", "--by", "carol")
    code, out = await hub.verb("audit", "export", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [(row["by"], row["verb"]) for row in rows]) == (0, [("alice", "ack"), ("carol", "reload")])
    assert rows[0]["account"] == "acknowledge link"
    assert re.fullmatch(r"Acme/down:(web|db)/1", rows[0]["about"][0])
    assert link not in out
    code, out = await hub.verb("audit", "export")
    first, second = out.splitlines()
    assert re.fullmatch(r"\d{4}-.* UTC  alice \[acknowledge link\]  ack Acme/down:\w+/1 \(.*\)", first)
    assert " carol [" in second
    code, out = await hub.verb("audit", "export", "--to", "2020-01-01 00:00")
    assert (code, out) == (0, "")
    code, out = await hub.verb("audit", "export", "--from", "soon")
    assert (code, "--from: 'soon' is not a time" in out) == (2, True)


async def test_what_is_on_record_is_read_without_a_hub_and_nothing_can_be_told(hub):
    await hub.verb("silence", "add", "--components", "web", "--for", "2h", "--reason", "deploy")
    await hub.kill()
    for words, said in ((("silence", "list"), "1: web, until"), (("ack",), "db: down"), (("audit", "export"), "silence add silence 1")):  # fmt: skip
        code, out = await hub.verb(*words)
        assert (code, said in out) == (0, True), out
    code, out = await hub.verb("ack", "web")
    assert (code, "no hub answers, and `ack` needs a running hub" in out) == (2, True)


async def test_an_acknowledgement_that_was_answered_survives_a_kill(hub):
    assert (await hub.verb("ack", "web", "--by", "bob"))[0] == 0
    await hub.kill()
    await hub.begin()
    code, out = await hub.verb("ack", "--json")
    by = {alert["subject"]: alert["acknowledged"] for alert in json.loads(out)["alerts"]}
    assert (code, by["web"]["by"]) == (0, "bob")
