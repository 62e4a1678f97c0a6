"""On-call in the hub: commands apply at once, are on record with their author, and change nothing that has happened."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes import START_MS, FakeClock, MemoryStore, settings
from tests.hub.test_hub import Stage
from watch.core.delivery import Command
from watch.core.ledger import Kind
from watch.core.rotation import Handover, Layer, Rotation
from watch.core.settings import Person, Secret
from watch.errors import Trouble
from watch.hub.on_call import OVERRIDE, REMOVE
from watch.hub.on_call_answer import on_call_answer

UTC_ZONE = ZoneInfo("UTC")
HOUR, DAY = 3_600_000, 86_400_000
TODAY = datetime.fromtimestamp(START_MS / 1000, UTC)


def layer(*people: str, start: date = date(1970, 1, 1)) -> Layer:
    return Layer(people, timedelta(days=1), Handover(time(), UTC_ZONE), start)


def people(*names: str, **was: str) -> dict[str, Person]:
    found = {name: Person(name=name, channels=(Secret("json://x"),)) for name in names}
    return found | {
        name: Person(name=name, channels=(Secret("json://x"),), was=former) for name, former in was.items()
    }


def plan_of(*rotations: Rotation, who: dict[str, Person] | None = None):
    plain = settings({"web": ["web/home"]})
    return replace(
        plain,
        people=people("alice", "bob", "carol") if who is None else who,
        rotations={it.name: it for it in rotations},
    )


PRIMARY = Rotation("primary", (layer("alice"),))


def stage_of(*rotations: Rotation, **more) -> Stage:
    return Stage(plan_of(*(rotations or (PRIMARY,)), **more))


async def commanded(stage: Stage, verb: str, by: str = "carol", **said):
    taken = asyncio.ensure_future(stage.hub.take(Command(verb=verb, arguments=said, by=by, account="root")))
    await asyncio.sleep(0)
    await stage.hub.turn()
    return await taken


def clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def on_call(stage: Stage, hours: float = 0) -> str | None:
    return next(iter(stage.hub.on_call.at("primary", stage.clock.ms + round(hours * HOUR))), None)


async def test_an_override_applies_at_once_and_is_on_disk_with_its_author_when_it_is_answered():
    stage = stage_of()
    receipt = await commanded(
        stage, OVERRIDE, person="bob", to=clock(stage.clock.ms + 2 * HOUR), reason="alice is ill\n\x1b[31m"
    )
    assert receipt.refused == ()
    assert receipt.answer["instead_of"] == ["alice"]
    assert [on_call(stage, h) for h in (0, 1.9, 2.1)] == ["bob", "bob", "alice"]
    (kept,) = stage.store.overrides()
    assert (kept.id, kept.person, kept.author, kept.account, kept.reason) == (
        1,
        "bob",
        "carol",
        "root",
        "alice is ill [31m",
    )
    (entry,) = [e for e in stage.entries if e.kind == Kind.COMMAND]
    assert (entry.subject, entry.facts["by"]) == (OVERRIDE, "carol")
    batch = next(b for b in stage.store.batches if b.overrides)
    assert entry in batch.entries, "one transaction: an override without its author cannot be"


async def test_a_hub_that_starts_again_knows_the_overrides():
    stage = stage_of()
    await commanded(stage, OVERRIDE, person="bob", to=clock(stage.clock.ms + 2 * HOUR))
    again = Stage(plan_of(PRIMARY), stage.store, stage.clock)
    assert [on_call(again, h) for h in (0, 2.1)] == ["bob", "alice"]
    answer = (await commanded(again, OVERRIDE, person="carol", to=clock(stage.clock.ms + HOUR))).answer
    assert answer["number"] == 2
    assert [on_call(again, h) for h in (0, 1.5)] == ["carol", "bob"], "the newer one wins"


async def test_an_override_that_began_earlier_begins_now():
    stage = stage_of()
    answer = (
        await commanded(stage, OVERRIDE, person="bob", **{"from": clock(stage.clock.ms - DAY)}, to=clock(stage.clock.ms + HOUR))
    ).answer  # fmt: skip
    assert answer["from_ms"] == stage.clock.ms - stage.clock.ms % 1000
    assert on_call(stage, -1) == "alice"


async def test_removing_one_in_force_ends_it_now_and_the_past_stays():
    stage = stage_of()
    await commanded(stage, OVERRIDE, person="bob", to=clock(stage.clock.ms + 4 * HOUR))
    stage.clock.move(3600)
    receipt = await commanded(stage, REMOVE, by="alice", number=1)
    assert receipt.answer["began"] is True
    assert [on_call(stage, h) for h in (-0.5, 0, 1)] == ["bob", "alice", "alice"]
    (kept,) = stage.store.overrides()
    assert (kept.removed_ms, kept.remover) == (stage.clock.ms, "alice")
    assert "removed already" in (await commanded(stage, REMOVE, number=1)).refused[0].why


async def test_removing_one_that_has_not_begun_leaves_nothing_of_it():
    stage = stage_of()
    await commanded(
        stage,
        OVERRIDE,
        person="bob",
        **{"from": clock(stage.clock.ms + HOUR)},
        to=clock(stage.clock.ms + 2 * HOUR),
    )
    assert on_call(stage, 1.5) == "bob"
    assert (await commanded(stage, REMOVE, number=1)).answer["began"] is False
    assert [on_call(stage, h) for h in (0, 1, 1.5, 3)] == ["alice"] * 4


NOW, LATER = clock(START_MS), clock(START_MS + HOUR)
REFUSED = {
    "nobody": ({"to": LATER}, "there is no person ''"),
    "somebody unknown": ({"person": "bobb", "to": LATER}, "there is no person 'bobb'; did you mean 'bob'?"),
    "a list for a person": ({"person": ["bob"], "to": LATER}, "there is no person"),
    "another rotation": ({"person": "bob", "to": LATER, "rotation": "primaty"}, "did you mean 'primary'?"),
    "a number for a rotation": ({"person": "bob", "to": LATER, "rotation": 7}, "there is no rotation '7'"),
    "no end": ({"person": "bob"}, "--to: a time is missing"),
    "an end that is over": ({"person": "bob", "to": clock(START_MS - HOUR)}, "--to: that time is over"),
    "an end before its start": ({"person": "bob", "from": clock(START_MS + 2 * HOUR), "to": LATER}, "--to: that is not after --from"),
    "no time": ({"person": "bob", "to": "tomorrow"}, "'tomorrow' is not a time"),
    "a date": ({"person": "bob", "to": "2099-01-01"}, "'2099-01-01' is not a time"),
    "a zone that is none": ({"person": "bob", "to": "2099-01-01 09:00 Mars/Olympus"}, "is not a time zone"),
    "a day that is none": ({"person": "bob", "to": "2027-02-30 09:00"}, "is not in the calendar"),
    "the end of the calendar": ({"person": "bob", "to": "9998-12-31 23:59"}, "--to: write a year before 9000"),
    "too long": ({"person": "bob", "to": clock(START_MS + 400 * DAY)}, "may last 366 days at most"),
    "too far ahead": ({"person": "bob", "from": clock(START_MS + 900 * DAY), "to": clock(START_MS + 901 * DAY)}, "two years ahead"),
    "a very long time": ({"person": "bob", "to": "x" * 100_000}, "--to: this is no time"),
    "a mapping for a time": ({"person": "bob", "to": {"a": 1}}, "--to: "),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
async def test_an_override_that_cannot_be_is_refused_with_its_cure_and_leaves_no_trace(what):
    stage = stage_of()
    said, why = REFUSED[what]
    (refusal,) = (await commanded(stage, OVERRIDE, **said)).refused
    assert why in refusal.why
    assert len(refusal.why) < 400
    assert stage.store.overrides() == []
    assert [e for e in stage.entries if e.kind == Kind.COMMAND] == []
    assert on_call(stage, 0.5) == "alice"


@pytest.mark.parametrize("number", [7, 0, -1, "1", None, True, 1.0, [1], 2**70])
async def test_removing_what_is_no_override_is_refused(number):
    stage = stage_of()
    await commanded(stage, OVERRIDE, person="bob", to=LATER)
    (refusal,) = (await commanded(stage, REMOVE, number=number)).refused
    assert "there is no override" in refusal.why


async def test_where_there_are_several_rotations_the_command_says_which():
    stage = stage_of(PRIMARY, Rotation("second", (layer("carol"),)))
    (refusal,) = (await commanded(stage, OVERRIDE, person="bob", to=LATER)).refused
    assert refusal.why == "there are 2 rotations; say which one with --rotation: primary and second"
    await commanded(stage, OVERRIDE, person="bob", to=LATER, rotation="second")
    assert [stage.hub.on_call.at(name, stage.clock.ms) for name in ("primary", "second")] == [
        ("alice",),
        ("bob",),
    ]


async def test_without_rotations_nobody_can_take_over():
    stage = Stage(plan_of())
    (refusal,) = (await commanded(stage, OVERRIDE, person="bob", to=LATER)).refused
    assert "there are no `rotations` in checks.yaml" in refusal.why


async def test_a_program_that_went_wrong_cannot_fill_the_store():
    stage = stage_of()
    said = [await commanded(stage, OVERRIDE, person="bob", to=LATER) for _ in range(501)]
    assert [bool(it.refused) for it in said] == [False] * 500 + [True]
    assert "there are 500 overrides that are not over" in said[-1].refused[0].why


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
async def test_the_overrides_of_a_renamed_person_are_theirs_for_good(restart):
    stage = stage_of()
    await commanded(stage, OVERRIDE, person="bob", to=LATER)
    renamed = plan_of(PRIMARY, who=people("alice", "carol", rob="bob"))
    later = plan_of(PRIMARY, who=people("alice", "carol", "rob"))
    for plan in (renamed, later):
        if restart:
            stage = Stage(plan, stage.store, stage.clock)
        else:
            await stage.hub.plan(plan)
        await stage.hub.turn()
        assert on_call(stage, 0.5) == "rob"
    assert [it.person for it in stage.store.overrides()] == ["rob"]


async def test_an_override_of_somebody_who_left_has_no_effect_and_is_told():
    stage = stage_of()
    await commanded(stage, OVERRIDE, person="bob", to=LATER)
    plan = plan_of(PRIMARY, who=people("alice", "carol"))
    await stage.hub.plan(plan)
    assert on_call(stage, 0.5) == "alice"
    answer = on_call_answer(plan, stage.hub.on_call.recorded, {}, stage.clock.ms)
    assert [it["number"] for it in answer["without_effect"]] == [1]
    assert answer["rotations"][0]["overrides"] == []
    await stage.hub.plan(plan_of(PRIMARY))
    assert on_call(stage, 0.5) == "bob", "back by then"


def gap(stage: Stage):
    return [(t.key, t.text) for t in stage.hub.troubles.current() if t.kind == "oncall_gap"]


async def test_a_gap_within_seven_days_is_a_trouble_until_somebody_fills_it():
    begins = TODAY.date() + timedelta(days=9)
    stage = stage_of(
        Rotation("late", (layer("alice"), layer("bob", start=begins))),
        Rotation("empty", (layer("bob", start=begins),)),
    )
    for _ in range(3):
        await stage.pause(1)
    ((key, text),) = gap(stage)
    assert key == "oncall_gap:empty"
    assert text == f"nobody is on call in empty until {begins:%Y-%m-%d} 00:00 UTC"
    await commanded(stage, OVERRIDE, person="carol", rotation="empty", to=clock(stage.clock.ms + 8 * DAY))
    for _ in range(3):
        await stage.pause(1)
    assert gap(stage) == [], "the next seven days have somebody"
    for _ in range(3):
        await stage.pause(DAY / 1000)
    assert [key for key, _ in gap(stage)] == ["oncall_gap:empty"], "the gap after it is near now"


async def test_a_rotation_that_is_removed_has_no_gaps_any_more():
    stage = stage_of(Rotation("empty", (layer("bob", start=date(2999, 1, 1)),)))
    await stage.pause(1)
    assert gap(stage)
    await stage.hub.plan(plan_of(PRIMARY))
    assert gap(stage) == []


async def test_a_gap_has_one_since_and_one_text_however_often_it_is_looked_at():
    stage = stage_of(Rotation("empty", (layer("bob", start=date(2999, 1, 1)),)))
    found = set()
    for _ in range(10):
        await stage.pause(61)
        found |= {(t.since_ms, t.text) for t in stage.hub.troubles.current() if t.kind == "oncall_gap"}
    assert len(found) == 1


def test_the_answer_joins_consecutive_turns_of_one_person_and_names_the_next():
    plan = plan_of(
        Rotation("primary", (layer("alice", "alice", "bob"),)), Rotation("alone", (layer("carol"),))
    )
    answer = on_call_answer(plan, (), {"at": "1970-01-01 12:00 UTC"}, START_MS)
    first, alone = answer["rotations"]
    assert (first["now"]["person"], first["now"]["to_ms"], first["next"]["person"]) == (
        "alice",
        2 * DAY,
        "bob",
    )
    assert (alone["now"]["person"], alone["now"]["to_ms"], alone["next"]) == ("carol", None, None)
    assert [it["person"] for it in first["shifts"]] == ["alice", "alice", "bob"] * 2 + ["alice", "alice"]


@pytest.mark.parametrize(("said", "why"), [
    ({"days": 0}, "--days: write a number from 1 to 400"), ({"days": 401}, "--days"), ({"days": "7"}, "--days"),
    ({"days": True}, "--days"), ({"at": "noon"}, "--at: 'noon' is not a time"), ({"at": "9999-01-01 00:00"}, "--at"),
    ({"rotation": "primry"}, "did you mean 'primary'?"), ({"rotation": {"a": 1}}, "there is no rotation"),
])  # fmt: skip
def test_a_question_that_cannot_be_answered_says_what_to_write(said, why):
    with pytest.raises(Trouble, match=why.replace("?", r"\?")):
        on_call_answer(plan_of(PRIMARY), (), said, START_MS)


def test_the_whole_past_and_the_far_future_can_be_asked_for():
    for at in ("1970-01-01 00:00 UTC", "8999-12-31 23:59 UTC", "1999-12-31 23:59 Pacific/Kiritimati"):
        answer = on_call_answer(plan_of(PRIMARY), (), {"at": at, "days": 400}, START_MS)
        assert answer["rotations"][0]["now"]["person"] == "alice"


async def test_a_hub_without_rotations_says_so():
    stage = Stage(plan_of(), MemoryStore(), FakeClock())
    await stage.pause(61)
    assert gap(stage) == []
    assert stage.hub.on_call.at("primary", stage.clock.ms) == ()
