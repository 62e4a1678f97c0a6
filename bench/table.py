"""The results as text: one table, and whether the goals are reached."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cost import RATE, Cost
from bench.crowd import CHECKS, EVERY, Crowd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOT_COUNTED = """\
  threenines is the whole hub: checks, judging, the record in SQLite, alerting, page and metrics. blackbox is only the
  exporter's process: what scrapes it, judges and stores (Prometheus) and notifies (Alertmanager) is not counted."""


def table(costs: Sequence[Cost], crowd: Crowd, goals: Sequence[tuple[str, bool]]) -> str:
    """All results as text."""
    return "\n".join([_machine(), "", *_costs(costs), "", *_crowd(crowd, costs[0]), "", *_goals(goals)])


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.+)", info, re.MULTILINE)
    names = ("threenines", "pycurl", "uvloop", "apsw")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"load {os.getloadavg()[0]:.1f}\nPython {platform.python_version()}, {libraries}\n{_exporter()}"
    )


def _exporter() -> str:
    said = subprocess.run(
        ["prometheus-blackbox-exporter", "--version"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    ).stdout.decode()
    found = re.search(r"revision: ([^)]+)", said)
    return f"blackbox_exporter {found[1] if found else '(unknown)'} from Debian"


def _costs(costs: Sequence[Cost]) -> Iterator[str]:
    yield f"CPU µs a check, at {RATE} checks/s, a new connection each"
    yield f"  {'':6}{'threenines':>12}{'blackbox':>12}{'with gzip':>12}{'ratio':>8}"
    for c in costs:
        yield f"  {c.kind:6}{c.ours:12.0f}{c.theirs:12.0f}{c.packed:12.0f}{c.ratio:8.2f}"
    yield _NOT_COUNTED


def _crowd(c: Crowd, alone: Cost) -> Iterator[str]:
    yield f"{CHECKS:,} HTTP checks every {EVERY} s, on one core"
    late = [f"p{q} {seconds * 1000:.0f} ms" for q, seconds in zip((50, 99), c.lag, strict=True)]
    yield f"  schedule lag    {', '.join(late)} (the latest check of each tick of 20 ms)"
    ratio = c.cpu / alone.theirs
    yield f"  CPU             {c.share:.1%} of the core, {c.cpu:.0f} µs a check ({ratio:.2f} of blackbox)"
    yield f"  memory          {c.memory / 1000:.1f} KB a check"
    yield f"  status page     {c.pages:,.0f} requests/s meanwhile"


def _goals(goals: Sequence[tuple[str, bool]]) -> Iterator[str]:
    for text, reached in goals:
        yield f"  {'reached' if reached else 'MISSED ':8}  {text}"
