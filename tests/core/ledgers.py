"""Ledgers for tests: entries as the hub writes them, through the one `LedgerChain` and the bodies of `watch.core.recorded_terms`."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.fakes import check as a_check
from watch.core import recorded_terms as terms
from watch.core.book import Book
from watch.core.evidence import evidence_row, proof
from watch.core.ledger import Kind, LedgerChain
from watch.core.settings import Component, Service, Vantage
from watch.core.timeline import State

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
UTC = ZoneInfo("UTC")


class Ledger:
    """A chain that grows by one method a kind of entry. *at* is when it is recorded, in ms."""

    def __init__(
        self, at: int = 0, *, target: str = "0.999", zone: ZoneInfo = UTC, site: str = "here"
    ) -> None:
        self.chain, self.entries = LedgerChain(), []
        self._stood: dict[tuple[str, str], State] = {}
        self.add(Kind.GENESIS, "threenines", {"format": 1}, at)
        self.service(at, target=target, zone=zone)
        self.vantage("local", at, site=site)

    @property
    def book(self) -> Book:
        return Book(self.entries)

    def add(self, kind: Kind, subject: str, body: dict, at: int, **more):
        self.entries.append(self.chain.entry(kind, subject, body, now_ms=at, **more))
        return self.entries[-1]

    def service(self, at: int, *, target: str = "0.999", zone: ZoneInfo = UTC):
        service = Service(name="Acme", url=None, timezone=zone, target=Fraction(target), site="here")
        return self.add(Kind.TERMS, "service", terms.service_body(service), at)

    def vantage(self, name: str, at: int, *, site: str = "here"):
        return self.add(Kind.VANTAGE, name, terms.vantage_body(Vantage(name=name, site=site)), at)

    def component(
        self, key: str, members, at: int, *, needs: int | None = None, site: str = "here", shows: bool = False
    ):
        """The component's terms, and those of its checks that the ledger does not know yet."""
        part = Component(
            key=key, name=key, members=tuple(members), needs=needs, site=site, show_redundancy_loss=shows
        )
        self.add(Kind.COMPONENT, key, terms.component_body(part), at)
        known = {entry.subject for entry in self.entries if entry.kind == Kind.CHECK}
        for name in members:
            if "/" in name and name not in known:
                self.check(name, at)

    def check(self, name: str, at: int, **options):
        return self.add(Kind.CHECK, name, terms.check_body(a_check(name, **options)), at)

    def window(self, window, at: int):
        return self.add(Kind.WINDOW, window.name, terms.window_body(window), at)

    def rename(self, key: str, was: str, at: int):
        return self.add(Kind.RENAME, key, {"was": was}, at)

    def end(self, kind: Kind, subject: str, at: int):
        return self.add(kind, subject, {"ended": True}, at)

    def goes(
        self,
        name: str,
        state: State,
        at: int,
        *,
        by: str = "local",
        sure: tuple[int, int] | None = None,
        reason="timeout",
        readings=(),
    ):
        """A transition of check *name*; *sure* is (earliest, latest), the instant itself without it.

        *readings* are its proof; whoever keeps the entry keeps them as its evidence.
        """
        earliest, latest = sure or (at, at)
        was = self._stood.get((name, by), State.UNKNOWN)
        self._stood[name, by] = state
        body = {
            "from": was.value, "to": state.value, "reason": "ok" if state is State.UP else reason, "detail": "",
            "earliest_ms": earliest, "latest_ms": latest,
        }  # fmt: skip
        recorded = max(at, self.chain.recorded_ms)
        return self.add(
            Kind.TRANSITION,
            name,
            body,
            recorded,
            effective_ms=at,
            vantage=by,
            proof=proof(map(evidence_row, readings)),
        )
