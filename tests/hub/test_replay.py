"""Where every reader of the ledger begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.ledgers import Ledger
from watch.core.ledger import LedgerChain
from watch.core.timeline import State
from watch.hub.replay import folded
from watch.ports import StoreCorrupt

STORE = Path("t.db")


def test_the_book_and_the_end_of_the_chain_go_on_where_the_ledger_ends():
    ledger = Ledger()
    ledger.component("web", ["web/home"], 5)
    book, chain = folded(ledger.entries, STORE)
    assert (book.version, chain) == (len(ledger.entries), ledger.chain)
    assert folded([], STORE)[1] == LedgerChain()


@pytest.mark.parametrize("body", ["{]", "[]", "{}", '{"to":"sideways"}', "null"])
def test_an_entry_that_we_never_wrote_is_a_damaged_store_not_a_bug(body):
    ledger = Ledger()
    last = ledger.goes("web/home", State.UP, 5)
    with pytest.raises(StoreCorrupt, match=rf"t\.db: entry {last.seq} of the ledger cannot be read"):
        folded([*ledger.entries[:-1], last._replace(body=body)], STORE)
