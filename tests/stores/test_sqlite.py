"""Acknowledged means on disk; one hub a file; and a damaged file is said, not touched."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import pytest

from tests.fakes import START_MS, observation
from watch.core.alert import Acknowledgement, Alert, Event, Heard, Notice, Status
from watch.core.confirm import Belief, Streak
from watch.core.darkness import Gap
from watch.core.days import DayRow, month_body
from watch.core.delivery import Lane
from watch.core.escalation import Plan, Policy, Severity, Step
from watch.core.happening import BEGUN, OVER, Happening, Sort
from watch.core.ledger import Kind, LedgerChain, verified
from watch.core.merkle import Tile
from watch.core.reading import Verdict
from watch.core.recorded_override import RecordedOverride
from watch.core.settings import When
from watch.core.silence import Silence
from watch.core.sketch import Sketch
from watch.core.timeline import State
from watch.core.trend import QuarterHour
from watch.errors import StoreCorrupt, StoreError, StoreHeld
from watch.ports import CLOSED, Batch
from watch.stores.sqlite import SqliteReads, SqliteStore


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    yield store
    await store.close()


def sketch(*seconds: float) -> Sketch:
    made = Sketch()
    for s in seconds:
        made.add(s)
    return made


def alert(number: int, **more) -> Alert:
    plain = {
        "id": number, "when": When.DOWN, "subject": "web", "name": "Web", "n": 1, "opened_ms": 5, "since_ms": 1,
        "recipients": ("alice",), "policies": ("catch_all",), "dedup_key": "k",
    }  # fmt: skip
    return Alert(**(plain | more))


def notice(number: int, **more) -> Notice:
    plain = {
        "id": number, "alert_ids": (1,), "event": Event.TRIGGERED, "recipient": "alice", "channel": 0,
        "status": Status.PENDING, "created_ms": 5, "due_ms": 5, "title": "DOWN", "body": "it is",
    }  # fmt: skip
    return Notice(**(plain | more))


def silence(number: int, **more) -> Silence:
    plain = {
        "id": number, "components": ("web",), "groups": ("Product",), "whens": (When.DOWN,), "from_ms": 5,
        "until_ms": 90, "reason": "deploy", "by": "alice", "account": "root",
    }  # fmt: skip
    return Silence(**(plain | more))


def happening(at_ms: int, **more) -> Happening:
    plain = {"at_ms": at_ms, "sort": Sort.PAGE, "key": "alice", "word": "delivered", "text": "she was told"}
    return Happening(**(plain | {"about": ("web",), "facts": {"channel": 1}} | more))


async def test_what_happened_reads_back_in_order_and_hostile_text_is_one_line(store):
    evil = happening(7, text="a\x1b[0m\nb\u202e", word=BEGUN)
    await store.commit(Batch(happenings=[happening(5), evil]))
    clean = happening(7, text="a[0m b", word=BEGUN)
    assert list(store.reads.happenings(0)) == [(1, happening(5)), (2, clean)]
    assert list(store.reads.happenings(1)) == [(2, clean)]
    assert store.reads.lasting() == [clean]
    await store.commit(Batch(happenings=[happening(8, word=OVER)]))
    assert store.reads.lasting() == []
    assert (store.reads.place_at(7), store.reads.place_now()) == ((0, 1), (0, 3))


async def test_a_silence_reads_back_as_it_was_and_as_it_was_ended(store):
    await store.commit(Batch(silences={2: silence(2), 1: silence(1)}))
    assert store.reads.silences() == [silence(1), silence(2)]
    ended = silence(2, ended_ms=7, ended_by="carol")
    await store.commit(Batch(silences={2: ended}))
    assert store.reads.silences() == [silence(1), ended]


async def test_an_escalated_alert_reads_back_as_it_was(store):
    policy = Policy(
        steps=(Step(page=("primary",)), Step(page=("bob",), after_ms=600, during="Mon 08:00-09:00 UTC"))
    )
    ack = Acknowledgement(by="alice", at_ms=6, until_ms=9, reason="on it", account="root")
    full = alert(
        1, plans=(Plan.of("urgent", policy, 5).at(0, None),), calls=1, called={"alice": 1}, skipped=("why",),
        ack=ack, rule_severity=Severity.URGENT, used=("alice/1",), held=True,
    )  # fmt: skip
    heard = Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=7, call=1)
    await store.commit(Batch(alerts={1: full}, heard={(1, "alice"): heard}))
    assert store.reads.alerts() == ([full], [], [heard])


async def test_commands_are_found_by_their_time(store):
    chain = LedgerChain()
    entries = [chain.entry(Kind.GENESIS, "threenines", {"format": 1}, now_ms=START_MS)]
    entries += [
        chain.entry(Kind.COMMAND, verb, {}, now_ms=START_MS + n) for n, verb in enumerate(("ack", "reload"))
    ]
    await store.commit(Batch(entries=entries))
    assert [e.subject for e in store.reads.commands(0, 2**62)] == ["ack", "reload"]
    assert [e.subject for e in store.reads.commands(START_MS + 1, START_MS + 2)] == ["reload"]
    plan = store.reads._connection.execute(
        "EXPLAIN QUERY PLAN SELECT seq FROM ledger WHERE kind = 'command' AND effective_ms >= 5 ORDER BY effective_ms"
    ).fetchall()
    assert "entry_command" in str(plan), "a ledger of years is not read through"


def override(number: int, **more) -> RecordedOverride:
    plain = {
        "id": number, "rotation": "primary", "person": "alice", "from_ms": 5, "to_ms": 9, "recorded_ms": 4,
        "author": "bob", "account": "root", "reason": "a concert",
    }  # fmt: skip
    return RecordedOverride(**(plain | more))


async def test_an_override_reads_back_as_it_was_and_as_it_was_removed(store):
    await store.commit(Batch(overrides={2: override(2), 1: override(1)}))
    assert store.reads.overrides() == [override(1), override(2)]
    gone = override(2, removed_ms=7, remover="carol")
    await store.commit(Batch(overrides={2: gone}))
    assert store.reads.overrides() == [override(1), gone]


async def test_everything_in_a_batch_reads_back_as_it_was(store):
    chain = LedgerChain()
    entries = [chain.entry(Kind.TRANSITION, "web/home", {"to": "down"}, now_ms=START_MS, vantage="local")]
    readings = [
        observation("web/home", START_MS + n, Verdict.DOWN, facts={"status": 503}, phases={"connect": 0.25})
        for n in range(3)
    ]
    belief = Belief(State.DOWN, START_MS, START_MS + 2, serving_run=Streak(1, 2, 3, None), blips=4)
    batch = Batch(readings, entries, evidence=[(1, r) for r in readings])
    batch.beliefs = {("web/home", "local"): belief}
    batch.sketches["web/home", "local", START_MS - START_MS % 3_600_000] = sketch(0.1, 0.2)
    batch.alerts, batch.notices = {1: alert(1)}, {1: notice(1)}
    batch.heard = {(1, "alice"): Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=9)}
    await store.commit(batch)
    assert list(store.reads.entries()) == entries
    assert list(store.reads.evidence(1)) == readings
    assert store.reads.beliefs() == {("web/home", "local"): belief}
    assert store.reads.latest() == {("web/home", "local"): readings[-1]}
    assert store.reads.alerts() == (
        [alert(1)],
        [notice(1)],
        [Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=9)],
    )
    assert store.reads.sketch("web/home", START_MS, START_MS + 1).count == 2


def a_day(date: str) -> DayRow:
    return DayRow("UTC", "web", date, 9, 1, 2, 3, 0, "major_outage")


def month(name: str, *days: int):
    """`Batch.days` with these days of web's."""
    return {("UTC", "web", name): month_body([a_day(f"{name}-{day:02}") for day in days])}


