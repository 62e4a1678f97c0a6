"""Kills where a hub does more than write: at its checkpoints and at a reload. What kills at any moment share is here.

The moment of each kill is drawn from the time that the whole takes, by a seed that a failure names. `make test` does
some of each (`test_kill_anywhere.py`), `make soak` many. Nothing that was acknowledged may be lost, and the next start
must work.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tests.acceptance.estate import ROOT, Hub, Process, until
from tests.acceptance.past import MONTHS, PARTS, Found, configured, found, lived, moved_into, sound
from watch.errors import Trouble
from watch.stores.sqlite.opening import made
from watch.web.hub_client import asked, place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

READINGS = 12_000  # so that copying a store takes long enough to be killed in the middle


def chance(seed: int, what: str, lane: int) -> random.Random:
    return random.Random(f"{seed} {what} {lane}")


async def pasts_in(folder: Path, readings: int = READINGS) -> dict[str, Path]:
    """Stores to begin from: months without a checkpoint; the same with many readings; another, longer one."""
    return {
        "plain": await lived(folder / "plain"),
        "large": await lived(folder / "large", readings=readings),
        "other": await lived(folder / "other", readings=readings, months=MONTHS - 1, seed=8),
    }


async def killed_after(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether *process* still ran after *seconds*, and so was killed."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), seconds)
        return False
    with suppress(ProcessLookupError):
        process.kill()
    return await process.wait() == -9


async def in_lanes(work: Callable[[int, int], Awaitable[None]], kills: int, lanes: int = 2) -> None:
    """Run *work* as lane 0, 1 … with its share of *kills* each."""
    async with asyncio.TaskGroup() as group:
        for lane in range(lanes):
            group.create_task(work(lane, (kills + lane) // lanes))


@asynccontextmanager
async def ending(*processes: Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for process in processes:
            if process.running is not None and process.running.returncode is None:
                await process.kill()


async def verb(folder: Path, *words: str) -> Process:
    process = Process([sys.executable, "-m", "watch", *words], folder, {"PYTHONPATH": str(ROOT)})
    await process.start()
    return process


async def ended(folder: Path, *words: str) -> tuple[int, str]:
    process = await verb(folder, *words)
    return await process.running.wait(), process.said()


async def begun(hub: Hub) -> None:
    """Start *hub*; return once it answers on its socket."""
    await hub.start()
    await until(lambda: _answers(hub), what="the hub answers")


async def _answers(hub: Hub) -> bool:
    assert hub.running.returncode is None, hub.said()
    with suppress(OSError, ValueError):
        return bool(await asyncio.to_thread(asked, hub.store, "status", {}))
    return False


async def works(folder: Path, text: str = "") -> None:
    """A hub starts on what was left in *folder*, answers, ends in peace, and leaves a record that holds."""
    hub = Hub(folder, text or configured())
    before = found(hub.store) if made(hub.store) else Found({}, [])
    async with ending(hub):
        await begun(hub)
        assert await hub.kill(15) == 0, hub.said()
    assert sound(hub.store).keeps(before)


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def made_checkpoints(store: Path) -> int:
    return sum(kind == "checkpoint" for kind, _, _ in found(store).entries)


async def at_checkpoints(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """Two or three kills a store, until a last hub makes what is missing: all checkpoints are made, each once."""
    whole = await _all_made(moved_into(pasts["plain"], folder / "whole"))

    async def lane(number: int, kills: int) -> None:
        random_ = chance(seed, "checkpoints", number)
        for first in range(0, kills, 3):
            store = moved_into(pasts["plain"], folder / f"{number}-{first}")
            for kill in range(first, min(first + 3, kills)):
                if kill % 3 == 1 and number % 2:
                    await _killed(store, random_.uniform(0.2, 1), writes=False)  # at whatever a start does
                else:
                    await _killed(store, random_.uniform(0, 0.9) * whole)
            await _all_made(store)

    await in_lanes(lane, kills, lanes=4)  # a hub waits for its turns more than it computes


async def _killed(store: Path, seconds: float, *, writes: bool = True) -> None:
    """Kill a hub *seconds* after it was started, or after it *writes* for the first time."""
    hub = Hub(store.parent, configured())
    async with ending(hub):
        await (_writing(hub) if writes else hub.start())
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.running.wait(), seconds)
        assert hub.running.returncode is None, f"it ended by itself: {hub.said()}"
        before = found(store)
        assert await hub.kill() == -9
    assert sound(store).keeps(before)


async def _writing(hub: Hub) -> None:
    """Start *hub*; return once it has written an entry, from when on it makes checkpoints, or has none to make."""
    store = hub.store
    entries, due = len(found(store).hashes), made_checkpoints(store) < MONTHS - 1
    await begun(hub)
    if due:
        await until(lambda: len(found(store).hashes) > entries, what=f"it writes; {hub.said()}")


async def _all_made(store: Path) -> float:
    """Let a hub make all checkpoints and days; the seconds that took from its first entry on."""
    hub = Hub(store.parent, configured())
    async with ending(hub):
        await _writing(hub)
        began = time.monotonic()
        await until(
            lambda: made_checkpoints(store) >= MONTHS - 1 and hub.rows("SELECT 1 FROM day"),
            what=f"all checkpoints and days; {hub.said()}",
        )
        took = time.monotonic() - began
        assert await hub.kill(15) == 0, hub.said()
    months = [subject for kind, subject, _ in sound(store).entries if kind == "checkpoint"]
    assert len(months) == len(set(months)), "a month has one checkpoint"
    assert months == sorted(months)
    return took


# ---- reloading -----------------------------------------------------------------------------------------------------


async def at_reloads(folder: Path, pasts: dict[str, Path], seed: int, kills: int) -> None:
    """While a component comes or goes, a second reload waits, and the file has a mistake now and then."""

    async def lane(number: int, kills: int) -> None:
        random_ = chance(seed, "reload", number)
        store = moved_into(pasts["plain"], folder / str(number))
        answered = 0
        for kill in range(kills):
            hub = Hub(store.parent, configured())
            async with ending(hub):
                await begun(hub)
                answered += await _reloaded_and_killed(hub, f"extra{kill}", random_)
            kept = sound(store).entries
            assert sum(kind == "command" and subject == "reload" for kind, subject, _ in kept) >= answered
            assert any("alice" in body for kind, _, body in kept if kind == "command") or not answered
        await works(store.parent)

    await in_lanes(lane, kills)


async def _reloaded_and_killed(hub: Hub, extra: str, random_: random.Random) -> int:
    """Reload and reload until killed; how many were answered. What was answered is on record with its terms."""
    store = hub.store
    listen = (hub.folder / "checks.yaml").read_text().splitlines()[-1]
    texts = [f"{configured(parts)}{listen}\n" for parts in (PARTS, (*PARTS, extra))] + ["components: [1\n"]
    async with reloading(hub, texts) as answers:
        await killed_after(hub.running, random_.uniform(0, 0.6))
        before = found(store)
    after = sound(store)
    assert after.keeps(before)
    added = any(
        f"component {extra}" in answer["added"] for answer in answers
    )  # back within the hold: never gone
    begun_ = sum(k == "component" and s == extra and "ended" not in b for k, s, b in after.entries)
    assert begun_ >= added, "a component was answered as added and is not on record"
    place(store).unlink(missing_ok=True)
    return len(answers)


@asynccontextmanager
async def reloading(hub: Hub, texts: list[str]) -> AsyncIterator[list[dict]]:
    """Give *hub* one of *texts* after another, twice at once, until it is killed in the block; what it answered."""
    store, file = hub.store, hub.folder / "checks.yaml"
    answers: list[dict] = []

    async def reloads() -> None:
        turn = 1
        with suppress(OSError, ValueError):
            while True:
                file.write_text(texts[turn % len(texts)])
                with suppress(Trouble):
                    answers.append(await asyncio.to_thread(asked, store, "reload", {}, by="alice"))
                turn += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(reloads())
        yield answers
