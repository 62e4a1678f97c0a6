"""BSON: writes documents of simple values, and reads any document with care.

The data may be hostile. No document is read beyond its own end. Depth and number of values are limited, because
a megabyte of the smallest values would block all other checks. Values of types that we do not need are skipped,
and become `Unread`.

Source: bsonspec.org, version 1.1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DEEPEST = 24  # documents in documents; replSetGetStatus has 4
MOST_VALUES = 10_000  # some 10 ms; replSetGetStatus of 50 members has 2,000
_EMPTY = 5  # bytes of the smallest document: its size and its end
_FIXED: Final = {0x06: 0, 0x07: 12, 0x13: 16, 0x7F: 0, 0xFF: 0}  # sizes of skipped values
_TEXTS: Final = frozenset({0x02, 0x0D, 0x0E})  # text, code, symbol
_PROGRAM_WITH_SCOPE: Final = 0x0F


class Date(NamedTuple):
    """An instant: milliseconds since the epoch."""

    ms: int


class Stamp(NamedTuple):
    """A position in the oplog: seconds since the epoch, and a number within that second."""

    seconds: int
    nth: int


class Unread(NamedTuple):
    """A value of a type that we do not need."""

    type: int


Document = dict[str, object]


class Excess(ValueError):  # noqa: N818 - said of a document
    """A document that is too deep, or has too many values."""


def encoded(document: Mapping[str, object]) -> bytes:
    """Return *document* as bytes; TypeError for a value of a type that we do not write."""
    body = b"".join(_element(name, value) for name, value in document.items())
    return struct.pack("<i", len(body) + _EMPTY) + body + b"\0"


def decoded(data: bytes) -> Document:
    """Return the document in *data*, which must fill it.

    Raises:
        ValueError: It is not valid; `Excess` when it is too large.
    """
    reader = _Reader(data)
    document, end = reader.document(0, len(data), 1)
    if end != len(data):
        raise ValueError("there are bytes after the document")
    return document


def _element(name: str, value: object) -> bytes:  # noqa: C901, PLR0911 - a table in code
    if "\0" in name:
        raise ValueError("a name holds a NUL character")
    key = name.encode() + b"\0"
    match value:
        case bool():
            return b"\x08" + key + bytes((value,))
        case int() if -(2**31) <= value < 2**31:
            return b"\x10" + key + struct.pack("<i", value)
        case int() if -(2**63) <= value < 2**63:
            return b"\x12" + key + struct.pack("<q", value)
        case float():
            return b"\x01" + key + struct.pack("<d", value)
        case str():
            text = value.encode() + b"\0"
            return b"\x02" + key + struct.pack("<i", len(text)) + text
        case bytes():
            return b"\x05" + key + struct.pack("<i", len(value)) + b"\0" + value
        case None:
            return b"\x0a" + key
        case dict():
            return b"\x03" + key + encoded(value)
        case list() | tuple():
            return b"\x04" + key + encoded({str(nth): one for nth, one in enumerate(value)})
    raise TypeError(f"{type(value).__name__} cannot be written as BSON here")


class _Reader:
    """The bytes of one message. Every position is checked against the end of its document."""

    __slots__ = ("_data", "_left")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MOST_VALUES

    def document(self, at: int, limit: int, depth: int) -> tuple[Document, int]:
        """Return the document at *at*, which ends at *limit* at the latest, and where it ends."""
        end = self._end(at, limit, depth)
        found: Document = {}
        for name, value in self._elements(at + 4, end - 1, depth):
            found[name] = value
        return found, end

    def _array(self, at: int, limit: int, depth: int) -> tuple[list[object], int]:
        """Return the values in their order; the names of an array's members are only numbers."""
        end = self._end(at, limit, depth)
        return [value for _, value in self._elements(at + 4, end - 1, depth)], end

    def _end(self, at: int, limit: int, depth: int) -> int:
        if depth > DEEPEST:
            raise Excess(f"documents are nested more than {DEEPEST} deep")
        end = at + self._size(at, limit)
        if end < at + _EMPTY or end > limit:
            raise ValueError("the size of a document does not fit its content")
        if self._data[end - 1]:
            raise ValueError("a document does not end where it says")
        return end

    def _elements(self, at: int, end: int, depth: int) -> list[tuple[str, object]]:
        found = []
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Excess(f"there are more than {MOST_VALUES} values")
            kind = self._data[at]
            name, at = self._name(at + 1, end)
            value, at = self._value(kind, at, end, depth)
            found.append((name, value))
        return found

    def _value(self, kind: int, at: int, end: int, depth: int) -> tuple[object, int]:  # noqa: C901, PLR0911 - a table in code
        match kind:
            case 0x01:
                return self._unpacked("<d", at, end), at + 8
            case 0x03:
                return self.document(at, end, depth + 1)
            case 0x04:
                return self._array(at, end, depth + 1)
            case 0x05:
                size = self._size(at, end)
                self._within(at + 5, size, end)
                return self._data[at + 5 : at + 5 + size], at + 5 + size
            case 0x08:
                return bool(self._unpacked("<B", at, end)), at + 1
            case 0x09:
                return Date(int(self._unpacked("<q", at, end))), at + 8
            case 0x10:
                return self._unpacked("<i", at, end), at + 4
            case 0x11:
                self._within(at, 8, end)
                nth, seconds = struct.unpack_from("<II", self._data, at)
                return Stamp(seconds, nth), at + 8
            case 0x12:
                return self._unpacked("<q", at, end), at + 8
        if kind == 0x0A:
            return None, at
        if kind in _TEXTS:
            return self._text(at, end)
        return Unread(kind), self._behind(kind, at, end)

    def _behind(self, kind: int, at: int, end: int) -> int:
        """Return the end of a value that is skipped."""
        if kind in _FIXED:
            self._within(at, _FIXED[kind], end)
            return at + _FIXED[kind]
        if kind == 0x0B:  # a regular expression and its options
            return self._name(self._name(at, end)[1], end)[1]
        if kind == 0x0C:  # a name and an object id
            at = self._text(at, end)[1]
            self._within(at, 12, end)
            return at + 12
        if kind == _PROGRAM_WITH_SCOPE:
            size = self._size(at, end)
            self._within(at, max(size, 14), end)
            return at + size
        raise ValueError(f"there is no type {kind:#04x}")

    def _text(self, at: int, end: int) -> tuple[str, int]:
        size = self._size(at, end)
        self._within(at + 4, size, end)
        if size < 1 or self._data[at + 3 + size]:
            raise ValueError("a text does not end where it says")
        return self._data[at + 4 : at + 3 + size].decode("utf-8", "replace"), at + 4 + size

    def _name(self, at: int, end: int) -> tuple[str, int]:
        stop = self._data.find(b"\0", at, end)
        if stop < 0:
            raise ValueError("a name has no end")
        return self._data[at:stop].decode("utf-8", "replace"), stop + 1

    def _size(self, at: int, end: int) -> int:
        size = int(self._unpacked("<i", at, end))
        if size < 0:
            raise ValueError("a size is negative")
        return size

    def _unpacked(self, form: str, at: int, end: int) -> float | int:
        self._within(at, struct.calcsize(form), end)
        (value,) = struct.unpack_from(form, self._data, at)
        return value  # type: ignore[no-any-return]  # a number, by the forms that are asked for

    def _within(self, at: int, size: int, end: int) -> None:
        if size < 0 or at + size > end:
            raise ValueError("a value goes beyond the end of its document")
