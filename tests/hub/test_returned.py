"""The board that verbs read from the store: from few transitions, and as exact as from all of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.core.ledgers import DAY, HOUR, Ledger
from tests.fakes import START_MS, MemoryStore, settings
from watch.core.confirm import Belief
from watch.core.timeline import State
from watch.hub.plan import planned
from watch.hub.replay import book_now
from watch.hub.returned import board_now, board_of, returned
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore, reading

STORE = Path("x")
UP, DEGRADED, DOWN = State.UP, State.DEGRADED, State.DOWN
PLAN = planned(settings({"app": ["app/a", "app/b"], "site": ["app", "site/c"]}, needs={"app": 1}))


def told(*moves: tuple[str, State, float]) -> MemoryStore:
    """A store in which checks entered states so many days ago, and still hold the last."""
    ledger, beliefs = Ledger(START_MS - 30 * DAY), {}
    ledger.component("app", ["app/a", "app/b"], START_MS - 30 * DAY, needs=1)
    ledger.component("site", ["app", "site/c"], START_MS - 30 * DAY)
    for name, state, days in sorted(moves, key=lambda move: -move[2]):
        at = START_MS - round(days * DAY)
        ledger.goes(name, state, at)
        beliefs[name, "local"] = Belief(state, at, START_MS - 1)
    return MemoryStore([Batch(entries=ledger.entries)], kept_beliefs=beliefs)


def from_everything(store: MemoryStore):
    book = book_now(store, STORE, START_MS - DAY)
    return board_of(PLAN, returned(PLAN, store, book, START_MS), book, START_MS)


def test_trouble_that_began_before_what_was_read_first_is_told_since_its_beginning():
    a = [("app/a", UP, 29), ("app/a", DOWN, 3)]
    b = [
        ("app/b", UP, 29),
        ("app/b", DEGRADED, 5),
        ("app/b", UP, 2.9),
        ("app/b", DEGRADED, 2),
        ("app/b", UP, 1.9),
    ]
    store = told(*a, *b, ("site/c", UP, 29))
    board = board_now(PLAN, store, STORE, START_MS)
    assert board.components["app"].state is DEGRADED
    assert board.components["app"].since_ms == START_MS - 5 * DAY, "b was degraded before a was down"
    assert board.checks["app/b"].since_ms == START_MS - round(1.9 * DAY)


def test_a_key_that_two_components_had_is_two_timelines():
    born, ledger = START_MS - 30 * DAY, Ledger(START_MS - 30 * DAY)
    ledger.component("old", ["old/a"], born)
    ledger.goes("old/a", UP, START_MS - 20 * DAY)
    ledger.goes("old/a", DOWN, START_MS - 10 * DAY)
    ledger.rename("new", "old", START_MS - 9 * DAY)
    ledger.component("old", ["old/a"], START_MS - 8 * DAY)
    ledger.check("old/a", START_MS - 8 * DAY)
    ledger.goes("old/a", UP, START_MS - 7 * DAY)
    ledger.goes("old/a", DEGRADED, START_MS - 6 * DAY)
    beliefs = {
        ("new/a", "local"): Belief(DOWN, START_MS - 10 * DAY, START_MS - 1),
        ("old/a", "local"): Belief(DEGRADED, START_MS - 6 * DAY, START_MS - 1),
    }
    store = MemoryStore([Batch(entries=ledger.entries)], kept_beliefs=beliefs)
    plan = planned(settings({"new": ["new/a"], "old": ["old/a"]}))
    board = board_now(plan, store, STORE, START_MS)
    assert {key: s.since_ms for key, s in board.components.items()} == {
        "new": START_MS - 10 * DAY, "old": START_MS - 6 * DAY,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
def test_few_transitions_tell_the_same_board_as_all_of_them(seed):
    chance = random.Random(seed)
    moves = []
    for name in ("app/a", "app/b", "site/c"):
        before = None
        for days in sorted((chance.uniform(0.01, 29) for _ in range(chance.randrange(1, 25))), reverse=True):
            before = chance.choice([s for s in (UP, DEGRADED, DOWN) if s is not before])
            moves.append((name, before, days))
    store = told(*moves)
    few, every = board_now(PLAN, store, STORE, START_MS), from_everything(store)
    assert few.components == every.components
    assert few.checks == every.checks


async def test_sqlite_finds_the_last_transitions_of_each_timeline(tmp_path):
    chance, ledger = random.Random(3), Ledger(START_MS - 30 * DAY)
    ledger.component("app", ["app/a", "app/b"], START_MS - 30 * DAY)
    for n in range(200):
        at = START_MS - (200 - n) * HOUR
        ledger.goes(chance.choice(["app/a", "app/b"]), chance.choice([UP, DOWN]), at, by=chance.choice("xyz"))
        if chance.random() < 0.05:
            ledger.check("app/b", at)
    store, known = SqliteStore(tmp_path / "t.db"), MemoryStore([Batch(entries=ledger.entries)])
    await store.commit(Batch(entries=ledger.entries))
    await store.close()
    with reading(store.path) as reads:
        for lo, whole in (
            (0, START_MS - DAY),
            (START_MS - 5 * DAY, START_MS),
            (START_MS - DAY, START_MS - DAY),
        ):
            found = [e.seq for e in reads.last_entries(lo, whole)]
            assert found == [e.seq for e in known.last_entries(lo, whole)]
            assert len(found) <= len(list(reads.entries_within(lo, 2**62)))
