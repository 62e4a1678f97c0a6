"""Measure, print the tables, and exit with 1 when a goal is missed. `kinds` measures only the kinds of probes,
`against` this tree beside another checkout, `overload` what a hub says that cannot keep up, `storm` how its pages leave
in a storm of outages.

python -m bench [kinds [KIND…] | against TREE | overload [TRIAL…] | storm [TRIAL…]]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench import against, kinds, overload, storm
from bench.cost import Cost, costs
from bench.crowd import Crowd, crowd
from bench.table import table
from bench.targets import serving
from watch import probes

_ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


def _goals(of: dict[str, Cost], c: Crowd) -> list[tuple[str, bool]]:
    """Each goal, and whether it is reached."""
    return [
        ("an HTTP check end to end costs at most half of blackbox_exporter's CPU", of["http"].ratio <= 0.5),
        ("p99 schedule lag is under 100 ms", c.lag[1] < 0.1),
        ("memory is under 20 KB a check", c.memory < 20_000),
    ]


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what} …" if what else "\r\x1b[K", end="", file=sys.stderr, flush=True)


def main(*words: str) -> int:
    if words[:1] == ("against",) and len(words) == 2 and Path(words[1]).is_dir():
        return _against(Path(words[1]).resolve())
    if words[:1] == ("overload",) and set(words[1:]) <= set(overload.NAMES):
        return _overload(words[1:])
    if words[:1] == ("storm",) and set(words[1:]) <= set(storm.TRIALS):
        return _storm(words[1:])
    if words[:1] not in ((), ("kinds",)) or not set(words[1:]) <= set(probes.kinds()):
        sys.exit(f"{__doc__}\nKIND is one of: {', '.join(probes.kinds())}")
    reached = bool(words) or _beside_theirs()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        found = kinds.measured(Path(name), words[1:], _ROUNDS + 2, _say)
    _say("")
    kinds.keep(found)
    print(f"{kinds.table(found)}\n  kept in {kinds.KEPT.name}; `make docs` puts it into the reference")
    return 0 if reached else 1


def _against(other: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, serving(Path(name)) as targets:
        rows = against.against(Path(name), targets, other, _ROUNDS + 2, _say)
    _say("")
    print(against.table(rows, other))
    return 0


def _overload(names: tuple[str, ...]) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, serving(Path(name)) as targets:
        text, held = overload.run(names, Path(name), targets, _say)
    _say("")
    print(text)
    return 0 if held else 1


def _storm(names: tuple[str, ...]) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        text, held = storm.run(names, Path(name), _say)
    _say("")
    print(text)
    return 0 if held else 1


def _beside_theirs() -> bool:
    """Measure the hub beside blackbox_exporter and print the table. Returns whether every goal is reached."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with serving(folder) as targets:
            found = costs(folder, targets, _ROUNDS, _say)
            _say("five thousand checks")
            many = crowd(folder, targets)
    _say("")
    goals = _goals({cost.kind: cost for cost in found}, many)
    print(f"{table(found, many, goals)}\n")
    return all(reached for _, reached in goals)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
