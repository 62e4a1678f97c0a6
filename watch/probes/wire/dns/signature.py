"""One DNSSEC signature: who made it, whether it is valid now, and for how much longer.

A hostile nameserver may try to keep us busy (KeyTrap, CVE-2023-50387: many keys with one number, many
signatures, none of which fits). So verifications are counted, and keys of absurd size are ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dns.dnssec
import dns.rdatatype as types
import dns.rrset

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.net.blame import ours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dns.name import Name
    from dns.rrset import RRset

_MOST_CHECKS = 96
_SKEW = (
    300  # seconds that a clock may be ahead of ours: some servers sign each answer, valid from that second
)
_RSA, _OTHERS = frozenset((5, 7, 8, 10)), frozenset((13, 14, 15, 16))  # algorithms that we can verify
_SHA1, _DIGESTS = 1, frozenset((1, 2, 4))
_ZONE, _REVOKED = 0x100, 0x80  # a key's flags


class Bogus(Exception):  # noqa: N818 - an outcome
    """It should be signed, and is not, or not correctly."""


class Verifier:
    """Verifies for one run, and records in `ends` when each signature that was used expires or expired.

    Args:
        now: Seconds since the epoch.
    """

    def __init__(self, now: float) -> None:
        self._now, self._left = now, _MOST_CHECKS
        self.ends: dict[str, float] = {}

    def check(self, zone: Name, keys: RRset, rrset: RRset, signatures: Iterable[Any]) -> Any:
        """Return the signature of *rrset* by one of *keys* that is valid for longest; `Bogus` when none is valid."""
        what = titled(rrset)
        fault, late, good = f"{what} has no signature of {zone}", 0.0, []
        for signature in signatures:
            if signature.signer != zone:
                continue
            wrong = self._wrong(zone, keys, rrset, signature)
            if not wrong:
                good.append(signature)
                continue
            fault = f"a signature {wrong}: {what}"  # long names come last, because details are cut off
            if signature.expiration < self._now:
                late = max(late, float(signature.expiration))
        if not good:
            if late:
                self.ends[what] = late
            raise Bogus(fault)
        best = max(good, key=lambda each: float(each.expiration))
        self.ends[what] = float(best.expiration)
        return best

    def _wrong(self, zone: Name, keys: RRset, rrset: RRset, signature: Any) -> str:
        """Return what is wrong with *signature*, empty for nothing."""
        if signature.expiration < self._now:
            return f"expired on {_day(signature.expiration)}"
        if signature.inception > self._now + _SKEW:
            return f"is not valid before {_day(signature.inception)}"
        tried = [key for key in keys if _sane(key) and dns.dnssec.key_id(key) == signature.key_tag]
        if not tried:
            return f"is by a key that is not trusted ({signature.key_tag})"
        self._left -= len(tried)
        if self._left < 0:
            raise ProbeFailure(Reason.LIMIT, f"more than {_MOST_CHECKS} signatures to verify")
        try:
            known: dict[Name, Any] = {zone: dns.rrset.from_rdata_list(zone, 0, tried)}
            now = max(self._now, signature.inception)
            dns.dnssec.validate_rrsig(rrset, signature, known, now=now)
        except (
            Exception
        ) as error:  # a stranger's key and signature: whatever goes wrong with them proves nothing
            if (lacking := ours(error)) is not None:
                raise lacking from error
            return "does not match"
        return ""


def signatures(section: list[RRset], rrset: RRset) -> list[Any]:
    """Return the signatures in *section* that are about *rrset*."""
    return [
        signature
        for each in section
        if each.rdtype == types.RRSIG and each.covers == rrset.rdtype and each.name == rrset.name
        for signature in each
    ]


def signer(found: Iterable[Any], name: Name) -> Name:
    """Return the zone that signed the records of *name*: the closest, if there are several."""
    zones: list[Name] = [each.signer for each in found if name.is_subdomain(each.signer)]
    if not zones:
        raise Bogus(f"the records of {name} are signed by a zone that it is not in")
    return max(zones, key=len)


def checkable(records: Iterable[Any]) -> list[Any]:
    """Return those DS or DNSKEY *records* of a parent or an anchor that we can check."""
    found = [record for record in records if record.algorithm in _RSA | _OTHERS]
    found = [record for record in found if record.rdtype != types.DS or record.digest_type in _DIGESTS]
    better = [record for record in found if record.rdtype != types.DS or record.digest_type != _SHA1]
    return better or found  # RFC 4509: SHA-1 counts only without a better digest


def matches(zone: Name, key: Any, record: Any) -> bool:
    """Whether *key* is the one in *record*, a DS or DNSKEY."""
    if not key.flags & _ZONE or key.flags & _REVOKED or key.algorithm != record.algorithm:
        return False
    if record.rdtype == types.DNSKEY:
        return bool(key.key == record.key)
    if dns.dnssec.key_id(key) != record.key_tag:
        return False
    made = dns.dnssec.make_ds(zone, key, record.digest_type, validating=True)
    return bool(made.digest == record.digest)


def titled(rrset: RRset) -> str:
    return f"{rrset.name} {types.to_text(rrset.rdtype)}"


def _sane(key: Any) -> bool:
    """Whether verifying with *key* takes a reasonable time: RSA of 4096 bits at most (RFC 5702 §2)."""
    if key.algorithm not in _RSA:
        return key.algorithm in _OTHERS
    exponent = key.key[0] if key.key else 0
    return 0 < exponent <= 8 and len(key.key) - 1 - exponent <= 512


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
