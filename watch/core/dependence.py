"""What components depend on, and the checks that they come down to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.settings import Settings


def all_above(key: str, needing: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """All that *key* depends on, directly or not."""
    seen, todo = {key}, [*needing.get(key, ())]
    while todo:
        cause = todo.pop()
        if cause not in seen:
            seen.add(cause)
            todo += needing.get(cause, ())
            yield cause


def leaves(settings: Settings, keys: Iterable[str]) -> frozenset[str]:
    """The checks of components, and of all that these contain."""
    seen: set[str] = set()
    found: set[str] = set()
    todo = [*keys]
    while todo:
        key = todo.pop()
        if "/" in key:
            found.add(key)
        elif key not in seen:
            seen.add(key)
            todo += settings.components[key].members
    return frozenset(found)
