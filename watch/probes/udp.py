"""UDP: whether a port answers a datagram as expected."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import Reading, Reason, Verdict
from watch.core.wording import visible
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.net.datagram import asked
from watch.probes.wire.net.options import Addressed, Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue

_LONGEST = 1400  # bytes that are fragmented nowhere


@probe("udp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class UdpProbe(Addressed, Reached, Described):
    """Send a datagram and wait for an answer. Silence is down: it cannot be told from a firewall that drops it.

    The datagram is sent again every second until the run ends, because a lost datagram is not an outage. Send
    only what may be sent twice.

    Options:
        address: host:port.
        send: What to send, as UTF-8.
        hexadecimal: Instead of send: what to send in hexadecimal digits, 01 00 ff.
        until: Wait for an answer that matches this regular expression (RE2); by default any answer will do.

    Facts:
        latency (duration, slow): The round trip of the datagram and its answer.
        answer (text): The first 200 characters of the answer.
        size (bytes): The size of the answer.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, dns, refused, unreachable, timeout, expectation

    Example:
        udp: {address: "game.example.org:27015", hexadecimal: "ff ff ff ff 54", until: "Source Engine"}
        expect: [latency < 200ms]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS

    send: str = ""
    hexadecimal: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        self.check_address()
        if self.send and self.hexadecimal is not None:
            raise ValueError("hexadecimal: give either send or hexadecimal, not both")
        try:
            data = self._data()
        except (ValueError, binascii.Error):
            raise ValueError("hexadecimal: write two digits from 0 to f for each byte") from None
        if len(data) > _LONGEST:
            raise ValueError(f"send: at most {_LONGEST} bytes, so that it is not fragmented")
        if self.until is not None:
            from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

            pattern(self.until)

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        data = self._data()
        heard, answered = await asked(
            self.there,
            lambda: data,
            self._fitting,
            family=self.family,
            metadata=self.metadata,
            stray=(Reason.EXPECTATION, f"does not answer with {visible(self.until or '')!r}"),
        )
        facts: dict[str, FactValue] = {
            "latency": answered.phases["first_byte"],
            "answer": heard[:800].decode("utf-8", "replace")[:200],
            "size": len(heard),
            "address": answered.where,
        }
        return Reading(Verdict.UP, facts=facts, phases=answered.phases)

    def _data(self) -> bytes:
        return self.send.encode() if self.hexadecimal is None else bytes.fromhex(self.hexadecimal)

    def _fitting(self, heard: bytes) -> bytes | None:
        if self.until is None:
            return heard
        from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

        return heard if pattern(self.until).search(heard) else None
