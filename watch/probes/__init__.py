"""The kinds of probes: one file a kind, named after it, found automatically."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.ports import Probe


@cache
def kinds() -> tuple[str, ...]:
    """The names of all kinds, without importing one: a file here, or a plug-in's entry point."""
    # Every file is a kind, except base.py. What kinds share is in the folder wire.
    own = {m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg and m.name != "base"}
    return tuple(sorted(own | {plugin.name for plugin in entry_points(group="watch.probes")}))


@cache
def of_kind(kind: str) -> type[Probe]:
    """The class of *kind*, imported now if it was not; KeyError when there is none."""
    from watch.probes.base import registry  # noqa: PLC0415 - the registry fills while we load

    if kind not in kinds():
        raise KeyError(kind)
    for plugin in entry_points(group="watch.probes", name=kind):
        plugin.load()
    if kind not in registry:
        importlib.import_module(f"{__name__}.{kind}")
    return registry[kind]


def load() -> Mapping[str, type[Probe]]:
    """All probe kinds by name."""
    return {kind: of_kind(kind) for kind in kinds()}
