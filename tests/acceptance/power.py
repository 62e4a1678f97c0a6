"""Hubs whose current goes at any instant: nothing that was acknowledged is lost, and the next start works.

A hub lives under a record of its writes (`cuts.py`): it makes its store or goes on from one with months behind it, has
outages and tells them, reloads until its WAL is copied into the database, writes a backup, is killed, starts again, and
ends. Somebody outside notes all the while what could be read, and what was answered and told. Then the current goes at
instants drawn by a seed, and what the disk may hold is examined: every page, entry and figure in it holds, all that the
one outside knew is there, and nothing is that never was. Of some, a hub is started.
"""

from __future__ import annotations

import asyncio
import bisect
import random
import shutil
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.acceptance.copies import TODAY
from tests.acceptance.cuts import Disk, Op, instants, recorded, recording
from tests.acceptance.estate import Hub, rows, until
from tests.acceptance.moments import begun, ending, works
from tests.acceptance.past import Found, found, schema, sound
from watch.errors import StoreError
from watch.stores.sqlite.opening import made, writable
from watch.web.hub_client import asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.acceptance.killed import Targets
    from tests.alerts.receiver import Receiver

_FLAKY = 3
_CONFIG = """
service: {{name: Acme, timezone: UTC}}
defaults: {{every: 1s, timeout: 2s, retry_every: 200ms, confirm: {{down: 2, up: 2}}}}
people: {{alice: {{channels: ["{phone}/{name}"]}}}}
alerts: [{{when: down, components: all}}]
alerting: {{group_wait: 0s, resolve_hold: 1s, reopen: 1s, flapping: {{start: 1000}}}}
components:
  steady: {{checks: {{home: {{http: "{url}/steady"}}}}}}
"""
_KEPT = ("threenines.db", ".threenines.db", "copy", ".copy")
_NONE = Found({}, [])


@dataclass(frozen=True, slots=True)
class Known:
    """What was known outside at an instant: read from the store, answered by the hub, told on the phone."""

    at: float
    read: Found
    rows: frozenset[tuple[str, str]]
    told: frozenset[str]
    answered: int
    copies: frozenset[str]


@dataclass(slots=True)
class Life:
    """A hub's life: what its disk was before, what was done to it, and what was known outside, in order of time."""

    disk: Disk
    folder: Path
    text: str
    ops: list[Op] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    answered: int = 0
    copies: frozenset[str] = frozenset()

    @property
    def syncs(self) -> int:
        return sum(op.what == "synced" for op in self.ops)


def _rows(store: Path) -> frozenset[tuple[str, str]]:
    """The alerts with their dedup keys, and the notices."""
    sql = "SELECT 'alert', json_extract(body, '$.dedup_key') FROM alert UNION ALL SELECT 'notice', id FROM notice"
    return frozenset((kind, str(value)) for kind, value in rows(store, sql))


class _Outside:
    """Somebody who looks at a hub all the while."""

    def __init__(self, life: Life, hub: Hub, phone: Receiver, name: str) -> None:
        self._life, self._hub, self._phone, self._name = life, hub, phone, name

    def look(self) -> None:
        store, read, there = self._hub.store, _NONE, frozenset[tuple[str, str]]()
        answered, copies = self._life.answered, self._life.copies
        told = [body["message"] for path, body in self._phone.received if path == self._name]
        with suppress(StoreError, FileNotFoundError):
            read, there = found(store), _rows(store)
        keys = frozenset(key for kind, key in there if kind == "alert" and any(key in text for text in told))
        self._life.known.append(Known(time.time(), read, there, keys, answered, copies))

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        async def looks() -> None:
            while True:
                self.look()
                await asyncio.sleep(0.1)

        task = asyncio.create_task(looks())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.look()


async def lived(folder: Path, targets: Targets, phone: Receiver, *, past: Path | None = None) -> Life:
    """A hub's life in *folder*, recorded; it begins on a copy of the store *past*, or makes its own."""
    name, trace = folder.name, folder.with_name(f"{folder.name}-trace")
    folder.mkdir()
    flaky = [f"{name}-flaky{n}" for n in range(_FLAKY)]
    text = _CONFIG.format(phone=phone.url, url=targets.url, name=name)
    text += "".join(f'  {f}: {{checks: {{home: {{http: "{targets.url}/{f}"}}}}}}\n' for f in flaky)
    if past is not None:
        shutil.copy(past, folder / past.name)
    hub = Hub(folder, text)
    hub.command = recording(trace, hub.command)
    life = Life(Disk(folder, _KEPT), folder, text)
    async with ending(hub), _Outside(life, hub, phone, name).looking():
        await begun(hub)
        await _outages(hub, targets, phone, flaky)
        await _reloads(life, hub)
        await _copied(life, hub, "copy0.db")
        await hub.kill()
        await begun(hub)
        await _outages(hub, targets, phone, flaky[:1])
        await _copied(life, hub, "copy1.db")
        assert await hub.kill(15) == 0, hub.said()
    life.ops = await recorded(trace, folder, _KEPT)
    return life


