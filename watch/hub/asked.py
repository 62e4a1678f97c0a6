"""The vantage points of each check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.core.book import Book
    from watch.core.settings import Settings
    from watch.core.standing import CheckStanding

Key = tuple[str, str]


def asked_from(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The vantage points that run each check, by check, in the file's order."""
    found: dict[str, list[str]] = {name: [] for name in settings.checks}
    for vantage in settings.vantages.values():
        for check in settings.asked_from(vantage):
            found[check.name].append(vantage.name)
    return {name: tuple(vantages) for name, vantages in found.items()}


def doubled_onsite(
    before: frozenset[Key],
    fresh: Mapping[str, CheckStanding],
    settings: Settings,
    book: Book,
    asked: Mapping[str, Sequence[str]],
) -> frozenset[Key]:
    """*before*, the (check, vantage point) pairs that need twice the readings, after *fresh* standings.

    They are those of a check's own site while that is only the fallback.
    """
    found = {
        (name, v)
        for name, standing in fresh.items() if standing.fallback
        for v in asked[name] if book.onsite(v, settings.checks[name].component)
    }  # fmt: skip
    kept = {key for key in before if key[0] not in fresh}
    return frozenset(kept | found) if found or len(kept) != len(before) else before