async def test_what_is_derived_from_the_ledger_reads_back_as_it_was(store):
    days, gap = month("2025-11", 23, 24), Gap(5, None, 4, None)
    await store.commit(
        Batch(
            tiles=[Tile(1, 0, b"x" * 32)], checkpoints={7: ["[1]", "[2]"]}, days=days, darks={3: None},
            gaps={(3, "web/home"): gap}, lanes={("local", Lane.LIVE): (START_MS, 12)},
        )
    )  # fmt: skip
    assert store.reads.tiles() == [Tile(1, 0, b"x" * 32)]
    assert list(store.reads.checkpoint_rows(7)) == ["[1]", "[2]"]
    assert [row.date for row in store.reads.days("UTC", "2025-11", "2025-11")] == ["2025-11-23", "2025-11-24"]
    assert next(store.reads.days("UTC", "2025-11", "2026-01")) == a_day("2025-11-23")
    assert list(store.reads.days("UTC", "2025-12", "2026-01")) == []
    assert list(store.reads.days("Europe/Berlin", "2025-11", "2025-11")) == []
    assert store.reads.darks() == ({3: None}, {3: {"web/home": gap}})
    assert store.reads.lanes() == {("local", "live"): (START_MS, 12)}


async def test_a_dark_stretch_that_an_entry_closes_leaves_no_row(store):
    await store.commit(Batch(darks={3: None, 4: 50}, gaps={(3, "a/b"): Gap(5), (4, "a/b"): Gap(6)}))
    await store.commit(Batch(gaps={(4, "a/b"): None}))
    assert store.reads.darks() == ({3: None, 4: 50}, {3: {"a/b": Gap(5)}})
    await store.commit(Batch(darks={3: CLOSED}))
    assert store.reads.darks() == ({4: 50}, {})


