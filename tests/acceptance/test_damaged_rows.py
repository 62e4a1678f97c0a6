"""One cell of the store is damaged: the row is named with a way out that works, or the hub goes on without it."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.acceptance.estate import Hub
from tests.fakes import observation
from tests.stores.test_sqlite import alert, month, notice, override, sketch
from watch.app import App
from watch.config import load
from watch.core.alert import Event, Heard
from watch.core.confirm import Belief
from watch.core.darkness import Gap
from watch.core.ledger import Kind
from watch.core.reading import Verdict
from watch.core.timeline import State
from watch.core.trend import QuarterHour
from watch.errors import StoreError, Trouble
from watch.hub.checkpoints import checkpoint_rows
from watch.ports import Batch

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
service: {name: Acme, timezone: UTC, site: here}
components: {web: {checks: {home: {tcp: "127.0.0.1:9"}}}}
people: {alice: {channels: ["json://127.0.0.1:9/alice"]}}
alerts: [{when: down, components: all}]
store: sqlite:///t.db
"""
DAMAGE = ('{"x":', "[]", 12, -1.5, b"\xff\xfe", None, 2**62)
# What a hub can go on without; the others are needed.
USEFUL = {"observation", "name", "sketch", "trend", "sight", "canary", "oncall_override"}
# Nobody reads these columns.
UNREAD = {
    ("migration", "name"),
    ("migration", "sha256"),
    ("migration", "applied_ms"),
    ("migration", "number"),
}


def started(folder: Path) -> App:
    file = folder / "checks.yaml"
    return App(file, load(file, environ={}, now_ms=0), lambda _: None)


async def filled(folder: Path) -> None:
    """A store with rows in all tables, written by a hub."""
    (folder / "checks.yaml").write_text(CONFIG)
    app = started(folder)
    now = app.clock.now_ms()
    for n in range(256):  # a tile has as many entries
        app.hub.recorder.entry(Kind.COMMAND, "backup", {"n": n}, now_ms=now)
    await app.hub.turn()
    readings = [observation("web/home", now - 1000 + n, Verdict.DOWN) for n in range(3)]
    app.hub.recorder.entry(Kind.COMMAND, "backup", {}, now_ms=now, readings=readings)
    await app.hub.turn()
    rows, through = checkpoint_rows(app.store.reads, app.store.path, now)
    app.hub.keep_checkpoint("2026-11", now, rows, through, 0)
    await app.hub.turn()
    hour, key = now - now % 3_600_000, ("web/home", "local")
    await app.store.commit(
        Batch(
            readings, beliefs={key: Belief(State.DOWN, now - 9000, now - 1000)},
            darks={1: None, 2: now}, gaps={(1, "web/home"): Gap(now - 9000)}, lanes={("local", "live"): (now - 1000, 3)},
            canaries={("local", "gateway"): now}, sights={"local": now}, sketches={(*key, hour): sketch(0.1)},
            quarters={(*key, "free", now - now % 900_000): QuarterHour(1, 1, 0.5)}, days=month("2026-10", 23),
            overrides={1: override(1), 2: override(2, removed_ms=now, remover="bob")},
            alerts={1: alert(1, subject="web")}, notices={1: notice(1)},
            heard={(1, "alice"): Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=now)},
        )
    )  # fmt: skip
    await app.store.close()


def cells(path: Path) -> list[tuple[str, str]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        empty = [t for t in tables if not connection.execute(f"SELECT count(*) FROM {t}").get]
        assert not empty, "a damaged cell needs a row"
        return [(t, name) for t in tables for (_, name, *_) in connection.execute(f"PRAGMA table_info({t})")]
    finally:
        connection.close()


def damage(path: Path, table: str, column: str, value: object) -> bool:
    """Whether the cell could be damaged; a column may refuse what is not of its type."""
    connection = apsw.Connection(str(path))
    try:
        last = f"(SELECT max({column}) FROM {table})"
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = {last}", (value,))
        return bool(connection.changes())
    except (apsw.ConstraintError, apsw.MismatchError):
        return False
    finally:
        connection.close()


async def tried(folder: Path) -> tuple[Trouble | None, dict[str, int]]:
    """What a start says, and what it left out."""
    try:
        app = started(folder)
    except Trouble as trouble:
        return trouble, {}
    try:
        await app.month_ends.settle(app.days)
        app.store_watch.look()
        troubles = [t.text for t in app.hub.troubles.current() if "cannot be read" in t.text]
        left_out = dict(app.store.reads.left_out)
        assert bool(left_out) == any("left out" in text for text in troubles), troubles
        return None if not troubles else StoreError(troubles[0]), left_out
    finally:
        await app.store.close()


@pytest.fixture
async def base(tmp_path):
    folder = tmp_path / "base"
    folder.mkdir()
    await filled(folder)
    return folder


async def test_a_damaged_cell_of_any_table_is_said_with_its_table_or_left_out_and_no_bug(base, tmp_path):
    said: Counter[str] = Counter()
    for n, (table, column) in enumerate(cells(base / "t.db")):
        for value in DAMAGE:
            folder = tmp_path / f"{n}"
            shutil.copytree(base, folder)
            if damage(folder / "t.db", table, column, value) and (table, column) not in UNREAD:
                trouble, left_out = await tried(folder)
                what = f"{table}.{column} = {value!r}: {trouble}"
                assert not left_out or left_out.keys() <= USEFUL, what
                if trouble is not None and not left_out:
                    assert table not in USEFUL, what
                    assert isinstance(trouble, StoreError), what
                    assert trouble.exit_code == 2, what
                    assert any(word in str(trouble) for word in ("restore", "rebuild", "newer version")), what
                    said[table] += 1
                said["left out"] += bool(left_out)
            shutil.rmtree(folder, ignore_errors=True)  # a hub may still be leaving
    needed = {"belief", "alert", "notice", "heard", "lane", "dark", "dark_gap", "tile", "day", "ledger"}
    assert needed <= said.keys(), said
    assert said["left out"] > len(USEFUL)


@pytest.mark.parametrize("table", ["belief", "alert", "notice", "heard", "lane", "dark_gap"])
async def test_the_way_out_of_a_row_that_is_needed_works_when_it_is_followed(base, table):
    column = {"lane": "seq", "dark_gap": "last_ms"}.get(table, "body")
    hub = Hub(base, CONFIG)
    assert damage(base / "t.db", table, column, b"\xff")
    await hub.start()
    assert await hub.running.wait() == 2
    assert f"a row of the table {table} is damaged" in hub.said()
    assert "`threenines ledger rebuild`, which removes the row" in hub.said()
    code, said = await hub.verb("ledger", "rebuild")
    assert (code, f"Damaged rows removed from the table {table}: " in said) == (0, True), said
    await hub.begin()
    assert await hub.kill(signal.SIGTERM) == 0, hub.said()


@pytest.mark.parametrize("table", ["observation", "sketch"])
async def test_a_row_that_is_not_needed_stops_no_start_and_is_told(base, table):
    hub = Hub(base, CONFIG)
    assert damage(base / "t.db", table, "body", b"\xff")
    await hub.begin()
    _, said = await hub.verb("status")
    told = "rows of the store that cannot be read were left out" in said
    assert told is (table == "observation"), "sketches are read when a month is reported"
    assert await hub.kill(signal.SIGTERM) == 0, hub.said()
    code, said = await hub.verb("status")
    assert code == 0, said
    code, said = await hub.verb("ledger", "rebuild")
    assert (code, f"Damaged rows removed from the table {table}: " in said) == (0, True), said
