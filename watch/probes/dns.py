"""DNS: the answer of a nameserver, and its signatures."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import OurFault, ProbeFailure, Reading, Verdict
from watch.core.wording import one_line
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.dns.anchors import ROOT, above, anchors
from watch.probes.wire.net.address import written
from watch.probes.wire.net.blame import cut_short
from watch.probes.wire.net.engines import shared
from watch.probes.wire.net.line import Place, place
from watch.probes.wire.net.options import check_name
from watch.probes.wire.net.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dns.message import Message

    from watch.core.reading import FactValue
    from watch.probes.wire.dns.nameserver import Nameserver

_PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}
_PATH = re.compile(r"/[!$-;=?-~]*")  # printable, no blank, no quote, no #
Record = Literal[
    "A",
    "AAAA",
    "CAA",
    "CNAME",
    "DNSKEY",
    "DS",
    "HTTPS",
    "MX",
    "NAPTR",
    "NS",
    "PTR",
    "SOA",
    "SRV",
    "TLSA",
    "TXT",
]


@probe("dns", main="name")
@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProbe(Described):
    """Ask a nameserver for a name's records: over UDP (and TCP when the answer does not fit), TCP, TLS or HTTPS.

    Any answer is up, whatever its code. Without an expectation of yours, NOERROR and at least one record are
    expected. Without `resolver` the first nameserver of this machine is asked; if it does not answer, the
    reading is unknown, not down.

    With `dnssec` the probe itself verifies the signatures of the answer, from the trust anchor down through
    every zone, with further questions to the same nameserver. Proofs of absence (NSEC, NSEC3) are verified,
    too. `secure` is then expected. `insecure`: a parent zone proves that the zone is not signed. `bogus`: a
    signature is missing, wrong or expired. `indeterminate`: the nameserver does not deliver the records that
    are needed. Two things are not checked: keys that the chain does not need, and other nameservers of the
    zone. Run against BIND 9.18 with a root zone of our own, not with the keys of the real root.

    Options:
        name: The name to ask for.
        type: The kind of record: A, AAAA, MX, NS, SOA, TXT, CNAME, PTR, SRV, CAA, ….
        resolver: The nameserver to ask, address or address:port; a name is looked up first. Without a port 53,
            over tls 853, over https 443.
        recurse: Ask for recursion; false asks only for what the nameserver itself knows.
        over: udp, tcp, tls (DNS over TLS) or https (DNS over HTTPS, with HTTP/2 where the server offers it).
        verify: Whether the server must prove its name, over tls and https; false accepts any certificate.
        ca_file: Trust the authorities in this PEM file instead of the system's, over tls and https.
        server_name: The name the certificate must carry, if not the resolver's.
        path: The path of the URL, over https.
        metadata: Allow asking a cloud metadata address (169.254.169.254) over https.
        dnssec: Verify the signatures of the answer.
        anchor: The trust anchor: DS or DNSKEY records of a zone at or above the name, in the format of zone
            files, one a line. Without it the root's keys of 2017 and 2024.

    Facts:
        rcode (text, dns): The answer's code, NOERROR, NXDOMAIN, SERVFAIL, REFUSED, ….
        answers (count, dns): How many records of that type there are.
        answer (text): Those records in the format of zone files, sorted, joined by commas.
        ttl (duration): How long they may be cached.
        authoritative (bool): Whether the server is authoritative for the zone.
        authenticated (bool): Whether the nameserver says that it verified the answer by DNSSEC (AD).
        latency (duration, slow): From connecting, or sending a datagram, to the answer.
        address (text): Who answered, ip:port.
        dnssec (text, dns): secure, insecure, bogus or indeterminate; only with dnssec.
        dnssec.fault (text, dns): Why it is not secure; empty when it is, and without dnssec.
        signature.left (duration, dns): How long the needed signature that expires first remains valid; negative
            when it has expired.
        signature.expires (instant, dns): When it expires.
        signature.of (text): The record that it signs: www.example.org. A.
        protocol (text, tls): The version of TLS, TLSv1.3; over tls.
        certificate.left (duration, certificate): How long the server's certificate remains valid, over tls and https.
        certificate.expires (instant, certificate): When it expires.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): The name of its issuer.

    Reasons:
        ok, dns, slow, refused, unreachable, timeout, reset, protocol, limit, certificate, tls, status

    Example:
        dns: {name: www.example.org, resolver: 192.0.2.53, dnssec: true}
        expect: [answer contains "192.0.2.80", latency < 500ms]
        warn: [signature.left > 3d]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS
    # The signatures come first: a resolver that validates answers only SERVFAIL.
    ASSUMED: ClassVar[Mapping[str, str]] = {
        "dnssec": 'dnssec.fault == ""',
        "rcode": 'rcode == "NOERROR"',
        "answers": 'answers > 0 or not rcode == "NOERROR"',
    }

    name: str
    type: Record = "A"
    resolver: str | None = None
    recurse: bool = True
    over: Literal["udp", "tcp", "tls", "https"] = "udp"
    verify: bool = True
    ca_file: Path | None = None
    server_name: str | None = None
    path: str = "/dns-query"
    metadata: bool = False
    dnssec: bool = False
    anchor: str | None = None

    def __post_init__(self) -> None:
        if any(sign in self.name for sign in "@:?#"):  # a slash is allowed: RFC 2317
            raise ValueError("name: is a URL or an address; write only the domain name, like www.example.org")
        if not self.name or any(char <= " " for char in self.name) or len(self.name) > 253:
            raise ValueError(f"name: {self.name!r} is not a domain name")
        if self.resolver is not None:
            try:
                self._server(self.resolver)
            except ValueError as error:
                raise ValueError(f"resolver: {error}") from None
        self._way_makes_sense()
        self._anchor_makes_sense()

    def _way_makes_sense(self) -> None:
        secure = self.over in ("tls", "https")
        if secure and self.resolver is None:
            raise ValueError(
                f"resolver: name the nameserver; over {self.over} its certificate must carry its name"
            )
        for option in ("ca_file", "server_name"):
            if getattr(self, option) is not None and not secure:
                raise ValueError(
                    f"{option}: over {self.over} there is no certificate; write over: tls or https"
                )
        check_name("server_name", self.server_name)
        if not _PATH.fullmatch(self.path):
            raise ValueError("path: write it like /dns-query, blanks as %20")

    def _anchor_makes_sense(self) -> None:
        if self.anchor is None:
            return
        if not self.dnssec:
            raise ValueError("anchor: needs dnssec: true")
        try:
            zone = anchors(self.anchor)[0].zone
        except ValueError as error:
            raise ValueError(f"anchor: {error}") from None
        if not above(zone, self.name):
            raise ValueError(f"anchor: {zone} is not at or above {self.name}")

    def peer(self) -> str:
        return "" if self.resolver is None else self._server(self.resolver).host

    def _server(self, text: str) -> Place:
        return place(text if text.count(":") < 2 or "[" in text else f"[{text}]", _PORTS[self.over])

    async def run(self, *, now: datetime) -> Reading:
        from watch.probes.wire.dns.nameserver import Nameserver  # noqa: PLC0415 - dnspython, when a check needs it
        from watch.probes.wire.dns.records import question  # noqa: PLC0415 - as above

        there = Place(*shared(Resolver).first()) if self.resolver is None else self._server(self.resolver)
        message = question(self.name, self.type, recurse=self.recurse, signed=self.dnssec)
        clock = asyncio.get_running_loop().time
        with self._blamed(there), Nameserver(there, self, now) as server:
            began = clock()
            answer = await server.ask(message)
            phases = server.phases
            facts = self._facts(answer, clock() - began - phases.get("resolve", 0.0))
            if self.dnssec:
                facts |= await self._signed(server, answer, now)
            return Reading(Verdict.UP, facts=facts | server.facts, phases=phases)

    def _blamed(self, there: Place) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self.resolver is not None else _silence_is_ours(there)

    def _facts(self, answer: Message, took: float) -> dict[str, FactValue]:
        from watch.probes.wire.dns.records import flag, rcode, records  # noqa: PLC0415 - as above

        texts, ttl = records(answer, self.type)
        facts: dict[str, FactValue] = {
            "rcode": rcode(answer),
            "answers": len(texts),
            "answer": one_line(", ".join(texts), 1000),
            "authoritative": flag(answer, "AA"),
            "authenticated": flag(answer, "AD"),
            "latency": took,
            "dnssec.fault": "",
        }
        return facts if ttl is None else facts | {"ttl": ttl}

    async def _signed(self, server: Nameserver, answer: Message, now: datetime) -> dict[str, FactValue]:
        """Return the facts about the signatures."""
        from watch.probes.wire.dns.records import question, rcode  # noqa: PLC0415 - as above
        from watch.probes.wire.dns.signed import TrustChain  # noqa: PLC0415 - cryptography, for those who verify

        if rcode(answer) == "SERVFAIL":  # perhaps it validates, too: ask again without, to learn why
            again = question(self.name, self.type, recurse=self.recurse, signed=True, unchecked=True)
            answer = await server.ask(again)
        chain = TrustChain(server.ask, anchors(self.anchor or ROOT), now.timestamp(), recurse=self.recurse)
        found = await chain.validation(answer)
        facts: dict[str, FactValue] = {"dnssec": found.state, "dnssec.fault": one_line(found.fault)}
        if found.until is not None:
            facts["signature.left"] = found.until - now.timestamp()
            facts["signature.expires"] = found.until
            facts["signature.of"] = one_line(found.soonest)
        return facts


@contextlib.contextmanager
def _silence_is_ours(server: Place) -> Iterator[None]:
    """Turn failures in here into faults of ours: the nameserver is this machine's own."""
    words = f"our own nameserver {written(*server)} does not answer"
    try:
        yield
    except asyncio.CancelledError as stop:
        raise cut_short(stop, OurFault(words)) from stop
    except (OSError, EOFError, ProbeFailure) as error:
        raise OurFault(words) from error