async def test_months_that_an_entry_made_void_are_gone_and_those_before_stay(store):
    await store.commit(Batch(days=month("2025-09", 1) | month("2025-10", 1) | month("2025-11", 1)))
    await store.commit(Batch(void_days=[("web", "2025-10"), ("db", "2025-01")]))
    assert [row.date for row in store.reads.days("UTC", "2025-01", "2026-01")] == ["2025-09-01"]
    await store.commit(Batch(days=month("2025-10", 2), void_days=[("web", "2025-10")]))
    assert [row.date for row in store.reads.days("UTC", "2025-10", "2026-01")] == ["2025-10-02"], (
        "what is made anew in the same batch stays"
    )


async def test_a_span_costs_its_own_entries_however_long_the_ledger_is(store):
    def steps(lo_ms: int, hi_ms: int) -> tuple[list[int], int]:
        """The entries that are effective in a span, and the steps of SQLite's machine to read them."""
        count = 0

        def step() -> bool:
            nonlocal count
            count += 1
            return False

        with apsw.Connection(str(store.path), flags=apsw.SQLITE_OPEN_READONLY) as connection:
            connection.set_progress_handler(step, 1)
            return [e.seq for e in SqliteReads(store.path, connection).entries_within(lo_ms, hi_ms)], count

    chain, end = LedgerChain(), START_MS + 3_000
    entries = [chain.entry(Kind.COMMAND, "reload", {}, now_ms=START_MS + n) for n in range(3_000)]
    # Recorded in another order than that of their effect: they come in the order of their seq.
    late = [chain.entry(Kind.COMMAND, "reload", {}, now_ms=end, effective_ms=end - n) for n in range(5)]
    await store.commit(Batch(entries=[*entries[:5], *late]))
    short_found, short = steps(end - 4, end + 1)
    await store.commit(Batch(entries=entries[5:-4]))
    found, long = steps(end - 4, end + 1)
    assert found == short_found == [e.seq for e in late]
    assert long <= short * 1.1


