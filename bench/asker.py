"""Runs one check repeatedly and prints its cost: a separate process, alone on its core.

The check comes from a checks.yaml and runs as on a vantage point. CPU time is user and system time of this process,
its threads and the children it has waited for, over a round, divided by the number of runs. The first runs, which
include imports and compiled patterns, are not counted. A reading that is not up ends it with an error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.core.settings import Check

_WARM = 5
_ROUND = 0.3  # seconds that a round should take
_FEWEST, _MOST = 5, 500  # runs a round


def cpu_seconds() -> float:
    """CPU seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(it.ru_utime + it.ru_stime for it in used)


async def costs(check: Check, rounds: int) -> list[float]:
    """CPU seconds a run, for each of *rounds*. Raises `RuntimeError` if a reading is not up."""
    from watch.clock import SystemClock
    from watch.probes.wire.net.engines import close_all
    from watch.vantage.ask import asked

    clock = SystemClock()

    async def ask(times: int) -> None:
        for _ in range(times):
            reading = await asked(check.probe, check.judge, clock=clock, timeout=check.timeout)
            if reading.verdict != "up":
                raise RuntimeError(f"{check.name} is {reading.verdict}: {reading.reason} {reading.detail}")

    async def spent(times: int) -> float:
        before = cpu_seconds()
        await ask(times)
        return (cpu_seconds() - before) / times

    try:
        await ask(_WARM)
        began = time.monotonic()
        await ask(_FEWEST)
        times = int(_ROUND * _FEWEST / (time.monotonic() - began))
        return [await spent(min(max(times, _FEWEST), _MOST)) for _ in range(rounds)]
    finally:
        await close_all()


def main(file: str, name: str, rounds: str) -> None:
    from watch.cli.loop import run_loop
    from watch.config import load

    check = load(Path(file), environ=os.environ).settings.checks[name]
    print(json.dumps(run_loop(lambda: costs(check, int(rounds)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
