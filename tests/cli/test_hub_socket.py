"""Asking the hub that runs: the same board as its own, over a socket that hostile lines cannot take from it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import time

import pytest

from tests.acceptance.estate import until
from tests.cli.running import CONFIG, answering, commands, running
from tests.yardstick import PATIENCE
from watch.web.hub_client import asked, place, short_name


@pytest.fixture
async def hub(tmp_path):
    async with running(tmp_path) as hub:
        yield hub


def said(store, line: bytes, *, end: bool = True) -> bytes:
    """What comes back for *line* on the socket beside *store*; nothing more is sent after it."""
    with socket.socket(socket.AF_UNIX) as there:
        there.settimeout(PATIENCE)
        with short_name(place(store)) as name:
            there.connect(name)
        try:
            there.sendall(line)
            if end:
                there.shutdown(socket.SHUT_WR)
            with there.makefile("rb") as answer:
                return answer.read()
        except (BrokenPipeError, ConnectionResetError):
            return b""


async def test_status_asks_the_hub_and_reads_the_store_when_none_runs(hub):
    await until(lambda: hub.rows("SELECT 1 FROM ledger WHERE kind = 'transition'"), what="it is down")
    code, out = await hub.verb("status", "--json")
    asked_, pid = json.loads(out), hub.running.pid
    assert (code, asked_["hub_process"]) == (0, pid)
    code, out = await hub.verb("status")
    assert f"the hub runs as process {pid}" in out
    assert (await hub.verb("status", "--exit-code"))[0] == 1
    assert await hub.kill(15) == 0
    read = json.loads((await hub.verb("status", "--json"))[1])
    assert read["hub_process"] is None
    assert "no hub is running" in (await hub.verb("status"))[1]
    assert asked_.keys() == read.keys()
    for one, other in zip(asked_["components"], read["components"], strict=True):
        same = one.keys() - {"checks"}
        assert {k: one[k] for k in same} == {k: other[k] for k in same}
        assert [c["name"] for c in one["checks"]] == [c["name"] for c in other["checks"]]


async def test_the_socket_is_for_its_owner_alone_and_goes_with_the_hub(hub):
    path = place(hub.folder / "threenines.db")
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert await hub.kill(15) == 0
    assert not path.exists()


async def test_the_socket_of_a_killed_hub_hinders_neither_a_start_nor_asking(hub):
    path = place(hub.folder / "threenines.db")
    await hub.kill()
    assert path.exists(), "nobody was there to put it away"
    assert json.loads((await hub.verb("status", "--json"))[1])["hub_process"] is None
    code, out = await hub.verb("backup", "copy.db")
    assert code == 0, out
    await answering(hub)
    assert json.loads((await hub.verb("status", "--json"))[1])["hub_process"] == hub.running.pid


HOSTILE = {
    "nothing": b"",
    "an empty line": b"\n",
    "no JSON": b"status please\n",
    "binary": bytes(range(256)) * 64 + b"\n",
    "two megabytes without an end": b"x" * (2 << 20),
    "two megabytes of one word": b'{"verb": "' + b"x" * (2 << 20) + b'"}\n',
    "a list": b"[1, 2]\n",
    "a number": b"7\n",
    "null": b"null\n",
    "no verb": b'{"arguments": {}}\n',
    "a verb that is none": b'{"verb": {"a": 1}}\n',
    "arguments that are a word": b'{"verb": "reload", "arguments": "abc"}\n',
    "arguments that are lists": b'{"verb": "reload", "arguments": [[[1], 2]]}\n',
    "a backup to nowhere": b'{"verb": "backup"}\n',
    "a backup to a relative path": b'{"verb": "backup", "arguments": {"file": "x.db"}}\n',
    "a backup to a name with a zero": b'{"verb": "backup", "arguments": {"file": "/tmp/a\\u0000b"}}\n',
    "a backup to a long name": b'{"verb": "backup", "arguments": {"file": "/' + b"y" * 5000 + b'"}}\n',
    "deep nesting": b'{"verb": "reload", "arguments": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "half a surrogate": b'{"verb": "reload", "by": "\\ud800"}\n',
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_line_gets_a_refusal_and_the_next_one_is_answered(hub, name):
    store = hub.folder / "threenines.db"
    before = len(commands(hub))
    answer = await asyncio.to_thread(said, store, HOSTILE[name])
    if len(HOSTILE[name]) < 1 << 20:
        assert json.loads(answer)["code"] == 2, answer
        assert json.loads(answer)["error"]
    else:
        assert answer == b""
    assert hub.running.returncode is None
    assert (await asyncio.to_thread(asked, store, "status", {}))["hub_process"] == hub.running.pid
    assert len(commands(hub)) == before, "what was refused did not happen"
    assert "Traceback" not in hub.said()


async def test_half_a_line_and_then_silence_holds_nobody_up(hub):
    store = hub.folder / "threenines.db"
    silent = [await asyncio.open_unix_connection(place(store)) for _ in range(8)]
    for _, writer in silent:
        writer.write(b'{"verb": ')
    answer = await asyncio.to_thread(asked, store, "status", {})
    assert answer["hub_process"] == hub.running.pid
    assert not any(reader.at_eof() for reader, _ in silent), "the answer comes before the hub gives them up"
    for reader, writer in silent:
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b"", (
            "after a few seconds the hub closes the connection"
        )
        writer.close()


async def test_somebody_who_says_nothing_does_not_hold_up_the_end(hub):
    await hub.kill(15)
    began = time.monotonic()
    await answering(hub)
    start = time.monotonic() - began
    silent = asyncio.create_task(
        asyncio.to_thread(said, hub.folder / "threenines.db", b'{"verb": ', end=False)
    )
    await asyncio.to_thread(asked, hub.folder / "threenines.db", "status", {})
    began = time.monotonic()
    assert await hub.kill(15) == 0
    assert time.monotonic() - began < 3 * start, "a start takes a second; a request has five to arrive"
    assert "Traceback" not in hub.said()
    await silent


async def test_a_hundred_ask_at_once_and_all_are_answered(hub):
    store = hub.folder / "threenines.db"
    answers = await asyncio.gather(*(asyncio.to_thread(asked, store, "status", {}) for _ in range(100)))
    assert {answer["hub_process"] for answer in answers} == {hub.running.pid}


async def test_names_and_verbs_from_strangers_are_one_clean_line_on_record(hub):
    store = hub.folder / "threenines.db"
    await asyncio.to_thread(asked, store, "reload", {}, by="eve\n\x1b[31m" + "x" * 500)
    ((verb, body),) = commands(hub)
    assert verb == "reload"
    assert body["by"].isprintable()
    assert len(body["by"]) <= 80


async def test_a_verb_that_nobody_knows_is_refused_and_not_on_record(hub):
    answer = await asyncio.to_thread(said, hub.folder / "threenines.db", b'{"verb": "format_disk"}\n')
    assert json.loads(answer) == {"code": 2, "error": "this hub knows no verb 'format_disk'"}
    assert commands(hub) == []


async def test_a_store_deeper_than_a_socket_address_is_long_works(tmp_path):
    folder = tmp_path / ("d" * 120) / ("e" * 120)
    folder.mkdir(parents=True)
    async with running(folder) as hub:
        assert json.loads((await hub.verb("status", "--json"))[1])["hub_process"] == hub.running.pid
        assert (await hub.verb("reload"))[0] == 0
        assert await hub.kill(15) == 0
        assert not place(folder / "threenines.db").exists()


async def test_a_store_whose_own_name_is_longer_than_a_socket_address_works(tmp_path):
    store = "s" * 120 + ".db"
    async with running(tmp_path, f"{CONFIG}store: sqlite:///{store}\n", store) as hub:
        assert json.loads((await hub.verb("status", "--json"))[1])["hub_process"] == hub.running.pid


async def test_a_file_in_the_place_of_the_socket_does_not_hinder_a_start(tmp_path):
    place(tmp_path / "threenines.db").write_text("somebody's notes")
    async with running(tmp_path) as hub:
        assert json.loads((await hub.verb("status", "--json"))[1])["hub_process"] == hub.running.pid


async def test_a_socket_that_answers_nonsense_is_taken_for_no_hub(tmp_path):
    """Whoever may write the folder may put anything there; the store is read then."""
    async with running(tmp_path) as hub:
        assert await hub.kill(15) == 0
        path = place(tmp_path / "threenines.db")

        async def nonsense(_, writer):
            writer.write(os.urandom(100) + b"\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_unix_server(nonsense, path)
        code, out = await hub.verb("status", "--json")
        server.close()
        assert code == 0, out
        assert json.loads(out)["hub_process"] is None


async def test_a_link_in_the_place_of_the_socket_is_not_followed(tmp_path):
    """Who plants it would get the commands."""
    async with await asyncio.start_unix_server(lambda _, writer: writer.close(), tmp_path / "theirs"):
        place(tmp_path / "t.db").symlink_to(tmp_path / "theirs")
        with pytest.raises(ConnectionError, match="a link is in the place"):
            await asyncio.to_thread(asked, tmp_path / "t.db", "status", {})
