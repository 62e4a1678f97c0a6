"""`alert test` and `alert preview`, as a person at a terminal uses them, with real receivers."""

from __future__ import annotations

import json
import re

import pytest

from tests.alerts.receiver import Serving
from tests.cli.running import DB, WEB, commands, running

PEOPLE = """service: {{name: "Acme @everyone", timezone: UTC}}
people:
  alice: {{channels: ["{url}/alice", "{url}/gone", "json://127.0.0.1:1/secret-word"]}}
  bob: {{channels: ["{url}/bob"]}}
alerts: [{{when: down, components: all}}]
"""


@pytest.fixture
async def receiver():
    async with Serving() as there:
        there.answers["gone"] = 404
        yield there


@pytest.fixture
async def hub(tmp_path, receiver):
    async with running(tmp_path, PEOPLE.format(url=receiver.url) + WEB + DB) as hub:
        yield hub


@pytest.fixture
def folder(tmp_path, threenines):
    """A configuration without a hub, in the working directory."""
    discord = "discord://12345678901234567/abcdefghijklmnopqrstuvwxyz"
    people = PEOPLE.format(url="json://127.0.0.1:9").replace("json://127.0.0.1:9/bob", discord)
    many = "".join(
        f"  part{n}: {{name: A rather long name of part {n}, checks: {{q: {{tcp: '127.0.0.1:1'}}}}}}\n"
        for n in range(80)
    )
    (tmp_path / "checks.yaml").write_text(people + WEB + DB + many)
    return tmp_path


def spoken(answer) -> tuple[int, str]:
    return answer.code, answer.out


def trials(receiver, path) -> list[str]:
    return [body for body in receiver.bodies(path) if "alert test" in body]


async def test_a_test_page_arrives_says_that_it_is_one_and_is_on_record(hub, receiver):
    code, out = await hub.verb("alert", "test", "bob", "--by", "dora")
    assert code == 0, out
    assert re.fullmatch(r"Channel 1 of bob: the service took the test page after \d+\.\d s\.\n", out)
    (body,) = trials(receiver, "bob")
    assert body.startswith("Nothing is wrong. dora asked for a test of channel 1 of bob")
    (titled,) = [said for path, said in receiver.received if path == "bob" and said["message"] == body]
    assert (titled["title"].startswith("TEST: "), titled["type"]) == (True, "info")
    ((verb, body),) = commands(hub)
    assert (verb, body["by"], body["arguments"]) == ("alert test", "dora", {"person": "bob"})
    _, out = await hub.verb("events")
    assert "page         a test to bob by channel 1: delivered" in out


async def test_what_was_not_delivered_says_why_for_each_channel_and_the_code_is_1(hub, receiver):
    code, out = await hub.verb("alert", "test", "alice")
    first, second, third = out.splitlines()
    assert code == 1
    assert first.startswith("Channel 1 of alice: the service took the test page")
    assert second.startswith("Channel 2 of alice: not delivered")
    assert "404" in second
    assert third.startswith("Channel 3 of alice: not delivered")
    assert "connection refused" in third
    assert "secret-word" not in out
    code, out = await hub.verb("alert", "test", "alice", "--channel", "1", "--json")
    assert code == 0
    (result,) = json.loads(out)["results"]
    assert (result["channel"], result["sent"]) == (1, "delivered")
    assert len(trials(receiver, "alice")) == 2
    assert len(trials(receiver, "gone")) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("alicia",), "there is no person 'alicia' in checks.yaml (there is: alice, bob)"),
        (("bob", "--channel", "2"), "--channel: bob has 1 channel; write a number from 1 to 1"),
        (("bob", "--channel", "9" * 20), "alert test: this cannot be asked of a hub: a number is too large"),
        (("bob\udcff",), "alert test: this cannot be asked of a hub"),
        (("alice", "--channel", "0"), "--channel: alice has 3 channels; write a number from 1 to 3"),
    ],
)
async def test_whom_nobody_can_page_is_refused_and_nothing_is_sent(hub, receiver, words, said):
    code, out = await hub.verb("alert", "test", *words)
    assert (code, said in out) == (2, True), out
    assert not [body for _, body in receiver.received if "alert test" in body["message"]]
    assert commands(hub) == []


async def test_a_test_needs_a_hub_and_says_how_to_start_one(folder, threenines):
    answer = threenines("alert", "test", "bob")
    assert (answer.code, "needs a running hub" in answer.err) == (2, True)


def test_a_preview_is_the_letter_that_a_channel_would_get(folder, threenines):
    code, out = spoken(threenines("alert", "preview", "bob", "--components", "all"))
    assert code == 0
    heading, title, _, *body = out.splitlines()
    assert heading == "--- channel 1 of bob"
    assert title == "[Acme @ everyone] DOWN: web, db, A rather long name of part 0 (+79)"
    assert len("\n".join([title, *body])) <= 2000, "Discord takes no more"
    assert re.search(r"And \d+ more: .* and \d+ others\.", out)
    code, whole = spoken(threenines("alert", "preview", "--components", "all"))
    assert len(whole) > len(out), "without a person it is the longest form"
    assert "A rather long name of part 79" in whole


def test_channels_that_take_the_same_letter_are_shown_once(folder, threenines):
    code, out = spoken(threenines("alert", "preview", "alice", "--components", "WEB"))
    assert code == 0
    assert out.startswith(
        "--- channels 1, 2, 3 of alice\n[Acme @ everyone] DOWN: web\n\nweb has been down since "
    )
    code, out = spoken(threenines("alert", "preview", "alice", "--json"))
    (row,) = json.loads(out)["letters"]
    assert (row["channels"], row["title"]) == ([1, 2, 3], "[Acme @ everyone] DOWN: web")


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (("--recovered",), r"\[Acme @ everyone\] RESOLVED: web was down for 8m"),
        (("--when", "degraded"), r"\[Acme @ everyone\] DEGRADED: web"),
        (("--when", "redundancy_lost", "--components", "db"), r"\[Acme @ everyone\] REDUNDANCY LOST: db"),
        (("--when", "unknown", "--recovered"), r"\[Acme @ everyone\] RESOLVED: web had no data for 8m"),
        (("--when", "monitor"), r"\[Acme @ everyone\] MONITORING TROUBLE: vantage point .*"),
    ],
)
def test_a_preview_of_each_kind(folder, threenines, words, title):
    code, out = spoken(threenines("alert", "preview", *words))
    assert code == 0
    assert re.fullmatch(title, out.splitlines()[0]), out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dora",), "there is no person 'dora'"),
        (("--components", "nope"), "there is no component 'nope'"),
        (("--when", "broken"), "--when: 'broken' is none of down, "),
        (("--when", "monitor", "--components", "web"), "is about the monitoring itself"),
    ],
)
def test_a_preview_of_nothing_is_refused(folder, threenines, words, said):
    answer = threenines("alert", "preview", *words)
    assert (answer.code, said in answer.err) == (2, True), answer.err
