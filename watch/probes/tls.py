"""TLS: the certificate of a server, and the versions and ciphers that it accepts."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from watch.core.reading import OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.net.blame import fault
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue


@probe("tls", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProbe(Addressed, Reached, Described):
    """Make a TLS handshake and look at the certificates.

    Chain and name are verified as a client does it: a server whose certificate is refused is down. The facts of
    the certificate are given all the same.

    Options:
        address: host or host:port; without a port 443.
        server_name: The name the certificate must carry, if not the address's.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        legacy: What to do about TLS 1.0 and 1.1, which browsers refuse: ignore; report whether the server
            accepts them (a second connection each time); refuse (accepting them is down); allow, for
            appliances that speak nothing newer.

    Facts:
        latency (duration, slow): From the start of name lookup to the end of the handshake.
        certificate.left (duration, certificate): How long the certificate remains valid.
        certificate.expires (instant, certificate): When it expires.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): The name of its issuer.
        certificate.names (text, certificate): The names that it is valid for, the first twenty.
        certificate.key (text, certificate): Kind and size of its key, RSA 2048.
        certificate.readable (bool, certificate): Whether we can read it; if false, the facts above are missing.
        chain.count (count, certificate): How many certificates were sent.
        chain.left (duration, certificate): How long the certificate of the chain that expires first remains
            valid.
        protocol (text, tls): The version of TLS, TLSv1.3.
        cipher (text, tls): The cipher suite.
        bits (count, tls): The length of the secret key.
        legacy (bool, tls): Whether TLS 1.0 or 1.1 is accepted; only with report or refuse.
        address (text): Who answered, ip:port.

    Reasons:
        ok, certificate, tls, slow, dns, refused, reset, unreachable, timeout, limit

    Example:
        tls: www.example.org
        expect: [certificate.left > 3d]
        warn: [certificate.left > 21d, protocol == "TLSv1.3"]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORT: ClassVar[int] = 443

    server_name: str | None = None
    ca_file: Path | None = None
    legacy: Literal["ignore", "report", "refuse", "allow"] = "ignore"

    def __post_init__(self) -> None:
        self.check_address()

    async def run(self, *, now: datetime) -> Reading:
        from watch.probes.wire.net.trust import verifying  # noqa: PLC0415 - costs 17 ms

        context = verifying(self.ca_file, old=self.legacy == "allow")
        try:
            facts, phases = await self._shaken(context, now)
        except ssl.SSLCertVerificationError as error:
            raise await self._distrusted(error, now) from error
        if self.legacy in ("report", "refuse"):
            facts["legacy"] = await self._accepts_legacy()
            if facts["legacy"] and self.legacy == "refuse":
                raise ProbeFailure(Reason.TLS, "accepts TLS 1.0 or 1.1", facts=facts, phases=phases)
        return Reading(Verdict.UP, facts=facts, phases=phases)

    async def _shaken(
        self, context: ssl.SSLContext, now: datetime
    ) -> tuple[dict[str, FactValue], dict[str, float]]:
        """Return facts and phases of one handshake."""
        there = self.there
        with await dial(there, family=self.family, metadata=self.metadata) as line:
            tls = await line.secure(context, self.server_name or there.host)
            name, _, bits = tls.cipher() or ("", "", 0)
            facts: dict[str, FactValue] = {
                "latency": sum(line.phases.values()),
                "protocol": tls.version() or "",
                "cipher": name,
                "bits": bits,
                "address": line.where,
            }
        return facts | _chain(tls, now), line.phases

    async def _distrusted(
        self, error: ssl.SSLCertVerificationError, now: datetime
    ) -> ProbeFailure | OurFault:
        """Return the failure for a refused certificate, with the facts of a second connection that accepts it."""
        from watch.probes.wire.net.trust import believing  # noqa: PLC0415 - as above

        facts: dict[str, FactValue] = {}
        found = fault(error)
        if isinstance(found, OurFault):
            return found
        with contextlib.suppress(ProbeFailure, OurFault, OSError):  # the verdict does not need them
            facts, _ = await self._shaken(believing(old=self.legacy == "allow"), now)
        detail = found.detail if isinstance(found, ProbeFailure) else "the certificate is refused"
        if error.verify_code == _WRONG_NAME and facts.get("certificate.names"):
            detail = (
                f"the certificate is for {facts['certificate.names']}, not {self.server_name or self.peer()}"
            )
        return ProbeFailure(Reason.CERTIFICATE, detail, facts=facts)

    async def _accepts_legacy(self) -> bool:
        from watch.probes.wire.net.trust import legacy  # noqa: PLC0415 - as above

        there = self.there
        with await dial(there, family=self.family, metadata=self.metadata) as line:
            try:
                await line.secure(legacy(), self.server_name or there.host)
            except (ssl.SSLError, ConnectionError):
                return False
        return True


_WRONG_NAME = 62


def _chain(tls: ssl.SSLObject, now: datetime) -> dict[str, FactValue]:
    from watch.probes.wire.net.certificate import CertificateChain  # noqa: PLC0415 - only those who look need it

    sent: Any = getattr(tls, "get_unverified_chain", None)
    if sent is not None:  # public since Python 3.13
        return CertificateChain(list(sent() or ())).facts(now)
    inner: Any = getattr(tls, "_sslobj")  # noqa: B009 - before 3.13 the only way to the chain, and untyped
    pem = [certificate.public_bytes() for certificate in inner.get_unverified_chain() or ()]
    return CertificateChain([ssl.PEM_cert_to_DER_cert(text) for text in pem]).facts(now)
