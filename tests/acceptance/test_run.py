"""`threenines run` as its user meets it: what it says, what it refuses, and what it does when the file changes."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
import sys
import time
from contextlib import closing

import pytest

from tests.acceptance.estate import Hub, Process, nginx, until
from tests.alerts.receiver import Serving
from tests.ports import free_port

TINY = """
service: {{name: Tiny}}
defaults: {{every: 1s, timeout: 10s, retry_every: 300ms}}
components:
  wire: {{name: Wire, checks: {{port: {{tcp: "127.0.0.1:{port}"}}}}}}
"""
LOCKS = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
c.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
import signal; signal.pause()
"""
CANARY = "s3cr3t-c4n4ry-7f3a"


@pytest.fixture
async def hub(tmp_path):
    """A hub that watches its own page."""
    made = Hub(tmp_path, "")
    path = tmp_path / "checks.yaml"
    path.write_text(TINY.format(port=made.page) + path.read_text())
    yield made
    if made.running is not None and made.running.returncode is None:
        await made.kill()


def again(hub: Hub, folder) -> Hub:
    """A second hub on the configuration of the first, in another folder or the same."""
    second = Hub(folder, "") if folder != hub.folder else Hub.__new__(Hub)
    if folder == hub.folder:
        second.__dict__.update(hub.__dict__, running=None)
    return second


async def ended(hub: Hub) -> tuple[int, str]:
    """Start a hub that cannot run; its exit code and all that it said."""
    (hub.folder / "out").unlink(missing_ok=True)
    await hub.start()
    assert hub.running is not None
    return await hub.running.wait(), hub.said()


async def test_it_says_where_the_page_is_and_drains_at_once(hub):
    began = time.monotonic()
    await hub.begin()
    start = time.monotonic() - began
    assert f"http://127.0.0.1:{hub.page}/" in hub.said()
    began = time.monotonic()
    assert await hub.kill(signal.SIGTERM) == 0
    assert time.monotonic() - began < 3 * start, "a start takes a second or two"
    assert "all readings are on disk" in hub.said()
    assert hub.rows("SELECT count(*) FROM observation")[0][0] > 0


async def test_a_second_hub_on_the_same_store_exits_with_3(hub):
    await hub.begin()
    second = again(hub, hub.folder)
    code, said = await ended(second)
    assert code == 3
    assert re.search(r"another hub holds this store \(process \d+\)", said)
    assert "Traceback" not in said
    assert await hub.ready()


async def test_a_busy_port_is_named_with_its_owner(hub, tmp_path):
    await hub.begin()
    folder = tmp_path / "other"
    folder.mkdir()
    other = Hub(folder, "")
    text = (
        TINY.format(port=hub.page)
        + f"listen: {{page: 127.0.0.1:{hub.page}, operators: 127.0.0.1:{free_port()}}}\n"
    )
    (folder / "checks.yaml").write_text(text)
    code, said = await ended(other)
    assert code == 2
    assert f"127.0.0.1:{hub.page} is taken by another program" in said
    assert "set listen.page" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "why", ["the page's port is taken", "the operators' port is taken", "a mistake", "held"]
)
async def test_a_start_that_fails_changes_nothing_in_the_store_and_tells_nobody(hub, tmp_path, why):
    """Also with a configuration that would write entries: another component, and the one that was down is gone."""
    await hub.begin()
    file, store = hub.folder / "checks.yaml", hub.folder / "threenines.db"
    text = file.read_text().replace("  wire: {name: Wire,", "  other: {name: Other,")
    if why != "held":
        await hub.kill(signal.SIGTERM)
    before = contents(store)
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        match why:
            case "the page's port is taken":
                text = text.replace(f"page: 127.0.0.1:{hub.page}", f"page: 127.0.0.1:{port}")
            case "the operators' port is taken":
                text = text.replace(f"operators: 127.0.0.1:{hub.operators}", f"operators: 127.0.0.1:{port}")
            case "a mistake":
                text += "nonsense: 1\n"
        (tmp_path / "new.yaml").write_text(text)
        second = again(hub, hub.folder)
        second.command = [*hub.command, str(tmp_path / "new.yaml")]
        code, said = await ended(second)
    assert code == (3 if why == "held" else 2), said
    assert hub.rows("SELECT 1 FROM ledger WHERE subject = 'other'") == []
    if why != "held":  # that one goes on writing
        assert contents(store) == before


