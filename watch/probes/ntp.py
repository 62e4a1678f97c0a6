"""NTP: does a time server answer, is it in step itself, and how far are our clocks apart."""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.net.datagram import asked
from watch.probes.wire.net.options import Addressed, Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue

_PACKET = struct.Struct("!BBbbII4sQQQQ")
_ASK = 0b00_100_011  # no leap second, version 4, client
_FROM_SERVER = 4
_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_ERA = 1 << 32  # seconds after which NTP's clock starts again: on 7 February 2036 for the first time
_LEAP = ("none", "add", "delete", "unknown")
_NOBODY = 16  # the stratum of a server that is in step with nobody; on the wire it is mostly written 0
_KISSES = (b"DENY", b"RSTR", b"RATE")  # of death, by RFC 5905: go away, not you, less often


class _Times(NamedTuple):
    """A packet of a server's as far as it matters, with the moments between which it was under way."""

    leap: int
    stratum: int
    delay: float
    dispersion: float
    reference: bytes
    received: int
    transmitted: int
    sent: float
    came: float

    def offset(self) -> float:
        """Return how many seconds its clock is ahead of ours, as RFC 5905 reckons."""
        ahead = _seconds(self.received, self.sent) - self.sent
        return (ahead + _seconds(self.transmitted, self.came) - self.came) / 2


@probe("ntp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class NtpProbe(Addressed, Reached, Described):
    """Ask a time server for the time, and believe it as little as one should.

    A server that is in step with nobody answers all the same; unless you expect otherwise it is down. The
    question holds nothing but a random number, by which the answer is known; forged answers are passed
    over. `offset` compares two clocks: when it is wrong everywhere, the wrong clock is our own.

    Options:
        address: host or host:port; without a port 123.

    Facts:
        offset (duration, stale): How far its clock and ours are apart, without sign.
        ahead (bool): Whether it is its clock that is ahead.
        synchronised (bool, stale): Whether it is in step with a source; expected unless you say otherwise.
        stratum (count, stale): How many steps it is from a reference clock; 16 is in step with nobody.
        delay (duration, stale): Its round trip to the reference clock.
        dispersion (duration, stale): How far it may be wrong by its own reckoning.
        leap (text): A leap second at the end of the day: none, add, delete; unknown when not in step.
        reference (text): What it is in step with: an address, or a source's name at stratum 1, GPS.
        latency (duration, slow): The round trip of question and answer.
        address (text): Who answered, ip:port.

    Reasons:
        ok, stale, slow, status, dns, refused, unreachable, timeout, protocol

    Example:
        ntp: ntp.example.org
        expect: [offset < 1s, stratum <= 4]
        warn: [offset < 100ms]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS
    PORT: ClassVar[int] = 123
    ASSUMED: ClassVar[Mapping[str, str]] = {"synchronised": "synchronised == true"}

    def __post_init__(self) -> None:
        self.check_address()

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - two clocks are compared at the instant
        question = _Question()
        times, answered = await asked(
            self.there,
            question.packet,
            question.read,
            family=self.family,
            metadata=self.metadata,
            stray=(Reason.PROTOCOL, "answers something else"),
        )
        if times.reference in _KISSES and times.stratum == _NOBODY:
            words = f"{answered.where} refuses to tell the time: {times.reference.decode()}"
            raise ProbeFailure(Reason.STATUS, words, phases=answered.phases)
        facts: dict[str, FactValue] = {
            "offset": abs(times.offset()),
            "ahead": times.offset() > 0,
            "synchronised": times.leap != 3 and times.stratum < _NOBODY,
            "stratum": times.stratum,
            "delay": times.delay,
            "dispersion": times.dispersion,
            "leap": _LEAP[times.leap],
            "reference": _reference(times),
            "latency": answered.phases["first_byte"],
            "address": answered.where,
        }
        return Reading(Verdict.UP, facts=facts, phases=answered.phases)


class _Question:
    """What we asked, by the number that the answer must repeat, and when."""

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}

    def packet(self) -> bytes:
        # A random number in place of our clock's time: a forger must guess it, and nobody learns anything.
        token = secrets.randbits(64)
        self._asked[token] = time.time()
        return _PACKET.pack(_ASK, 0, 0, 0, 0, 0, b"", 0, 0, 0, token)

    def read(self, data: bytes) -> _Times | None:
        """Return what an answer to one of our questions says; None for whatever else."""
        came = time.time()
        if len(data) < _PACKET.size:
            return None
        bits, stratum, _, _, delay, dispersion, reference, _, origin, received, transmitted = (
            _PACKET.unpack_from(data)
        )
        sent = self._asked.get(origin)
        if sent is None or bits & 7 != _FROM_SERVER or (stratum and not transmitted):
            return None
        return _Times(
            bits >> 6,
            stratum or _NOBODY,
            delay / 65536,
            dispersion / 65536,
            reference,
            received,
            transmitted,
            sent,
            came,
        )


def _seconds(stamp: int, near: float) -> float:
    """Return *stamp* as seconds since 1970, in the era of NTP's clock that is closest to *near*."""
    seconds = stamp / _ERA - _EPOCH
    return seconds + round((near - seconds) / _ERA) * _ERA


def _reference(times: _Times) -> str:
    if times.stratum == 1:
        return one_line(times.reference.rstrip(b"\0").decode("ascii", "replace"), 4)
    return ".".join(map(str, times.reference))
