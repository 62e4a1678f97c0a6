"""What a hub says when it cannot keep up: every target is healthy, so any bad state or page would be ours.

(a) three times the checks that the core can do, over HTTP and over HTTPS, from the start; (b) a reload from half of
what it can do to twice; (c) the process stopped for 8 s and for 60 s; (d) four busy loops on its core, and a process
stopped and continued in short turns; (e) 64 open files for 100 checks of a slow target. In each, one target is really
killed in the middle: it must still be found and paged.

python -m bench overload [a-http | a-https | b | c-8 | c-60 | d-busy | d-turns | e …]
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.ours import configuration
from bench.process import MEASURED
from bench.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.targets import Targets

EVERY = 2  # seconds
SAID_WITHIN, NORMAL_WITHIN, PAGE_WITHIN = 10.0, 30.0, 1.0  # seconds
NAMES = ("a-http", "a-https", "b", "c-8", "c-60", "d-busy", "d-turns", "e")
_CAPACITY = {"http": 2600, "https": 620}  # checks a second of one core of the machine in bench/README.md


@dataclass(slots=True)
class Result:
    """What was seen in one trial. Times in seconds; None: never."""

    name: str
    bad: int = 0
    pages: int = 0
    said: dict[str, float | None] = field(default_factory=dict)
    slowest_page: float = 0.0
    normal: float | None = None
    killed: float | None = None
    usual: float | None = None
    what: str = ""

    @property
    def held(self) -> bool:
        """Whether everything that must hold did."""
        said = all(at is not None and at <= SAID_WITHIN for at in self.said.values())
        back = self.normal is not None and self.normal <= NORMAL_WITHIN
        found = self.killed is not None and self.usual is not None and self.killed <= 3 * self.usual
        return self.bad == self.pages == 0 and said and back and found and self.slowest_page < PAGE_WITHIN


def _trials(targets: Targets) -> dict[str, Callable[[Path], Result]]:
    """The trials by name."""
    return {
        "a-http": lambda folder: _too_many(folder, targets, "http"),
        "a-https": lambda folder: _too_many(folder, targets, "https"),
        "b": lambda folder: _reload(folder, targets),
        "c-8": lambda folder: _stopped(folder, targets, 8),
        "c-60": lambda folder: _stopped(folder, targets, 60),
        "d-busy": lambda folder: _starved(folder, targets),
        "d-turns": lambda folder: _turns(folder, targets),
        "e": lambda folder: _few_files(folder, targets),
    }


def _checks(kind: str, share: float) -> int:
    return round(_CAPACITY[kind] * EVERY * share)


def _too_many(folder: Path, targets: Targets, kind: str) -> Result:
    result = Result(f"three times what the core can do, over {kind.upper()}")
    with Stage(folder, targets, configuration(kind, targets, _checks(kind, 3), EVERY)) as stage:
        stage.watch(result, 20)
        result.killed = stage.kill_victim(60)
        stage.configure(configuration(kind, targets, _checks(kind, 0.3), EVERY))
        stage.relieved(result)
        result.usual = stage.usual()
    return result


def _reload(folder: Path, targets: Targets) -> Result:
    result = Result("a reload from half of what the core can do to twice")
    with Stage(folder, targets, configuration("http", targets, _checks("http", 0.5), EVERY)) as stage:
        stage.settle()
        stage.configure(configuration("http", targets, _checks("http", 2), EVERY))
        stage.watch(result, 20)
        result.killed = stage.kill_victim(60)
        stage.configure(configuration("http", targets, _checks("http", 0.3), EVERY))
        stage.relieved(result)
        result.usual = stage.usual()
    return result


def _stopped(folder: Path, targets: Targets, seconds: float) -> Result:
    result = Result(f"stopped for {seconds:g} s")
    with Stage(folder, targets, configuration("http", targets, _checks("http", 0.3), EVERY)) as stage:
        stage.settle()
        result.usual = stage.usual()
        stage.signal(signal.SIGSTOP)
        time.sleep(seconds / 2)
        stage.victim.kill()
        time.sleep(seconds / 2)
        stage.signal(signal.SIGCONT)
        result.killed = stage.paged_after(60)
        stage.victim.start()
        stage.watch(result, SAID_WITHIN)
        stage.relieved(result)
    return result


def _starved(folder: Path, targets: Targets) -> Result:
    result = Result("four busy loops on its core for 30 s")
    with Stage(folder, targets, configuration("http", targets, _checks("http", 0.5), EVERY)) as stage:
        stage.settle()
        result.usual = stage.usual()
        with _busy(4):
            stage.strained()
            stage.watch(result, 25)
            result.killed = stage.kill_victim(60)
        stage.relieved(result)
    return result


def _turns(folder: Path, targets: Targets) -> Result:
    result = Result("stopped for 0.9 s in turns of 1 s, for 30 s")
    with Stage(folder, targets, configuration("http", targets, _checks("http", 0.3), EVERY)) as stage:
        stage.settle()
        result.usual = stage.usual()
        with stage.in_turns(0.9, 0.1):
            stage.watch(result, 25, page=False)
            result.killed = stage.kill_victim(60)
        stage.relieved(result)
    return result


def _few_files(folder: Path, targets: Targets) -> Result:
    result = Result("64 open files for 100 checks of a target that takes 1.5 s")
    with Stage(folder, targets, "", slow_checks=100, files=64) as stage:
        stage.watch(result, 20)
        result.killed = stage.kill_victim(60)
        stage.configure("", slow_checks=4)
        stage.relieved(result)
        result.usual = stage.usual()
    return result


@contextlib.contextmanager
def _busy(number: int) -> Iterator[None]:
    loops = [
        subprocess.Popen(["taskset", "-c", str(MEASURED), sys.executable, "-c", "while True: pass"])
        for _ in range(number)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def table(results: list[Result]) -> str:
    """The results as text."""
    lines = []
    for r in results:
        said = ", ".join(
            f"{where} {'never' if at is None else f'{at:.1f} s'}" for where, at in r.said.items()
        )
        lines += [
            f"{'held  ' if r.held else 'MISSED'} {r.name}",
            f"         bad transitions {r.bad}, pages {r.pages}; said by {said or 'nobody'}",
            f"         slowest page {r.slowest_page * 1000:.0f} ms; back to normal after {_seconds(r.normal)}",
            f"         a killed target paged after {_seconds(r.killed)}, usually {_seconds(r.usual)}",
            f"         {r.what}",
        ]
    return "\n".join(lines)


def _seconds(at: float | None) -> str:
    return "never" if at is None else f"{at:.1f} s"


def run(
    names: tuple[str, ...], folder: Path, targets: Targets, say: Callable[[str], None]
) -> tuple[str, bool]:
    """Run the trials *names*, or all; the table, and whether all held."""
    known, results = _trials(targets), []
    for name in names or NAMES:
        say(name)
        results.append(known[name](folder / name))
    return table(results), all(result.held for result in results)
