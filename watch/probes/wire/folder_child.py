"""The program that looks at files for the kind `file`, in a process of its own.

A file system that hangs (NFS without its server) holds whoever asks it, for ever and beyond any timeout: only a
process can be left behind. This one is started as a script and knows the standard library only. It reads a
question as JSON from its input, and writes the answer, or what stood in its way, to its output.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
_MOST = 100_000  # files
_SAMPLE = 64 << 10
_ENOUGH = 256  # bytes: with fewer, entropy says nothing
_RANDOM = 7.9  # bits a byte, of 64 KiB; compressed files have as much, and are known by their header
_DATE = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")
_SEALED = (
    (b"age-encryption.org/", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "OpenPGP"),
    (b"Salted__", "OpenSSL"),
    (b"LUKS\xba\xbe", "LUKS"),
)
_PLAIN = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89LZO\0", "lzop"),
    (b"Rar!\x1a\x07", "rar"),
    (b"SQLite format 3\0", "SQLite"),
    (b"PGDMP", "pg_dump"),
    (b"%PDF", "PDF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
)
# OpenPGP's first packet: a key, or a password, that opens the rest (RFC 9580, 5.1 and 5.3).
_OPENPGP = frozenset((0x84, 0x85, 0x86, 0x8C, 0x8D, 0x8E, 0xC1, 0xC3))


class Blocked(Exception):  # noqa: N818 - told, not handled
    """What stood in the way, and where."""

    def __init__(self, code: int, path: str) -> None:
        super().__init__(code)
        self.code, self.path = code, path


class File(NamedTuple):
    """A file. *name*: below the folder that was looked at."""

    name: str
    path: str
    size: int
    written: float


def main() -> None:
    os.nice(10)  # others' work on this machine goes first
    asked, answer = json.load(sys.stdin), dict[str, Any]()
    try:
        answer = _blocks(**asked["blocks"]) if "blocks" in asked else _told(asked)
    except Blocked as blocked:
        answer = {"code": blocked.code, "path": blocked.path}
    json.dump(answer, sys.stdout)


def _told(asked: dict[str, Any]) -> dict[str, Any]:
    told = [_looked(one, asked["hash"], asked["since"]) for one in asked["look"]]
    return {"told": told, "room": _room(asked["look"][0]["folder"])}


def _blocks(path: str, places: Sequence[int], length: int) -> dict[str, Any]:
    """Return how large a file or a device is, and the digests of what is in some places of it."""

    def read() -> dict[str, Any]:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - a third of the time of pathlib
            size = stream.seek(0, os.SEEK_END)
            found = (os.pread(stream.fileno(), length, place) for place in places)
            return {"size": size, "digests": [hashlib.sha256(data).hexdigest() for data in found]}

    return _tried(read, path)


def _looked(asked: dict[str, Any], hashed: str, since: float) -> dict[str, Any]:
    """Return what one pattern finds; *hashed*: whose content is compared, `all`, `newest` or `none`."""
    files = list(_files(asked["folder"], asked["parts"]))
    answer: dict[str, Any] = {"count": len(files), "size": sum(file.size for file in files)}
    if files:
        newest = max(files, key=lambda file: (file.written, file.name))
        answer["newest"] = {"name": newest.name, "size": newest.size, "written": newest.written}
        answer |= _seal(newest)
    recent = [file for file in files if file.written >= since]
    # All offsets of time zones are whole quarters of an hour: the days are made of these elsewhere.
    answer["quarters"] = sorted({int(file.written // 900) for file in recent})
    dates = (_DATE.search(file.name) for file in files)
    answer["dates"] = sorted({"-".join(date.groups()) for date in dates if date})[-1000:]
    if asked["compare"] is not None:
        answer |= _compared(files, list(_files(_other(asked), asked["parts"])), hashed)
    return answer


def _files(folder: str, parts: Sequence[str]) -> Iterator[File]:
    """Yield the regular files below *folder* that fit the pattern *parts*; without one all of them.

    A *folder* that is a file is that file.
    """
    found = _tried(lambda: os.stat(folder), folder)  # noqa: PTH116 - a third of the time of pathlib
    if stat.S_ISREG(found.st_mode):
        return iter([File(os.path.basename(folder), folder, found.st_size, found.st_mtime)])  # noqa: PTH119 - as above
    if parts:
        return _found(folder, parts, "", hidden=False)
    return _found(folder, ("**", "*"), "", hidden=True)


def _other(asked: dict[str, Any]) -> str:
    """Return what the files are compared with: for a single file, the one of its name in the other folder."""
    folder, other = asked["folder"], str(asked["compare"])
    if not asked["parts"] and os.path.isfile(folder) and os.path.isdir(other):  # noqa: PTH112, PTH113 - as above
        return os.path.join(other, os.path.basename(folder))  # noqa: PTH118, PTH119 - as above
    return other


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
    """Return whether a file looks encrypted, what its header says it is, and how random it is."""

    def read() -> tuple[bytes, bytes]:
        with open(file.path, "rb") as stream:  # noqa: PTH123 - as above
            head = stream.read(_SAMPLE)
            if file.size > 4 * _SAMPLE:  # the middle says more: a header may be all text
                stream.seek(file.size // 2)
                return head, stream.read(_SAMPLE)
            return head, head

    head, middle = _tried(read, file.path)
    entropy, kind, sealed = _entropy(middle), *_kind(head)
    if sealed is None:
        sealed = len(middle) >= _ENOUGH and entropy >= _most_random(len(middle))
        if sealed and head[:1] and head[0] in _OPENPGP:
            kind = "OpenPGP"
    return {"encrypted": sealed, "header": kind, "entropy": entropy}


def _kind(head: bytes) -> tuple[str, bool | None]:
    """Return what a header says the file is, and whether that is encrypted; None when it does not tell."""
    for known, sealed in ((_SEALED, True), (_PLAIN, False)):
        for begins, kind in known:
            if head.startswith(begins):
                return kind, sealed
    if head.startswith(b"PK\x03\x04"):
        return "zip", bool(head[6:7] and head[6] & 1)
    if head[257:262] == b"ustar":
        return "tar", False
    return "", None


def _entropy(data: bytes) -> float:
    """Return the bits of news a byte brings, from 0 to 8."""
    size = len(data)
    counts = (data.count(value) for value in set(data))
    return -sum(n / size * math.log2(n / size) for n in counts) if size else 0.0


def _most_random(size: int) -> float:
    """Return the entropy from which *size* bytes are random: short samples cannot show all that they have."""
    return _RANDOM if size >= _SAMPLE // 4 else 8 - 1.5 * 255 / (2 * size * math.log(2))


def _compared(here: list[File], there: list[File], hashed: str) -> dict[str, Any]:
    """Return the first difference in name, size or content, and how much was compared."""
    ours, theirs = {file.name: file for file in here}, {file.name: file for file in there}
    newest = max(here, key=lambda file: file.written, default=None)
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            return {"different": f"{name}: only in {'the other' if one is None else 'this'} folder"}
        if one.size != other.size:
            return {"different": f"{name}: {one.size} bytes here and {other.size} there"}
    for name in sorted(ours):
        wanted = hashed == "all" or (hashed == "newest" and ours[name] == newest)
        if wanted and _hash(ours[name]) != _hash(theirs[name]):
            return {"different": f"{name}: another content"}
    return {"different": "", "compared": len(ours)}


def _hash(file: File) -> bytes:
    def read() -> bytes:
        digest = hashlib.sha256()
        with open(file.path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.digest()

    return _tried(read, file.path)


def _room(folder: str) -> dict[str, int]:
    """Return how much room the file system of *folder* has for those who are not root."""
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
