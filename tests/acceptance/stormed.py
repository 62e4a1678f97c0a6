"""Hubs in a storm of outages that are killed with -9, and the processes that send their letters too.

Six targets of each hub go down and come back all the while, and letters about them leave as fast as a channel takes
them. Each round kills a process that sends, then the hub: while the receiver has a letter and has not answered, as soon
as a letter is leased, while nothing is sent, in the start. Afterwards all holds that `killed.py` asks for, and of the
letters:

* each outage on record has an alert, and each alert was told: that it began and that it is over, or once and late;
* each letter names the dedup key of every alert that it tells, and the keys say which one it is;
* no more letters said something for the second time than there were kills.

`make test` kills four hubs and their senders five times each, `make soak` two a hundred times each.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import re
import signal
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.acceptance.estate import until
from tests.acceptance.killed import Killed
from tests.acceptance.moments import begun
from tests.processes import children

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_CONFIG = """
service: {{name: Acme {number}, timezone: UTC}}
people: {{alice: {{channels: ["{phone}/{number}?cto=60&rto=60"]}}}}
alerts: [{{when: down, components: all}}]
alerting:
  {{group_wait: 0s, resolve_hold: 1s, reopen: 0s, pace: {{burst: 1000, every: 1s}}, flapping: {{start: 1000}}}}
