"""Measure, print the table, and exit with 1 when a goal is missed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench.cost import Cost, costs
from bench.crowd import Crowd, crowd
from bench.table import table
from bench.targets import serving

_ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


def _goals(of: dict[str, Cost], c: Crowd) -> list[tuple[str, bool]]:
    """What we promised, and whether it holds."""
    return [
        ("an HTTP check end to end costs at most half of blackbox_exporter's CPU", of["http"].ratio <= 0.5),
        ("p99 schedule lag is under 100 ms", c.lag[1] < 0.1),
        ("memory is under 20 KB a check", c.memory < 20_000),
    ]


def main() -> int:
    def say(what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{what} …", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with serving(folder) as targets:
            found = costs(folder, targets, _ROUNDS, say)
            say("five thousand checks")
            many = crowd(folder, targets)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    goals = _goals({cost.kind: cost for cost in found}, many)
    print(table(found, many, goals))
    return 0 if all(reached for _, reached in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
