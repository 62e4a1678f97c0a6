"""DNS messages of any kind, made and read by dnspython; `watch.probes.wire.dns.nameserver` sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net.blame import ours

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.rdatatype import RdataType

MOST: Final = (
    16 << 10
)  # bytes: reading 64 KiB of records would hold up every other check for a tenth of a second
_LONG = "an answer of over 16 KiB"


def question(
    name: str | Name, kind: RdataType | str, *, recurse: bool, signed: bool = False, unchecked: bool = False
) -> Message:
    """Return the message that asks for *name*'s records of *kind*.

    Args:
        signed: With their signatures (DO).
        unchecked: Even if a validating resolver finds them bogus (CD).
    """
    try:
        message = dns.message.make_query(name, kind, use_edns=0, payload=1232, want_dnssec=signed)
    except (dns.exception.DNSException, ValueError) as error:
        raise OurFault(f"{name!r} is not a domain name: {error}") from error
    if not recurse:
        message.flags &= ~dns.flags.RD
    message.flags |= (
        dns.flags.CD if unchecked else dns.flags.AD
    )  # AD: asks whether the resolver verified the answer
    return message


def too_long() -> ProbeFailure:
    return ProbeFailure(Reason.LIMIT, _LONG)


def read(data: bytes, message: Message) -> Message | None:
    """Return *data* as the answer to *message*, None when it does not answer it; `ProbeFailure` when it is broken."""
    if data[:2] != message.id.to_bytes(2, "big"):
        return None
    if len(data) > MOST:
        raise too_long()
    try:
        answer = dns.message.from_wire(data, ignore_trailing=True)
    except Exception as error:  # with hostile bytes, dnspython raises more than its own exceptions
        strange = ProbeFailure(Reason.PROTOCOL, f"not DNS: {type(error).__name__}")
        raise (ours(error) or strange) from error
    return answer if message.is_response(answer) else None


def rcode(answer: Message) -> str:
    return dns.rcode.to_text(answer.rcode())


def flag(answer: Message, name: str) -> bool:
    return bool(answer.flags & dns.flags.from_text(name))


def records(answer: Message, kind: str) -> tuple[list[str], int | None]:
    """Return the records of *kind* in the format of zone files, sorted, and the shortest TTL in seconds."""
    wanted = dns.rdatatype.from_text(kind)
    found = [entry for entry in answer.answer if entry.rdtype == wanted]
    return sorted(item.to_text() for entry in found for item in entry), min(
        (e.ttl for e in found), default=None
    )
