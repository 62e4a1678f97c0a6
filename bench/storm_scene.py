"""A hub, its targets and a receiver of its pages, for `bench.storm`; and what its store says of the times."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
import threading
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Self

import orjson
from aiohttp import web

from bench.ours import started
from bench.players import Receiver
from bench.process import cpu_seconds
from bench.switchboard import Switchboard
from bench.targets import answered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_HEAD = """
service: {name: Storm}
defaults: {every: EVERY, timeout: 5s}
store: sqlite:///hub.db
listen: {page: "127.0.0.1:0", operators: "127.0.0.1:0"}
alerting: {group_wait: 0s}
components:
"""
# The observation that confirmed the outage of each alert: when it had its answer, by component.
_CONFIRMED = """
SELECT l.subject, max(e.at_ms + e.took_ms) FROM ledger l JOIN evidence e ON e.entry = l.seq
WHERE l.kind = 'transition' AND json_extract(l.body, '$.to') = 'down' GROUP BY l.seq ORDER BY l.seq
"""
_ALERT = "json_extract(a.body, '$.subject')"


@dataclass(frozen=True, slots=True)
class Letter:
    """A page that arrived at *at* (Unix time in seconds)."""

    at: float
    who: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Spent:
    """A stretch of a hub: processor and wall time in seconds, and the loop's lags in it, as a histogram's buckets."""

    cpu: float
    wall: float
    lags: tuple[tuple[float, int], ...]

    def lag(self, q: float) -> float:
        """The bound of the bucket in which the quantile *q* of the lags is, in seconds."""
        rank = q * self.lags[-1][1] if self.lags else 0
        return next((bound for bound, upto in self.lags if upto >= rank), math.inf)

    def __str__(self) -> str:
        return (
            f"{self.cpu:.1f} s of processor time in {self.wall:.0f} s, with the children that send; "
            f"the loop's lag p50 {_ms(self.lag(0.5))}, p99 {_ms(self.lag(0.99))}, p99.9 {_ms(self.lag(0.999))}"
        )


class Letters(Receiver):
    """Takes pages whole, and when they came."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        super().__init__()

    async def _take(self, request: web.Request) -> web.Response:
        at = time.time()
        said = orjson.loads(await request.read())
        self.letters.append(Letter(at, request.path.strip("/"), said["title"], said["message"]))
        return web.Response()


