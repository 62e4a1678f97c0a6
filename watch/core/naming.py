"""Which component is which, whatever it is called.

A key is what the configuration calls a component now. Its *origin* is what stands for it for ever: its first key; if
another component had that key before, with its birth. Ids that outsiders keep are made of origins.

A component that takes over a key which another once had carries its own history there. The other one's history stays
its own: it is kept under its key and its birth (``web@1767225600000``), where nobody looks for the new one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from watch.core.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.core.darkness import Dark
    from watch.core.marks import Mark
    from watch.core.recorded_terms import Body, CheckTerms, ComponentTerms
    from watch.core.window import Window


class Renamed(Protocol):
    """What a book has by name."""

    marks: dict[str, dict[str, list[Mark]]]
    darks: dict[str, list[Dark]]
    checks: dict[str, list[tuple[int, CheckTerms | None]]]
    components: dict[str, list[tuple[int, ComponentTerms | None]]]
    windows: dict[str, list[tuple[int, Window | None]]]
    bodies: dict[tuple[str, str], Body]


class Naming:
    """Origins and births by key.

    Attributes:
        origins: By the key of today.
        taken: All origins that there ever were.
        born_ms: When the component of that key began.
    """

    def __init__(self) -> None:
        self.origins: dict[str, str] = {}
        self.taken: set[str] = set()
        self.born_ms: dict[str, int] = {}

    def begin(self, key: str, born_ms: int) -> None:
        """Let a new component *key* have an origin that no other ever had; one that is known keeps its own."""
        if key not in self.origins:
            self.origins[key] = f"{key}@{born_ms}" if key in self.taken else key
            self.taken.add(self.origins[key])
            self.born_ms[key] = born_ms

    def carry_on(self, book: Renamed, key: str, was: str) -> None:
        """Let *key* carry on what *was* has in *book*: its eras, and its checks' marks under their new names."""
        if was not in book.components:
            return
        if key in book.components:
            self._move(book, key, f"{key}@{self.born_ms.get(key, 0)}")
        self._move(book, was, key)

    def _move(self, book: Renamed, was: str, key: str) -> None:
        self.origins[key] = self.origins.pop(was, was)
        self.taken.add(self.origins[key])
        if was in self.born_ms:
            self.born_ms[key] = self.born_ms.pop(was)
        if was in book.components:
            book.components[key] = book.components.pop(was)
        if (Kind.COMPONENT, was) in book.bodies:
            book.bodies[Kind.COMPONENT, key] = book.bodies.pop((Kind.COMPONENT, was))
        names = {old: key + old[len(was) :] for old in book.checks if old.startswith(f"{was}/")}
        for old, new in names.items():
            book.checks[new] = [(at, c and replace(c, component=key)) for at, c in book.checks.pop(old)]
            if (Kind.CHECK, old) in book.bodies:
                body = book.bodies.pop((Kind.CHECK, old))
                book.bodies[Kind.CHECK, new] = body if body.get("ended") else {**body, "component": key}
            if old in book.marks:
                book.marks[new] = book.marks.pop(old)
        for darks in book.darks.values():
            for dark in darks:
                dark.rename(names)
        _respell(book, lambda name: key if name == was else names.get(name, name))


def _respell(book: Renamed, spelled: Callable[[str], str]) -> None:
    """Spell names anew wherever terms name them as a member or a window's component."""
    for (kind, subject), body in book.bodies.items():
        for part in ("members", "components"):
            if part in body:
                book.bodies[kind, subject] = {**body, part: [spelled(name) for name in body[part]]}
    for key, parts in book.components.items():
        book.components[key] = [
            (at, c and replace(c, members=tuple(map(spelled, c.members)))) for at, c in parts
        ]
    for name, versions in book.windows.items():
        book.windows[name] = [
            (at, w and replace(w, components=tuple(map(spelled, w.components)))) for at, w in versions
        ]
