"""Hubs that are killed with -9 again and again, and what must hold afterwards.

Each hub watches a target that is always well and one that goes down and comes back, and as many more healthy ones as
asked for. It is killed while it runs, at a reload or in its start. Before each kill, all that an outsider could have
read is read. Afterwards all of it must still be there; no healthy check was ever believed to be bad; every confirmed
outage was told, nothing else was, and no notice came oftener than once more for each kill.

`make test` kills five small hubs ten times each, `make soak` one with 10,000 checks a hundred times. In a storm
(`stormed.py`) the processes that send are killed too.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from aiohttp import web

from bench.ours import components
from tests.acceptance.estate import Hub, until
from tests.acceptance.moments import begun, made_checkpoints, reloading
from watch.core.marks import Edge
from watch.core.timeline import State, state_at
from watch.hub.replay import DAY_MS, book_now
from watch.stores.sqlite import reading

if TYPE_CHECKING:
    from pathlib import Path

    from bench.targets import Targets as Crowd
    from tests.alerts.receiver import Receiver

AWAY = 5.0  # seconds: longer than a state of the two holds (2.5 × 1 s + 1500 ms)
_CONFIG = """
service: {{name: Acme {number}, timezone: UTC}}
defaults: {{timeout: 5s, every: 30s}}
people: {{alice: {{channels: ["{phone}/{number}"]}}}}
alerts: [{{when: down, components: all}}]
alerting: {{group_wait: 100ms, resolve_hold: 1s, reopen: 1s, flapping: {{start: 1000}}}}
components:
"""
_PART = "  {name}: {{checks: {{home: {{http: '{url}/{target}', every: 1s, timeout: {timeout}, retry_every: 300ms}}}}}}\n"
# What must still be there after a kill because somebody could have read it before.
_KEPT = {
    "ledger": "SELECT seq, hash FROM ledger",
    "evidence": "SELECT entry, at_ms, verdict FROM evidence",
    "alert": "SELECT id, key FROM alert",
    "notice": "SELECT id FROM notice",
    "heard": "SELECT alert_id, recipient FROM heard",
}
_READINGS = "SELECT coalesce(max(id), 0), count(*), coalesce(sum(at_ms), 0) FROM observation"


class Targets:
    """Web servers on one port, told apart by path; those in `down` answer 503."""

    def __init__(self) -> None:
        self.down: set[str] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(status=503 if request.match_info["name"] in self.down else 200)


@dataclass
class Killed:
    """One hub that is killed often, and what was seen of it.

    Args:
        crowd: Where the *checks* more than the two are answered; None without them.
        aways: The seconds between a kill and the next start, drawn from these.
        store: A store with a past to begin from: the folder of the hub is the store's.
    """

    CONFIG: ClassVar[str] = _CONFIG
    TIMEOUT: ClassVar[str] = "1500ms"
    FLAKY: ClassVar[tuple[str, ...]] = ("flaky",)  # the components that go down and come back

    folder: Path
    number: int
    seed: str
    targets: Targets
    phone: Receiver
    aways: tuple[float, ...] = (AWAY,)
    crowd: Crowd | None = None
    checks: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    alerts: list[dict] = field(default_factory=list)
    absences: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flaky = {name: f"{name}{self.number}" for name in self.FLAKY}  # component → target
        self._chance = random.Random(self.seed)
        self.folder.mkdir(exist_ok=True)
        self.text = self._written()
        self.hub = Hub(self.folder, self.text)
        self._listen = (self.folder / "checks.yaml").read_text().removeprefix(self.text)
        self._seen: dict[str, set] = {table: set() for table in _KEPT}
        self._readings = (0, 0, 0)
        self._starting = 1.0  # seconds that a start takes

    def _written(self) -> str:
        parts = {"steady": "steady", **self.flaky}
        text = self.CONFIG.format(number=self.number, phone=self.phone.url)
        text += "".join(self._part(name, target) for name, target in parts.items())
        return text + (components("http", self.crowd, self.checks) if self.crowd is not None else "")

    def _part(self, name: str, target: str) -> str:
        return _PART.format(name=name, url=self.targets.url, target=target, timeout=self.TIMEOUT)

    def _texts(self, kill: int) -> list[str]:
        """The file as it is, with a component more, and with a mistake."""
        more = self._part(f"extra{kill}", "steady")
        return [self.text + self._listen, self.text + more + self._listen, "components: [1\n"]

    # ---- killing ----

    async def run(self, kills: int, within: float = math.inf) -> None:
        """Kill the hub *kills* times, or as often as it is possible *within* seconds; let it tell all, and judge it."""
        over = time.monotonic() + within
        try:
            for kill in itertools.takewhile(lambda _: time.monotonic() < over, range(kills)):
                self._all_go(down=kill % 3 > 0)
                await self._killed(kill, ("running", "reload", "running", "start")[kill % 4])
            await self._last_outage()
            self._look()
            await self._judge(self.kinds.total())
        finally:
            if self.hub.running is not None and self.hub.running.returncode is None:
                await self.hub.kill()

    def _all_go(self, *, down: bool) -> None:
        (self.targets.down.update if down else self.targets.down.difference_update)(self.flaky.values())

    async def _killed(self, kill: int, how: str) -> None:
        (self.folder / "checks.yaml").write_text(self._texts(kill)[0])
        self.kinds[how] += 1
        if how == "start":
            await self.hub.start()
            await asyncio.sleep(self._chance.uniform(0, self._starting))
        else:
            began = time.monotonic()
            await begun(self.hub)
            self._starting = max(self._starting, time.monotonic() - began)
            if how == "reload":
                async with reloading(self.hub, self._texts(kill)) as answers:
                    await self._written_more(self._chance.uniform(0, 20))
                    self._look(f"before kill {kill}")
                    await self._kill(kill)
                self.answered += len(answers)
                return
            # What varies is the moment, counted in what is written: in about four seconds where nothing else runs.
            await self._written_more(self._chance.uniform(0, min(4 * (2 + self.checks / 30), 300)))
            self._look(f"before kill {kill}")
        await self._kill(kill)

    async def _written_more(self, rows: float) -> None:
        """Return once the hub has written *rows* more entries and readings."""
        sql = "SELECT (SELECT coalesce(max(seq), 0) FROM ledger) + (SELECT coalesce(max(id), 0) FROM observation)"
        before = self.hub.rows(sql)[0][0]
        await until(
            lambda: self.hub.rows(sql)[0][0] >= before + rows, what=f"it writes; {self.hub.said()[-500:]}"
        )

    async def _kill(self, kill: int) -> None:
        assert self.hub.running.returncode is None, f"it ended by itself: {self.hub.said()[-2000:]}"
        await self.hub.kill()
        killed_ms, away = time.time_ns() // 1_000_000, self._chance.choice(self.aways)
        await asyncio.sleep(away)
        if away >= AWAY:
            self.absences.append((killed_ms, time.time_ns() // 1_000_000))

    async def _last_outage(self) -> None:
        """An outage that the hub has all the time for: it must be told, and be over."""
        (self.folder / "checks.yaml").write_text(self._texts(0)[0])
        self._all_go(down=False)
        await begun(self.hub)
        await until(lambda: not self._open(), what=f"all is over; {self.hub.said()[-500:]}")
        self._all_go(down=True)
        await until(self._all_told_down, what=f"the last outage; {self.hub.said()[-500:]}")
        self._all_go(down=False)
        await until(self._told, what=f"its end is told; {self.hub.said()[-500:]}")

    def _open(self) -> list[tuple]:
        return self.hub.rows("SELECT 1 FROM alert WHERE resolved_ms IS NULL")

    def _all_told_down(self) -> bool:
        (told,) = self.hub.rows(
            "SELECT count(*) FROM alert a JOIN heard h ON h.alert_id = a.id "
            "WHERE a.resolved_ms IS NULL AND json_extract(h.body, '$.event') = 'triggered'"
        )
        return told[0] == len(self.FLAKY)

    def _messages(self) -> list[dict]:
        return [body for path, body in self.phone.received if path == str(self.number)]

    def _told(self) -> bool:
        """Whether every alert is closed, and everybody has heard so: a recovery waits for others before it is a row."""
        return not self.hub.rows(
            "SELECT 1 FROM alert a WHERE a.resolved_ms IS NULL OR NOT EXISTS (SELECT 1 FROM heard h "
            "WHERE h.alert_id = a.id AND json_extract(h.body, '$.event') != 'triggered')"
        )

    # ---- judging ----

    def _look(self, when: str = "at the end") -> None:
        """See what can be read now; nothing that was seen before may be missing."""
        for table, sql in _KEPT.items():
            found = set(self.hub.rows(sql))
            assert self._seen[table] <= found, f"hub {self.number}, {when}: {table} lost rows"
            self._seen[table] = found
        (same,) = self.hub.rows(f"{_READINGS} WHERE id <= ?", self._readings[0])
        assert same == self._readings, (
            f"hub {self.number}, {when}: of {self._readings} readings {same} are left"
        )
        (self._readings,) = self.hub.rows(_READINGS)

    async def _judge(self, kills: int) -> None:
        code, out = await self.hub.verb("ledger", "verify")
        assert code == 0, out
        commands = self.hub.rows("SELECT 1 FROM ledger WHERE kind = 'command' AND subject = 'reload'")
        assert len(commands) >= self.answered, "a reload was answered and is not on record"
        transitions = [
            (s, json.loads(b)["to"], e)
            for s, e, b in self.hub.rows(
                "SELECT subject, effective_ms, body FROM ledger WHERE kind = 'transition' ORDER BY seq"
            )
        ]
        flaky = {f"{name}/home": name for name in self.FLAKY}
        false = {(s, to) for s, to, _ in transitions if to in ("down", "degraded") and s not in flaky}
        assert not false, f"a false state: {sorted(false)[:10]}"
        await until(self._steady_is_up, what=f"the steady target is up; {self.hub.said()[-500:]}")
        await asyncio.to_thread(self._judge_steady)

        self.alerts = [json.loads(body) for (body,) in self.hub.rows("SELECT body FROM alert")]
        assert {a["subject"] for a in self.alerts} == set(self.FLAKY), "a false alert"
        for name, at_ms in ((flaky[subject], at) for subject, to, at in transitions if to == "down"):
            assert any(
                a["subject"] == name and a["since_ms"] <= at_ms <= a["resolved_ms"] for a in self.alerts
            ), f"the outage of {name} at {at_ms} raised no alert"
        self._judge_pages(kills)

    def _steady(self) -> list[tuple[int, int, State]]:
        """What is on record of the target that is always well, from a day before the first absence to now."""
        now_ms, store = time.time_ns() // 1_000_000, self.hub.store
        from_ms = (self.absences[0][0] if self.absences else now_ms) - DAY_MS
        with reading(store) as reads:
            return book_now(reads, store, 0).check_timeline("steady/home", Edge.FOUND, from_ms, now_ms)

    async def _steady_is_up(self) -> bool:
        return (await asyncio.to_thread(self._steady))[-1][2] is State.UP

    def _judge_steady(self) -> None:
        steady = self._steady()
        assert {state for _, _, state in steady} <= {State.UP, State.UNKNOWN}, (
            "it was never anything but up or unseen"
        )
        for killed_ms, back_ms in self.absences:
            state = state_at(steady, back_ms - 500)
            assert state is State.UNKNOWN, f"the absence from {killed_ms} to {back_ms} reads {state}"

    def _judge_pages(self, kills: int) -> None:
        messages, keys = self._messages(), {a["dedup_key"] for a in self.alerts}
        for message in messages:
            of = [key for key in keys if key in message["message"]]
            assert of, f"a false page: {message['title']}"
            self.told.update((key, self._event(key, message)) for key in of)
        for alert in self.alerts:
            events = {event for key, event in self.told if key == alert["dedup_key"]}
            assert "late" in events or {"down", "recovered"} <= events, (
                f"{alert['dedup_key']} was told as {events}: {[m['title'] for m in messages]}"
            )
        assert self.twice <= kills, f"more than one duplicate a kill: {self.told}"

    def _event(self, key: str, message: dict) -> str:
        """What *message* tells of the alert *key*; `[Acme] DOWN: web; 1 resolved` tells another's end."""
        title, whole = message["title"].partition("] ")[2], f"{message['title']}\n{message['message']}"
        ends = "resolved" in title and self.told[key, "down"] > 0
        if title.startswith("DOWN") and not ends:
            return "down"
        return "late" if "was down" in whole.lower() or "late" in whole else "recovered"

    @property
    def twice(self) -> int:
        """How many notices came more than once."""
        openings = sum(1 + a["again"] for a in self.alerts)
        return max(0, sum(self.told.values()) - 2 * openings)

    def figures(self) -> str:
        """What was counted, in one line."""
        entries, (_, readings, _) = len(self._seen["ledger"]), self._readings
        how = ", ".join(f"{count} {_HOW[kind]}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{how}; {entries} entries, {readings} readings, {self.answered} answered reloads, "
            f"{made_checkpoints(self.hub.store)} checkpoints: none lost; no false state; "
            f"{len(self.alerts)} alerts, {sum(self.told.values())} notices, none false or lost, {self.twice} twice"
        )


_HOW = {"running": "while it ran", "reload": "at a reload", "start": "in its start"}
