"""The facts of a certificate.

Trust is not decided here but in the handshake. A certificate that cannot be read gives no facts and never an
exception: servers do send huge name lists, negative serial numbers and dates in the year 10000.
"""

from __future__ import annotations

import itertools
import ssl
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from watch.core.wording import one_line
from watch.probes.wire.net.blame import ours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography import x509

    from watch.core.reading import FactValue

_MOST_CERTIFICATES, _MOST_BYTES = 10, 100_000
_NAME = 2000  # characters of a name that are read


def spelled(fields: tuple[tuple[str, str], ...], now: datetime) -> Mapping[str, FactValue]:
    """Return the certificate.* facts of a certificate in libcurl's form; empty if it is unreadable."""
    known = dict(fields)
    end = _instant(known.get("Expire date", ""))
    if end is None:
        return {}
    return {
        "certificate.left": end - now.timestamp(),
        "certificate.expires": end,
        "certificate.subject": _common(known.get("Subject", "")[:_NAME]),
        "certificate.issuer": _common(known.get("Issuer", "")[:_NAME]),
    }


@lru_cache(maxsize=1024)
def _instant(text: str) -> float | None:
    """Return seconds since the epoch for ``Nov 23 09:00:00 2027 GMT``."""
    try:
        return float(ssl.cert_time_to_seconds(text))
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)  # each handshake with a server has the same names
def _common(name: str) -> str:
    """Return the common name in ``C = US, O = Example, CN = R3``, or all of it without one, in one line."""
    parts = dict(part.partition(" = ")[::2] for part in name.split(", "))
    return one_line(parts.get("CN") or name)


class CertificateChain:
    """The certificates that a server sent, leaf first, as far as they can be read.

    Args:
        chain: In DER. Chains of more than ten, or of over 100 KB in total, are not read.
    """

    def __init__(self, chain: list[bytes]) -> None:
        from cryptography import x509  # noqa: PLC0415 - 20 ms and 12 MB, for those who ask about certificates

        self.count = len(chain)
        self.read: list[x509.Certificate] = []
        if self.count > _MOST_CERTIFICATES or sum(map(len, chain)) > _MOST_BYTES:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about negative serial numbers and the like
                self.read = [x509.load_der_x509_certificate(der) for der in chain]
                self._facts = self._spelled()
        except Exception as error:  # a stranger wrote it; whatever cannot be read is "not readable"
            if (lacking := ours(error)) is not None:
                raise lacking from error
            self.read = []

    def facts(self, now: datetime) -> dict[str, FactValue]:
        """Return the certificate.* facts at *now*."""
        if not self.read:
            return {"certificate.readable": False, "chain.count": self.count}
        left = [end - now.timestamp() for end in self._ends]
        return {
            "certificate.readable": True,
            "certificate.left": left[0],
            **self._facts,
            "chain.count": self.count,
            "chain.left": min(left),
        }

    def _spelled(self) -> dict[str, FactValue]:
        leaf = self.read[0]
        self._ends = [float(c.not_valid_after_utc.timestamp()) for c in self.read]
        return {
            "certificate.expires": self._ends[0],
            "certificate.subject": one_line(_named(leaf.subject)),
            "certificate.issuer": one_line(_named(leaf.issuer)),
            "certificate.names": one_line(", ".join(_names(leaf))),
            "certificate.key": _key(leaf),
        }


def _named(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - as above

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _names(leaf: x509.Certificate) -> list[str]:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in itertools.islice(names, 20)]


def _key(leaf: x509.Certificate) -> str:
    key = leaf.public_key()
    size = getattr(key, "key_size", "")
    kind = type(key).__name__.removeprefix("_").removesuffix("PublicKey")
    return f"{kind} {size}".strip()
