"""Which files a configuration consists of; light, for verbs that need to know no more."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from watch.errors import ConfigError
from watch.stores.owner import as_owner, foreign, owner_of

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
            raise ConfigError(
                f"{path} does not exist: name the configuration with `--config` or THREENINES_CONFIG, or run "
                "`threenines init` to write a small one"
            )
        if not path.is_dir():
            return (path,)
        found = sorted(p for p in path.iterdir() if p.suffix in {".yaml", ".yml"} and p.name[0] != ".")
    except OSError as error:
        raise ConfigError(unreadable(path, error)) from None
    if not found:
        raise ConfigError(f"{path} is a folder without a *.yaml file: put the configuration into it")
    if len(found) > MOST_FILES:
        raise ConfigError(f"{path} holds {len(found)} *.yaml files: at most {MOST_FILES} are allowed")
    return tuple(found)


def unreadable(path: Path, error: OSError) -> str:
    """Why *path* cannot be read, and whose it is when that is why."""
    if isinstance(error, PermissionError) and foreign(path) is not None:
        owner = owner_of(path)
        return f"{path} belongs to {owner}, and this user may not read it: run this as {owner}, {as_owner(owner)}"
    return f"{path} cannot be read: {error.strerror}"


class NotPlain(ValueError):  # noqa: N818 - it names what the path is
    """What a path names is no file that can simply be read; the text says what it is."""


_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def plain_bytes(path: Path, most: int) -> bytes:
    """The content of the plain file at *path*. It never waits, as a pipe would, and opens no device.

    Raises:
        NotPlain: It is something else, or holds more than *most* bytes.
        OSError: It cannot be read.
    """
    _refuse(path.stat().st_mode)
    # It may be another one by now, and a file of the kernel may wait for an event: so do not wait, and look again.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _refuse(os.fstat(number).st_mode)
        content = bytearray()
        while len(content) <= most and (piece := os.read(number, most + 1 - len(content))):
            content += piece
    finally:
        os.close(number)
    if len(content) > most:
        size = f"{most >> 20} MiB" if most >> 20 else f"{most >> 10} KiB"
        raise NotPlain(f"it is larger than {size}")
    return bytes(content)


def _refuse(mode: int) -> None:
    if not stat.S_ISREG(mode):
        what = next((name for test, name in _KINDS if test(mode)), "something else")
        raise NotPlain(f"it is {what}, not a file")
