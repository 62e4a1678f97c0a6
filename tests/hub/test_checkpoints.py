"""A book that begins at a checkpoint answers like one folded from the first entry; and what is derived proves itself."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from pathlib import Path

import pytest

from tests.core.ledgers import DAY, HOUR, MINUTE, SECOND, UTC
from tests.core.shapes import at
from tests.fakes import MemoryStore, settings
from watch.core import recorded_terms as terms
from watch.core.book import Book, TooThin, began
from watch.core.checkpoint import checkpoint_body, months_closed, root_of, rows_of
from watch.core.confirm import Change
from watch.core.darkness import Dark, Gap, Why, closing_body, opening_body
from watch.core.figures import figure
from watch.core.ledger import Kind
from watch.core.localtime import Month
from watch.core.marks import Edge, transition_body
from watch.core.merkle import leaf_hash, tree_hash
from watch.core.reading import Reason
from watch.core.schedule import Length, OneOff
from watch.core.settings import Component
from watch.core.timeline import State, state_at
from watch.core.window import Window
from watch.hub.checkpoints import checkpoint_rows, checkpoints_due
from watch.hub.definitions import entries_for
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.replay import book_for, book_now, ledger_end

STORE = Path("x")
BEGIN = at("2026-01-10T00:00")
END = at("2026-06-20T00:00")
PARTS = {"web": ["web/a", "web/b"], "db": ["db/q"], "all": ["web", "db"]}


class Years:
    """A made history with all that happens in one, and a checkpoint at each month's end."""

    def __init__(self, seed: int, *, late: bool = True) -> None:
        self.chance, self.late = random.Random(seed), late
        self.store, self.now = MemoryStore(), BEGIN
        self.recorder = Recorder(Book(), LedgerEnd())
        self.states: dict[str, State] = {}
        for kind, subject, body in entries_for(settings(PARTS, needs={"web": 1}), self.recorder.book):
            self.recorder.entry(kind, subject, body, now_ms=self.now)
        self.checks = ["web/a", "web/b", "db/q"]
        while self.now < END:
            self.step()
        self.keep()

    def keep(self) -> None:
        asyncio.run(self.store.commit(self.recorder.take()))

    def step(self) -> None:
        self.now += self.chance.randrange(MINUTE, 4 * DAY)
        self.keep()
        for month, at_ms in checkpoints_due(self.store, self.now):
            rows, through = checkpoint_rows(self.store, STORE, at_ms)
            if self.chance.random() < 0.5:  # somebody writes while it is being made
                self.turn(self.now - 3 * DAY if self.late else self.now)
            body = checkpoint_body(rows, through=through, log=self.recorder.log)
            entry = self.recorder.entry(Kind.CHECKPOINT, month, body, now_ms=self.now, effective_ms=at_ms)
            self.recorder.batch.checkpoints[entry.seq] = rows
            self.keep()
        self.chance.choice([self.turn, self.turn, self.turn, self.turn, self.dark, self.define, self.plan])()

    def turn(self, about: int | None = None) -> None:
        """A transition; now and then one that is recorded days after it took effect."""
        name = self.chance.choice(self.checks)
        was = self.states.get(name, State.UNKNOWN)
        state = self.chance.choice(
            [s for s in (State.UP, State.DOWN, State.DEGRADED, State.UNKNOWN) if s is not was]
        )
        marks = self.recorder.book.marks.get(name, {}).get("local")
        before = marks[-1].latest_ms if marks else BEGIN
        effective = max(before + 1, (about or self.now) - self.chance.randrange(0, HOUR))
        if self.late and self.chance.random() < 0.1:
            effective = max(before + 1, effective - 9 * DAY)
        self.states[name] = state
        change = Change(
            was, state, effective, max(before, effective - 30 * SECOND), effective + SECOND, Reason.TIMEOUT
        )
        self.recorder.entry(
            Kind.TRANSITION, name, transition_body(change, "x"), now_ms=max(self.now, effective),
            effective_ms=effective, vantage="local",
        )  # fmt: skip

    def dark(self) -> None:
        lasting = self.chance.choice([MINUTE, HOUR, 3 * DAY])
        dark = Dark("local", self.chance.choice(list(Why)), self.now - MINUTE, self.recorder.next_seq)
        kind = Kind.ABSENCE if dark.why is Why.AWAY else Kind.SIGHT
        common = {"effective_ms": dark.from_ms, "vantage": "local"}
        self.recorder.entry(kind, "local", opening_body(dark), now_ms=self.now, **common)
        self.now += lasting
        dark.until_ms = self.now
        dark.gaps = {
            name: Gap(
                dark.from_ms - SECOND,
                self.now + n * SECOND,
                dark.from_ms - SECOND,
                self.now + (n + 2) * SECOND,
            )
            for n, name in enumerate(self.checks)
        }
        self.keep()
        self.recorder.entry(
            kind, "local", closing_body(dark, self.checks, 0), now_ms=self.now + MINUTE, **common
        )

    def define(self) -> None:
        """Other terms, an end, a beginning, or another name."""
        needs = self.chance.choice([1, 2])
        part = Component(key="web", name="web", members=("web/a", "web/b"), needs=needs, site="here")
        if "web" in self.recorder.book.components:
            self.recorder.entry(Kind.COMPONENT, "web", terms.component_body(part), now_ms=self.now)
        if self.chance.random() < 0.3 and self.recorder.book.lives("db"):
            self.recorder.entry(Kind.COMPONENT, "db", {"ended": True}, now_ms=self.now)
        elif "db" in self.recorder.book.components:
            part = Component(key="db", name="db", members=("db/q",), site="here")
            self.recorder.entry(Kind.COMPONENT, "db", terms.component_body(part), now_ms=self.now)
        if self.chance.random() < 0.2:
            self.rename()

    def rename(self) -> None:
        old, new = ("web", "portal") if "web" in self.recorder.book.components else ("portal", "web")
        self.recorder.entry(Kind.RENAME, new, {"was": old}, now_ms=self.now)
        self.checks = [new + c[len(old) :] if c.startswith(f"{old}/") else c for c in self.checks]
        for check in [c for c in self.states if c.startswith(f"{old}/")]:
            self.states[new + check[len(old) :]] = self.states.pop(check)

    def plan(self) -> None:
        start = at("2026-01-01T00:00") + (self.now - at("2026-01-01T00:00")) // DAY * DAY + 4 * DAY
        moment = dt.datetime.fromtimestamp(start / 1000, UTC).replace(tzinfo=None)
        window = Window(
            name=self.chance.choice(["one", "two"]), components=("db", *(c for c in ("web",) if self.recorder.book.lives(c))),
            rule=OneOff(moment, Length(dt.timedelta(hours=5), False), UTC),
            suppress_alerts=True, sla_exclude=True, announced_ms=self.now,
        )  # fmt: skip
        self.recorder.entry(Kind.WINDOW, window.name, terms.window_body(window), now_ms=self.now)


