"""Facts from the names, times and contents of files: the rules of the kind `file`, wherever the files are.

The child (`folder_child`) imports this from its folder, without the rest of the product; for SFTP it is
imported as usual (`folder_sftp`). So it uses only a little of the standard library.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = 64 << 10
_ENOUGH = 256  # bytes; with fewer, entropy means nothing
_RANDOM = 7.9  # bits a byte, for 64 KiB; compressed files reach it, too, but have a known header
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
# OpenPGP's first packet: a key or password that decrypts the rest (RFC 9580, 5.1 and 5.3).
_OPENPGP = frozenset((0x84, 0x85, 0x86, 0x8C, 0x8D, 0x8E, 0xC1, 0xC3))


class File(NamedTuple):
    """A file. *name*: its path below the folder."""

    name: str
    path: str
    size: int
    written: float


def summed(files: Sequence[File], since: float) -> dict[str, Any]:
    """Return how many *files* there are, the newest, and which days have one."""
    answer: dict[str, Any] = {"count": len(files), "size": sum(file.size for file in files)}
    if files:
        last = newest(files)
        answer["newest"] = {"name": last.name, "size": last.size, "written": last.written}
    recent = [file for file in files if file.written >= since]
    # All offsets of time zones are whole quarters of an hour; `watch.probes.file` makes days of them.
    answer["quarters"] = sorted({int(file.written // 900) for file in recent})
    dates = (_DATE.search(file.name) for file in files)
    answer["dates"] = sorted({"-".join(date.groups()) for date in dates if date})[-1000:]
    return answer


def newest(files: Sequence[File]) -> File:
    return max(files, key=lambda file: (file.written, file.name))


def middle_of(size: int) -> int | None:
    """Return where the second sample begins; the middle is more typical than a header, which may be text."""
    return size // 2 if size > 4 * SAMPLE else None


def sealed(head: bytes, middle: bytes) -> dict[str, Any]:
    """Return whether a file of which these are samples looks encrypted."""
    entropy, kind, closed = _entropy(middle), *_kind(head)
    if closed is None:
        closed = len(middle) >= _ENOUGH and entropy >= _most_random(len(middle))
        if closed and head[:1] and head[0] in _OPENPGP:
            kind = "OpenPGP"
    return {"encrypted": closed, "header": kind, "entropy": entropy}


def _kind(head: bytes) -> tuple[str, bool | None]:
    """Return the format that a header shows, and whether it is encrypted; None for unknown ones."""
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
    """Return the entropy in bits a byte, from 0 to 8."""
    size = len(data)
    counts = (data.count(value) for value in set(data))
    return -sum(n / size * math.log2(n / size) for n in counts) if size else 0.0


def _most_random(size: int) -> float:
    """Return the entropy from which *size* bytes count as random; short samples never reach 8."""
    return _RANDOM if size >= SAMPLE // 4 else 8 - 1.5 * 255 / (2 * size * math.log(2))


def unlike(here: Sequence[File], there: Sequence[File]) -> str:
    """Return the first difference in name or size; empty without one."""
    ours, theirs = {file.name: file for file in here}, {file.name: file for file in there}
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            return f"{name}: only in {'the other' if one is None else 'this'} folder"
        if one.size != other.size:
            return f"{name}: {one.size} bytes here and {other.size} there"
    return ""


def to_hash(here: Sequence[File], there: Sequence[File], hashed: str) -> list[tuple[File, File]]:
    """Return the pairs whose content is to be compared; *hashed*: `all`, `newest` or `none`."""
    theirs = {file.name: file for file in there}
    wanted = {"all": sorted(here), "newest": [newest(here)] if here else [], "none": []}[hashed]
    return [(file, theirs[file.name]) for file in wanted]
