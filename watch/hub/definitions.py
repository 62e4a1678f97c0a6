"""The entries that a configuration adds to the ledger: terms that affect figures, when they begin, change and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.core import recorded_terms as terms
from watch.core.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.book import Book
    from watch.core.settings import Settings

Wanted = tuple[Kind, str, dict[str, Any]]
_ENDED = {"ended": True}
_ENDING = (Kind.CHECK, Kind.COMPONENT, Kind.WINDOW, Kind.VANTAGE)


def entries_for(settings: Settings, book: Book) -> Iterator[Wanted]:
    """The entries after which *book* matches *settings*: renames first, ends last, no repetition."""
    if not book.version:
        yield Kind.GENESIS, "threenines", {"format": 1}
    carried = {was for _, was in _renames(settings, book)}
    for key, was in _renames(settings, book):
        yield Kind.RENAME, key, {"was": was}
    wanted = {(kind, subject): body for kind, subject, body in _terms(settings)}
    for (kind, subject), body in wanted.items():
        if book.bodies.get((kind, subject)) != body:
            yield kind, subject, body
    for (word, subject), body in list(book.bodies.items()):
        gone = (word, subject) not in wanted and subject.split("/")[0] not in carried
        if gone and word in _ENDING and not body.get("ended"):
            yield Kind(word), subject, _ENDED


def _renames(settings: Settings, book: Book) -> list[tuple[str, str]]:
    return [
        (c.key, c.was)
        for c in settings.components.values()
        if c.was is not None and c.was in book.components and not book.lives(c.key)
    ]


def _terms(settings: Settings) -> Iterator[Wanted]:
    yield Kind.TERMS, "service", terms.service_body(settings.service)
    for vantage in settings.vantages.values():
        yield Kind.VANTAGE, vantage.name, terms.vantage_body(vantage)
    for component in settings.components.values():
        yield Kind.COMPONENT, component.key, terms.component_body(component)
    for check in settings.checks.values():
        yield Kind.CHECK, check.name, terms.check_body(check)
    for window in settings.windows.values():
        yield Kind.WINDOW, window.name, terms.window_body(window)