def contents(store) -> list[str]:
    """All rows of all tables."""
    with closing(sqlite3.connect(store)) as connection:
        return list(connection.iterdump())


async def test_a_wrong_configuration_is_refused_with_every_mistake(hub):
    path = hub.folder / "checks.yaml"
    path.write_text(path.read_text().replace("name: Tiny", "nmae: Tiny").replace("every: 1s", "every: soon"))
    code, said = await ended(hub)
    assert code == 2
    assert "checks.yaml:2:" in said
    assert "checks.yaml:3:" in said
    assert "did you mean" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "damage", [b"no database at all, but long enough to look at" * 100, b"SQLite format 3\0" + b"\x5a" * 9000]
)
async def test_a_damaged_database_is_refused_and_left_as_it_is(hub, damage):
    store = hub.folder / "threenines.db"
    store.write_bytes(damage)
    code, said = await ended(hub)
    assert (code, store.read_bytes()) == (2, damage)
    assert "Nothing was changed" in said
    assert "restore a backup" in said
    assert "Traceback" not in said


async def test_a_database_of_somebody_elses_is_refused_and_left_as_it_is(hub):
    connection = sqlite3.connect(hub.folder / "threenines.db")
    connection.execute("CREATE TABLE ledger (mine TEXT)")
    connection.commit()
    connection.close()
    code, said = await ended(hub)
    assert code == 2, said
    assert "Traceback" not in said


async def test_an_unknown_command_is_a_usage_mistake(hub):
    code, said = await hub.verb("rnu")
    assert code == 2
    assert "there is no verb 'rnu'; did you mean 'run'?" in said
    code, said = await hub.verb("report")
    assert code == 2
    assert "planned but not built yet" in said


async def test_a_changed_file_is_taken_over_and_a_wrong_one_changes_nothing(hub):
    await hub.begin()
    path = hub.folder / "checks.yaml"
    right = path.read_text() + "alerting: {resolve_hold: 0s}\n"
    path.write_text(
        right.replace(
            "components:",
            f'components:\n  more: {{name: More, checks: {{port: {{tcp: "127.0.0.1:{hub.operators}"}}}}}}',
        )
    )
    await until(lambda: _is(hub, "More", "operational"), what="the new component is on the page")

    path.write_text(right.replace("components:", "componets:"))
    await until(lambda: _reload_failed(hub), what="the metric says that the reload failed")
    assert await hub.public("More") == "operational", "the old configuration runs on"
    _, health = await hub.answer(hub.operators, "/healthz")
    assert "the old configuration runs on" in health

    path.write_text(right)
    assert hub.running is not None
    hub.running.send_signal(signal.SIGHUP)
    await until(lambda: _is(hub, "More", None), what="the removed component is gone")
    assert await hub.public("Wire") == "operational"
    kept = [
        subject for (subject,) in hub.rows("SELECT subject FROM ledger WHERE kind = 'component' ORDER BY seq")
    ]
    assert kept == ["wire", "more", "more"], "a lifetime that began and ended"
    assert "the configuration was taken over: added check more/port and component more" in hub.said()
    assert "the configuration was taken over: removed check more/port and component more" in hub.said()


async def test_a_file_that_joins_a_folder_is_taken_over(hub):
    folder = hub.folder / "conf"
    folder.mkdir()
    (hub.folder / "checks.yaml").rename(folder / "a.yaml")
    hub.command.append("conf")
    await hub.begin()
    (folder / "b.yaml").write_text(
        f'components: {{more: {{name: More, checks: {{port: {{tcp: "127.0.0.1:{hub.operators}"}}}}}}}}\n'
    )
    await until(lambda: _is(hub, "More", "operational"), what="the new file's component is on the page")
    (folder / "b.yaml").unlink()
    await until(lambda: _is(hub, "More", None), what="it is gone with its file")


