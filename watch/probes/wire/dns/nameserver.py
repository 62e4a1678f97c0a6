"""A nameserver, reached by UDP, TCP, TLS (RFC 7858) or HTTPS (RFC 8484), for one or more questions.

Over UDP an answer counts only if its id and question are ours and it comes from the address that was asked. An
answer that does not fit into a datagram is fetched over TCP. A stream is kept for the next question of the same
run only. Over HTTPS each question is a new connection, as in every HTTP check.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, Self

import dns.flags

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.dns.records import MOST, read, too_long
from watch.probes.wire.net import datagram
from watch.probes.wire.net.address import written
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Trust, secure
from watch.probes.wire.net.resolver import located

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from types import TracebackType
    from typing import Any

    from dns.message import Message

    from watch.core.reading import FactValue
    from watch.probes.wire.net.line import Line, Place

_STRAY = (Reason.PROTOCOL, "sends only datagrams that do not answer our question")
_TYPE = "application/dns-message"
_OK, _MULTIPLE = 200, 300


class Transport(Trust, Protocol):
    """The options that say how a nameserver is asked."""

    @property
    def over(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def metadata(self) -> bool: ...


class Nameserver:
    """One nameserver, and a context manager that closes its connection.

    Attributes:
        facts: Its address and, with TLS, the facts of its certificate.
        phases: Seconds of each phase of the last question.
    """

    __slots__ = ("_line", "_now", "_there", "_transport", "facts", "phases")

    def __init__(self, there: Place, transport: Transport, now: datetime) -> None:
        self._there, self._transport, self._now = there, transport, now
        self._line: Line | None = None
        self.facts: dict[str, FactValue] = {}
        self.phases: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    async def ask(self, message: Message) -> Message:
        """Return the answer to *message*, whatever its code.

        Raises:
            ProbeFailure: There was none.
        """
        if self._transport.over == "https":
            return await self._fetched(message)
        if self._transport.over == "udp":
            answer, told = await datagram.asked(
                self._there,
                message.to_wire,
                lambda data: read(data, message),
                family="any",
                metadata=True,  # some clouds have their nameserver there, and DNS gives no credentials
                stray=_STRAY,
            )
            self.facts["address"], self.phases = told.where, told.phases
            if not answer.flags & dns.flags.TC:
                return answer
        return await self._streamed(message)

    async def _streamed(self, message: Message) -> Message:
        kept = self._line
        data = None if kept is None else await self._exchanged(kept, message)
        if data is None:
            self._hang_up()
            self._line = line = await self._dialled()
            data = await self._exchanged(line, message)
            if data is None:
                words = f"{line.where} closed the connection without an answer"
                raise ProbeFailure(Reason.RESET, words, phases=line.phases)
        answer = read(data, message)
        if answer is None:
            raise ProbeFailure(
                Reason.PROTOCOL, f"{self.facts['address']} sends a message that does not answer our question"
            )
        return answer

    async def _dialled(self) -> Line:
        line = await dial(self._there, family="any", metadata=True)
        self.facts["address"] = line.where
        if self._transport.over == "tls":
            from watch.probes.wire.net.presented import presented  # noqa: PLC0415 - cryptography, for those with TLS

            try:
                tls = await secure(line, self._transport, self._there.host)
            except BaseException:
                line.__exit__(None, None, None)
                raise
            self.facts |= presented(tls, self._now)
        return line

    async def _exchanged(self, line: Line, message: Message) -> bytes | None:
        """Return the answer's bytes; None when the connection was closed."""
        clock, wire, data = asyncio.get_running_loop().time, message.to_wire(), b""
        began = clock()
        await line.send(len(wire).to_bytes(2, "big") + wire)
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            chunk = await line.receive(f"{line.where} was connected and did not answer")
            if not chunk:
                return None
            data += chunk
            if len(data) > MOST:
                raise too_long()
        self.phases = line.phases | {"first_byte": clock() - began}
        return data[2 : 2 + int.from_bytes(data[:2], "big")]

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.__exit__(None, None, None)
            self._line = None

    async def _fetched(self, message: Message) -> Message:
        from watch.probes.wire.http.exchange import ask  # noqa: PLC0415 - libcurl, for those who need it
        from watch.probes.wire.http.transfer import Transfer  # noqa: PLC0415 - as above
        from watch.probes.wire.net.certificate import spelled  # noqa: PLC0415 - as below

        (host, port), phases = self._there, dict[str, float]()
        ip = await located(host, family="any", metadata=self._transport.metadata, phases=phases)
        where, message.id = written(ip, port), 0  # RFC 8484 §4.1
        url = f"https://{written(self._transport.server_name or host, port)}{self._transport.path}"
        request = Transfer(url, where, f"::{where}", MOST, tuple(self._dressed(message.to_wire())))
        found = await ask(request)
        self.phases = phases | dict(
            zip(("connect", "tls", "first_byte", "transfer"), found.took, strict=True)
        )
        self.facts["address"] = where
        if found.certificate is not None:
            self.facts |= spelled(found.certificate, self._now)
        if not _OK <= found.status < _MULTIPLE:
            raise ProbeFailure(Reason.STATUS, f"{where} answers {found.status} at {self._transport.path}")
        if found.cut:
            raise too_long()
        answer = read(found.body, message)
        if answer is None:
            raise ProbeFailure(Reason.PROTOCOL, f"the answer of {where} is not DNS")
        return answer

    def _dressed(self, wire: bytes) -> Iterator[tuple[int, Any]]:
        """Yield curl's options."""
        import pycurl  # noqa: PLC0415 - as above

        from watch.probes.wire.http.options import departure  # noqa: PLC0415 - likewise

        yield from departure()
        yield pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS
        yield pycurl.POSTFIELDS, wire
        yield pycurl.HTTPHEADER, [f"Content-Type: {_TYPE}", f"Accept: {_TYPE}", "Expect:"]
        if self._transport.ca_file is not None:
            yield pycurl.CAINFO, str(self._transport.ca_file)
        if not self._transport.verify:
            yield pycurl.SSL_VERIFYPEER, 0
            yield pycurl.SSL_VERIFYHOST, 0
