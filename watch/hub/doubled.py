"""Which checks are confirmed by twice the readings, because their own site stands in for others (semantics §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.core.book import Book
    from watch.core.settings import Settings
    from watch.core.standing import CheckStanding

Key = tuple[str, str]


def doubled(
    before: frozenset[Key], fresh: Mapping[str, CheckStanding], asked: Mapping[str, Sequence[str]], settings: Settings,
    book: Book,
) -> frozenset[Key]:  # fmt: skip
    """The (check, vantage point) pairs to double, after the standings *fresh*; *before* for all other checks."""
    found = {
        (name, vantage)
        for name, standing in fresh.items() if standing.fallback
        for vantage in asked[name] if book.onsite(vantage, settings.checks[name].component)
    }  # fmt: skip
    kept = {key for key in before if key[0] not in fresh}
    return frozenset(kept | found) if found or len(kept) != len(before) else before