components:
"""
# A letter has the dedup keys of 21 alerts. With so many untold, twelve more on their way and the last outage it has all.
_UNTOLD = 3
_CHILD = b"watch.alerts.child"  # in the command of the process that forks those that send
_SENDERS = ("sending", "ready", "forks sending", "leased", "sending", "forks")
_HUBS = ("sending", "leased", "running", "sending")
_KEYS = re.compile(r"^Alerts?: (.+)$", re.MULTILINE)
_SAID = re.compile(r"^(?:- )?(\w+):? (?:has been )?(down since|was down|was in trouble) .*$", re.MULTILINE)
_LATE = re.compile(r", told late|could not be delivered earlier")


@dataclass
class Stormed(Killed):
    """One hub in a storm. `kinds` counts the kills: of the hub by when, of senders by which."""

    CONFIG: ClassVar[str] = _CONFIG
    TIMEOUT: ClassVar[str] = "10s"  # the targets are well, and so is a slow machine
    FLAKY: ClassVar[tuple[str, ...]] = tuple(f"part{letter}" for letter in "abcdef")

    repeated: int = 0

    async def run(self, kills: int, within: float = math.inf) -> None:
        """Kill a sender and the hub *kills* times each, or as often as it is possible *within* seconds; judge it."""
        over = time.monotonic() + within
        try:
            await begun(self.hub)
            async with asyncio.TaskGroup() as group:
                storm = group.create_task(self._storms())
                for kill in itertools.takewhile(lambda _: time.monotonic() < over, range(kills)):
                    if kill:
                        await self._begun_again(kill)
                    await self._sender_killed(_SENDERS[(kill + 2 * self.number) % len(_SENDERS)])
                    await self._hub_killed(_HUBS[(kill + self.number) % len(_HUBS)])
                storm.cancel()
            await self._last_outage()
            self._look()
            await self._judge(self.kinds.total())
        finally:
            if self.hub.running.returncode is None:
                await self.hub.kill()

    async def _storms(self) -> None:
        """Some targets change each time that the hub has written some rows, and told nearly all: slower where it is slower."""
        while True:
            await self._written_more(self._chance.uniform(5, 15))
            if self._untold() <= _UNTOLD:
                for name in self._chance.sample(self.FLAKY, 2):
                    self.targets.down ^= {self.flaky[name]}

    def _untold(self) -> int:
        """How many alerts alice does not know as they are."""
        sql = (
            "SELECT count(*) FROM alert a WHERE NOT EXISTS (SELECT 1 FROM heard h WHERE h.alert_id = a.id "
            "AND (json_extract(h.body, '$.event') = 'triggered') = (a.resolved_ms IS NULL))"
        )
        return int(self.hub.rows(sql)[0][0])

    # ---- killing ----

    async def _sender_killed(self, how: str) -> None:
        """Kill one of the processes that send."""
        self.kinds[f"sender {how}"] += 1
        killed = False
        while not killed:
            template, ready = await until(
                self._sending_processes, what=f"it can send; {self.hub.said()[-500:]}"
            )
            if how == "leased":
                with _stopped(ready):
                    await self._leased()
                    killed = _was_killed(ready)
            elif "sending" in how:
                async with self._letter_unanswered():
                    killed = _was_killed(children(template)[0] if how == "sending" else template)
            else:
                killed = _was_killed(ready if how == "ready" else template)

    async def _hub_killed(self, how: str) -> None:
        """Kill the hub; what can be read before must be there afterwards."""
        self.kinds[how] += 1
        if how == "leased":
            template, _ = await until(self._sending_processes, what=f"it can send; {self.hub.said()[-500:]}")
            with _stopped(template):
                await self._leased()
                await self._looked_and_killed()
        elif how == "sending":
            async with self._letter_unanswered():
                await self._looked_and_killed()
        else:
            await self._written_more(self._chance.uniform(0, 10))
            await self._looked_and_killed()

    async def _begun_again(self, kill: int) -> None:
        """Start the hub; one time in four, it is killed in its start before."""
        if kill % 4 == 3:
            self.kinds["start"] += 1
            await self.hub.start()
            await asyncio.sleep(self._chance.uniform(0, self._starting))
            await self._looked_and_killed()
        began = time.monotonic()
        await begun(self.hub)
        self._starting = time.monotonic() - began

    async def _looked_and_killed(self) -> None:
        self._look(f"before kill {self.kinds.total()}")
        await self._kill(self.kinds.total())

    def _sending_processes(self) -> tuple[int, int] | None:
        """The process that forks those that send, and the one that it has ready, or else the one that sends."""
        for pid in children(self.hub.running.pid):
            with suppress(OSError):
                if _CHILD in Path(f"/proc/{pid}/cmdline").read_bytes() and (forked := children(pid)):
                    return pid, forked[-1]
        return None

    @asynccontextmanager
    async def _letter_unanswered(self) -> AsyncIterator[None]:
        """The receiver has a letter when the block begins, and answers none in it."""
        path, before = str(self.number), len(self._messages())
        self.phone.answers[path] = 0
        try:
            await until(lambda: len(self._messages()) > before, what=f"a letter; {self.hub.said()[-500:]}")
            yield
        finally:
            self.phone.answers[path] = 200

    async def _leased(self) -> None:
        """Return once a letter is on its way, as far as the store says."""
        sql = "SELECT 1 FROM notice WHERE json_extract(body, '$.status') = 'sending'"
        await until(lambda: self.hub.rows(sql), what=f"a lease; {self.hub.said()[-500:]}")

    # ---- judging ----

    def _judge_pages(self, kills: int) -> None:
        known = {a["dedup_key"]: a["subject"] for a in self.alerts}
        assert len(known) == len(self.alerts), "two alerts have one dedup key"
        for message in self._messages():
            told = _told(message["message"])
            assert told, f"no dedup key: {message}"
            assert all(known.get(key) == name for key, name, _ in told), f"told under another key: {message}"
            events = [(key, event) for key, _, event in told]
            self.repeated += any(event in self.told for event in events)
            self.told.update(events)
        for key in known:
            events = {event for of, event in self.told if of == key}
            assert "late" in events or {"down", "over"} <= events, f"{key} was told as {events}"
        assert self.repeated <= kills, f"more than one duplicate a kill: {self.told}"

    @property
    def twice(self) -> int:
        """How many letters said something that had been said before."""
        return self.repeated

    def figures(self) -> str:
        """What was counted, in one line."""
        how = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{how}; {len(self.alerts)} outages, {len(self._messages())} letters: none lost, none false, each with its "
            f"dedup key; {self.repeated} letters repeated something"
        )


def _told(text: str) -> list[tuple[str, str, str]]:
    """What a letter tells: key, component and event of each alert."""
    keys = [key for line in _KEYS.findall(text) for key in line.split(", ")]
    said = [
        (m[1], "down" if m[2] == "down since" else "late" if _LATE.search(m[0]) else "over")
        for m in _SAID.finditer(text)
    ]
    assert len(keys) == len(said), f"the keys are not those of what it tells: {text}"
    return [(key, name.lower(), event) for key, (name, event) in zip(keys, said, strict=True)]


def _was_killed(pid: int) -> bool:
    """Kill the process; whether it was still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """The process does nothing in the block."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
