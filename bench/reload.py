"""What a reload of 50,000 checks costs: how long it takes, and for how long at the longest it holds the event loop.

A real hub in this process (page, store, vantage point, alerts) runs on a folder of generated files. Then one default is
changed, which changes every check; a component is renamed; a tenth of the checks is removed and comes back. A ticker
measures the holds, with `validate` and the start beside it.

    python -m bench.reload [CHECKS]
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.process import free_port, resident_bytes
from watch.app import App
from watch.config import load
from watch.limits import collect_rarely

CHECKS = 50_000
_A_COMPONENT = 10
_A_FILE = 5_000  # checks; a file may have 2 MiB


class Held:
    """The longest time for which the loop was held, in seconds; and the most CPU time that its thread took so."""

    longest = busiest = 0.0

    async def run(self) -> None:
        while True:
            before, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - before - 0.001)
            self.busiest = max(self.busiest, time.thread_time() - cpu)

    def taken(self) -> tuple[float, float]:
        """Both, and begin anew."""
        found, self.longest, self.busiest = (self.longest, self.busiest), 0.0, 0.0
        return found


def configured(folder: Path, checks: int, *, every: str = "1h", first: str = "c0") -> None:
    """Write a configuration of *checks* checks into *folder*; the first component has the key *first*."""
    pages = [free_port(), free_port()]
    files = [path for path in folder.glob("*.yaml") if path.name != "all.yaml"]
    head = folder / "all.yaml"
    listen = f"listen: {{page: 127.0.0.1:{pages[0]}, operators: 127.0.0.1:{pages[1]}}}\n"
    if head.exists():
        listen = next(
            line for line in head.read_text().splitlines(keepends=True) if line.startswith("listen")
        )
    was = "" if first == "c0" else "was: c0, "
    head.write_text(
        f"service: {{name: Bench, timezone: UTC}}\nvantages: {{here: {{site: here}}}}\n"
        f"defaults: {{every: {every}, timeout: 1s}}\npeople: {{alice: {{channels: ['json://127.0.0.1:9']}}}}\n"
        f"alerts: [{{when: down, components: all}}]\nstore: sqlite:///t.db\n{listen}"
        f"components:\n  {first}: {{{was}checks: {{k: {{tcp: '127.0.0.1:9'}}}}}}\n"
    )
    written = set()
    for n in range(0, checks, _A_FILE):
        parts = []
        for c in range(n, min(n + _A_FILE, checks), _A_COMPONENT):
            some = ", ".join(f"k{k}: {{tcp: '127.0.0.1:9'}}" for k in range(_A_COMPONENT))
            parts.append(f"  p{c // _A_COMPONENT}: {{public: false, checks: {{{some}}}}}\n")
        path = folder / f"{n // _A_FILE:03}.yaml"
        path.write_text("components:\n" + "".join(parts))
        written.add(path)
    for path in set(files) - written:
        path.unlink()


def validated(folder: Path) -> tuple[float, int]:
    """Seconds and bytes that `threenines validate` takes."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "watch", "--config", str(folder), "validate"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(child.pid, 0)
    child.returncode = 0
    return time.perf_counter() - before, used.ru_maxrss * 1024


async def measured(folder: Path, checks: int) -> list[tuple[str, float, tuple[float, float]]]:
    """(what, seconds, longest hold of the loop in seconds and the most CPU time in one) of each trial."""
    found = []
    before = time.perf_counter()
    app = App(folder, load(folder, environ=os.environ), lambda _: None)
    collect_rarely()
    found.append(("start, until it serves", time.perf_counter() - before, (0.0, 0.0)))
    running, held = asyncio.create_task(app.run()), Held()
    ticking = asyncio.create_task(held.run())
    await asyncio.sleep(20)
    for what, change in (
        ("nothing changed", {}),
        ("one default changed", {"every": "2h"}),
        ("a component renamed", {"every": "2h", "first": "front"}),
        ("a tenth removed", {"every": "2h", "first": "front", "checks": checks * 9 // 10}),
        ("a tenth is back", {"every": "2h", "first": "front"}),
    ):
        configured(folder, **({"checks": checks} | change))
        await asyncio.sleep(0.2)
        held.taken()
        before = time.perf_counter()
        await app._reload_now(None)  # noqa: SLF001 - the verb, without a socket between
        found.append((what, time.perf_counter() - before, held.taken()))
        await app.hub.committed()
        await asyncio.sleep(15)  # until all checks that changed were asked
    app._stop.set()  # noqa: SLF001 - as SIGTERM does
    await running
    ticking.cancel()
    return found


def main() -> None:
    """Print the table."""
    checks = int(sys.argv[1]) if len(sys.argv) > 1 else CHECKS
    with tempfile.TemporaryDirectory(prefix="reload-") as name:
        folder = Path(name)
        configured(folder, checks)
        seconds, size = validated(folder)
        print(f"{checks:,} checks{'':20} takes    longest hold of the loop, most CPU time in one")
        print(f"{'validate':32}{seconds:6.2f} s  ({size / 2**20:.0f} MB)")
        for what, took, held in asyncio.run(measured(folder, checks)):
            print(f"{what:32}{took:6.2f} s  {held[0] * 1000:7.1f} ms  {held[1] * 1000:7.1f} ms")
        print(
            f"resident at the end: {resident_bytes(os.getpid()) / 2**20:.0f} MB, at most {_most() / 2**20:.0f} MB"
        )


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
