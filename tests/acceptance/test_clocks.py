"""The real process on a clock that libfaketime sets: nothing of ours reads as theirs, and nothing of theirs is missed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.estate import Hub, until
from tests.alerts.receiver import Receiver, Serving
from tests.ports import free_port
from tests.yardstick import PATIENCE
from watch.app import App
from watch.clock import SystemClock
from watch.config import load
from watch.hub.verification import record_verified
from watch.stores.sqlite import reading
from watch.web.hub_client import asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))  # Debian's `faketime`
TEXT = """
service: {{name: T, timezone: UTC, target: 99.9%}}
vantages: {{here: {{local: true, canaries: [{{tcp: "{canary}"}}]}}}}
defaults: {{every: 20s, timeout: 2s, retry_every: 500ms, confirm: {{down: 2, up: 2}}}}
components: {{web: {{name: Web, checks: {{a: {{tcp: "127.0.0.1:{target}"}}}}}}}}
people: {{alice: {{channels: ["{phone}/alice"]}}}}
alerts: [{{when: down, components: all}}, {{when: degraded, components: all}}, {{when: unknown, components: all}}, {{when: monitor}}]
alerting: {{group_wait: 0s, resolve_hold: 1s}}
"""
DAY, YEARS = 86_400, 315_360_000


class Target:
    """A listener that can be shut."""

    def __init__(self) -> None:
        self.port, self._server = free_port(), None

    async def open(self) -> None:
        self._server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", self.port)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


class Estate:
    """A hub whose clock is told by a file, its target, and the phone that it pages."""

    def __init__(self, folder: Path, phone: Receiver) -> None:
        self.phone, self.target = phone, Target()
        canary = phone.url.removeprefix("json://")
        self.hub = Hub(folder, TEXT.format(canary=canary, target=self.target.port, phone=phone.url))
        self._told = folder / "clock"
        self.hub.env |= {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._told),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """Let the machine's clock be *seconds* ahead of the right time."""
        fresh = self._told.with_name("clock.new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._told)

    async def status(self) -> dict:
        code, said = await self.hub.verb("status", "--json")
        assert code == 0, said
        return json.loads(said)

    async def seen(self) -> dict:
        """The status as the hub gives it once it runs; looked at often, so without a process for each look."""
        try:
            return await asyncio.to_thread(asked, self.hub.folder / "threenines.db", "status", {})
        except OSError:  # it does not listen yet
            return {"troubles": [], "components": [{"state": "not asked"}]}

    async def trouble(self, key: str) -> str | None:
        found = [t["text"] for t in (await self.seen())["troubles"] if t["key"] == key]
        return found[0] if found else None

    async def state(self) -> str:
        return (await self.seen())["components"][0]["state"]

    async def is_up(self) -> bool:
        return await self.state() == "up"

    async def told_of_the_future(self, now_ms: int) -> list[str]:
        """The instants on page, feed and API that lie ahead of *now_ms*."""
        now = f"{datetime.fromtimestamp(now_ms / 1000 + 60, UTC):%Y-%m-%dT%H:%M:%S}"
        paths = (
            "/",
            "/history",
            "/components/web",
            "/history.atom",
            "/api/v2/summary.json",
            "/api/v2/incidents.json",
        )
        # Who is paged may know of it before the page is drawn for the first time: until then it answers 503.
        await until(self.published, what="the page tells of the outage")
        texts = [(await self.hub.answer(self.hub.page, path))[1] for path in paths]
        found = [it for text in texts for it in re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text)]
        assert found
        return [it for it in found if it > now]

    async def published(self) -> bool:
        """Whether the page is drawn, and says that it is down."""
        code, text = await self.hub.answer(self.hub.page, "/api/v2/summary.json")
        return code == 200 and "major_outage" in text

    def titles(self) -> list[str]:
        return [body["title"] for _, body in self.phone.received]

    def paged(self, *words: str) -> bool:
        return any(all(word in title for word in words) for title in self.titles())

    def readings(self) -> int:
        return self.hub.rows("SELECT count(*) FROM observation")[0][0]

    def epochs(self) -> list[dict]:
        rows = self.hub.rows("SELECT body FROM ledger WHERE kind = 'clock' ORDER BY seq")
        return [json.loads(body) for (body,) in rows]


