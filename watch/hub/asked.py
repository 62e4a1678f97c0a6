"""The vantage points of each check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.core.settings import Settings


def asked_from(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The vantage points that run each check, by check, in the file's order."""
    found: dict[str, list[str]] = {name: [] for name in settings.checks}
    for vantage in settings.vantages.values():
        for check in settings.asked_from(vantage):
            found[check.name].append(vantage.name)
    return {name: tuple(vantages) for name, vantages in found.items()}
