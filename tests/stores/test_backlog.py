"""What waits in memory is written as if it had been written at once, is bounded, and says what was given up."""

from __future__ import annotations

import pytest

from tests.fakes import START_MS, observation
from tests.stores.test_sqlite import alert, happening, month, notice, override, silence, sketch
from watch.core.confirm import Belief
from watch.core.darkness import Gap
from watch.core.ledger import Kind, LedgerChain
from watch.core.timeline import State
from watch.core.trend import QuarterHour
from watch.errors import StoreError
from watch.ports import CLOSED, Batch
from watch.stores.backlog import Backlog, merge
from watch.stores.sqlite import SqliteStore

KEY = ("web/home", "local")


def series() -> list[Batch]:
    """Batches of which later ones replace, add to and undo what earlier ones say."""
    chain = LedgerChain()
    entries = [chain.entry(Kind.GENESIS, str(n), {}, now_ms=START_MS) for n in range(3)]
    first = Batch([observation("a/b", 1)], [entries[0]], days=month("2025-10", 1) | month("2025-11", 1))
    first.alerts, first.notices = {1: alert(1), 2: alert(2, subject="db")}, {1: notice(1)}
    first.darks, first.gaps, first.canaries = {3: None, 4: None}, {(3, "a/b"): Gap(5)}, {("local", "dns"): 5}
    first.beliefs, first.lanes = {KEY: Belief(State.UP, 1, 2)}, {("local", "live"): (1, 1)}
    first.sketches, first.quarters = {(*KEY, 0): sketch(0.1)}, {(*KEY, "free", 0): QuarterHour(1, 2, 0.5)}
    second = Batch(
        [observation("a/b", 2)], [entries[1]], void_days=[("web", "2025-11")], days=month("2025-12", 1)
    )
    second.alerts = {1: alert(1, resolved_ms=9), 3: alert(3)}  # the same key opens again
    second.darks, second.canaries, second.sights = {3: CLOSED}, {("local", "dns"): 9}, {"local": 7}
    second.beliefs, second.lanes = {KEY: None}, {("local", "live"): (1, 2)}
    second.sketches, second.quarters = {(*KEY, 0): sketch(0.2)}, {(*KEY, "free", 0): QuarterHour(1, 3, 0.25)}
    third = Batch([observation("a/c", 3)], [entries[2]], days=month("2025-11", 2))
    third.beliefs, third.gaps = {KEY: Belief(State.DOWN, 5, 6)}, {(4, "a/b"): Gap(6)}
    first.overrides, second.overrides = (
        {1: override(1), 2: override(2)},
        {2: override(2, removed_ms=9, remover="bob")},
    )
    first.silences, second.silences = (
        {1: silence(1), 2: silence(2)},
        {2: silence(2, ended_ms=9, ended_by="bob")},
    )
    first.happenings, third.happenings = [happening(1)], [happening(2), happening(3)]
    fourth = Batch([observation("x/b", 4)], renames={"a/b": "x/b"})
    return [first, second, third, fourth]


TABLES = (
    "ledger", "evidence", "observation", "name", "belief", "lane", "canary", "sight", "dark", "dark_gap", "day",
    "sketch", "trend", "alert", "notice", "heard", "tile", "silence", "oncall_override",
    "happening",
)  # fmt: skip


async def contents(path, batches):
    store = SqliteStore(path)
    for batch in batches:
        await store.commit(batch)
    found = {t: list(store.reads._connection.execute(f"SELECT * FROM {t}")) for t in TABLES}
    await store.close()
    return found


async def test_batches_that_were_merged_leave_what_they_would_have_left_one_by_one(tmp_path):
    merged = Batch()
    for batch in series():
        merge(merged, batch)
    assert await contents(tmp_path / "merged.db", [merged]) == await contents(
        tmp_path / "single.db", series()
    )


def test_merging_does_not_change_what_is_merged():
    """Whoever gave a batch may still hold its parts."""
    kept = sketch(0.1)
    into = Batch(sketches={(*KEY, 0): kept})
    merge(into, Batch(sketches={(*KEY, 0): sketch(0.2)}))
    assert (kept.count, into.sketches[*KEY, 0].count) == (1, 2)


def test_the_oldest_raw_readings_are_given_up_and_counted_and_nothing_else():
    backlog, chain = Backlog(readings=10), LedgerChain()
    for n in range(7):
        entry = chain.entry(Kind.GENESIS, "x", {}, now_ms=n)
        backlog.add(
            Batch([observation("a/b", 2 * n), observation("a/b", 2 * n + 1)], [entry], alerts={n: alert(n)})
        )
        if n == 3:
            backlog.taken()  # an attempt that failed
    assert (backlog.size, backlog.given_up) == ((10, 14), 4)
    taken = backlog.taken()
    # Not those that are in the writer's hands already.
    assert [o.at_ms for o in taken.observations] == [0, 1, 2, 3, 4, 5, 6, 7, 12, 13]
    assert (len(taken.entries), len(taken.alerts)) == (7, 7)
    backlog.done()
    assert (bool(backlog), backlog.size, backlog.given_up) == (False, (0, 0), 0)


def test_what_may_not_be_given_up_is_refused_when_there_is_no_room_for_it():
    backlog, chain = Backlog(rows=3), LedgerChain()
    for n in range(3):
        backlog.add(Batch(entries=[chain.entry(Kind.GENESIS, "x", {}, now_ms=n)]))
    with pytest.raises(
        StoreError, match=r"3 ledger entries, alerts and other rows and 0 readings .* the hub ends"
    ):
        backlog.add(Batch(entries=[chain.entry(Kind.GENESIS, "x", {}, now_ms=9)]))


def test_what_is_added_while_the_rest_is_written_still_waits_afterwards():
    backlog = Backlog()
    backlog.add(Batch([observation("a/b", 1)]))
    backlog.taken()
    second = backlog.add(Batch([observation("a/b", 2)]))
    backlog.done()
    assert backlog.written < second
    assert [o.at_ms for o in backlog.taken().observations] == [2]
