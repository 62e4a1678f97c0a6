"""What may come in at the hub, whoever brings it: each finding once, and none that nothing behind the door can hold."""

from __future__ import annotations

import math

import pytest

from tests.fakes import START_MS, observation, settings
from tests.hub.test_hub import Stage
from watch.core.delivery import Delivery, Lane, Refusal
from watch.core.evidence import observation_row
from watch.core.reading import Verdict
from watch.core.settings import Vantage
from watch.core.standing import Sight
from watch.core.timeline import State
from watch.hub import door
from watch.hub.door import admitted
from watch.stores.sqlite import SqliteStore

UP, DOWN = Verdict.UP, Verdict.DOWN
NOW = START_MS
DAY_MS = 86_400_000


def reading(at_ms: int = NOW, **more):
    return observation("web/home", at_ms, **more)


# ---- what is measured by strangers


HONEST = {
    "nothing": {},
    "the largest number": {"n": 2**63 - 1},
    "the smallest number": {"n": -(2**63)},
    "all kinds": {"free": 0.25, "status": 503, "cipher": "TLS_AES", "ok": True},
    "any script": {"banner": "Ωmega 東京"},
    "a long text": {"banner": "x" * 4000},
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_fit_comes_in_as_it_is(name):
    o = reading(facts=HONEST[name], phases={"connect": 0.25})
    assert admitted(o, NOW) is o


UNFIT = {
    "beyond 64 bits": 2**63,
    "below 64 bits": -(2**63) - 1,
    "as large as can be": 10**4000,
    "not a number": math.nan,
    "infinite": math.inf,
    "minus infinite": -math.inf,
    "nothing": None,
    "a list": [1, 2],
    "a table": {"a": 1},
    "bytes": b"raw",
}


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_a_fact_that_no_store_can_hold_is_dropped_by_name_and_the_others_stay(value):
    fit = admitted(reading(verdict=DOWN, facts={"free": 0.5, "size": value, "path": "/x"}), NOW)
    assert fit.facts == {"free": 0.5, "path": "/x"}
    assert fit.detail == "no answer; not kept, for no store can hold it: size"
    assert fit.verdict is DOWN, "the reading counts"


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_a_phase_that_no_store_can_hold_is_dropped(value):
    assert admitted(reading(phases={"dns": value, "connect": 0.1}), NOW).phases == {"connect": 0.1}


HOSTILE = {
    "half a character": "\ud800",
    "a terminal escape": "\x1b[2Jall is well",
    "a forged line": "ok\nERROR forged",
    "a null": "a\x00b",
    "text turned round": "user\u202egnp.exe",
    "text that is hidden": "a\u200bb\ufeff",
    "a line end of unicode": "a\u2028b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_spelled_out_in_facts_and_dropped_from_details_and_names(text):
    fit = admitted(reading(facts={"banner": text, text: 1}, phases={text: 0.1}, detail=f"said {text}"), NOW)
    banner, *_ = fit.facts.values()
    said = [banner, fit.detail, *fit.facts, *fit.phases]
    assert all(part.isprintable() for part in said)
    assert "\\" in banner, "the operator must see what came"
    "".join(said).encode()  # half a character would raise


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_detail_alone_is_cleaned_too(text):
    fit = admitted(reading(detail=f"said {text}"), NOW)
    assert fit.detail.isprintable()
    assert fit.detail.startswith("said")


def test_no_text_is_longer_than_people_can_use():
    huge = "x" * 1_000_000
    fit = admitted(reading(facts={"banner": huge}, detail=huge), NOW)
    assert (len(fit.facts["banner"]), len(fit.detail)) == (4000, 200)


def test_no_name_of_a_fact_or_phase_is_longer_than_people_can_use():
    huge = "x" * 1_000_000
    fit = admitted(reading(facts={huge: 1.0}, phases={huge: 1.0}), NOW)
    assert max(map(len, [*fit.facts, *fit.phases])) <= 80


def test_a_bad_name_is_bad_each_time():
    hostile = reading(facts={"plain": 1, "\x1b[2J": 2})
    for _ in range(3):
        assert all(name.isprintable() for name in admitted(hostile, NOW).facts)


def test_however_many_names_are_seen_few_are_remembered():
    for number in range(1500):
        o = reading(facts={f"fact.{number}": number})
        assert admitted(o, NOW) is o
        assert admitted(o, NOW) is o
    assert len(door._known) <= 1000


def test_there_are_never_more_facts_or_phases_than_two_hundred():
    many = {f"n{n}": 1.0 for n in range(10_000)}
    fit = admitted(reading(facts=many, phases=many), NOW)
    assert len(fit.facts) == 200
    assert len(fit.phases) <= 200


@pytest.mark.parametrize(
    "facts", [*({"x": value} for value in UNFIT.values()), *({t: t} for t in HOSTILE.values())]
)
async def test_whatever_comes_in_can_be_written(tmp_path, facts):
    from watch.ports import Batch

    fit = admitted(reading(facts=facts, phases=facts, detail="".join(map(str, facts))), NOW)
    store = SqliteStore(tmp_path / "t.db")
    await store.commit(Batch([fit], evidence=[(1, fit)]))
    await store.close()


# ---- instants and durations


@pytest.mark.parametrize("at_ms", [NOW + 60_001, NOW + 10**12, 2**63, -1, float(NOW), True, None, "soon"])
def test_an_instant_in_the_future_or_nowhere_is_refused(at_ms):
    assert "set the clock of the vantage point right" in admitted(reading(at_ms), NOW)


def test_a_minute_ahead_is_no_future():
    assert not isinstance(admitted(reading(NOW + 60_000), NOW), str)


@pytest.mark.parametrize("took_ms", [-1, DAY_MS + 1, 2**63, 2.5])
def test_a_reading_that_lasted_less_than_nothing_or_too_long_is_refused(took_ms):
    assert "claims to have lasted" in admitted(reading()._replace(took_ms=took_ms), NOW)


@pytest.mark.parametrize("latency", [math.nan, math.inf, -0.001, 86_400_000.0, 10**400])
def test_a_latency_that_is_none_is_refused(latency):
    assert admitted(reading()._replace(latency=latency), NOW) == "its latency is no duration"


@pytest.mark.parametrize("seq", [2**63, -(2**63) - 1])
def test_a_number_of_its_own_that_no_column_holds_does_not_come_in(seq):
    fit = admitted(reading()._replace(seq=seq), NOW)
    assert isinstance(fit, str) or -(2**63) <= observation_row(fit)[2] < 2**63


@pytest.mark.parametrize("good_ms", [NOW + DAY_MS, 2**70, -1])
async def test_a_round_of_canaries_that_lies_in_the_future_or_nowhere_is_refused(good_ms):
    stage = Stage(settings({"web": ["web/home"]}))
    await stage.reads("web/home", UP)
    receipt = await stage.brings(Sight("local", blind=True, good_ms=good_ms, bad=("gateway",)))
    assert [refusal.number for refusal in receipt.refused] == [2]
    assert stage.state("web") is State.UP


# ---- each finding once


@pytest.fixture
def stage() -> Stage:
    elsewhere = Vantage(name="dallas", site="dallas")
    plan = settings({"web": ["web/home", "web/api"]})
    return Stage(settings({"web": ["web/home", "web/api"]}, vantages=plan.vantages | {"dallas": elsewhere}))


async def brought(stage: Stage, *findings, first: int, epoch: int = START_MS, vantage: str = "local", **more):
    """The receipt for a delivery with these numbers."""
    import asyncio

    delivery = Delivery(vantage=vantage, epoch=epoch, first=first, findings=findings, **more)
    taken = asyncio.ensure_future(stage.hub.take(delivery))
    await asyncio.sleep(0)
    await stage.hub.turn()
    return await taken


def three(start: int = START_MS):
    return [observation("web/home", start + n * 1000, DOWN) for n in range(3)]


def kept(stage: Stage) -> list[int]:
    """The instants of the readings on disk, in order."""
    return [o.at_ms - START_MS for batch in stage.store.batches for o in batch.observations]


async def test_a_receipt_tells_the_number_of_the_last_finding_on_record(stage):
    receipt = await brought(stage, *three(), first=1)
    assert (receipt.accepted, receipt.refused) == (3, ())
    assert stage.store.lanes() == {("local", Lane.LIVE): (START_MS, 3)}


async def test_what_is_known_already_is_acknowledged_again_and_changes_nothing(stage):
    await brought(stage, *three(), first=1)
    entries, belief = len(stage.entries), stage.hub.intake.beliefs["web/home", "local"]
    again = await brought(stage, *three(), first=1)
    assert (again.accepted, again.refused) == (3, ())
    assert (kept(stage), len(stage.entries)) == ([0, 1000, 2000], entries)
    assert stage.hub.intake.beliefs["web/home", "local"] == belief


async def test_of_a_delivery_that_is_known_in_part_only_the_rest_is_taken(stage):
    a, b, c = three()
    await brought(stage, a, b, first=1)
    assert (await brought(stage, b, c, first=2)).accepted == 3
    assert kept(stage) == [0, 1000, 2000]


async def test_a_gap_is_refused_with_the_number_to_send_from_until_it_is_filled(stage):
    a, b, c = three()
    await brought(stage, a, first=1)
    receipt = await brought(stage, c, first=3)
    assert (receipt.accepted, receipt.refused) == (1, (Refusal(0, "finding 2 is missing; send from there"),))
    assert kept(stage) == [0]
    assert (await brought(stage, b, c, first=2)).accepted == 3
    assert kept(stage) == [0, 1000, 2000]


async def test_an_epoch_begins_with_its_first_finding(stage):
    receipt = await brought(stage, *three(), first=2)
    assert receipt.refused == (Refusal(0, "finding 1 is missing; send from there"),)


async def test_a_later_epoch_ends_those_before_it(stage):
    await brought(stage, *three(), first=1)
    later = await brought(stage, reading(START_MS + 5000), first=1, epoch=START_MS + 4000)
    assert (later.accepted, later.refused) == (1, ())
    old = await brought(stage, reading(START_MS + 6000), first=4)
    assert "has ended; the vantage point started again" in old.refused[0].why
    assert kept(stage) == [0, 1000, 2000, 5000]


async def test_an_epoch_in_the_future_is_refused_for_it_would_shut_out_all_to_come(stage):
    receipt = await brought(stage, reading(), first=1, epoch=START_MS + DAY_MS)
    assert "set the clock of the vantage point right" in receipt.refused[0].why
    assert (await brought(stage, reading(), first=1)).accepted == 1


async def test_what_was_accepted_is_known_after_a_restart_too(stage):
    await brought(stage, *three(), first=1)
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    receipt = await brought(again, *three(), first=1)
    assert (receipt.accepted, receipt.refused) == (3, ())
    assert kept(again) == [0, 1000, 2000]


async def test_vantage_points_are_numbered_each_for_itself(stage):
    await brought(stage, *three(), first=1)
    from_there = await brought(stage, Sight("dallas", False, START_MS), first=1, vantage="dallas")
    assert (from_there.accepted, from_there.refused) == (1, ())


async def test_a_stranger_is_refused_by_name(stage):
    receipt = await brought(stage, reading(), first=1, vantage="nowhere")
    assert receipt.refused == (Refusal(0, "there is no vantage point 'nowhere' here"),)
    assert kept(stage) == []


async def test_the_backlog_is_refused_and_the_live_lane_goes_on(stage):
    receipt = await brought(stage, reading(), first=1, lane=Lane.BACKLOG)
    assert receipt.refused[0].number == 0
    assert (await brought(stage, reading(), first=1)).accepted == 1


# ---- one bad finding holds up no other


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (reading(vantage="dallas"), "it speaks for 'dallas', which is not who brings it"),
        (Sight("dallas", True, START_MS), "it speaks for 'dallas', which is not who brings it"),
        (observation("web/gone", NOW), "'web/gone' is not asked from there"),
        (reading(NOW + DAY_MS), "set the clock of the vantage point right"),
        (reading()._replace(latency=math.nan), "its latency is no duration"),
    ],
    ids=["of another", "a sight of another", "of no check", "of tomorrow", "of no latency"],
)
async def test_one_that_is_refused_does_not_hold_up_those_after_it(stage, bad, why):
    receipt = await brought(stage, reading(NOW), bad, observation("web/api", NOW + 5), first=1)
    assert receipt.accepted == 3, "it need not be sent again"
    ((number, said),) = [(refusal.number, refusal.why) for refusal in receipt.refused]
    assert (number, why in said) == (2, True)
    assert kept(stage) == [0, 5]
    assert "dallas" not in stage.hub.intake.sights.blind


async def test_a_check_is_refused_from_a_vantage_point_that_is_not_to_ask_it(stage):
    receipt = await brought(stage, observation("web/home", NOW, vantage="dallas"), first=1, vantage="dallas")
    assert receipt.refused == (Refusal(1, "'web/home' is not asked from there"),)
    assert kept(stage) == []
