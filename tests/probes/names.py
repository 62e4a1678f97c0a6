"""A nameserver of a few lines, so that names mean what a test says."""

from __future__ import annotations

import contextlib

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.probes.wires import datagrams
from watch.probes.wire.net.engines import adopt
from watch.probes.wire.net.resolver import Resolver


def answering(names, *, ttl=60, asked=None):
    """Return an ``answer(datagram)`` that knows *names*: name → address, rcode, or a callable that says."""

    def answer(data):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text().rstrip(".")
        if asked is not None:
            asked.append((name, question.rdtype))
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        value = names.get(name, dns.rcode.NXDOMAIN)
        value = value() if callable(value) else value
        if value is None:
            return []
        if isinstance(value, str):
            kind = "AAAA" if ":" in value else "A"
            if question.rdtype == dns.rdatatype.from_text(kind):
                reply.answer.append(dns.rrset.from_text(question.name, ttl, "IN", kind, value))
        else:
            reply.set_rcode(value)
        return [reply.to_wire()]

    return answer


@contextlib.asynccontextmanager
async def name_server(names, *, waits=(0.1,), **more):
    """Make our own resolver ask a nameserver that knows *names*; yields its port."""
    async with datagrams(answering(names, **more)) as port:
        adopt(Resolver([("127.0.0.1", port)], waits=waits))
        yield port