async def _outages(hub: Hub, targets: Targets, phone: Receiver, flaky: list[str]) -> None:
    """Each of *flaky* goes down and comes back, and both are told."""
    for name in flaky:

        def told(word: str, name: str = name) -> int:
            return sum(word in b["title"] and name in b["title"] for _, b in phone.received)

        downs, ends = told("DOWN"), told("RESOLVED")
        targets.down.add(name)
        await until(lambda f=told, n=downs: f("DOWN") > n, what=f"{name} is told; {hub.said()[-500:]}")
        targets.down.discard(name)
        await until(lambda f=told, n=ends: f("RESOLVED") > n, what=f"its end is told; {hub.said()[-500:]}")


async def _reloads(life: Life, hub: Hub) -> None:
    """Reload until the WAL is copied into the database, which then changes."""
    store, file = hub.store, hub.folder / "checks.yaml"
    plain, before = file.read_text(), store.stat().st_mtime_ns
    more = "".join(f'  more{n}: {{checks: {{port: {{tcp: "127.0.0.1:1", every: 1h}}}}}}\n' for n in range(20))
    for turn in range(400):
        file.write_text(plain if turn % 2 else plain.replace("components:\n", f"components:\n{more}", 1))
        await asyncio.to_thread(asked, store, "reload", {}, by="alice")
        life.answered += 1
        if turn % 2 and store.stat().st_mtime_ns != before:
            return
    raise AssertionError("the WAL was never copied into the database")


async def _copied(life: Life, hub: Hub, name: str) -> None:
    code, said = await hub.verb("backup", name)
    assert code == 0, said
    life.copies |= {name}


async def examined(life: Life, folder: Path, count: int, seed: str, *, started: int = 20) -> int:
    """Let the current go *count* times; start a hub after *started* of them. How many stores were not made yet."""
    chance, played, unmade = random.Random(seed), 0, 0
    store, final = folder / "threenines.db", found(life.folder / "threenines.db")
    starts = set(chance.sample(range(count), min(started, count)))
    for number, instant in enumerate(instants(life.ops, count, chance)):
        for op in life.ops[played : instant + 1]:
            life.disk.play(op)
        played = instant + 1
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in life.disk.cut(chance).items():
            (folder / name).write_bytes(content)
        until_ = life.ops[played].at if played < len(life.ops) else float("inf")
        known = life.known[: bisect.bisect_left([k.at for k in life.known], until_)]
        where = f"seed {seed}, cut {number} after call {instant}"
        try:
            unmade += not await asyncio.to_thread(_examine, store, known[-1] if known else None, final)
            if number in starts:
                await works(folder, life.text)
        except BaseException as error:
            error.add_note(f"{where}; the files are in {folder}")
            raise
    for op in life.ops[played:]:
        life.disk.play(op)
    there = {f.name: f.read_bytes() for f in life.folder.iterdir() if f.name in life.disk.now()}
    assert there == life.disk.now(), "the record is not all that was written"
    return unmade


def _examine(store: Path, known: Known | None, final: Found) -> bool:
    """Whether there is a store; fails unless it holds all that was *known*, and nothing that never was."""
    journal = store.with_name(f"{store.name}-journal")
    if journal.exists() and journal.stat().st_size:
        writable(store).close()  # as a hub does at its start: only who may write can undo what was half done
    # A hub makes its store step by step; one that was cut in between goes on at its next start.
    if not made(store) or schema(store) < TODAY or not found(store).hashes:
        assert known is None or not (known.read.hashes or known.answered or known.told), "the store is gone"
        return False
    now = sound(store)
    assert final.keeps(now), "it holds what never was"
    for copy in store.parent.glob("copy*.db"):
        assert final.keeps(sound(copy)), copy.name
    if known is None:
        return True
    assert now.keeps(known.read), f"lost entries: {sorted(known.read.hashes.keys() - now.hashes.keys())}"
    there = _rows(store)
    assert known.rows <= there, f"lost: {known.rows - there}"
    assert {("alert", key) for key in known.told} <= there, "an alert that was told is lost"
    reloads = sum(kind == "command" and subject == "reload" for kind, subject, _ in now.entries)
    assert reloads >= known.answered, f"{known.answered} reloads were answered and {reloads} are there"
    missing = [name for name in known.copies if not (store.parent / name).exists()]
    assert not missing, f"lost copies: {missing}"
    return True