@pytest.fixture
async def estate(tmp_path) -> AsyncIterator[Estate]:
    async with Serving() as phone:
        made = Estate(tmp_path, phone)
        await made.target.open()
        yield made
        if made.hub.running is not None and made.hub.running.returncode is None:
            await made.hub.kill()
        await made.target.shut()


@pytest.mark.parametrize(
    ("ahead", "how"),
    [
        (20, signal.SIGKILL),
        (90, signal.SIGTERM),
        (3000, signal.SIGKILL),
        (DAY, signal.SIGTERM),
        (YEARS, signal.SIGKILL),
    ],
)
async def test_an_outage_is_found_at_once_though_the_record_lies_ahead_of_the_clock(estate, ahead, how):
    estate.set(ahead)
    await estate.hub.begin()
    await until(estate.is_up, what="it is up")
    await estate.hub.kill(how)
    estate.phone.received.clear()
    read, told_before = estate.readings(), estate.hub.rows("SELECT max(seq) FROM ledger")[0][0]

    estate.set(0)
    await estate.target.shut()
    await estate.hub.start()
    await until(lambda: estate.paged("DOWN: Web"), what="alice is paged")

    status = await estate.status()
    assert status["components"][0]["state"] == "down"
    assert estate.readings() - read < 30, "found within the normal number of readings"
    (epoch,) = estate.epochs()
    assert epoch["why"] == "went_back"
    assert ahead - 20 < (epoch["before_ms"] - epoch["after_ms"]) / 1000 <= ahead
    assert status["components"][0]["since_ms"] >= epoch["after_ms"], "booked from where it was seen"
    assert status["components"][0]["since_ms"] <= status["as_of"]
    (trouble,) = [t["text"] for t in status["troubles"] if t["key"] == "clock_epoch"]
    assert "behind the end of the record" in trouble
    assert not estate.paged("NO DATA: Web")
    assert await estate.told_of_the_future(status["as_of"]) == []
    recorded = estate.hub.rows("SELECT recorded_ms FROM ledger WHERE seq > ? ORDER BY seq", told_before)
    assert recorded == sorted(recorded), "within an epoch recorded time never goes back"
    code, said = await estate.hub.verb("ledger", "verify", "--figures")
    assert code == 0, said
    code, said = await estate.hub.verb("uptime", "--json")
    assert code == 0, said
    figures = json.loads(said)
    assert figures["as_of"] <= status["as_of"] + 60_000
    assert 0 < figures["components"][0]["down_ms"] < 60_000


async def test_while_the_clock_is_set_about_nothing_of_theirs_changes_and_outages_keep_their_length(estate):
    estate.set(0)
    await estate.hub.begin()
    await until(estate.is_up, what="it is up")
    for seconds in (3600, -3600, YEARS):
        estate.set(seconds)
        text = await until(lambda: estate.trouble("clock_skew"), what="it is said")
        assert ("ahead of" if seconds > 0 else "behind") in text
        assert await estate.state() == "up"
        estate.set(0)
        await until(lambda: _over(estate, "clock_skew"), what="it is over")
    estate.set(3600)
    await until(lambda: estate.trouble("clock_skew"), what="it is said")
    await estate.target.shut()
    await until(lambda: estate.paged("DOWN: Web"), what="alice is paged")
    estate.set(-3600)
    await estate.target.open()
    await until(estate.is_up, what="it is up again")
    rows = estate.hub.rows("SELECT recorded_ms, effective_ms, body FROM ledger ORDER BY seq")
    recorded = [at_ms for at_ms, _, _ in rows]
    assert recorded == sorted(recorded)
    assert recorded[-1] - recorded[0] < 600_000, "our time went on as it was"
    found = [(json.loads(body)["to"], at_ms) for _, at_ms, body in rows if '"to"' in body]
    assert [state for state, _ in found] == ["up", "down", "up"]
    assert found[2][1] - found[1][1] < 60_000
    assert estate.epochs() == []
    code, said = await estate.hub.verb("uptime", "--json")
    assert code == 0, said
    figures = json.loads(said)
    assert abs(figures["as_of"] - recorded[-1]) < 60_000, "by the hub's time, which goes on"
    assert figures["components"][0]["down_ms"] == found[2][1] - found[1][1]