async def test_sketches_of_one_hour_add_up(store):
    for _ in range(3):
        await store.commit(Batch(sketches={("a/b", "local", 0): sketch(1.0)}))
    assert store.reads.sketch("a/b", 0, 1).count == 3


async def test_quarters_add_up_and_go_with_the_observations(store):
    key = ("san/lun0", "local", "free")
    for at_ms, value in ((0, 0.5), (10, 0.25)):
        await store.commit(Batch(quarters={(*key, START_MS): QuarterHour(1, at_ms, value)}))
    await store.commit(Batch(quarters={(*key, START_MS - 900_000): QuarterHour(2, 5, 1.5)}))
    assert store.reads.trends("local", START_MS - 900_000) == {
        "san/lun0": {"free": {START_MS - 900_000: QuarterHour(2, 5, 1.5), START_MS: QuarterHour(2, 10, 0.75)}}
    }
    assert store.reads.trends("elsewhere", 0) == {}
    await store.forget(START_MS)
    assert store.reads.trends("local", 0) == {"san/lun0": {"free": {START_MS: QuarterHour(2, 10, 0.75)}}}


async def test_a_belief_is_renewed_by_readings_that_changed_nothing_else(store):
    await store.commit(Batch(beliefs={("a/b", "local"): Belief(State.UP, 1, 100)}))
    await store.commit(Batch([observation("a/b", 500), observation("a/b", 900, Verdict.UNKNOWN)]))
    assert store.reads.beliefs()["a/b", "local"].last_ms == 100
    await store.commit(Batch([observation("a/b", 1000)]))
    assert store.reads.beliefs()["a/b", "local"].last_ms == 1000


async def test_a_second_hub_is_refused_by_name_of_the_first(store, tmp_path):
    with pytest.raises(StoreHeld, match=f"process {os.getpid()}") as refusal:
        SqliteStore(tmp_path / "t.db")
    assert refusal.value.exit_code == 3


async def test_one_alert_is_open_per_key(store):
    await store.commit(Batch(alerts={1: alert(1)}))
    with pytest.raises(apsw.ConstraintError):
        await store.commit(Batch(alerts={2: alert(2)}))
    await store.commit(Batch(alerts={1: alert(1, resolved_ms=9)}))
    await store.commit(Batch(alerts={2: alert(2)}))


async def test_a_batch_that_cannot_be_written_leaves_nothing_behind(store):
    chain = LedgerChain()
    good = chain.entry(Kind.GENESIS, "x", {}, now_ms=1)
    await store.commit(Batch(entries=[good]))
    with pytest.raises(apsw.ConstraintError):
        await store.commit(Batch([observation("new/check", 5)], [good]))
    assert store.reads.latest() == {}
    await store.commit(Batch([observation("new/check", 6)]))
    assert set(store.reads.latest()) == {("new/check", "local")}


async def test_old_observations_go_and_young_ones_stay(store):
    await store.commit(Batch([observation("a/b", at) for at in (10, 20, 30)]))
    assert await store.forget(25) == 2
    assert [o.at_ms for o in store.reads.latest().values()] == [30]


async def test_observations_that_lie_ahead_of_the_clock_go_with_those_stored_before_them(store):
    hour, far = 3_600_000, 10**9
    await store.commit(Batch([observation("a/b", at) for at in (10, 20, far, far + 1, 25, 30)]))
    assert await store.forget(15, 2 * hour) == 1, "20 is young: what was stored after it stays"
    assert await store.forget(22, 2 * hour) == 3
    assert await store.forget(22, 2 * hour) == 0
    await store.commit(Batch([observation("a/b", at) for at in (far, far + 1, hour)]))
    assert await store.forget(40, hour + 60_000) == 2, "a clock that has just gone back may be wrong"
    assert await store.forget(40, 2 * hour + 60_000) == 2


