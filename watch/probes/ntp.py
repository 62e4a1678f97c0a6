"""NTP: whether a time server is synchronised, and how far its clock and ours are apart."""

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
_ERA = 1 << 32  # seconds until NTP's timestamps wrap, for the first time on 7 February 2036
_LEAP = ("none", "add", "delete", "unknown")
_NOBODY = 16  # the stratum of a server that is not synchronised; packets mostly have 0 for it
_KISSES = (
    b"DENY",
    b"RSTR",
    b"RATE",
)  # kiss-o'-death codes (RFC 5905): access denied, restricted, too many requests


class _Times(NamedTuple):
    """The fields of a server's packet that we need, and when the question left and the answer arrived."""

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
        """Return how many seconds its clock is ahead of ours, by the formula of RFC 5905."""
        ahead = _seconds(self.received, self.sent) - self.sent
        return (ahead + _seconds(self.transmitted, self.came) - self.came) / 2


@probe("ntp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class NtpProbe(Addressed, Reached, Described):
    """Ask a time server for the time and compare it with our clock.

    A server that is not synchronised answers, too; it is down unless you write an expectation of your own. The
    question contains only a random number, which the answer must repeat; forged answers are ignored. `offset`
    compares two clocks: if it is wrong for all servers, our own clock is wrong.

    Options:
        address: host or host:port; without a port 123.

    Facts:
        offset (duration, stale): The difference between its clock and ours, without sign.
        ahead (bool): Whether its clock is the one that is ahead.
        synchronised (bool, stale): Whether it is synchronised with a source; expected unless you write an
            expectation of your own.
        stratum (count, stale): How many steps it is from a reference clock; 16 means not synchronised.
        delay (duration, stale): Its round trip to the reference clock.
        dispersion (duration, stale): Its own estimate of its largest error.
        leap (text): A leap second at the end of the day: none, add, delete; unknown when not synchronised.
        reference (text): Its source: an address, or at stratum 1 the name of a clock, GPS.
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
            stray=(Reason.PROTOCOL, "sends something other than an answer"),
        )
        if times.reference in _KISSES and times.stratum == _NOBODY:
            words = f"{answered.where} refuses to answer: {times.reference.decode()}"
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
    """Our questions, by the number that the answer must repeat, with the time of each."""

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}

    def packet(self) -> bytes:
        # A random number instead of our time: a forger must guess it, and it reveals nothing.
        token = secrets.randbits(64)
        self._asked[token] = time.time()
        return _PACKET.pack(_ASK, 0, 0, 0, 0, 0, b"", 0, 0, 0, token)

    def read(self, data: bytes) -> _Times | None:
        """Return the fields of an answer to one of our questions; None for anything else."""
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