@pytest.mark.parametrize("seed", range(40))
def test_a_book_of_a_span_answers_like_one_of_everything(seed):
    years, chance = Years(seed), random.Random(seed)
    whole = Book(years.store.entries())
    assert [e for e in years.store.entries() if e.kind == "checkpoint"]
    lo = chance.randrange(BEGIN, years.now)
    hi = chance.randrange(lo + 1, years.now + DAY)
    for book in (book_for(years.store, STORE, lo, hi), book_now(years.store, STORE, lo)):
        for key in whole.components:
            for edge in Edge:
                wanted = whole.component_timeline(key, edge, lo, hi)
                assert book.component_timeline(key, edge, lo, hi) == wanted, (key, edge)
            assert book.naming.origins.get(key) == whole.naming.origins.get(key)
            assert book.naming.born_ms.get(key) == whole.naming.born_ms.get(key)
    months = [Month.parse(f"2026-0{n}") for n in range(2, 6)]
    for month in months:
        start, end = month.bounds_ms(UTC)
        book = book_for(years.store, STORE, start - 38 * HOUR, end + 36 * HOUR)
        for key in whole.components:
            asked = {"month": month, "now_ms": years.now}
            assert figure(book, key, **asked) == figure(whole, key, **asked), (key, month)


def test_a_thin_book_tells_the_current_states_and_says_what_it_cannot_tell():
    told, thin_books = {"same": 0, "too thin": 0}, 0
    for seed in range(40):
        years = Years(seed)
        lo, now = years.now - DAY, years.now
        thin, whole = book_now(years.store, STORE, lo, thin=True), book_now(years.store, STORE, lo)
        assert thin.version == whole.version
        thin_books += _transitions(thin) < _transitions(whole)
        for key in whole.components:
            wanted = whole.component_timeline(key, Edge.FOUND, lo, now)
            assert thin.component_timeline(key, Edge.FOUND, thin.reaches(lo), now) == wanted
            state = state_at(whole.component_timeline(key, Edge.FOUND, now, now + 1), now)
            since = [marks[-1].effective_ms for by in whole.marks.values() for marks in by.values()]
            for near in (None, max(since)):
                try:
                    assert began(thin, key, state, now, near) == began(whole, key, state, now, near)
                    told["same"] += 1
                except TooThin:
                    told["too thin"] += 1
    assert thin_books > 10
    assert min(told.values()) > 10, "both were tried"


def _transitions(book: Book) -> int:
    return sum(len(marks) for by_vantage in book.marks.values() for marks in by_vantage.values())


@pytest.mark.parametrize("seed", range(40, 60))
def test_checkpoints_come_out_the_same_however_often_they_are_worked_out(seed):
    years = Years(seed)
    for entry in [e for e in years.store.entries() if e.kind == "checkpoint"]:
        rows, _ = checkpoint_rows(years.store, STORE, entry.effective_ms, entry.facts["through"])
        assert rows == list(years.store.checkpoint_rows(entry.seq))
        assert root_of(rows) == entry.facts["root"]
        assert entry.facts["log"]["size"] == entry.seq - 1


def test_a_trimmed_book_is_the_book_of_its_checkpoint():
    years = Years(5, late=False)
    *_, last = [e for e in years.store.entries() if e.kind == "checkpoint"]
    whole = Book(e for e in years.store.entries() if e.effective_ms < last.effective_ms)
    rows = rows_of(whole, last.effective_ms)
    whole.trim(last.effective_ms)
    assert rows_of(whole, last.effective_ms) == rows


def test_a_start_knows_the_tree_without_hashing_the_whole_log_again():
    years = Years(3)
    entries = list(years.store.entries())
    end = ledger_end(years.store)
    assert end.log.root() == tree_hash(leaf_hash(bytes.fromhex(e.hash)) for e in entries)
    assert (end.chain.seq, end.chain.hash) == (entries[-1].seq, entries[-1].hash)


@pytest.mark.parametrize(
    ("after", "now", "months"),
    [
        ("2026-01-10T00:00", "2026-01-31T23:59", []),
        ("2026-01-10T00:00", "2026-02-01T00:00", ["2026-01"]),
        ("2026-01-30T00:00", "2026-03-05T00:00", ["2026-02"]),
        ("2025-11-29T00:00", "2026-03-05T00:00", ["2025-12", "2026-01", "2026-02"]),
    ],
)
def test_a_month_has_a_checkpoint_when_it_is_over(after, now, months):
    assert [month for month, _ in months_closed(at(after), at(now))] == months
