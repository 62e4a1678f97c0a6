"""The answers of an SFTP server: numbers, strings and file attributes.

The data may be hostile: data that ends too early or cannot be valid is a `protocol` failure. The size of a
packet is limited by its reader, and so are the counts in it.
"""

from __future__ import annotations

import stat
from typing import NamedTuple

from watch.core.reading import ProbeFailure, Reason

_SIZE, _OWNER, _MODE, _TIMES, _MORE = 1, 2, 4, 8, 1 << 31
_LONGEST = 1024  # bytes of a name
_LARGEST = 1 << 47  # bytes of a file; the sum of 40,000 can still be stored


class Attributes(NamedTuple):
    """The attributes of a file; None: the server does not send it."""

    size: int | None
    mode: int | None
    written: int | None

    @property
    def told(self) -> bool:
        return None not in self

    @property
    def is_link(self) -> bool:
        return self.mode is not None and stat.S_ISLNK(self.mode)

    @property
    def is_folder(self) -> bool:
        return self.mode is not None and stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return self.mode is not None and stat.S_ISREG(self.mode)


class Entry(NamedTuple):
    """An entry of a folder; for a link, the link itself."""

    name: str
    about: Attributes


class Answer:
    """An answer, read from front to back."""

    def __init__(self, kind: int, data: bytes) -> None:
        self.kind, self._data, self._at = kind, data, 0

    def take(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise ProbeFailure(Reason.PROTOCOL, "an SFTP answer ends too early")
        return self._data[self._at - size : self._at]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def long(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def rest(self) -> bool:
        return self._at < len(self._data)

    def attributes(self) -> Attributes:
        flags = self.number()
        size = self.long() if flags & _SIZE else None
        if size is not None and size > _LARGEST:
            raise ProbeFailure(Reason.PROTOCOL, f"reports a file of {size} bytes")
        self.take(8 if flags & _OWNER else 0)
        mode = self.number() if flags & _MODE else None
        written = self.number() if self.take(4 if flags & _TIMES else 0) else None
        if flags & _MORE:
            for _ in range(2 * self.number()):
                self.string()
        return Attributes(size, mode, written)

    def entry(self) -> Entry:
        name = self.string()
        self.string()  # the line as ls shows it
        about = self.attributes()
        if len(name) > _LONGEST or not name or b"/" in name or b"\0" in name:
            raise ProbeFailure(Reason.PROTOCOL, "a folder has an entry with an invalid name")
        return Entry(name.decode("utf-8", "surrogateescape"), about)
