"""The identity of components across renames.

A key is the current name of a component in the configuration. Its *origin* identifies it permanently: its first key,
with its birth when another component had that key before. Ids that are given to outsiders are made of origins.

A component that takes a key which another one once had keeps its own history under it. The history of the other one
is kept under that key with its birth (``web@1767225600000``), apart from the new one's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from watch.core.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watch.core.darkness import Dark
    from watch.core.marks import Mark
    from watch.core.recorded_terms import Body, CheckTerms, ComponentTerms
    from watch.core.window import Window


class Renamed(Protocol):
    """The parts of a book that contain names."""

    marks: dict[str, dict[str, list[Mark]]]
    darks: dict[str, list[Dark]]
    checks: dict[str, list[tuple[int, CheckTerms | None]]]
    components: dict[str, list[tuple[int, ComponentTerms | None]]]
    windows: dict[str, list[tuple[int, Window | None]]]
    bodies: dict[tuple[str, str], Body]


class Naming:
    """Origins and births by key.

    Attributes:
        origins: By current key.
        taken: All origins ever used.
        born_ms: By current key, when the component began.
    """

    def __init__(self) -> None:
        self.origins: dict[str, str] = {}
        self.taken: set[str] = set()
        self.born_ms: dict[str, int] = {}

    def begin(self, key: str, born_ms: int) -> None:
        """Give a new component *key* an origin that was never used; a known component keeps its origin."""
        if key not in self.origins:
            self.origins[key] = f"{key}@{born_ms}" if key in self.taken else key
            self.taken.add(self.origins[key])
            self.born_ms[key] = born_ms

    def carry_on(self, book: Renamed, key: str, was: str) -> None:
        """Move what *book* has of *was* to *key*: its eras, and its checks' marks under their new names."""
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
        _respell(book, {was: key, **names})


def _respell(book: Renamed, names: Mapping[str, str]) -> None:
    """Replace names wherever terms have them as a member or as a component of a window."""

    def spelled(some: Iterable[str]) -> list[str]:
        return [names.get(name, name) for name in some]

    for (kind, subject), body in book.bodies.items():
        for part in ("members", "components"):
            if part in body and not names.keys().isdisjoint(body[part]):
                book.bodies[kind, subject] = {**body, part: spelled(body[part])}
    for key, parts in book.components.items():
        if any(c is not None and not names.keys().isdisjoint(c.members) for _, c in parts):
            book.components[key] = [
                (at, c and replace(c, members=tuple(spelled(c.members)))) for at, c in parts
            ]
    for name, versions in book.windows.items():
        book.windows[name] = [
            (at, w and replace(w, components=tuple(spelled(w.components)))) for at, w in versions
        ]