async def test_a_new_clock_epoch_drops_what_is_kept_by_time_and_lies_ahead(store):
    key = ("a/b", "local")
    hours = (START_MS, START_MS + 3_600_000)
    quarters = {(*key, "free", hour): QuarterHour(1, 0, 0.5) for hour in hours}
    days = {("UTC", "a", month): "[]" for month in ("2025-10", "2025-11", "2036-11")}
    await store.commit(Batch(quarters=quarters, days=days, sights={"local": START_MS, "far": hours[1]}))
    await store.commit(Batch(anew_ms=START_MS + 60_000))
    assert store.reads.sights() == {"local": START_MS}
    assert store.reads.trends("local", 0) == {"a/b": {"free": {START_MS: QuarterHour(1, 0, 0.5)}}}
    assert store.reads.months() == [("UTC", "2025-10")]


def stock(path: Path, sql: str) -> list[list]:
    """What the standard library's SQLite answers, in a process of its own: two SQLites in one process share, and
    so drop, each other's file locks."""
    script = "import json, sqlite3, sys; c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True); print(json.dumps(c.execute(sys.argv[2]).fetchall())); c.close()"
    return json.loads(
        subprocess.run([sys.executable, "-c", script, path, sql], check=True, capture_output=True).stdout
    )


async def test_a_stock_sqlite3_reads_the_ledger_while_the_hub_runs(store, tmp_path):
    chain = LedgerChain()
    await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "x", {}, now_ms=7)]))
    assert stock(tmp_path / "t.db", "SELECT seq, recorded_ms, hash FROM ledger") == [[1, 7, chain.hash]]
    names = stock(tmp_path / "t.db", "SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')")
    assert [n for [n] in names if "ledger" in n or "transition" in n] == ["ledger"]


async def test_the_profile_is_the_one_that_survives_power_cuts(store):
    pragma = lambda connection, name: connection.execute(f"PRAGMA {name}").get  # noqa: E731
    found = {}

    def look(connection):
        found.update(
            {
                name: pragma(connection, name)
                for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
            }
        )
        return 0

    await store._writer.submit(look)
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "auto_vacuum": 2}
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)


async def test_hundreds_of_commits_at_once_share_transactions(store):
    chain = LedgerChain()
    entries = [chain.entry(Kind.GENESIS, str(n), {}, now_ms=n) for n in range(300)]
    await asyncio.gather(*(store.commit(Batch(entries=[e])) for e in entries))
    assert verified(store.reads.entries()) == (300, chain.hash, None)


