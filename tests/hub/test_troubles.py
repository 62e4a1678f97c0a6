"""Every trouble of ours has a cure, and a reload drops what is about things that are gone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import START_MS, settings
from watch.core.alert import Event, Notice, Status
from watch.core.settings import Person, Secret
from watch.core.standing import Sight
from watch.hub.trouble_kinds import KINDS, trouble
from watch.hub.troubles import Troubles

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r'\b(?:note|tell|trouble|StoreFault|_remark)\(\s*f?"([a-z_]+)')


def test_every_kind_that_the_code_names_is_in_the_table():
    named = {
        kind for file in (ROOT / "watch").rglob("*.py") for kind in NAMED.findall(file.read_text("utf-8"))
    }
    assert {"overloaded", "config_reload", "no_hub", "store_newer"} <= named
    assert named == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cure_is_whole_sentences_that_name_what_it_is_about(kind):
    found = trouble(f"{kind}:east", "it is wrong", START_MS)
    assert found.cure[0].isupper()
    assert found.cure.endswith(".")
    assert "{" not in found.cure
    assert "  " not in found.cure


@pytest.mark.parametrize(
    "verb", sorted({v for k in KINDS.values() for v in re.findall(r"`threenines (\w+)", k.cure)})
)
def test_a_verb_that_a_cure_names_exists(verb):
    from watch.cli.verbs import VERBS

    assert verb in VERBS


def test_what_makes_the_hub_not_ready_is_in_the_table():
    assert {k for k, v in KINDS.items() if v.not_ready} == {
        "overloaded", "first_readings", "loop_stuck", "store_corrupt", "store_lost", "store_stuck"
    }  # fmt: skip


def with_channels(*urls: str):
    return replace(
        settings({"web": ["web/home"]}), people={"al": Person(name="al", channels=tuple(map(Secret, urls)))}
    )


def notice(channel: int, status: Status, **more) -> Notice:
    plain = {
        "id": 1,
        "alert_ids": (1,),
        "event": Event.TRIGGERED,
        "recipient": "al",
        "created_ms": 0,
        "due_ms": 0,
    }
    return Notice(**plain, channel=channel, status=status, title="DOWN: x", body="b", **more)


def test_a_channel_that_fails_is_named_with_host_and_cause_until_it_has_delivered():
    troubles = Troubles(START_MS)

    def said(status: Status, **more) -> list[tuple[str, str]]:
        troubles.sent(notice(1, status, **more), START_MS)
        return [(t.key, t.text) for t in troubles.current()]

    assert said(Status.PENDING, attempts=2) == []
    why = "push.example could not be reached: connection refused"
    text = f"channel 2 of al does not take notices: 3 attempts have failed; {why}"
    assert said(Status.PENDING, attempts=3, detail=why) == [("channel_failing:al:2", text)]
    assert said(Status.DEAD, detail="push.example answered 403") == [
        ("channel_refused:al:2", "channel 2 of al refuses notices for good; push.example answered 403")
    ]
    refused = said(Status.SENDING)
    assert refused == said(Status.SUPERSEDED), "neither says anything about the channel"
    ((key, text),) = said(
        Status.DEAD, unanswered=2, detail="push.example took the request and gave no answer"
    )
    assert key == "channel_unanswered:al:2"
    assert "does not answer, so it is not known whether they arrive; push.example took" in text
    assert said(Status.DELIVERED) == []


def test_a_channel_that_was_corrected_is_no_longer_said_to_refuse():
    troubles = Troubles(START_MS)
    for channel in (0, 1):
        troubles.sent(notice(channel, Status.DEAD), START_MS)
    troubles.replan(with_channels("a://", "b://"), with_channels("a://", "c://"))
    assert [t.key for t in troubles.current()] == ["channel_refused:al:1"]
    troubles.replan(with_channels("a://"), with_channels())
    assert troubles.current() == ()


def test_a_vantage_point_that_is_gone_is_no_longer_said_to_be_blind():
    troubles, plan = Troubles(START_MS), with_channels()
    for name in ("east", *plan.vantages):
        troubles.sighted(Sight(name, blind=True, good_ms=0, bad=("dns",)), START_MS)
    troubles.replan(plan, plan)
    assert [t.key for t in troubles.current()] == [f"vantage_blind:{name}" for name in plan.vantages]
