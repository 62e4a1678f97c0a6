"""Two years of a made history: what it costs to start on it, and to ask it.

A thousand components of one check each, 25 confirmed transitions a component and month with the readings that prove
them, a blind vantage point now and then, and a checkpoint at each month's end: written through the code that a hub
writes with. Then each verb is run as a user runs it, and the hub is started until its page answers.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from watch.clock import SystemClock
from watch.config import load
from watch.core.book import Book
from watch.core.checkpoint import checkpoint_body
from watch.core.confirm import Belief, Change
from watch.core.darkness import Dark, Gap, Why, closing_body, opening_body
from watch.core.ledger import Kind
from watch.core.marks import transition_body
from watch.core.reading import Observation, Reason, Verdict
from watch.core.timeline import State
from watch.hub.checkpoints import checkpoint_rows, checkpoints_due
from watch.hub.definitions import entries_for
from watch.hub.recorder import LedgerEnd, Recorder
from watch.stores.sqlite import SqliteStore, reading

DAY_MS = 86_400_000
_AN_OUTAGE = (40_000, 5_400_000)  # ms, from to


def written(
    folder: Path, *, components: int = 1000, months: int = 24, a_month: int = 25, seed: int = 7
) -> Path:
    """A folder with checks.yaml and a store of that history, which ends now."""
    file = folder / "checks.yaml"
    names = [f"part-{n:04}" for n in range(components)]
    parts = "".join(
        f"  {name}: {{name: Part {name[5:]}, checks: {{port: {{tcp: '127.0.0.1:9', every: 30m}}}}}}\n"
        for name in names
    )
    listen = "listen: {page: '127.0.0.1:0', operators: '127.0.0.1:0'}\n"
    file.write_text(
        f"service: {{name: Acme, timezone: America/Los_Angeles}}\n{listen}components:\n{parts}", "utf-8"
    )
    asyncio.run(_fill(file, months, a_month, random.Random(seed)))
    return file


async def _fill(file: Path, months: int, a_month: int, chance: random.Random) -> None:
    settings = load(file, secrets=False, environ={}).settings
    store, now = SqliteStore(settings.store), SystemClock().now_ms()
    book = Book()
    recorder = Recorder(book, LedgerEnd())
    at_ms = now - months * 30 * DAY_MS
    for kind, subject, body in entries_for(settings, book):
        recorder.entry(kind, subject, body, now_ms=at_ms)
    checks = list(settings.checks)
    states = dict.fromkeys(checks, State.UNKNOWN)
    while at_ms < now - 3_600_000:
        end_ms = min(at_ms + DAY_MS, now - 3_600_000)
        for moment, name, kind in _story(checks, at_ms, end_ms, a_month, chance):
            if kind is None:
                _blink(recorder, checks, moment)
            else:
                _change(recorder, states, name, moment)
        await _kept(store, recorder)
        at_ms = end_ms
        with reading(settings.store) as reads:
            due = checkpoints_due(reads, at_ms)
        for month, instant in due:
            with reading(settings.store) as reads:
                rows, through = checkpoint_rows(reads, settings.store, instant)
            body = checkpoint_body(rows, through=through, log=recorder.log)
            entry = recorder.entry(Kind.CHECKPOINT, month, body, now_ms=at_ms, effective_ms=instant)
            recorder.batch.checkpoints[entry.seq] = rows
            book.trim(instant)
            await _kept(store, recorder)
    for name, state in states.items():
        since = book.marks[name]["local"][-1].effective_ms
        recorder.batch.beliefs[name, "local"] = Belief(state, since, now - 60_000)
    await _kept(store, recorder)
    await store.close()


async def _kept(store: SqliteStore, recorder: Recorder) -> None:
    await store.commit(recorder.take())


def _story(checks: list[str], lo: int, hi: int, a_month: int, chance: random.Random):
    """What happens in a day, in order: transitions of checks, and a blink of the vantage point on one day in ten."""
    count = round(len(checks) * a_month * (hi - lo) / (30 * DAY_MS))
    found = [(chance.randrange(lo, hi), chance.choice(checks), "turn") for _ in range(count)]
    if chance.random() < 0.1:
        found.append((chance.randrange(lo, hi), "", None))
    return sorted(found, key=lambda item: item[0])


def _change(recorder: Recorder, states: dict[str, State], name: str, at_ms: int) -> None:
    was = states[name]
    state = State.UP if was is not State.UP else State.DOWN
    states[name] = state
    verdict, reason = (Verdict.UP, Reason.OK) if state is State.UP else (Verdict.DOWN, Reason.REFUSED)
    detail = "" if state is State.UP else "127.0.0.1 port 9 refused the connection"
    readings = [
        Observation(
            name, "local", at_ms + 5_000 * n, 20, n, verdict, reason, detail, 0.012, {"latency": 0.012},
            {"connect": 0.011},
        )
        for n in range(2 if state is State.UP else 4)
    ]  # fmt: skip
    change = Change(was, state, at_ms, at_ms - 30_000, at_ms + 20, reason)
    recorder.entry(
        Kind.TRANSITION, name, transition_body(change, detail), now_ms=at_ms + 10_000, effective_ms=at_ms,
        vantage="local", readings=readings,
    )  # fmt: skip


def _blink(recorder: Recorder, checks: list[str], at_ms: int) -> None:
    """The vantage point is blind for two minutes."""
    dark = Dark("local", Why.BLIND, at_ms, recorder.next_seq)
    common = {"effective_ms": at_ms, "vantage": "local"}
    recorder.entry(Kind.SIGHT, "local", opening_body(dark), now_ms=at_ms + 30_000, **common)
    dark.until_ms = at_ms + 120_000
    dark.gaps = {name: Gap(at_ms - 5_000, at_ms + 120_000 + n) for n, name in enumerate(checks)}
    recorder.entry(Kind.SIGHT, "local", closing_body(dark, checks, 0), now_ms=at_ms + 160_000, **common)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds of the clock, seconds of CPU, megabytes at its largest."""

    what: str
    seconds: float
    cpu: float
    memory: float
    code: int


