"""A book that begins at a checkpoint answers like one of everything, also where clocks went back and forth."""

from __future__ import annotations

import random

import pytest

from tests.core.ledgers import DAY, HOUR, MINUTE, UTC
from tests.fakes import settings
from tests.hub.test_checkpoints import BEGIN, PARTS, STORE, Years
from watch.core.clock_epoch import BACK, CORRECTED
from watch.core.figures import figure
from watch.core.ledger import verified
from watch.core.localtime import Month
from watch.core.marks import Edge
from watch.core.timeline import filled
from watch.hub.checkpoints import checkpoint_rows
from watch.hub.definitions import entries_for
from watch.hub.recorder import Recorder
from watch.hub.replay import book_for, book_now, epochs_of, folded, ledger_end
from watch.hub.taken_over import TakenOver, epoch_from


class SetClocks(Years):
    """The same history of a machine whose clock is set now and then, by minutes or by months."""

    def step(self) -> None:
        if self.chance.random() < 0.12:
            self.sets(
                self.chance.choice([-5, -3 * HOUR // MINUTE, -40 * DAY // MINUTE, 5, 60, 30 * DAY // MINUTE])
            )
        if self.chance.random() < 0.05:
            self.is_behind_for_a_while()
        super().step()

    def rename(self) -> None:
        """Names stay: a rename is never void, and `test_checkpoints` has them."""

    def is_behind_for_a_while(self) -> None:
        behind = self.chance.choice([2 * HOUR, 45 * DAY])
        self.sets(-behind // MINUTE)
        self.turn(self.now)
        self.now += 20 * MINUTE
        self.sets(behind // MINUTE)

    def sets(self, minutes: int) -> None:
        """Set the clock; the hub begins anew with it."""
        self.keep()
        last_ms = max(self.now, self.store.last_entry().recorded_ms)
        self.now = max(BEGIN + DAY, last_ms + minutes * MINUTE)
        epoch = epoch_from(self.store, last_ms, self.now, followed=True)
        book, end = book_now(self.store, STORE, 0, pending=epoch), ledger_end(self.store, epoch)
        self.recorder = Recorder(book, end)
        TakenOver(self.store, self.now, epoch).begin(self.recorder)
        if epoch.anew:
            self.states = {}
        for kind, subject, body in entries_for(settings(PARTS, needs={"web": 1}), book):
            self.recorder.entry(kind, subject, body, now_ms=self.now)
        self.keep()

    @property
    def everything(self):
        """The book folded from the first entry on."""
        epochs = epochs_of(self.store)
        return folded((e for e in self.store.entries() if not epochs.void(e)), STORE)


@pytest.mark.parametrize("seed", range(40))
def test_a_book_of_a_span_answers_like_one_of_everything(seed):
    years, chance = SetClocks(seed), random.Random(seed)
    whole = years.everything
    assert verified(years.store.entries())[2] is None
    lo = chance.randrange(BEGIN, years.now)
    hi = chance.randrange(lo + 1, years.now + 1)
    for book in (book_for(years.store, STORE, lo, hi), book_now(years.store, STORE, lo)):
        for key in whole.components:
            for edge in Edge:
                wanted = filled(whole.component_timeline(key, edge, lo, hi), lo, hi)
                assert filled(book.component_timeline(key, edge, lo, hi), lo, hi) == wanted, (key, edge)
    for month in [Month.parse(f"2026-0{n}") for n in range(2, 6)]:
        start, end = month.bounds_ms(UTC)
        book = book_for(years.store, STORE, start - 38 * HOUR, end + 36 * HOUR)
        for key in whole.components:
            asked = {"month": month, "now_ms": years.now}
            if key in book.components:
                assert figure(book, key, **asked) == figure(whole, key, **asked), (key, month)


@pytest.mark.parametrize("seed", range(40, 60))
def test_checkpoints_come_out_the_same_however_often_they_are_worked_out(seed):
    years = SetClocks(seed)
    for entry in years.store.checkpoints():
        rows, _ = checkpoint_rows(years.store, STORE, entry.effective_ms, entry.facts["through"])
        assert rows == list(years.store.checkpoint_rows(entry.seq))


def test_the_histories_above_have_epochs_of_every_kind():
    whys = {e.facts["why"] for seed in range(8) for e in epochs_of(SetClocks(seed).store).entries}
    assert {BACK, CORRECTED} < whys
