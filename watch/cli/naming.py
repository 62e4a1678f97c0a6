"""Components as people name them on the command line: by key, or by the name that they read on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def component_named(word: str, names: Mapping[str, str]) -> str | None:
    """The key of the component that *word* names; None when it names none. A key goes before a name.

    Args:
        names: The name of each component, by key.

    Raises:
        UsageError: Several components have this name.
    """
    if word in names:
        return word
    for alike in (str, str.casefold):
        keys = [key for key, name in names.items() if alike(name) == alike(word)]
        if len(keys) > 1:
            raise click.UsageError(
                f"{len(keys)} components are called {word!r}; write one of the keys {_listed(keys)}"
            )
        if keys:
            return keys[0]
    return None


def no_component(word: str, what: str, known: Iterable[str]) -> click.UsageError:
    """The mistake that *word* is no *what*, like ``component {} on record``, with the nearest of *known*."""
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), folded, 1)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "; `threenines status` lists them"
    return click.UsageError(f"there is no {what.format(repr(word))}{hint}")


def _listed(keys: list[str]) -> str:
    return f"{', '.join(map(repr, keys[:-1]))} and {keys[-1]!r}"
