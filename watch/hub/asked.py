"""From where each check is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.core.settings import Settings


def asked_from(settings: Settings) -> dict[str, tuple[str, ...]]:
    """By check, the vantage points that are to ask it, in the file's order."""
    found: dict[str, list[str]] = {name: [] for name in settings.checks}
    for vantage in settings.vantages.values():
        for check in settings.asked_from(vantage):
            found[check.name].append(vantage.name)
    return {name: tuple(vantages) for name, vantages in found.items()}
