"""`threenines oncall`: the same answer from the hub and from the store, overrides that survive a kill, and calendars."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.acceptance.estate import until
from tests.cli.calendars import events_of
from tests.cli.running import CONFIG, answering, commands, configure, running
from watch.hub.on_call_calendar import calendar

PEOPLE = 'people: {alice: {channels: ["json://127.0.0.1:9"]}, bob: {channels: ["json://127.0.0.1:9"]}, carol: {channels: ["json://127.0.0.1:9"]}}\n'
TURNS = "people: [alice, bob], every: 1 week, handover: Mon 09:00 America/New_York, start: 2026-02-23"
ON_CALL = f"{CONFIG}{PEOPLE}rotations:\n  primary: {{{TURNS}}}\n"
HOURS = "  office: {layers: [{people: carol, during: 'Mon-Fri 09:00-17:00'}]}\n"


@pytest.fixture
async def hub(tmp_path):
    async with running(tmp_path, ON_CALL) as hub:
        yield hub


def clock(hours: float) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%d %H:%M:%S} UTC"


async def asked(hub, *words):
    code, out = await hub.verb("oncall", "--json", *words)
    assert code == 0, out
    return json.loads(out)


async def who(hub) -> str:
    return (await asked(hub))["rotations"][0]["now"]["person"]


async def test_an_override_applies_at_once_and_after_a_kill_and_is_listed_until_it_is_removed(hub):
    turn = await who(hub)
    code, out = await hub.verb(
        "oncall", "override", "carol", "--to", clock(2), "--by", "alice", "--reason", "a concert"
    )
    assert (code, out.startswith("Override 1: carol is on call in primary from ")) == (0, True), out
    assert out.rstrip().endswith(f", instead of {turn}.")
    await hub.kill()
    assert await who(hub) == "carol", "the store is read when no hub runs"
    await answering(hub)
    assert await who(hub) == "carol"
    code, out = await hub.verb("oncall")
    assert "override by alice: a concert" in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("1 ")]
    assert row[:3] == ["1", "primary", "carol"]
    assert row[-3:] == ["alice", "a", "concert"]
    code, out = await hub.verb("oncall", "override", "--remove", "1", "--by", "bob")
    assert (code, out) == (0, "Override 1 (carol in primary) ends now.\n")
    assert await who(hub) == turn
    assert (await asked(hub))["rotations"][0]["overrides"] == []
    rows = hub.rows("SELECT author, account, reason, remover FROM oncall_override")
    assert rows == [("alice", getpass.getuser(), "a concert", "bob")]
    assert [(verb, body["by"]) for verb, body in commands(hub)] == [
        ("oncall override", "alice"), ("oncall override --remove", "bob")
    ]  # fmt: skip


async def test_the_hub_and_the_store_give_the_same_answer(hub):
    await hub.verb("oncall", "override", "carol", "--from", clock(5), "--to", clock(9))
    words = ("primary", "--days", "30", "--at", "2026-03-02 00:00 America/New_York")
    one = await asked(hub, *words)
    assert await hub.kill(15) == 0
    other = await asked(hub, *words)
    assert one.pop("as_of") < other.pop("as_of")
    assert one == other
    assert [it["person"] for it in one["rotations"][0]["shifts"]] == ["alice", "bob"] * 3
    at = datetime(2026, 3, 2, 14, tzinfo=UTC).timestamp() * 1000
    assert one["rotations"][0]["next"] == {
        "person": "bob", "from_ms": at, "to_ms": at + 167 * 3_600_000, "why": "turn"
    }  # fmt: skip


async def test_a_gap_is_said_by_oncall_doctor_healthz_and_metrics_until_an_override_fills_it(hub):
    empty = "  nobody: {people: [alice, bob], every: 1 day, handover: 09:00, start: 2999-01-01}\n"
    configure(hub, ON_CALL + empty)
    code, out = await hub.verb("reload")
    assert (code, "added: rotation nobody" in out) == (0, True), out

    async def told() -> bool:
        return "nobody is on call in nobody" in (await hub.verb("doctor"))[1]

    await until(told, what="the gap is a trouble")
    code, out = await hub.verb("doctor")
    assert "`threenines oncall override PERSON --rotation nobody" in out
    code, out = await hub.verb("oncall", "nobody", "--exit-code")
    assert code == 1
    assert "NOBODY" in out
    assert (await hub.verb("oncall", "primary", "--exit-code"))[0] == 0
    code, out = await hub.verb("oncall", "override", "carol", "--rotation", "nobody", "--to", clock(24 * 30))
    assert (code, "instead of nobody" in out) == (0, True), out

    async def over() -> bool:
        return not await told()

    await until(over, what="somebody is there")


async def test_without_a_hub_gaps_are_told_by_doctor_with_the_overrides_on_record(hub):
    empty = "  nobody: {people: [alice, bob], every: 1 day, handover: 09:00, start: 2999-01-01}\n"
    configure(hub, ON_CALL + empty)
    assert await hub.kill(15) == 0
    assert "nobody is on call in nobody until 2999-01-01" in (await hub.verb("doctor"))[1]
    await answering(hub)
    await hub.verb("oncall", "override", "carol", "--rotation", "nobody", "--to", clock(24 * 30))
    await hub.kill()
    assert "nobody is on call" not in (await hub.verb("doctor"))[1]


@pytest.mark.parametrize(("words", "says"), [
    (("override",), "PERSON is missing"),
    (("override", "bob"), "--to is missing"),
    (("override", "bob", "--remove", "1"), "leave out PERSON"),
    (("override", "--remove", "1", "--to", "now"), "leave out --to"),
    (("override", "--remove", "one"), "'one' is not a valid integer"),
    (("override", "bob", "--to", "2026-12-27 09:00 UTC"), "needs a running hub"),
    (("primry",), "did you mean 'primary'?"),
    (("--days", "0"), "--days: write a number from 1 to 400"),
    (("--at", "noon"), "--at: 'noon' is not a time"),
    (("--ical", "--json"), "write one of them"),
    (("primary", "office", "more"), "unexpected extra argument"),
])  # fmt: skip
def test_a_wrong_request_says_what_to_write(threenines, tmp_path, words, says):
    (tmp_path / "checks.yaml").write_text(ON_CALL + HOURS)
    said = threenines("oncall", *words)
    assert said.code == 2, said
    assert says in said.err, said.err


def test_the_configuration_may_be_named_before_override_and_after_it(threenines, tmp_path):
    (tmp_path / "other.yaml").write_text(ON_CALL)
    for words in (
        ("--config", "other.yaml", "override"),
        ("--config=other.yaml", "override"),
        ("override", "--config", "other.yaml"),
    ):
        assert "needs a running hub" in threenines("oncall", *words, "bob", "--to", clock(1)).err
    assert "carol" not in threenines("oncall", "--config", "other.yaml").out
    assert "Put PERSON on call" in threenines("oncall", "override", "--help").out


def test_before_the_first_start_the_configuration_alone_answers(threenines, tmp_path):
    (tmp_path / "checks.yaml").write_text(ON_CALL)
    said = threenines("oncall", "--at", "2026-03-09 12:59:59 UTC", "--days", "8")
    assert said.code == 0
    assert said.out.splitlines()[:7] == [
        "On call at 2026-03-09 12:59:59 UTC",
        "",
        "rotation  on call  until                    next   why",
        "primary   bob      2026-03-09 13:00:00 UTC  alice  turn",
        "",
        "Shifts of primary",
        "from                     to                       person  why",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checks.yaml"], "a question makes no store"


def test_without_rotations_it_says_so(threenines, tmp_path):
    (tmp_path / "checks.yaml").write_text(CONFIG)
    assert threenines("oncall").out == "There are no `rotations` in checks.yaml.\n"
    assert json.loads(threenines("oncall", "--json").out)["rotations"] == []


# ---- calendars


def ical(threenines, *words) -> list[dict]:
    said = threenines("oncall", "--ical", *words)
    assert said.code == 0, said.err
    return events_of(said.out.encode())


def test_the_calendar_has_every_shift_in_utc_without_holes(threenines, tmp_path):
    (tmp_path / "checks.yaml").write_text(ON_CALL + HOURS)
    events = ical(threenines, "--at", "2026-03-02 00:00 UTC", "--days", "30", "primary")
    assert [it["SUMMARY"] for it in events] == [f"{name} on call: primary" for name in ("alice", "bob") * 3]
    for before, after in pairwise(events):
        assert before["DTEND"] == after["DTSTART"]
    assert events[1]["DTSTART"] == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert events[1]["DTEND"] == datetime(2026, 3, 9, 13, tzinfo=UTC), "an hour less"
    both = ical(threenines, "--at", "2026-03-02 00:00 UTC", "--days", "3")
    assert {it["SUMMARY"] for it in both} > {"NOBODY on call: office", "carol on call: office"}


def test_an_event_has_the_same_uid_whenever_the_calendar_is_read(threenines, tmp_path):
    (tmp_path / "checks.yaml").write_text(ON_CALL + HOURS)

    def uids(at: str) -> dict:
        return {
            (it["DTEND"], it["SUMMARY"]): it["UID"] for it in ical(threenines, "--at", at, "--days", "20")
        }

    one, later = uids("2026-03-02 00:00 UTC"), uids("2026-03-04 03:00 UTC")
    same = one.keys() & later.keys()
    assert len(same) > 20
    assert [one[key] for key in same] == [later[key] for key in same]
    assert any(who.startswith("NOBODY") for _, who in same)


def test_an_override_in_the_file_changes_an_event_and_adds_others(threenines, tmp_path):
    (tmp_path / "checks.yaml").write_text(ON_CALL)
    before = ical(threenines, "--at", "2026-03-03 00:00 UTC", "--days", "3")
    override = "overrides: [{from: 2026-03-04 09:00, to: 2026-03-05 09:00, person: carol}]"
    (tmp_path / "checks.yaml").write_text(ON_CALL.replace(TURNS, f"{TURNS}, {override}"))
    after = ical(threenines, "--at", "2026-03-03 00:00 UTC", "--days", "3")
    assert [it["SUMMARY"][:5] for it in after] == ["bob o", "carol", "bob o"]
    assert after[0]["UID"] == before[0]["UID"]
    assert (after[0]["DTSTART"], after[2]["DTEND"]) == (before[0]["DTSTART"], before[0]["DTEND"])


@pytest.mark.parametrize("service", [
    "Ünïcode " * 12, "日本語のサービス" * 9, "semi;colon, comma\\back", "x" * 200, "🔥" * 50, "a: b", '"quoted" ^n',
])  # fmt: skip
def test_any_text_is_escaped_and_folded_so_that_it_reads_back(service):
    why = f"override by {service}: {service}"[:400]
    shift = {"person": "alice", "from_ms": 0, "to_ms": 3_600_000, "why": why}
    answer = {
        "as_of": 5,
        "at": 0,
        "days": 7,
        "service": service,
        "rotations": [{"name": "primary", "shifts": [shift]}],
    }
    data = calendar(answer).encode()
    (event,) = events_of(data)
    assert event["DESCRIPTION"] == why
    assert event["DTSTART"] == datetime(1970, 1, 1, tzinfo=UTC)


def test_controls_and_line_breaks_forge_no_line():
    shift = {"person": "alice", "from_ms": 0, "to_ms": None, "why": "a\nEND:VEVENT\r\nX:\x07\u202e"}
    answer = {
        "as_of": 5,
        "at": 0,
        "days": 7,
        "service": "A\r\nB",
        "rotations": [{"name": "primary", "shifts": [shift]}],
    }
    (event,) = events_of(calendar(answer).encode())
    assert event["DESCRIPTION"] == "a\nEND:VEVENT\nX:"
    assert event["DTEND"] == datetime(1970, 1, 8, tzinfo=UTC), "without an end: what was asked for"
