"""BER, the part that LDAP uses: definite lengths, tags of one byte.

`parts` splits only one level; its caller asks for the next where it knows what to expect. So deep nesting costs
nothing, and data that is cut off is a ValueError.
"""

from __future__ import annotations

SEQUENCE, INTEGER, TEXT, ENUMERATED, BOOLEAN = 0x30, 0x02, 0x04, 0x0A, 0x01


def element(tag: int, *contents: bytes) -> bytes:
    data = b"".join(contents)
    if len(data) < 0x80:
        return bytes((tag, len(data))) + data
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + data


def number(value: int, tag: int = INTEGER) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def text(value: str, tag: int = TEXT) -> bytes:
    return element(tag, value.encode())


def length_of_length(first: int) -> int:
    """Return how many bytes of length follow the *first*; ValueError for forms that LDAP forbids."""
    if first < 0x80:
        return 0
    if not 0x80 < first <= 0x84:
        raise ValueError("a form of length that LDAP forbids")
    return first & 0x7F


def parts(data: bytes) -> list[tuple[int, bytes]]:
    """Return the consecutive elements in *data*: tag and content of each."""
    found, at = list[tuple[int, bytes]](), 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("an element is cut off")
        tag, more = data[at], length_of_length(data[at + 1])
        begin = at + 2 + more
        size = int.from_bytes(data[at + 2 : begin], "big") if more else data[at + 1]
        at = begin + size
        if at > len(data):
            raise ValueError("an element is cut off")
        found.append((tag, data[begin:at]))
    return found


def integer(data: bytes) -> int:
    return int.from_bytes(data[:8], "big", signed=True)