async def _over(estate: Estate, key: str) -> bool:
    return await estate.trouble(key) is None


@pytest.mark.parametrize("behind", [7200, YEARS])
async def test_a_machine_whose_clock_is_behind_starts_says_so_and_keeps_the_record(estate, behind):
    estate.set(0)
    await estate.hub.begin()
    await until(estate.is_up, what="it is up")
    await estate.hub.kill(signal.SIGTERM)
    estate.set(-behind)
    await estate.hub.start()
    key = "clock_epoch" if behind == 7200 else "clock_skew"
    text = await until(lambda: estate.trouble(key), what="it is said")
    assert (
        "A new clock epoch begins" if behind == 7200 else "cannot be right: set the machine's clock"
    ) in text
    await until(estate.is_up, what="it is up")
    code, said = await estate.hub.verb("ledger", "verify", "--figures")
    assert code == 0, said
    assert len(estate.epochs()) == (behind == 7200)


async def test_verbs_that_read_a_record_ahead_of_the_clock_count_only_what_lies_behind(estate):
    estate.set(7200)
    await estate.hub.begin()
    await until(estate.is_up, what="it is up")
    await estate.hub.kill(signal.SIGTERM)
    estate.set(0)
    status = await estate.status()
    assert [t["key"] for t in status["troubles"]] == ["clock_epoch"]
    assert status["components"][0]["state"] == "unknown"
    assert status["components"][0]["since_ms"] <= status["as_of"]
    for words in (("uptime",), ("explain", "web"), ("ledger", "verify", "--figures")):
        code, said = await estate.hub.verb(*words)
        assert "Traceback" not in said
        assert code == 0, said
    assert estate.epochs() == [], "reading writes nothing"


class Wall:
    """The wall clock of a machine, which can be set."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_stays_set_is_followed_and_the_hub_begins_anew_with_it(tmp_path, hours):
    target, wall = Target(), Wall()
    await target.open()
    file = tmp_path / "checks.yaml"
    listen = f"listen: {{page: 127.0.0.1:{free_port()}, operators: 127.0.0.1:{free_port()}}}\n"
    phone = "json://127.0.0.1:1"
    text = TEXT.format(canary=f"127.0.0.1:{target.port}", target=target.port, phone=phone) + listen
    file.write_text(text)
    app = App(file, load(file, environ={}), lambda _: None, SystemClock(wall, patience_ms=500))
    running = asyncio.create_task(app.run())
    await until(lambda: app.hub.board.components["web"].state == "up", what="it is up")
    wall.ahead_ms = hours * 3_600_000
    assert await asyncio.wait_for(running, PATIENCE), "it ends, to begin anew"
    app = app.again()
    assert abs(app.clock.now_ms() - wall()) < 60_000
    running = asyncio.create_task(app.run())
    await until(lambda: app.hub.board.components["web"].state == "up", what="it is up again")
    assert {t.key for t in app.hub.troubles.current()} - {"first_readings"} == {"clock_epoch"}
    said = await asyncio.to_thread(asked, tmp_path / "threenines.db", "now", {})
    assert abs(said["now_ms"] - wall()) < 60_000
    os.kill(os.getpid(), signal.SIGTERM)
    assert not await asyncio.wait_for(running, PATIENCE)
    await target.shut()
    with reading(tmp_path / "threenines.db") as reads:
        (epoch,) = [e.facts["why"] for e in reads.entries() if e.kind == "clock"]
        assert epoch == ("set_ahead" if hours > 0 else "went_back")
        states = [e.facts["to"] for e in reads.entries() if e.kind == "transition"]
        assert set(states) == {"up"}
        assert record_verified(reads).broken is None
