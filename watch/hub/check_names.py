"""Checks whose components have other keys: what is known of them goes on under their new names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
Key = tuple[str, str]


def renamed_key(key: Key, parts: Mapping[str, str]) -> Key | None:
    """The new form of *key* (check, vantage point), if *parts* renames its component (former key → new key)."""
    component, _, rest = key[0].partition("/")
    return (f"{parts[component]}/{rest}", key[1]) if component in parts else None


def move(known: dict[Key, T], keys: Mapping[Key, Key]) -> None:
    """Keep in *known* under new keys what it has under former ones; all at once, for they may change places."""
    known.update({new: known.pop(old) for old, new in keys.items() if old in known})
