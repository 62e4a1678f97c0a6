"""`threenines reload`: the hub takes its file over now and says what changed, or every mistake and runs on."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import signal
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.acceptance.estate import until
from tests.cli.running import CONFIG, DB, commands, configure, running
from watch.app import App
from watch.config import load

BROKEN = """service: {name: Acme, timezone: Mars/Base}
components:
  web: {checks: {home: {tcp: "127.0.0.1:1", evry: 1s}}}
"""


@pytest.fixture
async def hub(tmp_path):
    async with running(tmp_path) as hub:
        yield hub


async def test_it_says_what_came_what_went_and_what_is_different(hub):
    configure(hub, CONFIG + DB)
    code, out = await hub.verb("reload", "--by", "alice")
    assert (code, *out.splitlines()[:2]) == (0, "added: check db/q", "added: component db")
    configure(hub, CONFIG.replace("timeout: 500ms", "timeout: 400ms") + "alerting: {resolve_hold: 0s}\n")
    code, out = await hub.verb("reload", "--json")
    answer = json.loads(out)
    assert (code, answer["added"], answer["removed"]) == (0, [], ["check db/q", "component db"])
    assert answer["changed"] == ["alerting", "check web/home"]
    body = {"by": "alice", "account": getpass.getuser(), "arguments": {}}
    assert commands(hub) == [("reload", body), ("reload", body | {"by": getpass.getuser()})]
    ended = hub.rows("SELECT subject FROM ledger WHERE body = '{\"ended\":true}' ORDER BY seq")
    assert {subject for (subject,) in ended} == {"db", "db/q"}


async def test_a_file_that_is_as_it_was_changes_nothing(hub):
    terms = "SELECT count(*) FROM ledger WHERE kind IN ('check', 'component', 'terms')"
    await until(lambda: hub.rows(terms) == [(3,)], what="the terms are on record")
    code, out = await hub.verb("reload")
    assert code == 0
    assert out.startswith("Nothing has changed.\n")
    assert hub.rows(terms) == [(3,)]
    assert [verb for verb, _ in commands(hub)] == ["reload"]


async def test_a_file_with_mistakes_is_refused_with_all_of_them_and_the_old_one_runs_on(hub):
    configure(hub, BROKEN)
    code, out = await hub.verb("reload")
    assert code == 2
    assert "checks.yaml:1:" in out
    assert "Mars/Base" in out
    assert "checks.yaml:3:" in out
    assert "evry" in out
    assert commands(hub) == []
    code, out = await hub.verb("status", "--json")
    answer = json.loads(out)
    assert code == 0, "asking works while the file is broken"
    assert answer["hub_process"] == hub.running.pid
    assert [c["name"] for c in answer["components"]] == ["web"]
    assert any(
        "checks.yaml has 2 mistakes, the first in line 1;" in trouble["text"]
        for trouble in answer["troubles"]
    )
    configure(hub, CONFIG)
    code, out = await hub.verb("reload")
    assert code == 0, out
    assert json.loads((await hub.verb("status", "--json"))[1])["troubles"] == [], (
        "mended is said to be mended"
    )


async def test_a_refused_file_is_a_trouble_at_once_and_pages_nobody_yet(tmp_path):
    everybody = 'people: {bob: {channels: ["json://127.0.0.1:1/"]}}\nalerts: [{when: monitor}]\nalerting: {group_wait: 0s}\n'
    async with running(tmp_path, CONFIG + everybody) as hub:
        configure(hub, BROKEN + everybody)
        assert (await hub.verb("reload"))[0] == 2
        code, out = await hub.verb("doctor")
        assert (code, out.count("What to do:")) == (1, 2), "each mistake once"
        assert "?." not in out
        begun = "SELECT 1 FROM happening WHERE key = 'config_reload' AND word = 'begun'"
        await until(lambda: hub.rows(begun), what="it is on record")
        assert "No alert is open." in (await hub.verb("ack"))[1]
        assert hub.rows("SELECT * FROM notice") == []
        status = (await hub.verb("status"))[1]
        assert [line for line in status.splitlines() if "the old configuration runs on" in line], status
        assert "Mars/Base" not in status, "one line, not the whole list"


async def test_a_channel_that_cannot_be_used_is_said_by_reload_status_and_doctor(hub):
    configure(hub, CONFIG + 'people: {bob: {channels: ["slack://s3cret"]}}\n')
    code, out = await hub.verb("reload")
    said = "channel 1 of bob cannot be used: apprise does not accept its URL"
    assert (code, out.splitlines()[0]) == (0, "added: person bob")
    assert f"note: checks.yaml:4:27: {said}" in out
    assert said in (await hub.verb("status"))[1]
    code, out = await hub.verb("doctor")
    assert (code, out.count(said)) == (1, 1), "once, with its place"
    configure(hub, CONFIG + 'people: {bob: {channels: ["slak://s3cret"]}}\n')
    code, out = await hub.verb("reload")
    assert (code, "apprise knows no service with the scheme `slak`" in out) == (2, True)
    assert "s3cret" not in out
    configure(hub, CONFIG + 'people: {bob: {channels: ["json://127.0.0.1:1/"]}}\n')
    assert (await hub.verb("reload"))[0] == 0
    assert said not in (await hub.verb("status"))[1]


async def test_a_hub_says_when_it_starts_which_channel_cannot_be_used(tmp_path):
    async with running(tmp_path, CONFIG + 'people: {bob: {channels: ["slack://s3cret"]}}\n') as hub:
        said = "channel 1 of bob cannot be used: apprise does not accept its URL"
        assert said in hub.said()
        assert said in (await hub.verb("status"))[1]


async def test_what_is_no_yaml_at_all_is_refused_with_its_line(hub):
    configure(hub, "service: {name: Acme\ncomponents: [1\n")
    code, out = await hub.verb("reload")
    assert code == 2
    assert "checks.yaml:" in out
    assert (await hub.verb("status"))[0] == 0


async def test_what_needs_a_restart_is_said_and_nothing_of_the_file_is_taken(hub):
    configure(hub, CONFIG + DB + "store: sqlite:///elsewhere.db\n")
    said = await asyncio.to_thread(_refusal, hub)
    assert "store changed: that needs a restart" in said
    assert hub.rows("SELECT 1 FROM ledger WHERE subject = 'db'") == []


def _refusal(hub) -> str:
    """What the hub itself answers: the command line would look for it beside the new store."""
    from watch.errors import Trouble
    from watch.web.hub_client import asked

    with pytest.raises(Trouble) as refused:
        asked(hub.folder / "threenines.db", "reload", {})
    return str(refused.value)


async def test_a_reload_where_no_hub_runs_says_how_to_start_one(tmp_path, hub):
    assert await hub.kill(15) == 0, hub.said()
    code, out = await hub.verb("reload")
    assert code == 2
    assert "`threenines run`" in out


async def test_a_change_while_the_file_is_read_is_taken_over_too(hub):
    """A large file takes half a second to read: what is written meanwhile must be seen by the next look at it."""
    many = "".join(DB.replace("db:", f"db{n}:").replace("every: 1s", "every: 1h") for n in range(2400))
    configure(hub, CONFIG + many)
    hub.running.send_signal(signal.SIGHUP)
    with suppress(TimeoutError):
        await asyncio.wait_for(hub.running.wait(), 0.2)  # in the middle of reading it
    configure(hub, CONFIG + many + DB)
    wanted = "SELECT 1 FROM ledger WHERE kind = 'component' AND subject = ?"
    await until(lambda: hub.rows(wanted, "db2399"), what="the file is taken over")
    await until(lambda: hub.rows(wanted, "db"), what="what was added meanwhile is taken over, too")


@pytest.mark.parametrize("noticed", [False, True], ids=["at first", "after a change was noticed"])
async def test_a_signal_lets_the_hub_read_a_file_that_looks_as_it_was(hub, noticed):
    """Secrets and what a file refers to may change while the file looks as it was: SIGHUP reads it again."""
    file, wanted = hub.folder / "checks.yaml", "SELECT 1 FROM ledger WHERE kind = 'component' AND subject = ?"
    if noticed:
        configure(hub, CONFIG + DB)
        await until(lambda: hub.rows(wanted, "db"), what="a changed file is noticed")
    was = file.stat()
    with file.open("r+b") as there:  # in place, with the same size and times
        text = there.read().replace(b"  web:", b"  we2:")
        there.seek(0)
        there.write(text)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    hub.running.send_signal(signal.SIGHUP)
    await until(lambda: hub.rows(wanted, "we2"), what="the signal is heard")


async def test_what_a_reload_says_has_changed_has_changed(tmp_path):
    """The hub puts away once a minute what is older than `retention` says: too seldom to wait for here."""
    file = tmp_path / "checks.yaml"
    file.write_text(CONFIG)
    app = App(file, load(file, environ={}), lambda _: None)
    try:
        file.write_text(CONFIG + "retention: {observations: 1h}\n")
        changes = await app._reload_now(None)
        assert changes["changed"] == ["retention"]
        assert app.janitor._retention == timedelta(hours=1)
    finally:
        await app.store.close()
