"""What `make test` tries some times, tried often: kills, power cuts and full disks. Prints what was counted.

kills    a hub with 10,000 checks is killed with -9 while it runs and makes the checkpoints of months, at a reload, and
         in its start (tests/acceptance/killed.py)
storms   hubs, and the processes that send their letters, are killed with -9 in a storm of outages
         (tests/acceptance/stormed.py)
moments  kills in the middle of checkpoints, reloads, migrations, backups and restores
         (tests/acceptance/moments.py, copies.py)
cuts     the current goes at any instant of a hub's life, of a restore and of a migration
         (tests/acceptance/power.py, cut_copies.py)
disk     a disk is full for ten minutes, with an outage in them (tests/acceptance/full.py)

Each draws from a seed, which its line names; `--seed` draws the same again. A long soak can be had in portions:
`--count` is how many kills, kills of each kind, cuts of each sort, or seconds, and `--within` after how many seconds a
hub is killed no more. Ends with 1 if anything was lost, false or told wrongly.

python -m bench.soak [kills | storms | moments | cuts | disk …] [--seed N] [--count N] [--within SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.targets import serving
from tests.acceptance import copies, cut_copies, full, moments, power
from tests.acceptance.killed import AWAY, Killed, Targets
from tests.acceptance.past import lived
from tests.acceptance.stormed import Stormed
from tests.alerts.receiver import Serving

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

CHECKS, MONTHS = 10_000, 12
_STORMED = 2  # hubs at the same time
_MOMENTS = {
    "at checkpoints of months": moments.at_checkpoints,
    "at reloads": moments.at_reloads,
    "of migrations": copies.of_migrations,
    "of backups": copies.of_backups,
    "of hubs that write a backup": copies.of_hubs_at_a_backup,
    "of restores": copies.of_restores,
    "of restores where no store was": copies.of_restores_to_nowhere,
}
_COPIES = {
    "restores": cut_copies.in_restores,
    "restores over a damaged store": cut_copies.in_restores_of_damaged,
    "migrations": cut_copies.in_migrations,
}


async def _kills(folder: Path, of: Portion) -> None:
    """One hub that begins on a year without checkpoints."""
    with serving(folder) as crowd:
        async with Targets() as targets, Serving() as phone:
            hub = Killed(
                folder / "hub",
                0,
                f"{of.seed} soak",
                targets,
                phone,
                aways=(0.0, AWAY),
                crowd=crowd,
                checks=CHECKS,
            )
            await lived(folder / "hub", months=MONTHS, text=hub.text, a_month=0)
            await hub.run(of.count, of.within)
    _say(f"kills   seed {of.seed}: {hub.kinds.total()} of a hub with {CHECKS + 2} checks: {hub.figures()}")


async def _storms(folder: Path, of: Portion) -> None:
    """Hubs side by side, which share the kills."""
    async with Targets() as targets, Serving() as phone:
        hubs = [
            Stormed(folder / str(n), n, f"{of.seed} storm {n}", targets, phone, aways=(0.0,))
            for n in range(_STORMED)
        ]
        async with asyncio.TaskGroup() as group:
            for n, hub in enumerate(hubs):
                group.create_task(hub.run((of.count + n) // _STORMED, of.within))
    for hub in hubs:
        _say(f"storms  seed {of.seed}: {hub.figures()}")


async def _moments(folder: Path, of: Portion) -> None:
    seed, count = of.seed, of.count
    pasts = await moments.pasts_in(folder / "pasts")
    for what, kills in _MOMENTS.items():
        began = time.monotonic()
        place = folder / what.replace(" ", "-")
        place.mkdir()
        await kills(place, pasts, seed, count)
        shutil.rmtree(place)
        _say(
            f"moments seed {seed}: {count} kills {what}: nothing lost, every page, entry and figure holds "
            f"({time.monotonic() - began:.0f} s)"
        )


async def _cuts(folder: Path, of: Portion) -> None:
    seed, count = of.seed, of.count
    async with Targets() as targets, Serving() as phone:
        past = await lived(folder / "past")
        for name, before in (("first", None), ("later", past)):
            life = await power.lived(folder / name, targets, phone, past=before)
            unmade = await power.examined(
                life, folder / "cut", count, f"{seed} {name}", started=max(1, count // 50)
            )
            _say(
                f"cuts    seed {seed}: {count} in the {name} life of a store ({len(life.ops)} writes and changes, "
                f"{life.syncs} syncs, {life.answered} answered reloads): nothing acknowledged lost, nothing false; "
                f"{unmade} before there was a store; {max(1, count // 50)} started"
            )
    pasts = await moments.pasts_in(folder / "pasts", readings=300)
    for what, cuts in _COPIES.items():
        place = folder / what.replace(" ", "-")
        place.mkdir()
        await cuts(place, pasts, seed, count)
        _say(
            f"cuts    seed {seed}: {count} in the middle of {what}: the store of before or the one of after, each sound"
        )


async def _disk(folder: Path, of: Portion) -> None:
    kinds = list(full.LIMITS) if full.mountable(folder) else ["limit"]
    if len(kinds) == 1:
        _say("disk: this user may not mount a disk, so only a limit on files is tried")
    async with asyncio.TaskGroup() as group:
        for kind in kinds:
            group.create_task(_one_disk(folder / kind, kind, of.count))


async def _one_disk(folder: Path, kind: str, seconds: int) -> None:
    folder.mkdir()
    with full.small_disk(kind, folder) as disk:
        async with full.Target() as target, Serving() as phone:
            scene = full.Scene(folder, target, phone, disk)
            async with moments.ending(scene.hub):
                said = await full.outage_while_full(scene, seconds)
    _say(f"disk    {full.LIMITS[kind]}: {said}")


SOAKS: dict[str, tuple[Callable[[Path, Portion], Coroutine[None, None, None]], int]] = {
    "kills": (_kills, 100),
    "storms": (_storms, 200),
    "moments": (_moments, 50),
    "cuts": (_cuts, 1530),
    "disk": (_disk, 600),
}


@dataclass(frozen=True, slots=True)
class Portion:
    """What to draw from, how often, and within how many seconds no kill more is begun."""

    seed: int
    count: int
    within: float


def _say(line: str) -> None:
    print(line, flush=True)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "bench.soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar="|".join(SOAKS))
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    parser.add_argument("--count", type=int)
    parser.add_argument("--within", type=float, default=math.inf)
    told = parser.parse_args(words)
    if unknown := set(told.what) - set(SOAKS):
        parser.error(f"there is no soak called {', '.join(sorted(unknown))}")
    broken = [name for name in told.what or SOAKS if not _held(name, told)]
    _say(f"broken: {', '.join(broken)}" if broken else "all held")
    return bool(broken)


async def _until_told(running: Coroutine[None, None, None]) -> None:
    """Run it; SIGTERM ends it with all that it started, as Ctrl-C does."""
    task = asyncio.ensure_future(running)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def _held(name: str, told: argparse.Namespace) -> bool:
    """Whether all held; else what is left to look at stays in its folder."""
    run, usual = SOAKS[name]
    portion = Portion(told.seed, told.count or usual, told.within)
    folder, began = Path(tempfile.mkdtemp(prefix=f"soak-{name}-")), time.monotonic()
    try:
        asyncio.run(_until_told(run(folder, portion)))
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit(f"{name}: ended by a signal; its files are in {folder}")
    except Exception:  # noqa: BLE001 - whatever it is, it is told, and the next one runs
        traceback.print_exc(limit=-4)
        _say(f"{name}: BROKEN with seed {told.seed}; its files are in {folder}")
        return False
    shutil.rmtree(folder)
    _say(f"{name}: held, in {time.monotonic() - began:.0f} s")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
