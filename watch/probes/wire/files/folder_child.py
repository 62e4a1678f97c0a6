"""The program that looks at files for the kind `file`, as a process of its own.

A file system that hangs (NFS without its server) blocks the process that reads it, beyond any timeout; only a
separate process can be left behind. This one is started as a script and uses only the standard library. It
reads a question as JSON from stdin, and writes the answer, or the error, to stdout.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watch.probes.wire.files.folder_facts import (
        SAMPLE,
        File,
        middle_of,
        newest,
        sealed,
        summed,
        to_hash,
        unlike,
    )
else:
    # From this folder, as a top-level module: the package would import asyncio.
    sys.path.append(os.path.dirname(__file__))  # noqa: PTH120 - pathlib takes a third of the time
    from folder_facts import SAMPLE, File, middle_of, newest, sealed, summed, to_hash, unlike

T = TypeVar("T")
_MOST = 100_000  # files


class Blocked(Exception):  # noqa: N818 - told, not handled
    """The errno, and the path."""

    def __init__(self, code: int, path: str) -> None:
        super().__init__(code)
        self.code, self.path = code, path


def main() -> None:
    os.nice(10)  # other work on this machine comes first
    asked, answer = json.load(sys.stdin), dict[str, Any]()
    try:
        answer = _answered(asked)
    except Blocked as blocked:
        answer = {"code": blocked.code, "path": blocked.path}
    json.dump(answer, sys.stdout)


def _answered(asked: dict[str, Any]) -> dict[str, Any]:
    if "blocks" in asked:
        return _blocks(**asked["blocks"])
    if "list" in asked:
        return {"listed": [_listed(**one) for one in asked["list"]]}
    if "digests" in asked:
        return {"digests": [_hash(path) for path in asked["digests"]]}
    return _told(asked)


def _told(asked: dict[str, Any]) -> dict[str, Any]:
    told = [_looked(one, asked["hash"], asked["since"]) for one in asked["look"]]
    return {"told": told, "room": _room(asked["room"])}


def _listed(folder: str, parts: Sequence[str], only: str | None, most: int) -> list[File]:
    """Return the files, for a comparison elsewhere; if *folder* is a folder, only the file named *only*."""
    files = list(_files(folder if only is None else _inside(folder, only), parts))
    if len(files) > most:
        raise Blocked(errno.E2BIG, folder)
    return files


def _blocks(path: str, places: Sequence[int], length: int) -> dict[str, Any]:
    """Return the size of a file or device, and the digests of its content at some places."""

    def read() -> dict[str, Any]:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - a third of the time of pathlib
            size = stream.seek(0, os.SEEK_END)
            found = (os.pread(stream.fileno(), length, place) for place in places)
            return {"size": size, "digests": [hashlib.sha256(data).hexdigest() for data in found]}

    return _tried(read, path)


def _looked(asked: dict[str, Any], hashed: str, since: float) -> dict[str, Any]:
    """Return the facts for one pattern; *hashed*: whose content is compared, `all`, `newest` or `none`."""
    files = list(_files(asked["folder"], asked["parts"]))
    answer = summed(files, since)
    if files:
        answer |= _seal(newest(files))
    if asked["compare"] is not None:
        answer |= _compared(files, list(_files(_other(asked), asked["parts"])), hashed)
    return answer


def _files(folder: str, parts: Sequence[str]) -> Iterator[File]:
    """Yield the regular files below *folder* that match the pattern *parts*; without a pattern all of them.

    A *folder* that is a file is that file.
    """
    found = _tried(lambda: os.stat(folder), folder)  # noqa: PTH116 - a third of the time of pathlib
    if stat.S_ISREG(found.st_mode):
        return iter([File(os.path.basename(folder), folder, found.st_size, found.st_mtime)])  # noqa: PTH119 - as above
    if parts:
        return _found(folder, parts, "", hidden=False)
    return _found(folder, ("**", "*"), "", hidden=True)


def _other(asked: dict[str, Any]) -> str:
    """Return the path to compare with: for a single file, the file of the same name in the other folder."""
    folder, other = asked["folder"], str(asked["compare"])
    if not asked["parts"] and os.path.isfile(folder):  # noqa: PTH113 - as above
        return _inside(other, os.path.basename(folder))  # noqa: PTH119 - as above
    return other


def _inside(folder: str, name: str) -> str:
    """Return *name* in *folder*; if *folder* is not a folder, itself."""
    return os.path.join(folder, name) if os.path.isdir(folder) else folder  # noqa: PTH112, PTH118 - as above


def _found(folder: str, parts: Sequence[str], above: str, *, hidden: bool) -> Iterator[File]:
    wanted, rest = parts[0], parts[1:]
    if wanted == "**":
        yield from _found(folder, rest, above, hidden=hidden)
    for entry in _entries(folder):
        if entry.name.startswith(".") and not hidden and not wanted.startswith("."):
            continue
        name = above + entry.name
        if wanted == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _found(entry.path, parts, f"{name}/", hidden=hidden)
        elif fnmatchcase(entry.name, wanted):
            if rest and entry.is_dir():
                yield from _found(entry.path, rest, f"{name}/", hidden=hidden)
            elif not rest:
                yield from _file(entry, name)


_seen = 0


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    global _seen  # noqa: PLW0603 - a program that looks once
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                _seen += 1
                if _seen > 4 * _MOST:
                    raise Blocked(errno.E2BIG, folder)
                yield entry
    except OSError as error:
        raise Blocked(error.errno or errno.EIO, folder) from error


def _file(entry: os.DirEntry[str], name: str) -> Iterator[File]:
    try:
        if entry.is_file():
            found = entry.stat()
            yield File(name, entry.path, found.st_size, found.st_mtime)
    except FileNotFoundError:  # rotated away meanwhile
        return
    except OSError as error:
        raise Blocked(error.errno or errno.EIO, entry.path) from error


def _seal(file: File) -> dict[str, Any]:
    """Return whether a file looks encrypted, the format in its header, and its entropy."""

    def read() -> tuple[bytes, bytes]:
        with open(file.path, "rb") as stream:  # noqa: PTH123 - as above
            head = stream.read(SAMPLE)
            if (middle := middle_of(file.size)) is None:
                return head, head
            stream.seek(middle)
            return head, stream.read(SAMPLE)

    return sealed(*_tried(read, file.path))


def _compared(here: list[File], there: list[File], hashed: str) -> dict[str, Any]:
    """Return the first difference in name, size or content, and how much was compared."""
    if found := unlike(here, there):
        return {"different": found}
    for one, other in to_hash(here, there, hashed):
        if _hash(one.path) != _hash(other.path):
            return {"different": f"{one.name}: different content"}
    return {"different": "", "compared": len(here)}


def _hash(path: str) -> str:
    def read() -> str:
        digest = hashlib.sha256()
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    return _tried(read, path)


def _room(folder: str) -> dict[str, int]:
    """Return how much space the file system of *folder* has for users other than root."""
    found = _tried(lambda: os.statvfs(folder), folder)
    return {
        "available": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "inodes": found.f_favail,
        "inodes_total": found.f_files,
    }


def _tried(act: Callable[[], T], path: str) -> T:
    try:
        return act()
    except OSError as error:
        raise Blocked(error.errno or errno.EIO, path) from error


if __name__ == "__main__":
    main()