async def test_a_locked_file_holds_nobody_up_and_loses_nothing(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    store._writer._connection.set_busy_timeout(10)
    other = apsw.Connection(str(tmp_path / "t.db"))
    other.execute("BEGIN IMMEDIATE")
    await store.commit(Batch([observation("a/b", 5)]))
    assert "locked" in str(store.trouble)
    assert store.reads.latest() == {}
    await store.commit(Batch([observation("a/c", 6)]))  # nobody waits for a disk that takes nothing
    other.execute("ROLLBACK")
    other.close()
    await store.commit(Batch([observation("a/d", 7)]))
    while store.trouble is not None:
        await asyncio.sleep(0)
    await store.commit(Batch([observation("a/e", 8)]))
    assert [key[0] for key in sorted(store.reads.latest())] == ["a/b", "a/c", "a/d", "a/e"]
    await store.close()


async def test_what_could_not_be_written_at_the_end_is_said(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    store._writer._connection.set_busy_timeout(10)
    other = apsw.Connection(str(tmp_path / "t.db"))
    other.execute("BEGIN IMMEDIATE")
    await store.commit(Batch([observation("a/b", 5)]))
    with pytest.raises(StoreError, match="could not be written"):
        await store.close()
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize(
    "damage",
    [
        b"not a database, just a text that is long enough to be one" * 40,
        b"SQLite format 3\0" + b"\xff" * 8000,
    ],
)
def test_a_file_that_is_no_database_is_said_and_not_touched(tmp_path, damage):
    path = tmp_path / "t.db"
    path.write_bytes(damage)
    with pytest.raises(StoreCorrupt, match=r"Nothing was changed.*restore a backup") as refusal:
        SqliteStore(path)
    assert refusal.value.exit_code == 2
    assert path.read_bytes() == damage
    with pytest.raises(StoreError):
        SqliteReads(path)


async def test_a_damaged_page_is_found_at_the_start_and_nothing_is_written_to_the_store_any_more(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    await store.commit(Batch([observation(f"a/{n}", n) for n in range(2000)]))
    await store.close()
    path = tmp_path / "t.db"
    whole = bytearray(path.read_bytes())
    whole[4096 * 8 : 4096 * 9] = b"\xa5" * 4096
    path.write_bytes(whole)
    store = SqliteStore(path)
    await store.commit(Batch([observation("a/0", 5000)]))  # page and pager go on
    assert "is damaged" in str(store.trouble)
    assert store.waiting == (1, 0, 0)
    with pytest.raises(StoreError, match=r"1 reading.* only in memory.*is damaged"):
        await store.close()
    assert path.read_bytes()[100:] == whole[100:], "every page but for the counters in the header"


def test_a_store_that_is_not_there_says_who_makes_it(tmp_path):
    with pytest.raises(StoreError, match="`threenines run` creates it"):
        SqliteReads(tmp_path / "none.db")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreError, match="cannot be created"):
        SqliteStore(tmp_path / "no" / "where.db")


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / "t.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(tmp_path / "t.db")


async def test_the_file_is_for_its_owner_alone(store, tmp_path):
    assert (tmp_path / "t.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "t.db.lock").stat().st_mode & 0o077 == 0


_WRITES = """
import asyncio, sys
sys.path.insert(0, {root!r})
from watch.core.ledger import LedgerChain, Kind
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore
async def main():
    store = SqliteStore({path!r})
    last = None
    for last in store.reads.entries(): pass
    chain = LedgerChain(last.seq, last.recorded_ms, last.hash) if last else LedgerChain()
    while True:
        await store.commit(Batch(entries=[chain.entry(Kind.GENESIS, "x", {{}}, now_ms=1)]))
        print(chain.seq, flush=True)
from pathlib import Path
{path!r}
asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    path, root = tmp_path / "t.db", Path(__file__).parents[2]
    script = (
        textwrap.dedent(_WRITES)
        .format(root=str(root), path=str(path))
        .replace(f"SqliteStore({str(path)!r})", f"SqliteStore(Path({str(path)!r}))")
    )
    script = "from pathlib import Path\n" + script
    for kill in range(5):
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root)
        acknowledged = 0
        for line in writer.stdout:
            acknowledged = int(line)
            if acknowledged % (7 + kill) == 0 and acknowledged > 20 * (kill + 1):
                break
        writer.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(n) for n in writer.stdout.read().split("\n")[:-1] if n)])
        writer.stdout.close()
        writer.wait()
        reads = SqliteReads(path)
        held, _, broken = verified(reads.entries())
        reads.shut()
        assert broken is None
        assert held >= acknowledged


def _altered(path: Path, sql: str) -> None:
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit(); c.close()"
    )
    subprocess.run([sys.executable, "-c", script, path, sql], check=True)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE ledger",
        "ALTER TABLE ledger RENAME COLUMN hash TO mine",
    ],
)
async def test_a_ledger_that_somebody_altered_is_damage_and_not_a_bug(tmp_path, sql):
    store = SqliteStore(tmp_path / "t.db")
    await store.commit(Batch(entries=[LedgerChain().entry(Kind.GENESIS, "x", {}, now_ms=7)]))
    await store.close()
    _altered(tmp_path / "t.db", sql)
    reads = SqliteReads(tmp_path / "t.db")
    with pytest.raises(StoreCorrupt, match="another program has"):
        list(reads.entries())
    reads.shut()


async def test_a_column_that_somebody_added_is_not_read(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    await store.commit(Batch(entries=[LedgerChain().entry(Kind.GENESIS, "x", {}, now_ms=7)]))
    await store.close()
    _altered(tmp_path / "t.db", "ALTER TABLE ledger ADD COLUMN mine TEXT")
    reads = SqliteReads(tmp_path / "t.db")
    assert [e.subject for e in reads.entries()] == ["x"]
    reads.shut()


async def test_canaries_that_were_good_are_remembered(store):
    await store.commit(Batch(canaries={("here", "gateway"): 5}))
    await store.commit(Batch(canaries={("here", "gateway"): 9, ("there", "dns"): 9}))
    assert store.reads.canaries("here") == {"gateway"}


async def test_what_is_stored_of_renamed_checks_is_found_under_their_new_names_also_when_they_change_places(
    store,
):
    first = Batch([observation(f"{key}/x", START_MS, took_ms=n) for n, key in enumerate("abc")])
    first.sketches = {(f"{key}/x", "local", 0): sketch(n + 1.0) for n, key in enumerate("abc")}
    first.quarters = {(f"{key}/x", "local", "free", 0): QuarterHour(n, n, n) for n, key in enumerate("abc")}
    await store.commit(first)
    # a and b change places; old c left something under the new key d once, and so did d itself.
    await store.commit(Batch([observation("d/x", START_MS, took_ms=9)], renames={}))
    await store.commit(Batch(renames={"a/x": "b/x", "b/x": "a/x", "c/x": "d/x"}))
    assert {name: o.took_ms for (name, _), o in store.reads.latest().items() if "@" not in name} == {
        "a/x": 1, "b/x": 0, "d/x": 2,
    }  # fmt: skip
    counts = {name: facts["free"][0][0] for name, facts in store.reads.trends("local", 0).items()}
    assert counts == {"a/x": 1, "b/x": 0, "d/x": 2}
    assert [store.reads.sketch(f"{key}/x", 0, 1).count for key in "abd"] == [1, 1, 1]
    await store.commit(Batch([observation("a/x", START_MS + 1, took_ms=7)]))
    assert store.reads.latest()["a/x", "local"].took_ms == 7


async def test_open_alerts_may_exchange_their_keys_in_one_batch(store):
    alerts = {1: alert(1, subject="a"), 2: alert(2, subject="b")}
    await store.commit(Batch(alerts=alerts))
    await store.commit(Batch(alerts={1: alert(1, subject="b"), 2: alert(2, subject="a")}))
    assert [a.subject for a in store.reads.alerts()[0]] == ["b", "a"]
    with pytest.raises(apsw.ConstraintError):
        await store.commit(Batch(alerts={3: alert(3, subject="a")}))


async def test_what_a_person_heard_moves_with_their_name(store):
    await store.commit(
        Batch(
            alerts={1: alert(1)},
            heard={(1, "alice"): Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=1)},
        )
    )
    row = Heard(alert_id=1, recipient="alicia", event=Event.TRIGGERED, at_ms=1)
    await store.commit(Batch(heard={(1, "alice"): None, (1, "alicia"): row}))
    assert store.reads.alerts()[2] == [row]


async def test_latencies_are_told_by_vantage_point_with_their_hours(store):
    hour = 3_600_000
    for vantage, hours in (("local", 3), ("far", 1)):
        await store.commit(Batch(sketches={("a/b", vantage, n * hour): sketch(1.0) for n in range(hours)}))
    found = store.reads.latencies("a/b", 0, 2 * hour)
    assert {vantage: (hours, one.count) for vantage, (hours, one) in found.items()} == {
        "local": (2, 2), "far": (1, 1)
    }  # fmt: skip
    assert store.reads.latencies("a/other", 0, hour) == {}
