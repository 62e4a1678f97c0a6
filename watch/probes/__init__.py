"""The kinds of probes: one file a kind, named after it, found automatically.

A plug-in package names its kinds as entry points of the group ``watch.probes``. Its mistakes are its own: they stop
no other kind, and a message about one names the package.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint, EntryPoints

    from watch.ports import Probe


_GROUP = "watch.probes"


class PluginFault(Exception):  # noqa: N818 - it is the package's, not ours
    """A kind of a plug-in package cannot be used: *package* is to blame, and the text says why."""

    def __init__(self, package: str, why: str) -> None:
        super().__init__(why)
        self.package = package


@cache
def own_kinds() -> frozenset[str]:
    """The names of the kinds in this folder: every file is one, except base.py. What kinds share is in `wire`."""
    return frozenset(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg and m.name != "base")


@cache
def kinds() -> tuple[str, ...]:
    """The names of all kinds, without importing one: a file here, or a plug-in's entry point."""
    return tuple(sorted(own_kinds() | {plugin.name for plugin in _plugins()}))


def is_kind(name: str) -> bool:
    """Whether there is a kind of that name. Plug-ins are looked for only when it is none of our own."""
    return name in own_kinds() or name in kinds()


@cache
def package_of(kind: str) -> str | None:
    """The package that *kind* comes from; None for a kind of our own."""
    if kind in own_kinds():
        return None
    packages = [_package(plugin) for plugin in _plugins(kind)]
    return " and ".join(dict.fromkeys(packages)) or None


@cache
def of_kind(kind: str) -> type[Probe]:
    """The class of *kind*, imported now if it was not.

    Raises:
        KeyError: There is no such kind.
        ImportError: A library that it needs is not installed.
        PluginFault: It is a plug-in's, and cannot be used for another reason.
    """
    from watch.probes.base import registry  # noqa: PLC0415 - the registry fills while we load

    if not is_kind(kind):
        raise KeyError(kind)
    if kind in own_kinds():
        importlib.import_module(f"{__name__}.{kind}")
    else:
        _plug_in(kind, registry)
    return registry[kind]


def _plug_in(kind: str, registry: dict[str, type[Probe]]) -> None:
    """Import the plug-in that has *kind*; what it registered is taken back when it cannot be used."""
    plugins = tuple(_plugins(kind))
    package = package_of(kind) or ""
    if len({plugin.value for plugin in plugins}) > 1:
        raise PluginFault(package, "several packages have this kind; uninstall all but one")
    before = dict(registry)
    try:
        plugins[0].load()
        _refuse_claims(kind, registry, before)
    except BaseException as error:
        registry.clear()
        registry.update(before)
        outside = isinstance(error, ModuleNotFoundError) and error.name != plugins[0].module
        if outside or not isinstance(error, Exception | SystemExit):
            raise
        raise PluginFault(package, _worded(error)) from error


def _refuse_claims(kind: str, registry: dict[str, type[Probe]], before: dict[str, type[Probe]]) -> None:
    for claimed in registry.keys() & own_kinds() - before.keys():
        if not registry[claimed].__module__.startswith(f"{__name__}."):
            raise ValueError(f"it claims the kind {claimed!r}, which is one of Threenines' own")
    if kind not in registry:
        raise ValueError(f"its entry point registers no kind {kind!r}")


def _plugins(kind: str | None = None) -> EntryPoints:
    """The entry points of all plug-ins, or those that have *kind*."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 modules, which kinds of our own do not need

    found = entry_points(group=_GROUP)
    return found if kind is None else found.select(name=kind)


def _package(plugin: EntryPoint) -> str:
    return plugin.dist.name if plugin.dist is not None else plugin.value.partition(":")[0]


def _worded(error: BaseException) -> str:
    name = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return f"{name}{error}"


def load() -> Mapping[str, type[Probe]]:
    """All probe kinds by name."""
    return {kind: of_kind(kind) for kind in kinds()}
