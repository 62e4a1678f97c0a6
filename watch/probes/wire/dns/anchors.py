"""Trust anchors: the DS or DNSKEY records that a DNSSEC check starts from, as the option gives them.

They are read without dnspython: the option is read with the file of checks, long before a check needs the
library.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

_MOST = 8
_RECORD = re.compile(
    r"(?P<zone>\S+)\s+(?:\d+\s+)?(?:IN\s+)?(?P<kind>DS|DNSKEY)\s+(?P<numbers>\d+\s+\d+\s+\d+)\s+(?P<data>.+)",
    re.IGNORECASE,
)
_DIGESTS = {"1": 20, "2": 32, "4": 48}  # digest types and their bytes
# The root's keys of 2017 and of 2024 (which signs from the end of 2026): data.iana.org/root-anchors.
ROOT = (
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"
)


class Anchor(NamedTuple):
    """One record: *zone* ends in a dot, *text* is the record's data."""

    zone: str
    kind: str
    text: str


def anchors(text: str) -> tuple[Anchor, ...]:
    """Read *text*: one record a line, in the format of zone files; ValueError says what is wrong."""
    found = tuple(_anchor(line.strip()) for line in text.splitlines() if line.strip())
    if not 0 < len(found) <= _MOST:
        raise ValueError(f"write one to {_MOST} DS or DNSKEY records, one a line")
    if len({anchor.zone for anchor in found}) > 1:
        raise ValueError("all records must be of one zone")
    return found


def above(zone: str, name: str) -> bool:
    """Whether *name* is *zone* or below it."""
    return zone == "." or f".{name.rstrip('.').lower()}.".endswith(f".{zone}")


def _anchor(line: str) -> Anchor:
    match = _RECORD.fullmatch(line)
    if match is None:
        raise ValueError(
            "write a record with its zone, like example.org. DS 12345 13 2 49FD46E6C4B45C55D4AC…"
        )
    numbers, data = match["numbers"].split(), re.sub(r"\s+", "", match["data"])
    kind = match["kind"].upper()
    if any(int(number) > most for number, most in zip(numbers, (65535, 255, 255), strict=True)):
        raise ValueError(f"the numbers of the {kind} record are too large")
    try:
        length = len(base64.b64decode(data, validate=True) if kind == "DNSKEY" else bytes.fromhex(data))
    except ValueError:
        length = 0
    if not length or (kind == "DS" and length != _DIGESTS.get(numbers[2])):
        raise ValueError(f"the digest or key of the {kind} record is incomplete")
    return Anchor(match["zone"].rstrip(".").lower() + ".", kind, " ".join((*numbers, data)))
