"""Checks and components that were removed from the configuration, for as long as they may come back.

Their end is recorded after `resolve_hold`, effective from their removal. What is back by then was never gone: its
lifetime is unbroken, and its checks keep their state.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from watch.core import recorded_terms as terms
from watch.core.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watch.core.confirm import Confirmation
    from watch.core.recorded_terms import Body
    from watch.hub.definitions import Subject

_MAY_RETURN = (Kind.CHECK, Kind.COMPONENT)
_ASIDE = "@"  # the key of a component that had to make room: nobody can write it


class Leaving:
    """By (kind, subject), when each was removed."""

    def __init__(self) -> None:
        self._since_ms: dict[Subject, int] = {}

    def plan(self, gone: Iterable[Subject], hold_ms: int, now_ms: int) -> list[Subject]:
        """Replace what is gone now; return what ends at once: it cannot come back, or nobody waits for it."""
        before, self._since_ms, ends = self._since_ms, {}, []
        for kind, subject in gone:
            if hold_ms and kind in _MAY_RETURN and _ASIDE not in subject:
                self._since_ms[kind, subject] = before.get((kind, subject), now_ms)
            else:
                ends.append((kind, subject))
        return ends

    def confirmations(self, bodies: Mapping[tuple[str, str], Body]) -> dict[str, Confirmation]:
        """The confirmation settings of the checks among them, as they are on record."""
        return {
            subject: terms.confirmation(bodies[kind, subject])
            for kind, subject in self._since_ms
            if kind is Kind.CHECK
        }

    def over(self, hold_ms: int, now_ms: int, most: int) -> list[tuple[Subject, int]]:
        """What has been gone for *hold_ms*, at most so many, each with the instant of its removal; forgets them."""
        found = ((s, at_ms) for s, at_ms in self._since_ms.items() if now_ms - at_ms >= hold_ms)
        ended = list(islice(found, most))
        for subject, _ in ended:
            del self._since_ms[subject]
        return ended
