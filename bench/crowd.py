"""Five thousand HTTP checks every ten seconds in one hub on one core, then with its page under load."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.ours import Hub, configuration, hub
from bench.process import OTHERS, resident_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from bench.targets import Targets

CHECKS, EVERY = 5_000, 10
_WINDOW = 32.0  # seconds: three rounds of all checks, and one rendering of the page, which happens every 30 s
_LOAD = 5  # seconds
_READERS = 50


@dataclass(frozen=True, slots=True)
class Crowd:
    """The cost of many checks.

    Args:
        lag: p50 and p99 of the delay of the latest check of a tick, in seconds.
        share: Used share of the core.
        cpu: CPU microseconds a check.
        memory: Bytes a check: the difference to a process with a single check, divided by the checks.
        pages: Requests a second for the page, while all checks go on.
    """

    lag: tuple[float, float]
    share: float
    cpu: float
    memory: float
    pages: float


def crowd(folder: Path, targets: Targets) -> Crowd:
    """Measure it; takes about 70 s."""
    with hub(folder / "alone", configuration("http", targets, 1, EVERY), targets.trust) as alone:
        alone.watched(EVERY / 2)
        empty = resident_bytes(alone.pid)
    with hub(folder / "crowd", configuration("http", targets, CHECKS, EVERY), targets.trust) as full:
        spent = full.watched(_WINDOW)
        held = resident_bytes(full.pid)
        pages = _pages(full)
    return Crowd(
        (spent.lag(0.5), spent.lag(0.99)),
        spent.cpu / spent.wall,
        spent.cpu / spent.checks * 1e6,
        (held - empty) / CHECKS,
        pages,
    )


def _pages(h: Hub) -> float:
    """Requests a second that the status page answers with 200 to fifty clients at once."""
    command = ["taskset", "-c", str(OTHERS), "wrk", "-t1", f"-c{_READERS}", f"-d{_LOAD}s"]
    asking = [*command, "-H", "Accept-Encoding: gzip", f"{h.page}/"]
    said = subprocess.run(asking, stdout=subprocess.PIPE, check=True).stdout.decode()
    if "Non-2xx" in said:
        raise RuntimeError(f"the page does not answer every request with 200:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"the output of wrk has no `Requests/sec`:\n{said}")
    return float(found[1])
