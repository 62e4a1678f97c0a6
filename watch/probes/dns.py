"""DNS: does a nameserver answer a question, and with what."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import OurFault, ProbeFailure, Reading, Verdict
from watch.core.wording import one_line
from watch.probes.base import Described, probe
from watch.probes.wire import shared
from watch.probes.wire.address import written
from watch.probes.wire.blame import cut_short
from watch.probes.wire.line import Place, place
from watch.probes.wire.resolver import Resolver, address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dns.message import Message

    from watch.core.reading import FactValue

_PORT = 53
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
    """Ask a nameserver for a name's records: over UDP, and over TCP when the answer does not fit.

    Any answer is an answer, whatever its code; without an expectation NOERROR and at least one record are
    expected. Without `resolver` this machine's first nameserver is asked, and its silence is our fault.

    Options:
        name: The name to ask for.
        type: The kind of record: A, AAAA, MX, NS, SOA, TXT, CNAME, PTR, SRV, CAA, ….
        resolver: The nameserver to ask, address or address:port; a name is looked up first.
        recurse: Ask it to find the answer elsewhere; false asks only for what it knows itself.
        tcp: Ask over TCP at once.

    Facts:
        rcode (text, dns): The answer's code, NOERROR, NXDOMAIN, SERVFAIL, REFUSED, ….
        answers (count, dns): How many records of the type asked for there are.
        answer (text): Those records as zone files write them, sorted, joined by commas.
        ttl (duration): How long they may be kept.
        authoritative (bool): Whether the server answers for the zone itself.
        authenticated (bool): Whether the resolver vouches for it by DNSSEC.
        latency (duration, slow): From sending the question to the answer.
        address (text): Who answered, ip:port.

    Reasons:
        ok, dns, slow, refused, unreachable, timeout, reset, protocol

    Example:
        dns: {name: www.example.org, resolver: 192.0.2.53}
        expect: [answer contains "192.0.2.80", latency < 500ms]
    """

    ASSUMED: ClassVar[Mapping[str, str]] = {
        "rcode": 'rcode == "NOERROR"',
        "answers": 'answers > 0 or not rcode == "NOERROR"',
    }

    name: str
    type: Record = "A"
    resolver: str | None = None
    recurse: bool = True
    tcp: bool = False

    def __post_init__(self) -> None:
        if not self.name or any(char <= " " for char in self.name) or len(self.name) > 253:
            raise ValueError(f"name: {self.name!r} is not a domain name")
        if self.resolver is not None:
            try:
                _server(self.resolver)
            except ValueError as error:
                raise ValueError(f"resolver: {error}") from None

    def peer(self) -> str:
        return "" if self.resolver is None else _server(self.resolver).host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.records import asked, question  # noqa: PLC0415 - dnspython, when a check needs it

        message = question(self.name, self.type, recurse=self.recurse)
        if self.resolver is None:
            server = shared(Resolver).first()
            with _silence_is_ours(server):
                answer, took = await asked(server, message, tcp=self.tcp)
        else:
            there = _server(self.resolver)
            server = (await address(there.host), there.port)
            answer, took = await asked(server, message, tcp=self.tcp)
        return Reading(Verdict.UP, facts=self._facts(answer, server, took), phases={"first_byte": took})

    def _facts(self, answer: Message, server: tuple[str, int], took: float) -> dict[str, FactValue]:
        from watch.probes.wire.records import flag, rcode, records  # noqa: PLC0415 - as above

        texts, ttl = records(answer, self.type)
        facts: dict[str, FactValue] = {
            "rcode": rcode(answer),
            "answers": len(texts),
            "answer": one_line(", ".join(texts), 1000),
            "authoritative": flag(answer, "AA"),
            "authenticated": flag(answer, "AD"),
            "latency": took,
            "address": written(*server),
        }
        return facts if ttl is None else facts | {"ttl": ttl}


def _server(text: str) -> Place:
    return place(text if text.count(":") < 2 or "[" in text else f"[{text}]", _PORT)


@contextlib.contextmanager
def _silence_is_ours(server: tuple[str, int]) -> Iterator[None]:
    """Read what goes wrong in here as our fault: the nameserver is this machine's own."""
    words = f"our own nameserver {written(*server)} does not answer"
    try:
        yield
    except asyncio.CancelledError as stop:
        raise cut_short(stop, OurFault(words)) from stop
    except (OSError, EOFError, ProbeFailure) as error:
        raise OurFault(words) from error
