"""`threenines ledger rebuild` mends what is derived, and only that: a record that does not hold is refused as it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import sys

import orjson
import pytest

from tests.acceptance.estate import ROOT
from tests.acceptance.past import found, sound
from tests.cli.running import running
from watch.hub.verification import figures_fault, record_verified
from watch.stores.sqlite import reading

DERIVED = ("tile", "checkpoint_row", "day")


def altered(store, sql, *values):
    connection = sqlite3.connect(store)
    try:
        with connection:
            return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def derived(store):
    return {table: altered(store, f"SELECT * FROM {table}") for table in DERIVED}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of four months with checkpoints, tiles and days, which a rebuild has just made."""
    from bench.history import written

    folder = tmp_path_factory.mktemp("whole")
    written(folder, components=4, months=4, a_month=20)
    return folder


@pytest.fixture
def desk(threenines, tmp_path, whole):
    """The command line beside a copy of *whole*."""
    for name in ("checks.yaml", "threenines.db"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    assert threenines("ledger", "rebuild").code == 0
    assert all(derived(tmp_path / "threenines.db").values()), "there is something of each kind to flip"
    return threenines


def flip_day(store):
    ((zone, component, month, body),) = altered(store, "SELECT * FROM day ORDER BY month DESC LIMIT 1")
    rows = orjson.loads(body)
    text = orjson.dumps(rows).decode()
    changed = (
        text.replace("operational", "major_outage", 1) if "operational" in text else text.replace("1", "2", 1)
    )
    assert changed != text
    where = "zone = ? AND component = ? AND month = ?"
    altered(store, f"UPDATE day SET body = ? WHERE {where}", changed, zone, component, month)


def flip_tile(store):
    altered(
        store, "UPDATE tile SET hash = zeroblob(32) WHERE n = 0 AND level = (SELECT min(level) FROM tile)"
    )


def flip_row(store):
    where = "WHERE body LIKE '%marks%' AND entry = (SELECT max(entry) FROM checkpoint_row)"
    ((entry, n, body), *_) = altered(store, f"SELECT * FROM checkpoint_row {where}")
    changed = body.replace("part-000", "part-009", 1)
    altered(store, "UPDATE checkpoint_row SET body = ? WHERE entry = ? AND n = ?", changed, entry, n)


@pytest.mark.parametrize("flip", [flip_day, flip_tile, flip_row])
def test_a_flipped_derived_row_is_found_by_verify_and_mended_by_rebuild(desk, tmp_path, flip):
    store = tmp_path / "threenines.db"
    before, record = derived(store), found(store)
    assert desk("ledger", "verify", "--figures").code == 0
    flip(store)
    assert derived(store) != before
    said = desk("ledger", "verify", "--figures")
    assert said.code == 1, said.out
    said = desk("ledger", "rebuild")
    assert said.code == 0, said.err
    assert derived(store) == before, "as it was, row by row"
    assert sound(store) == record


@pytest.mark.parametrize("table", DERIVED)
def test_what_is_missing_of_the_derived_is_made_anew(desk, tmp_path, table):
    store = tmp_path / "threenines.db"
    before = derived(store)
    altered(store, f"DELETE FROM {table}")
    assert desk("ledger", "rebuild").code == 0
    assert derived(store) == before


EDITS = {
    "an early transition was moved": "UPDATE ledger SET effective_ms = effective_ms + 1000 WHERE seq = "
    "(SELECT seq FROM ledger WHERE kind = 'transition' ORDER BY seq LIMIT 1 OFFSET 20)",
    "the last transition was moved": "UPDATE ledger SET effective_ms = effective_ms + 1000 WHERE seq = "
    "(SELECT max(seq) FROM ledger WHERE kind = 'transition')",
    "a transition says another state": 'UPDATE ledger SET body = replace(body, \'"to":"down"\', \'"to":"degraded"\') '
    'WHERE seq = (SELECT min(seq) FROM ledger WHERE body LIKE \'%"to":"down"%\')',
    "an entry is gone": "DELETE FROM ledger WHERE seq = 30",
    "a hash is another": "UPDATE ledger SET hash = iif(hash LIKE '0%', '1', '0') || substr(hash, 2) WHERE seq = 30",
    "a hash is none": "UPDATE ledger SET hash = 'none' WHERE seq = 30",
    "a reading was edited": "UPDATE evidence SET detail = 'it was the network' WHERE id = 9",
    "a checkpoint's root is another": 'UPDATE ledger SET body = replace(body, \'"root":"\', \'"root":"0\') '
    "WHERE seq = (SELECT max(seq) FROM ledger WHERE kind = 'checkpoint')",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_record_that_was_edited_is_refused_and_what_is_derived_stays_as_it_was(desk, tmp_path, edit):
    """Or the figures that do not fit the edit, which show it, would be made to fit."""
    store = tmp_path / "threenines.db"
    before = derived(store)
    altered(store, EDITS[edit])
    said = desk("ledger", "rebuild")
    assert said.code in (1, 2), said.out + said.err
    assert "ledger verify" in said.out + said.err
    assert derived(store) == before


async def test_a_rebuild_is_refused_while_a_hub_holds_the_store(tmp_path):
    async with running(tmp_path) as hub:
        code, out = await hub.verb("ledger", "rebuild")
        assert code == 3
        assert f"process {hub.running.pid}" in out


def test_a_killed_rebuild_leaves_what_was_there_or_what_it_made(desk, tmp_path):
    """A hub that starts on half of it would fold its book from nothing, and define everything anew in the ledger."""
    store, chance = tmp_path / "threenines.db", random.Random(5)
    before = derived(store)
    for _ in range(6):
        asyncio.run(_killed(tmp_path, chance.uniform(0, 0.05)))
        assert derived(store) == before
        with reading(store) as reads:
            assert record_verified(reads).broken is None
            assert figures_fault(reads, store) is None


async def _killed(folder, seconds):
    """Kill a rebuild *seconds* after it took the store."""
    lock = folder / "threenines.db.lock"
    lock.unlink()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "watch", "ledger", "rebuild", cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    while not lock.exists() and process.returncode is None:
        await asyncio.sleep(0.001)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), seconds)
        return
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        process.kill()
    await process.wait()