def cost(what: str, *command: str) -> Cost:
    """Run a command and measure it."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        what,
        time.monotonic() - before,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / 1024,
        process.returncode,
    )


def started(file: Path) -> Cost:
    """Start a hub on *file* and ask for its page until it answers."""
    before = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "watch", "run", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    line = next(line for line in process.stdout if "Status page" in line)
    address = line.split()[-1]
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as page:
                if page.status == 200:
                    break
        except OSError:
            time.sleep(0.02)
    seconds = time.monotonic() - before
    verb = cost("status, asking the hub", *_verb(file, "status"))
    process.terminate()
    process.stdout.close()
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    print_row(
        Cost("start to the first page", seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, 0)
    )
    return verb


def _verb(file: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "watch", "--config", str(file), *words]


def print_row(row: Cost) -> None:
    print(
        f"{row.what:34} {row.seconds:7.2f} s  {row.cpu:7.2f} s CPU  {row.memory:6.0f} MB  exit {row.code}",
        flush=True,
    )


def measured(file: Path) -> None:
    """Run every verb and print what it costs."""
    old = time.strftime("%Y-%m", time.gmtime(time.time() - 400 * 86_400))
    print_row(started(file))
    for what, words in {
        "status, no hub": ("status",), "uptime, this month": ("uptime",), f"uptime, {old}": ("uptime", "--month", old),
        "explain, this month": ("explain", "part-0500"), f"explain, {old}": ("explain", "part-0500", "--month", old),
        "ledger verify": ("ledger", "verify"), "ledger verify --figures": ("ledger", "verify", "--figures"),
    }.items():  # fmt: skip
        print_row(cost(what, *_verb(file, *words)))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "checks.yaml"
    if not file.exists():
        before = time.monotonic()
        written(folder)
        cost("rebuild", *_verb(file, "ledger", "rebuild"))
        print(f"written in {time.monotonic() - before:.0f} s")
    size = sum(path.stat().st_size for path in folder.glob("threenines.db*"))
    print(f"store {size / 1e6:.0f} MB; {resource.getpagesize()} bytes a page")
    measured(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
