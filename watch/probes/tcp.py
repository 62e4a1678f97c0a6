"""TCP: whether a port accepts a connection, and answers as expected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import visible
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, OverTls, Reached, secure

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.net.line import Line

_MOST = 64 << 10


@probe("tcp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe(Addressed, OverTls, Reached, Described):
    """Open a TCP connection; send a text and wait for an answer, if you say so.

    Options:
        address: host:port.
        send: A text to send first, as UTF-8.
        until: Read until this regular expression (RE2) is found, in 64 KiB at most; without it nothing
            is read.
        tls: Speak TLS on the connection.

    Facts:
        latency (duration, slow): From the start of name lookup to the connection, or to the answer.
        answer (text): The first 200 characters that were read.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, dns, refused, reset, unreachable, timeout, expectation, tls, certificate, limit

    Example:
        tcp: {address: "mail.example.org:25", until: "^220 "}
        expect: [latency < 1s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS

    send: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        self.check_address()
        if self.until is not None:
            from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

            pattern(self.until)

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        facts: dict[str, FactValue] = {}
        with await dial(self.there, family=self.family, metadata=self.metadata) as line:
            if self.tls:
                await secure(line, self, self.peer())
            if self.send is not None:
                await line.send(self.send.encode())
            if self.until is not None:
                facts["answer"] = await self._answer(line, self.until)
            facts |= {"latency": sum(line.phases.values()), "address": line.where}
            return Reading(Verdict.UP, facts=facts, phases=line.phases)

    async def _answer(self, line: Line, until: str) -> str:
        from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

        clock = asyncio.get_running_loop().time
        began, heard, wanted = clock(), b"", pattern(until)
        while not wanted.search(heard):
            chunk = await line.receive(
                f"connected to {line.where}, which did not answer with {visible(until)!r}"
            )
            heard += chunk
            if not chunk or len(heard) > _MOST:
                said = visible(heard.decode("utf-8", "replace")) or "nothing"
                reason = Reason.EXPECTATION if heard else Reason.RESET
                raise ProbeFailure(
                    reason, f"{line.where} said {said}, expected {visible(until)}", phases=line.phases
                )
        line.phases["first_byte"] = clock() - began
        return heard[:800].decode("utf-8", "replace")[:200]