async def test_a_hub_does_not_begin_on_a_checkpoint_whose_rows_are_gone(tmp_path, whole):
    """It would know of no component, and write all terms into the ledger a second time."""
    for name in ("checks.yaml", "threenines.db"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    store = tmp_path / "threenines.db"
    altered(store, "DELETE FROM checkpoint_row")
    before = found(store)
    text = (tmp_path / "checks.yaml").read_text()
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("listen:"))
    refused = False
    try:
        async with running(tmp_path, text) as hub:
            await hub.kill(15)
    except AssertionError as ended:
        refused = "ledger rebuild" in str(ended)
    after = found(store)
    defined = [
        (k, s) for k, s, _ in after.entries[len(before.entries) :] if k in ("terms", "component", "check")
    ]
    assert refused or not defined


def test_a_store_of_a_newer_version_is_refused_by_every_verb_with_one_sentence(desk, tmp_path):
    store = tmp_path / "threenines.db"
    altered(store, "PRAGMA user_version = 99")
    altered(store, "CREATE TABLE of_tomorrow (x)")
    before = store.read_bytes()[100:]  # but for the counters in the header
    for words in (
        ("status",), ("uptime",), ("ledger", "verify"), ("ledger", "export"), ("ledger", "rebuild"),
        ("backup", "copy.db"), ("run",), ("restore", "threenines.db"),
    ):  # fmt: skip
        said = desk(*words)
        assert said.code == 2, words
        assert "newer version" in said.err, (words, said.err)
        assert "schema 99" in said.err, (words, said.err)
        assert "Traceback" not in said.err
    assert store.read_bytes()[100:] == before
    assert not (tmp_path / "copy.db").exists()
