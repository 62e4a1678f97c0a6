"""The entries that a configuration adds to the ledger: terms that affect figures, when they begin, change and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.core import recorded_terms as terms
from watch.core.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.core.book import Book
    from watch.core.settings import Component, Settings

Wanted = tuple[Kind, str, dict[str, Any]]
Subject = tuple[Kind, str]
ENDED = {"ended": True}
_NONE: Mapping[str, dict[str, Any]] = {}
_ENDING = (Kind.CHECK, Kind.COMPONENT, Kind.WINDOW, Kind.VANTAGE)


def entries_for(settings: Settings, book: Book) -> Iterator[Wanted]:
    """The entries after which *book* matches *settings*: renames first, ends last, no repetition."""
    wanted = {(kind, subject): body for kind, subject, body in terms_of(settings)}
    yield from rename_entries(renames(settings, book), book)
    for found in changed_terms(wanted, book):
        if found is not None:
            yield found
    for gone in ended_subjects(wanted, book):
        if gone is not None:
            yield *gone, ENDED


def renames(settings: Settings, book: Book) -> dict[str, str]:
    """The components to rename, all at once: former key → new key.

    A component whose key is taken, and which gets no new one, moves to its key with the instant of its birth.
    """
    found = {
        c.was: c.key for c in settings.components.values() if c.was is not None and _moves(c, settings, book)
    }
    aside = {key: _aside(key, book) for key in found.values() if key in book.components and key not in found}
    return found | aside


def _moves(component: Component, settings: Settings, book: Book) -> bool:
    """Whether *component* takes over the history of its former key now. `was` stays in the file, but counts once."""
    key, was = component.key, component.was
    assert was is not None
    if was not in book.components:
        return False
    if was in settings.components:  # they change places; the terms on record say whether they already have
        return book.bodies.get((Kind.COMPONENT, key), {}).get("was") != was
    return book.lives(was) or not book.lives(key)


def _aside(key: str, book: Book) -> str:
    return f"{key}@{book.naming.born_ms.get(key, 0)}"


def rename_entries(parts: Mapping[str, str], book: Book) -> Iterator[Wanted]:
    """The entries for the renames *parts*. Record each before the next is asked for: *book* must know it."""
    at: dict[str, str] = {}  # former keys whose history had to make room, and where it is
    for was, key in parts.items():
        if "@" in key:
            continue  # the entry for the component that takes its key moves it
        if key in book.components:
            at[key] = _aside(key, book)
        yield Kind.RENAME, key, {"was": at.get(was, was)}


def changed_terms(wanted: Mapping[Subject, dict[str, Any]], book: Book) -> Iterator[Wanted | None]:
    """The entries for terms that *book* does not have so; None for each that it has."""
    if not book.version:
        yield Kind.GENESIS, "threenines", {"format": 1}
    for (kind, subject), body in wanted.items():
        yield None if book.bodies.get((kind, subject)) == body else (kind, subject, body)


def ended_subjects(wanted: Mapping[Subject, dict[str, Any]], book: Book) -> Iterator[Subject | None]:
    """What *book* has terms of, but *wanted* has not; None for everything else."""
    for (word, subject), body in list(book.bodies.items()):
        gone = (word, subject) not in wanted and word in _ENDING and not body.get("ended")
        yield (Kind(word), subject) if gone else None


def terms_of(settings: Settings, known: Mapping[str, dict[str, Any]] = _NONE) -> Iterator[Wanted]:
    """All terms of *settings*. *known*: the bodies of some checks by name."""
    yield Kind.TERMS, "service", terms.service_body(settings.service)
    for vantage in settings.vantages.values():
        yield Kind.VANTAGE, vantage.name, terms.vantage_body(vantage)
    for component in settings.components.values():
        body = terms.component_body(component)
        swapped = component.was in settings.components
        yield Kind.COMPONENT, component.key, body | {"was": component.was} if swapped else body
    for check in settings.checks.values():
        yield Kind.CHECK, check.name, known.get(check.name) or terms.check_body(check)
    for window in settings.windows.values():
        yield Kind.WINDOW, window.name, terms.window_body(window)
