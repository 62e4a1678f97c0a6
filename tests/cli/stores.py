"""A store on disk with a past, a configuration beside it, and the command run in this process."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.core.ledgers import DAY, HOUR, MINUTE, UTC, Ledger
from tests.core.shapes import at
from tests.fakes import observation
from watch.cli import main
from watch.core.confirm import Belief
from watch.core.merkle import Frontier, leaf_hash
from watch.core.reading import Verdict
from watch.core.timeline import State
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

CONFIG = """
service: {name: Acme, timezone: UTC, target: 99.9%, site: here}
components:
  web:
    name: Web application
    checks: {home: {tcp: "127.0.0.1:9"}}
  db:
    name: Database
    checks: {q: {tcp: "127.0.0.1:9"}}
store: sqlite:///t.db
"""
BEGIN, END = at("2024-02-01T00:00"), at("2024-03-01T00:00")
BAD, GOOD = BEGIN + 5 * DAY, BEGIN + 5 * DAY + 50 * MINUTE
PROOF = [observation("web/home", BAD + n, Verdict.DOWN) for n in (0, 5000)]


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass
class Desk:
    """A folder with checks.yaml in it, and perhaps a store."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def store(self) -> Path:
        return self.folder / "t.db"

    def run(self, *words: str) -> Said:
        """`threenines --config … words`, in this process."""
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(self.folder / "checks.yaml"), *words])
        out, err = self.capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, out, err)

    def configure(self, text: str = CONFIG) -> None:
        (self.folder / "checks.yaml").write_text(text, "utf-8")

    def keep(self, batch: Batch) -> None:
        """Put *batch* on disk, as a hub would, and leave."""

        async def kept() -> None:
            store = SqliteStore(self.store)
            await store.commit(batch)
            await store.close()

        asyncio.run(kept())


def past(zone: ZoneInfo = UTC) -> Ledger:
    """`web` and `db` since January; `web` was down for 50 minutes in February, as two readings prove."""
    born = BEGIN - 20 * DAY
    ledger = Ledger(born, zone=zone)
    for key, check in (("web", "web/home"), ("db", "db/q")):
        ledger.component(key, [check], born)
        ledger.goes(check, State.UP, born)
    sure = (BAD - 10_000, BAD + 2_000)
    ledger.goes("web/home", State.DOWN, BAD, sure=sure, reason="refused", readings=PROOF)
    ledger.goes("web/home", State.UP, GOOD, sure=(GOOD - 10_000, GOOD + 20))
    return ledger


def last_seen(ms: int) -> dict[tuple[str, str], Belief]:
    """Both checks up, and last asked at *ms*."""
    return {(name, "local"): Belief(State.UP, BEGIN, ms) for name in ("web/home", "db/q")}


def filled(*, until: int = END + HOUR, zone: ZoneInfo = UTC) -> Batch:
    """What the store of such a hub holds, which was stopped at *until*."""
    ledger = past(zone)
    down = next(e for e in ledger.entries if '"to":"down"' in e.body)
    log = Frontier()
    tiles = [tile for e in ledger.entries for tile in log.add(leaf_hash(bytes.fromhex(e.hash)))]
    return Batch(
        entries=ledger.entries, tiles=tiles, evidence=[(down.seq, reading) for reading in PROOF],
        beliefs=last_seen(until),
    )  # fmt: skip