class Scene:
    """A hub with *count* components of one check each, from when all were up until the block ends.

    Args:
        text: Who is told of what; RECEIVER is the receiver's URL.
        more: Components beside them: name → the number of its target.
        every: How often each check runs, as in checks.yaml.
    """

    def __init__(
        self, folder: Path, count: int, text: str, more: Mapping[str, int] | None = None, every: str = "10s"
    ) -> None:
        self._folder, self._text, self._every = folder, text, every
        self._parts = {f"c{n}": n for n in range(count)} | dict(more or {})
        self._over = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            return self._entered()
        except BaseException:
            self._over.close()  # the receiver's thread would keep this program alive
            raise

    def _entered(self) -> Self:
        self.targets = self._over.enter_context(Switchboard())
        self._receiver = Letters()
        self._over.callback(self._receiver.close)
        lines = (
            f'  {name}: {{checks: {{v: {{http: "{self.targets.url(n)}"}}}}}}\n'
            for name, n in self._parts.items()
        )
        text = (
            _HEAD.replace("EVERY", self._every)
            + "".join(lines)
            + self._text.replace("RECEIVER", f"json://127.0.0.1:{self._receiver.port}")
        )
        self._hub = self._over.enter_context(started(self._folder, text, self._folder / "no-trust"))
        answered(f"{self._hub.operators}/readyz", within=180)
        self.passes(5)
        self.spent()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.close()

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        threading.Event().wait(seconds)

    def until(self, holds: Callable[[], object], seconds: float) -> None:
        """Return once *holds*. Raises `RuntimeError` if it does not within *seconds*."""
        over = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > over:
                raise RuntimeError(
                    f"not within {seconds:g} s; the hub said: {(self._folder / 'hub.log').read_text()[-2000:]}"
                )
            self.passes(0.5)

    # ---- what was seen ----

    def letters(self, who: str) -> list[Letter]:
        """What *who* got so far."""
        return [letter for letter in self._receiver.letters if letter.who == who]

    def spent(self) -> Spent:
        """What the hub spent since the last call."""
        now = self._spent()
        before, self._last = getattr(self, "_last", now), now
        lags = tuple((b, n - m) for (b, n), (_, m) in zip(now.lags, before.lags, strict=True))
        return Spent(now.cpu - before.cpu, now.wall - before.wall, lags)

    def _spent(self) -> Spent:
        text = answered(f"{self._hub.operators}/metrics").decode()
        found = re.findall(r'^threenines_loop_lag_seconds_bucket\{le="(\S+)"\} (\S+)', text, re.MULTILINE)
        lags = tuple((float(bound), int(float(n))) for bound, n in found)
        return Spent(cpu_seconds(self._hub.pid), time.monotonic(), lags)

    def rows(self, sql: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        """What a stock SQLite reads in the store."""
        store = sqlite3.connect(f"file:{self._folder / 'hub.db'}?mode=ro", uri=True)
        with contextlib.closing(store):
            return store.execute(sql, values).fetchall()

    def count(self, where: str) -> int:
        """How many alerts there are *where*."""
        return int(self.rows(f"SELECT count(*) FROM alert WHERE {where}")[0][0])

    def transitions(self) -> int:
        """How many confirmed changes are on record."""
        return int(self.rows("SELECT count(*) FROM ledger WHERE kind = 'transition'")[0][0])

    def told(self) -> bool:
        """Whether everybody has heard how every alert stands."""
        untold = self.rows(
            "SELECT count(*) FROM alert a WHERE NOT EXISTS (SELECT 1 FROM heard h WHERE h.alert_id = a.id AND "
            "(json_extract(h.body, '$.event') = 'triggered') = (a.resolved_ms IS NULL))"
        )
        return not untold[0][0]

    def _confirmed(self) -> dict[str, float]:
        """By component: when the observation that confirmed its first outage had its answer (Unix time in seconds)."""
        found: dict[str, float] = {}
        for check, at_ms in self.rows(_CONFIRMED):
            found.setdefault(check.partition("/")[0], at_ms / 1000)
        return found

    def _first_rows(self) -> dict[str, tuple[str, int, int, int]]:
        """By component: recipient, creation, first try and delivery of the first letter that told of it, in ms."""
        sql = (
            f"SELECT {_ALERT}, n.body FROM notice n, json_each(n.body, '$.alert_ids') i JOIN alert a ON a.id = i.value "
            "ORDER BY n.id DESC"
        )
        found = {}
        for subject, body in self.rows(sql):
            row = orjson.loads(body)
            if row["delivered_ms"]:
                found[subject] = (row["recipient"], row["created_ms"], row["tried_ms"], row["delivered_ms"])
        return found

    def delays(self) -> list[float]:
        """From the observation that confirmed an outage to its letter's arrival, of each first letter, in seconds."""
        confirmed, found = self._confirmed(), []
        roots: dict[tuple[str, int], float] = {}
        for subject, (who, created, _, _) in self._first_rows().items():
            key = who, created
            roots[key] = min(roots.get(key, math.inf), confirmed[subject])
        for (who, created), at in sorted(roots.items(), key=lambda one: one[0][1]):
            found.append(
                min(it.at for it in self._receiver.letters if it.who == who and it.at * 1000 >= created) - at
            )
        return found

    def parts(self) -> str:
        """Where the time of a page goes."""
        confirmed = self._confirmed()
        rows = [(confirmed[s] * 1000, *row) for s, row in self._first_rows().items()]
        arrived = {it.who: it.at * 1000 for it in reversed(self._receiver.letters)}
        steps = (
            ("from the observation to its alert", [made - at for at, _, made, _, _ in rows]),
            ("to its turn, on disk", [tried - made for _, _, made, tried, _ in rows]),
            ("to the receiver", [arrived[who] - tried for _, who, _, tried, _ in rows]),
        )
        return ", ".join(f"{what} {median(taken):.0f} ms" for what, taken in steps)

    def delay_of(self, component: str, who: str) -> float | None:
        """Seconds from the observation that confirmed that *component* is down to a letter for *who*."""
        at = self._confirmed().get(component, math.inf)
        return next((it.at - at for it in self.letters(who) if it.at >= at), None)

    def heard_after(self, component: str, who: str) -> float | None:
        """The same, to the delivery of a letter that tells of it, whether it names or counts it."""
        at = self._confirmed().get(component, math.inf)
        sql = f"SELECT h.body FROM heard h JOIN alert a ON a.id = h.alert_id WHERE {_ALERT} = ? AND h.recipient = ?"
        rows = self.rows(sql, component, who)
        return orjson.loads(rows[0][0])["at_ms"] / 1000 - at if rows else None


def quantile(values: Sequence[float], q: float) -> float:
    """The quantile *q* of *values*; infinite without any."""
    ordered = sorted(values)
    return ordered[min(math.ceil(q * len(ordered)), len(ordered)) - 1] if ordered else math.inf


def _ms(seconds: float) -> str:
    return f"≤ {seconds * 1000:.0f} ms"
