"""What the chronicle writes down, on a clock that goes where it is told, and how its answers are cut in parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import START_MS, FakeClock, settings
from watch.core.alert import Acknowledgement, Alert
from watch.core.book import Book
from watch.core.happening import OVER, Happening, Sort
from watch.core.ledger import Kind, LedgerChain
from watch.core.reading import Reason
from watch.core.settings import When
from watch.core.silence import Silence
from watch.core.standing import OwnTrouble, Standing
from watch.core.timeline import State
from watch.errors import Trouble
from watch.hub.chronicle import Chronicle
from watch.hub.events_answer import events_answer
from watch.hub.janitor import Janitor
from watch.hub.recorder import LedgerEnd, Recorder
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore

SETTINGS = settings({"web": ["web/home"]})
UP = Standing(key="web", state=State.UP, since_ms=START_MS)
DOWN = Standing(key="web", state=State.DOWN, since_ms=START_MS, reason=Reason.REFUSED, cause="web/home")
ALERT = Alert(
    id=1, when=When.DOWN, subject="web", name="Web", n=1, opened_ms=START_MS, since_ms=START_MS, recipients=(),
    policies=(), dedup_key="Acme/down:web/1",
)  # fmt: skip
TROUBLE = OwnTrouble("vantage_blind:local", "vantage point local is blind", START_MS)


class Board:
    """How components stand, as the chronicle reads it."""

    settings = SETTINGS

    def __init__(self, standing: Standing = UP) -> None:
        self.components = {"web": standing}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    yield store
    await store.close()


def begun(store) -> Chronicle:
    return Chronicle(store.reads, Recorder(Book(), LedgerEnd()), Board())


def stepped(chronicle, *, at=START_MS, board=None, troubles=(), **parts) -> list[tuple[str, str]]:
    """What one step writes: the sort and the word of each."""
    return [(str(it.sort), it.word) for it in step(chronicle, at, board, troubles, Batch(**parts))]


def step(chronicle, at, board, troubles, batch) -> list[Happening]:
    chronicle.step(batch, at, board or Board(), troubles, ())
    return batch.happenings


async def test_a_change_of_state_is_told_once(store):
    chronicle = begun(store)
    assert stepped(chronicle) == []
    assert stepped(chronicle, board=Board(DOWN)) == [("state", "down")]
    assert stepped(chronicle, board=Board(replace(DOWN, detail="still"))) == []
    lost = replace(UP, redundancy_lost=True, state=State.DEGRADED)
    assert stepped(chronicle, board=Board(lost)) == [("state", "degraded")]


async def test_an_alert_tells_each_of_its_turns(store):
    chronicle = begun(store)
    ack = Acknowledgement(by="carol", at_ms=START_MS, until_ms=START_MS + 1)
    called = replace(ALERT, calls=1, called={"alice": 1})
    turns = [ALERT, called, replace(called, ack=ack), called, replace(called, resolved_ms=START_MS)]
    told = [stepped(chronicle, alerts={1: it}) for it in turns]
    assert [[word for _, word in one] for one in told] == [
        ["opened"], ["calls"], ["acknowledged"], ["acknowledgement_over"], ["closed"]
    ]  # fmt: skip
    assert stepped(chronicle, alerts={1: replace(called, again=1)})[0] == ("alert", "reopened")


async def test_what_lasts_through_a_restart_is_not_begun_twice_and_its_end_is_told(store):
    silence = Silence(
        id=3, components=("web",), from_ms=START_MS, until_ms=START_MS + 5000, reason="x", by="carol"
    )
    batch = Batch(silences={3: silence})
    assert len(step(begun(store), START_MS, None, [TROUBLE], batch)) == 2
    await store.commit(batch)
    again = begun(store)
    assert stepped(again, at=START_MS + 1000, troubles=[TROUBLE]) == []
    assert stepped(again, at=START_MS + 5000) == [("trouble", OVER), ("silence", OVER)]


async def test_happenings_older_than_the_retention_go_and_their_numbers_do_not_come_back(store):
    old, new = happening(START_MS), happening(START_MS + 3_600_000)
    await store.commit(Batch(happenings=[old, new]))
    clock = FakeClock(START_MS + 3_600_001)
    await Janitor(store, clock, timedelta(minutes=10)).tidy()
    assert list(store.reads.happenings(0)) == [(2, new)]
    clock.move(7200)
    await Janitor(store, clock, timedelta(minutes=10)).tidy()
    await store.commit(Batch(happenings=[new]))
    assert list(store.reads.happenings(0)) == [(3, new)], "who follows would miss it under a former number"


def happening(at_ms: int, key: str = "web", word: str = "down") -> Happening:
    return Happening(at_ms=at_ms, sort=Sort.STATE, key=key, word=word, text=f"{key} is {word}", about=(key,))


async def test_a_long_past_comes_in_parts_without_loss_or_repetition_and_in_time_order(store):
    chain, found = LedgerChain(), []
    for n in range(1500):
        at = START_MS + 2 * n
        body = {
            "from": "up",
            "to": "down",
            "reason": "refused",
            "detail": "x",
            "earliest_ms": at,
            "latest_ms": at,
        }
        entry = chain.entry(Kind.TRANSITION, "web/home", body, now_ms=at, vantage="local")
        await store.commit(Batch(entries=[entry], happenings=[happening(at + 1)]))
    said, parts = {"since": "1h"}, 0
    more = True
    while more:
        answer = events_answer(store.reads, SETTINGS, said, START_MS + 3000)
        found += [it["at_ms"] for it in answer["events"]]
        said, more, parts = {"after": answer["place"]}, answer["more"], parts + 1
    assert found == list(range(START_MS, START_MS + 3000))
    assert parts > 1
    assert events_answer(store.reads, SETTINGS, said, START_MS)["events"] == []


async def test_since_an_instant_leaves_out_what_was_recorded_before(store):
    await store.commit(Batch(happenings=[happening(START_MS + n) for n in range(5)]))
    answer = events_answer(store.reads, SETTINGS, {"since": "2ms"}, START_MS + 5)
    assert [it["at_ms"] for it in answer["events"]] == [START_MS + 3, START_MS + 4]


async def test_who_follows_a_store_that_was_put_back_goes_on_from_its_end(store):
    await store.commit(Batch(happenings=[happening(START_MS)]))
    place = events_answer(store.reads, SETTINGS, {"after": [99, 99]}, START_MS)["place"]
    assert place == [0, 1]
    await store.commit(Batch(happenings=[happening(START_MS + 1)]))
    assert len(events_answer(store.reads, SETTINGS, {"after": place}, START_MS)["events"]) == 1


@pytest.mark.parametrize("after", [[1], ["1", 2], [-1, 0], [True, 1], [2**63, 0], "x", {"a": 1}])
async def test_a_place_that_is_none_begins_like_a_first_question(store, after):
    await store.commit(Batch(happenings=[happening(START_MS)]))
    assert len(events_answer(store.reads, SETTINGS, {"after": after}, START_MS + 1)["events"]) == 1


@pytest.mark.parametrize("said", [{"since": "soon"}, {"name": "wbe"}, {"since": "-1h"}])
async def test_a_question_that_names_nothing_is_refused_with_its_cure(store, said):
    with pytest.raises(Trouble, match=r"--since|did you mean 'web'"):
        events_answer(store.reads, SETTINGS, said, START_MS)


async def test_two_components_of_one_name_are_told_apart_by_key(store):
    both = settings({"a": ["a/x"], "b": ["b/x"]})
    both = replace(both, components={key: replace(it, name="Shop") for key, it in both.components.items()})
    with pytest.raises(Trouble, match="2 components are called 'shop'; write one of the keys a, b"):
        events_answer(store.reads, both, {"name": "shop"}, START_MS)
