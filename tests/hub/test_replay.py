"""Where every reader of the ledger begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.ledgers import Ledger
from tests.fakes import MemoryStore
from watch.core.ledger import LedgerChain
from watch.core.merkle import EMPTY, leaf_hash, tree_hash
from watch.core.timeline import State
from watch.errors import StoreCorrupt, StoreError
from watch.hub.replay import book_for, folded, ledger_end
from watch.ports import Batch

STORE = Path("t.db")


def kept(ledger: Ledger) -> MemoryStore:
    return MemoryStore([Batch(entries=ledger.entries)])


def test_the_book_and_the_end_of_the_chain_go_on_where_the_ledger_ends():
    ledger = Ledger()
    ledger.component("web", ["web/home"], 5)
    end = ledger_end(kept(ledger))
    assert book_for(kept(ledger), STORE, 0).version == len(ledger.entries)
    assert end.chain == ledger.chain
    assert end.log.root() == tree_hash(leaf_hash(bytes.fromhex(e.hash)) for e in ledger.entries)


def test_an_empty_ledger_begins_an_empty_chain_and_an_empty_tree():
    end = ledger_end(MemoryStore())
    assert (end.chain, end.log.size, end.log.root()) == (LedgerChain(), 0, EMPTY)
    assert folded([], STORE).version == 0


@pytest.mark.parametrize("body", ["{]", "[]", "{}", '{"to":"sideways"}', "null"])
def test_an_entry_that_we_never_wrote_is_a_damaged_store_not_a_bug(body):
    ledger = Ledger()
    last = ledger.goes("web/home", State.UP, 5)
    with pytest.raises(StoreCorrupt, match=rf"t\.db: entry {last.seq} of the ledger cannot be read"):
        folded([*ledger.entries[:-1], last._replace(body=body)], STORE)


def test_an_entry_that_only_a_newer_version_knows_is_refused_when_figures_depend_on_it():
    ledger = Ledger()
    last = ledger.add("adjustment", "web", {}, 5)
    wanted = (
        rf"t\.db: entry {last.seq} of the ledger is of the kind adjustment, which only a newer version knows"
    )
    with pytest.raises(StoreError, match=wanted) as said:
        folded(ledger.entries, STORE)
    assert not isinstance(said.value, StoreCorrupt), "nothing is damaged"
    book = folded([*ledger.entries[:-1], last._replace(critical=0)], STORE)
    assert book.version == last.seq
