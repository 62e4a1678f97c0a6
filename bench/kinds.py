"""The cost of a check of each kind, run against a real server, one kind after another, and stored in kinds.json.

The servers are those of the tests (tests/probes/servers), all started on the other core. `make docs` makes
docs/reference/kinds.md from kinds.json.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import yaml

from bench.process import MEASURED, OTHERS
from tests.probes.rack import rack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType

KEPT = Path(__file__).with_name("kinds.json")
COMMAND = "python -m bench kinds"


@dataclass(frozen=True, slots=True)
class Kind:
    """The cost of a check in CPU microseconds, and the server. *spread*: the cheapest and the most expensive round."""

    name: str
    against: str
    cpu: float
    spread: tuple[float, float]


def measured(
    folder: Path,
    names: Sequence[str],
    rounds: int,
    say: Callable[[str], None],
    servers: Mapping[str, ModuleType] | None = None,
) -> list[Kind]:
    """The costs of the kinds in *names*, or of all kinds; *say* is called with the progress.

    Args:
        servers: The servers to start; every server by default.
    """
    say("starting the servers")
    with _elsewhere(), rack(servers) as standing:
        file = folder / "kinds.yaml"
        file.write_text(yaml.safe_dump(standing.checks(names), sort_keys=False))
        against = standing.against()
        return [_kind(file, name, against[name], rounds, say) for name in sorted(names or against)]


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Processes started in this block run on the other core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {OTHERS})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _kind(file: Path, name: str, against: str, rounds: int, say: Callable[[str], None]) -> Kind:
    say(name)
    asker = [sys.executable, "-m", "bench.asker", str(file), f"{name}/up", str(rounds)]
    done = subprocess.run(["taskset", "-c", str(MEASURED), *asker], stdout=subprocess.PIPE, check=True)
    found = [seconds * 1e6 for seconds in json.loads(done.stdout)]
    return Kind(name, against, median(found), (min(found), max(found)))


def machine() -> str:
    """The machine and the Python version of the figures."""
    model = re.search(r"^model name\s*: (.+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return (
        f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def kept(found: Sequence[Kind], before: Mapping[str, object] | None, today: str) -> dict[str, object]:
    """The content of kinds.json: *found*, and the rows of *before* if they were measured on the same machine."""
    before = before if before and before["machine"] == machine() else {}
    rows = {it.name: {"against": it.against, "cpu_us": round(it.cpu), "date": today} for it in found}
    kinds = {**before.get("kinds", {}), **rows}
    return {"command": COMMAND, "machine": machine(), "kinds": dict(sorted(kinds.items()))}


def keep(found: Sequence[Kind]) -> None:
    """Write kinds.json."""
    before = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else None
    text = json.dumps(kept(found, before, f"{datetime.now(UTC):%Y-%m-%d}"), indent=1, ensure_ascii=False)
    KEPT.write_text(f"{text}\n", "utf-8")


def table(found: Sequence[Kind]) -> str:
    """The results as text."""
    lines = [f"  {'':15}{'CPU µs':>8}  {'least':>7} {'most':>7}   asked of"]
    for it in found:
        least, most = it.spread
        lines.append(f"  {it.name:15}{it.cpu:8.0f}  {least:7.0f} {most:7.0f}   {it.against}")
    return "\n".join(["CPU µs a check of each kind, asked alone and one after another", *lines])
