"""The facts of TLS on a connection: the protocol version and the certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.probes.wire.net.certificate import CertificateChain

if TYPE_CHECKING:
    import ssl
    from datetime import datetime

    from watch.core.reading import FactValue

_TOLD = frozenset(f"certificate.{name}" for name in ("left", "expires", "subject", "issuer"))


def presented(tls: ssl.SSLObject, now: datetime) -> dict[str, FactValue]:
    """Return the facts protocol and certificate.left, .expires, .subject, .issuer; fewer if unreadable."""
    der = tls.getpeercert(binary_form=True)
    found: dict[str, Any] = CertificateChain([der] if der else []).facts(now)
    return {"protocol": tls.version() or ""} | {name: found[name] for name in _TOLD & found.keys()}