async def test_a_secret_reaches_no_log_page_metric_or_file_of_ours(tmp_path):
    async with Serving() as phone:
        hub = Hub(tmp_path, "")
        path = tmp_path / "checks.yaml"
        text = f"""
service: {{name: Tiny}}
defaults: {{every: 1s, timeout: 10s, retry_every: 300ms}}
components:
  wire:
    checks:
      told: {{http: {{url: "http://user:${{env:CANARY}}@127.0.0.1:{free_port()}/?key=${{env:CANARY}}", headers: {{X-Key: "${{env:CANARY}}"}}}}}}
      auth: {{http: {{url: "http://127.0.0.1:{hub.page}/?token=${{env:CANARY}}", username: me, password: "${{env:CANARY}}"}}, expect: [status == 418]}}
people: {{alice: {{channels: ["{phone.url}/${{env:CANARY}}"]}}, bob: {{channels: ["json://127.0.0.1:1/${{env:CANARY}}"]}}}}
alerts: [{{when: down, components: all}}]
alerting: {{group_wait: 100ms}}
"""
        path.write_text(text + path.read_text())
        hub.env["CANARY"] = CANARY
        hub.command.append("--verbose")
        try:
            await hub.begin()
            await until(lambda: phone.received, what="alice is paged")
            seen = [await hub.answer(hub.page, p) for p in ("/", "/api/v2/summary.json", "/components/wire")]
            seen += [await hub.answer(hub.operators, p) for p in ("/metrics", "/healthz")]
            said = [
                await hub.verb("status", "--json"),
                await hub.verb("check"),
                await hub.verb("explain", "wire"),
            ]
        finally:
            await hub.kill(signal.SIGTERM)
    assert CANARY in phone.received[0][0], "the channel itself gets it"
    for what in (*[body for _, body in seen], *[out for _, out in said], str(phone.received[0][1])):
        assert CANARY not in what
    for file in tmp_path.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file.name


async def _is(hub: Hub, name: str, status: str | None) -> bool:
    return await hub.public(name) == status


async def _reload_failed(hub: Hub) -> bool:
    return "threenines_config_reload_success 0.0" in (await hub.answer(hub.operators, "/metrics"))[1]


async def test_a_store_that_takes_nothing_silences_neither_page_nor_pager(tmp_path):
    target = nginx(_made(tmp_path / "target"), port := free_port())
    await target.start()
    async with Serving() as phone:
        hub = Hub(_made(tmp_path / "hub"), "")
        path = hub.folder / "checks.yaml"
        text = TINY.format(port=port) + f'people: {{alice: {{channels: ["{phone.url}/alice"]}}}}\n'
        path.write_text(
            text
            + "alerts: [{when: down, components: all}]\nalerting: {group_wait: 100ms}\n"
            + path.read_text()
        )
        locker = Process([sys.executable, "-c", LOCKS, str(hub.folder / "threenines.db")], hub.folder)
        try:
            await hub.begin()
            await until(lambda: _is(hub, "Wire", "operational"), what="all is well")
            await locker.start()
            await until(lambda: "locked" in hub.said(), what="another program holds the database")
            await target.kill()
            await until(lambda: _is(hub, "Wire", "major_outage"), what="the page says so all the same")
            await until(lambda: phone.received, what="alice is paged all the same")
            assert "another program keeps it locked" in (await hub.answer(hub.operators, "/readyz"))[1]
            assert hub.downtime_ms("wire/port", 0) == 0, "nothing of it is on disk yet"
            await locker.kill()
            await until(lambda: _on_disk(hub), what="what was kept in memory is on disk")
            assert (await hub.verb("ledger", "verify"))[0] == 0
        finally:
            for process in (hub, target, locker):
                if process.running is not None and process.running.returncode is None:
                    await process.kill()


def _made(folder):
    folder.mkdir()
    return folder


def _on_disk(hub: Hub) -> bool:
    downs = hub.rows("SELECT 1 FROM ledger WHERE kind = 'transition' AND body LIKE '%\"to\":\"down\"%'")
    return bool(downs and hub.rows("SELECT 1 FROM heard"))
