"""What the janitor deletes, and what it leaves."""

from __future__ import annotations

import logging

import pytest

from tests.fakes import START_MS, FakeClock, observation
from watch.core.sketch import Sketch
from watch.errors import StoreError
from watch.hub.janitor import SKETCHES_KEPT, Janitor
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore, commits

HOUR = 3_600_000
KEPT_MS = round(SKETCHES_KEPT.total_seconds() * 1000)


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    yield store
    await store.close()


def sketch() -> Sketch:
    made = Sketch()
    made.add(0.1)
    return made


def hours_of(store, check) -> list[int]:
    """The hours of *check* that still have a sketch."""
    last = START_MS - START_MS % HOUR
    return [
        hour
        for hour in range(last - KEPT_MS - 3 * HOUR, last + HOUR, HOUR)
        if store.reads.sketch(check, hour, hour + 1).count
    ]


async def test_sketches_are_kept_for_400_days_and_no_longer(store):
    last = START_MS - START_MS % HOUR
    clock = FakeClock(last + HOUR)
    oldest = clock.ms - KEPT_MS
    hours = [oldest - 2 * HOUR, oldest - HOUR, oldest, oldest + HOUR, last]
    names = ["a/b", "a/c[x]", "ü/é"]
    await store.commit(Batch(sketches={(name, "local", hour): sketch() for name in names for hour in hours}))
    await store.commit(Batch(sketches={("gone/old", "other", hours[0]): sketch()}))
    await Janitor(store, clock, SKETCHES_KEPT).tidy()
    for name in names:
        assert hours_of(store, name) == [oldest, oldest + HOUR, last]
    assert hours_of(store, "gone/old") == []


async def test_observations_go_by_their_own_retention(store):
    from datetime import timedelta

    clock = FakeClock()
    await store.commit(Batch([observation("a/b", START_MS - ago) for ago in (3 * HOUR, 2 * HOUR, HOUR // 2)]))
    await store.commit(Batch(sketches={("a/b", "local", START_MS - START_MS % HOUR - 5 * HOUR): sketch()}))
    assert await Janitor(store, clock, timedelta(hours=1)).tidy() == 2
    assert len(store.reads.latest()) == 1
    assert len(hours_of(store, "a/b")) == 1


async def test_many_old_sketches_go_in_several_rounds_each_soon_after_the_other(store):
    old = START_MS - KEPT_MS - 1_000 * HOUR
    for check in range(6):
        rows = {(f"c/{check}", f"v{v}", old + hour * HOUR): sketch() for hour in range(900) for v in range(5)}
        await store.commit(Batch(sketches=rows))
    assert commits._MOST_SKETCHES < 6 * 4500
    janitor = Janitor(store, FakeClock(), SKETCHES_KEPT)
    assert await janitor.tidy() >= commits._MOST_SKETCHES
    assert 0 < await store.forget_sketches(START_MS) < commits._MOST_SKETCHES
    assert await store.forget_sketches(START_MS) == 0


class _Stuck:
    """A store that takes nothing, and counts how often it is asked."""

    def __init__(self):
        self.asked = []

    async def forget(self, before_ms, after_ms):
        self.asked.append("observations")
        raise StoreError("the disk is full")

    async def forget_sketches(self, before_ms):
        self.asked.append("sketches")
        raise StoreError("the disk is full")


async def test_a_store_that_takes_nothing_is_asked_again_and_sketches_once_an_hour(caplog):
    store = _Stuck()
    janitor = Janitor(store, FakeClock(), SKETCHES_KEPT)
    with caplog.at_level(logging.WARNING):
        for _ in range(61):
            assert await janitor.tidy() == 0
    assert (store.asked.count("observations"), store.asked.count("sketches")) == (61, 2)
    assert caplog.messages[0] == "old data could not be deleted: the disk is full"
