"""The hub: `threenines run` with a generated configuration, with its store, page and operators' listener."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.process import MEASURED, cpu_seconds, running
from bench.targets import Targets, answered

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
_TEN = 10  # checks in a component; one component of ten is on the public page
_SETTLED = 2.0  # seconds after all first readings, for the rest of the start-up
_HEAD = """
service: {{name: Bench}}
defaults: {{every: {every}s, timeout: 5s}}
store: sqlite:///hub.db
listen: {{page: "127.0.0.1:0", operators: "127.0.0.1:0"}}
components:
"""


def configuration(kind: str, targets: Targets, count: int, every: int) -> str:
    """A checks.yaml with *count* checks of *kind*, each run every *every* seconds, ten in a component."""
    return _HEAD.format(every=every) + components(kind, targets, count)


def components(kind: str, targets: Targets, count: int) -> str:
    """Components of ten checks each, *count* checks in all; every tenth component is on the public page."""
    lines: list[str] = []
    for number in range(count):
        if number % _TEN == 0:
            part = number // _TEN
            lines.append(f"  part-{part}:\n    public: {str(part % _TEN == 0).lower()}\n    checks:\n")
        lines.append(f"      c{number}: {_question(kind, targets.asked(kind, number))}\n")
    return "".join(lines)


def _question(kind: str, target: str) -> str:
    match kind:
        case "icmp":  # one packet, like the exporter
            return f"{{icmp: {{host: {target}, packets: 1}}}}"
        case "tcp":
            return f'{{tcp: "{target}"}}'
        case _:
            return f'{{http: "{target}"}}'


@dataclass(frozen=True, slots=True)
class Figures:
    """Values of /metrics at one instant: readings, readings that were up, and the buckets of the lag."""

    taken: int
    up: int
    lags: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost of one window of a hub. *cpu* and *wall* are in seconds."""

    cpu: float
    wall: float
    before: Figures
    after: Figures

    @property
    def checks(self) -> int:
        return self.after.taken - self.before.taken

    def lag(self, q: float) -> float:
        """The quantile *q*, over all ticks, of the delay of a tick's latest check, in seconds."""
        pairs = zip(self.after.lags, self.before.lags, strict=True)
        counts = [(bound, late - early) for (bound, late), (_, early) in pairs]
        rank, low, passed = q * counts[-1][1], 0.0, 0
        for bound, upto in counts:
            # Interpolated within a bucket as Prometheus does; the last bucket gives its start.
            if upto >= rank and upto > passed:
                return low if math.isinf(bound) else low + (bound - low) * (rank - passed) / (upto - passed)
            low, passed = bound, upto
        return low


@dataclass(frozen=True, slots=True)
class Hub:
    """A running hub; *page* and *operators* are the URLs it listens on."""

    pid: int
    page: str
    operators: str

    def figures(self) -> Figures:
        text = answered(f"{self.operators}/metrics").decode()
        tallies = re.findall(
            r'^threenines_observations_total\{.*verdict="(\w+)".*\} (\S+)', text, re.MULTILINE
        )
        lags = re.findall(r'^threenines_schedule_lag_seconds_bucket\{le="(\S+)"\} (\S+)', text, re.MULTILINE)
        return Figures(
            sum(int(float(n)) for _, n in tallies),
            sum(int(float(n)) for verdict, n in tallies if verdict == "up"),
            tuple((float(bound), int(float(n))) for bound, n in lags),
        )

    def watched(self, seconds: float) -> Spent:
        """The cost of the next *seconds*. Raises `RuntimeError` if a reading was not up."""
        before = self.figures()  # outside the window: the exporter's own metrics are not scraped either
        cpu, began = cpu_seconds(self.pid), time.monotonic()
        time.sleep(seconds)
        cpu, wall = cpu_seconds(self.pid) - cpu, time.monotonic() - began
        spent = Spent(cpu, wall, before, self.figures())
        if spent.after.up - before.up != spent.checks:
            raise RuntimeError(
                f"{spent.checks - spent.after.up + before.up} of {spent.checks} checks were not up"
            )
        return spent


@contextmanager
def hub(folder: Path, text: str, trust: Path, tree: Path = ROOT) -> Iterator[Hub]:
    """Run a hub with configuration *text* on the measured core during the block; every check has run once before."""
    with started(folder, text, trust, tree) as it:
        answered(f"{it.operators}/readyz")
        time.sleep(_SETTLED)
        yield it


@contextmanager
def started(folder: Path, text: str, trust: Path, tree: Path = ROOT) -> Iterator[Hub]:
    """Run a hub of the checkout *tree* with this tree's libraries during the block; it listens already."""
    folder.mkdir()
    (folder / "checks.yaml").write_text(text)
    command = [sys.executable, "-m", "watch", "run", str(folder / "checks.yaml")]
    environ = {"SSL_CERT_FILE": str(trust), "PYTHONPATH": str(tree)}
    log = folder / "hub.log"
    with running(
        command, core=MEASURED, log=log, stdout=subprocess.PIPE, environ=environ, cwd=tree
    ) as process:
        yield Hub(process.pid, *places(process, log))


def places(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    """The URLs of the page and the operators' listener, from the hub's output."""
    found: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        found += re.findall(r"http://[\d.]+:\d+", line.decode())
        if len(found) == 2:
            return found[0], found[1]
    raise RuntimeError(f"the hub did not start: {log.read_text()}")
