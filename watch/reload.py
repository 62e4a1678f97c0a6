"""Detection of changes in the configuration's files.

Files are checked once a second, and read only after a second without changes: an editor may write a file in several
steps, or replace it with a new one.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from watch.config import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watch.config import Loaded

_LOOK = 1.0  # seconds
_YAML = (".yaml", ".yml")
Mark = tuple[int | str, ...] | None


def read_to_run(path: Path, now_ms: int) -> Loaded:
    """The configuration at *path* as a hub runs it; ConfigError with every mistake."""
    return load(path, environ=os.environ, now_ms=now_ms, channels=True)


class Watched:
    """Files, and their marks when they were last read. A folder is watched for its list of files too."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._touched = asyncio.Event()
        self.follow(files, {})

    def follow(self, files: Sequence[Path], before: Mapping[Path, Mark]) -> None:
        """Watch *files*, which were read after their marks were *before*: a later change is a change."""
        self._files, self._folders = tuple(files), tuple(sorted({file.parent for file in files}))
        self._seen = {**self.look(), **{path: mark for path, mark in before.items() if path in self._paths}}

    @property
    def _paths(self) -> set[Path]:
        return {*self._files, *self._folders}

    def look(self) -> dict[Path, Mark]:
        """The marks of the files and folders now."""
        files: dict[Path, Mark] = {file: _mark(file) for file in self._files}
        return files | {folder: _names(folder) for folder in self._folders}

    def touch(self) -> None:
        """Treat them as changed (SIGHUP)."""
        self._touched.set()

    async def changed(self) -> None:
        """Return when they have changed and then stayed unchanged, or at once when touched."""
        while not self._touched.is_set():
            if await self._rested(self.look()):
                return
        self._touched.clear()
        self._seen = self.look()

    async def _rested(self, now: dict[Path, Mark]) -> bool:
        """Wait for the next look; whether *now* differs from what was seen and has stayed so since."""
        try:
            async with asyncio.timeout(_LOOK):
                await self._touched.wait()
        except TimeoutError:
            pass
        if now == self._seen or now != self.look():
            return False
        self._seen = now
        return True


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
