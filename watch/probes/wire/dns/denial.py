"""Proofs of absence: what the signed NSEC and NSEC3 records of one zone prove.

A zone proves that a name is absent by signing the gaps between existing names (RFC 4035, 5155). The signatures
of the records here are verified already; these questions remain:

* `lacks`: the name exists, but not this type of record;
* `knows_no`: neither the name nor a wildcard for it exists;
* `hides`: the name itself does not exist; an answer from a wildcard must prove that;
* `cut`: whether a missing DS record means that an unsigned zone begins here, or no zone.

Two traps (RFC 6840 §4): a record of a delegation or a DNAME proves nothing about the names below it, because
they belong to another zone; and the absence of a DS record is proven by the parent, never by the child.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import dns.name
import dns.rdatatype as types

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dns.name import Name
    from dns.rrset import RRset

_MOST_ITERATIONS = 50  # of NSEC3's hash: RFC 9276 recommends none, and each costs us time
_OPT_OUT = 1


class Denial:
    """The NSEC and NSEC3 records of *zone* in one answer. They are few: `watch.probes.wire.dns.signed` limits them."""

    def __init__(self, zone: Name, rrsets: Iterable[RRset]) -> None:
        self._zone = zone
        found: list[tuple[Name, Any]] = [(rrset.name, rrset[0]) for rrset in rrsets if len(rrset)]
        self._plain = [(name, record) for name, record in found if record.rdtype == types.NSEC]
        self._hashed = [
            (given, record)
            for name, record in found
            if record.rdtype == types.NSEC3
            and (given := _hash_in(name, zone)) is not None
            and _usable(record)
        ]
        self.opted_out = False

    def lacks(self, name: Name, kind: int) -> bool:
        """Whether *name* exists without a record of *kind*, or exists only because of names below it."""
        record = self._of(name)
        if record is not None:
            return self._without(record, kind, parent=kind == types.DS)
        if self._empty(name):
            return True
        above = self._encloser(name)
        star = None if above is None else self._of(_wild(above))
        return star is not None and self._without(star, kind, parent=False)

    def knows_no(self, name: Name) -> bool:
        above = self._encloser(name)
        return above is not None and not self._empty(name) and self._within(_wild(above)) is not None

    def hides(self, name: Name, encloser: Name) -> bool:
        """Whether no name exists between *encloser*, whose wildcard answered, and *name*."""
        if self._plain:
            return self._within(name) is not None
        return self._within(_below(encloser, name)) is not None

    def cut(self, name: Name) -> str:
        """Return "unsigned" or "none" for *name*, which has no DS record; "" when nothing is proven."""
        record = self._of(name)
        if record is not None:
            if not _has(record, types.NS):
                return "none"
            return "" if _has(record, types.SOA) or _has(record, types.DS) else "unsigned"
        if self._empty(name):
            return "none"
        if self._encloser(name) is None:
            return ""
        return "unsigned" if self.opted_out else "none"

    def _without(self, record: Any, kind: int, *, parent: bool) -> bool:
        if _has(record, kind) or _has(record, types.CNAME):
            return False
        return not _has(record, types.SOA) if parent else not _is_cut(record)

    def _of(self, name: Name) -> Any:
        """Return the record of exactly *name*."""
        plain = next((record for owner, record in self._plain if owner == name), None)
        if plain is not None:
            return plain
        return next((record for given, record in self._hashed if given == _hash(name, record)), None)

    def _within(self, name: Name) -> Any:
        """Return the record of the gap that contains *name*."""
        for owner, record in self._plain:
            if _between(owner, name, record.next) and not (name.is_subdomain(owner) and _closed(record)):
                return record
        for given, record in self._hashed:
            if _between(given, _hash(name, record), record.next):
                return record
        return None

    def _empty(self, name: Name) -> bool:
        """Whether *name* has no records of its own, but names below it (NSEC only)."""
        return any(
            _between(owner, name, record.next) and record.next.is_subdomain(name)
            for owner, record in self._plain
        )

    def _encloser(self, name: Name) -> Name | None:
        """Return the closest existing name above the absent *name*; None when that is not proven."""
        if self._plain:
            return self._plain_encloser(name)
        above = name
        while above != self._zone and above.is_subdomain(self._zone):
            below, above = above, above.parent()
            record = self._of(above)
            if record is None:
                continue
            gap = None if _closed(record) else self._within(below)
            self.opted_out = gap is not None and bool(gap.flags & _OPT_OUT)
            return None if gap is None else above
        return None

    def _plain_encloser(self, name: Name) -> Name | None:
        for owner, record in self._plain:
            if self._within(name) is record:
                shared = (_shared(name, owner), _shared(name, record.next))
                return max(shared, key=len)
        return None


def _has(record: Any, kind: int) -> bool:
    window, offset = kind >> 8, (kind & 0xFF) >> 3
    return any(
        number == window and offset < len(bits) and bool(bits[offset] & (0x80 >> (kind & 7)))
        for number, bits in record.windows
    )


def _is_cut(record: Any) -> bool:
    return _has(record, types.NS) and not _has(record, types.SOA)


def _closed(record: Any) -> bool:
    """Whether the names below *record*'s name belong to another zone."""
    return _is_cut(record) or _has(record, types.DNAME)


def _between(low: Any, middle: Any, high: Any) -> bool:
    """Whether *middle* is in the gap; the last gap ends at the first name of the zone."""
    if low < high:
        return bool(low < middle < high)
    return bool(middle > low or middle < high)


def _usable(record: Any) -> bool:
    return bool(
        record.algorithm == 1 and record.iterations <= _MOST_ITERATIONS and not record.flags & ~_OPT_OUT
    )


def _hash(name: Name, record: Any) -> bytes:
    found = hashlib.sha1(name.canonicalize().to_wire() + record.salt, usedforsecurity=False).digest()
    for _ in range(record.iterations):
        found = hashlib.sha1(found + record.salt, usedforsecurity=False).digest()
    return found


def _hash_in(name: Name, zone: Name) -> bytes | None:
    """Return the hash in the *name* of an NSEC3 record."""
    if len(name) != len(zone) + 1:
        return None
    try:
        return base64.b32hexdecode(name.labels[0].upper())
    except ValueError:
        return None


def _shared(one: Name, other: Name) -> Name:
    return one.split(one.fullcompare(other)[2])[1]


def _below(encloser: Name, name: Name) -> Name:
    """Return the name one label below *encloser* on the way to *name*."""
    return name.split(len(encloser) + 1)[1]


def _wild(name: Name) -> Name:
    return dns.name.Name((b"*", *name.labels))
