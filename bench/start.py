"""The cost of a start: CPU time until every check has run once, and the memory then, for this tree and another one.

The configuration has only checks of the kind http, so the cost of other kinds must not show. Both trees run with this
tree's libraries, in turns, on the measured core, while nginx is on the other core.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.ours import Hub, configuration, places
from bench.process import MEASURED, cpu_seconds, resident_bytes, running
from bench.targets import answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.targets import Targets

ROOT = Path(__file__).parents[1]
_CHECKS = 20
_WITHIN = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Start:
    """Starts of one tree: medians of CPU seconds and resident bytes; *spread* is the least and most CPU seconds."""

    tree: Path
    cpu: float
    memory: float
    spread: tuple[float, float]


def starts(
    folder: Path, targets: Targets, trees: tuple[Path, ...], rounds: int, say: Callable[[str], None]
) -> list[Start]:
    """The starts of each tree, taken in turns."""
    found: dict[Path, list[tuple[float, int]]] = {tree: [] for tree in trees}
    for number in range(rounds + 1):
        for tree in trees:
            say(f"{tree.name}, start {number}")
            found[tree].append(_once(folder / f"{number}-{trees.index(tree)}", targets, tree))
    # The first of each compiles its bytecode and warms the disk's cache.
    return [_summed(tree, some[1:]) for tree, some in found.items()]


def _once(folder: Path, targets: Targets, tree: Path) -> tuple[float, int]:
    folder.mkdir()
    (folder / "checks.yaml").write_text(configuration("http", targets, _CHECKS, 60))
    command = [sys.executable, "-m", "watch", "run", str(folder / "checks.yaml")]
    environ = {"SSL_CERT_FILE": str(targets.trust), "PYTHONPATH": str(tree)}
    log = folder / "hub.log"
    with running(
        command, core=MEASURED, log=log, stdout=subprocess.PIPE, environ=environ, cwd=tree
    ) as process:
        hub = Hub(process.pid, *places(process, log))
        answered(f"{hub.operators}/healthz")
        until = time.monotonic() + _WITHIN
        while hub.figures().up < _CHECKS:
            if time.monotonic() > until:
                raise RuntimeError(f"not every check was up within {_WITHIN:g} s: {log.read_text()}")
            time.sleep(0.1)
        return cpu_seconds(process.pid), resident_bytes(process.pid)


def _summed(tree: Path, some: list[tuple[float, int]]) -> Start:
    cpu = [seconds for seconds, _ in some]
    return Start(tree, median(cpu), median(size for _, size in some), (min(cpu), max(cpu)))


def table(found: list[Start]) -> str:
    """The results as text."""
    width = max(len(it.tree.name) for it in found)
    lines = [f"  {'tree':{width}}   CPU s (least to most)     memory"]
    for it in found:
        low, high = it.spread
        lines.append(
            f"  {it.tree.name:{width}}   {it.cpu:.2f} ({low:.2f} to {high:.2f})   {it.memory / 1e6:8.1f} MB"
        )
    return "\n".join([f"A start with {_CHECKS} http checks, until each has run once", *lines])
