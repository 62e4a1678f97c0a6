"""Detection of changes in the configuration's files, and the difference between two settings.

Files are checked once a second, and read only after a second without changes: an editor may write a file in several
steps, or replace it with a new one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watch.core.settings import Settings

_LOOK = 1.0  # seconds
_YAML = (".yaml", ".yml")
Mark = tuple[int | str, ...] | None


class Watched:
    """Watched files, with their state when last seen. The list of files in their folders is watched, too."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files, self._folders = tuple(files), tuple(sorted({file.parent for file in files}))
        self._seen = self._marks()
        self._touched = asyncio.Event()

    def touch(self) -> None:
        """Treat them as changed (SIGHUP)."""
        self._touched.set()

    async def changed(self) -> None:
        """Return when they have changed and then stayed unchanged, or at once when touched."""
        while not self._touched.is_set():
            if await self._rested(self._marks()):
                return
        self._touched.clear()
        self._seen = self._marks()

    async def _rested(self, now: tuple[Mark, ...]) -> bool:
        """Wait a second; return whether *now* differs from the last state and is still current."""
        try:
            async with asyncio.timeout(_LOOK):
                await self._touched.wait()
        except TimeoutError:
            pass
        if now == self._seen or now != self._marks():
            return False
        self._seen = now
        return True

    def _marks(self) -> tuple[Mark, ...]:
        return *(_mark(file) for file in self._files), *(_names(folder) for folder in self._folders)


def _mark(file: Path) -> Mark:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _names(folder: Path) -> Mark:
    """The YAML files in *folder*; when the configuration is a folder, an added file is part of it."""
    try:
        return tuple(sorted(file.name for file in folder.iterdir() if file.suffix in _YAML))
    except OSError:
        return None


def difference(old: Settings, new: Settings) -> dict[str, list[str]]:
    """The differences of *new* from *old*: things added, removed and changed, by name, and other changed keys."""
    found: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    for kind in _NAMED:
        before, after = getattr(old, kind), getattr(new, kind)
        word = kind.rstrip("s")
        found["added"] += [f"{word} {name}" for name in after.keys() - before.keys()]
        found["removed"] += [f"{word} {name}" for name in before.keys() - after.keys()]
        found["changed"] += [f"{word} {n}" for n in after.keys() & before.keys() if after[n] != before[n]]
    found["changed"] += [name for name in _WHOLE if getattr(old, name) != getattr(new, name)]
    return {what: sorted(names) for what, names in found.items()}


_NAMED = ("components", "checks", "windows", "vantages", "people", "escalations")
_WHOLE = ("service", "alerts", "alerting", "catch_all", "page", "retention")
