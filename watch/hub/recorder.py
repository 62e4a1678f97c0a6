"""Appends to the ledger; the only code that does so while a hub runs.

An entry is added to the waiting batch, to the book, and as a leaf to the tree over the log. Everything that must be
committed with it is in the same batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watch.core.evidence import evidence_row, proof
from watch.core.ledger import Entry, Kind, LedgerChain
from watch.core.merkle import Frontier, leaf_hash
from watch.ports import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watch.core.book import Book
    from watch.core.reading import Observation


@dataclass(slots=True)
class LedgerEnd:
    """Where the next entry goes: the end of the chain, and the right edge of the tree over the log."""

    chain: LedgerChain = field(default_factory=LedgerChain)
    log: Frontier = field(default_factory=Frontier)


class Recorder:
    """Appends entries to one ledger.

    Attributes:
        batch: What waits to be committed.
        heard: Called with each entry.
        anew_ms: When the clock epoch began that this hub began anew with; None without one.
    """

    def __init__(self, book: Book, end: LedgerEnd) -> None:
        self.book, self.batch = book, Batch()
        self.heard: Callable[[Entry], None] = lambda _: None
        self.anew_ms: int | None = None
        self._end = end

    @property
    def next_seq(self) -> int:
        return self._end.chain.seq + 1

    @property
    def log(self) -> tuple[int, str]:
        """How many entries there are, and the root of the tree over them in hexadecimal."""
        return self._end.log.size, self._end.log.root().hex()

    def entry(
        self,
        kind: Kind,
        subject: str,
        body: Mapping[str, Any],
        *,
        now_ms: int,
        effective_ms: int | None = None,
        vantage: str = "",
        readings: Sequence[Observation] = (),
        known: bool = False,
    ) -> Entry:
        """Append an entry; *readings* are kept as its proof.

        Args:
            known: The book knows already what it says, but not that it is on record.
        """
        entry = self._end.chain.entry(
            kind, subject, body, now_ms=now_ms, effective_ms=effective_ms, vantage=vantage,
            proof=proof(map(evidence_row, readings)) if readings else "",
        )  # fmt: skip
        self.batch.entries.append(entry)
        self.batch.evidence += [(entry.seq, reading) for reading in readings]
        self.batch.tiles += self._end.log.add(leaf_hash(bytes.fromhex(entry.hash)))
        self.book.note(entry) if known else self.book.add(entry)
        self.heard(entry)
        return entry

    def rename(self, names: Mapping[str, str]) -> None:
        """Let the batch know checks by other names: former → new, all at once."""
        self.batch.rename(names)

    def take(self) -> Batch:
        """The batch that waits; a new one begins."""
        taken, self.batch = self.batch, Batch()
        return taken
