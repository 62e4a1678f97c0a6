"""Which files a configuration consists of; light, for verbs that need to know no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.ports import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 2 * 1024 * 1024
MOST_FILES = 200


def files(path: Path) -> tuple[Path, ...]:
    """The file *path*, or the folder's ``*.yaml`` and ``*.yml`` files sorted by name.

    Raises:
        ConfigError: There is no file to read.
    """
    try:
        if not path.exists():
            raise ConfigError(f"{path} does not exist: run `threenines init` to write a small configuration")
        if not path.is_dir():
            return (path,)
        found = sorted(p for p in path.iterdir() if p.suffix in {".yaml", ".yml"} and p.name[0] != ".")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if not found:
        raise ConfigError(f"{path} is a folder without a *.yaml file: put the configuration into it")
    if len(found) > MOST_FILES:
        raise ConfigError(f"{path} holds {len(found)} *.yaml files: at most {MOST_FILES} are allowed")
    return tuple(found)
