"""A dialogue over a connection, mostly in lines: what SMTP, IMAP, POP3, FTP and LDAP have in common.

Three things go wrong in such dialogues that nobody sees until they are abused, and they are settled here:

* What came in before the TLS handshake must not be read as if it had come after it: somebody in between
  could have put it there (CVE-2011-0411). `Dialogue.secure` refuses such a server.
* A server may repeat in its answer what it was told. Once a secret was said, no answer is quoted any more,
  only that there was one.
* A line without an end, or an answer of endless lines, is cut off.

TLS fails closed: with ``starttls`` a server that offers none is down. Somebody in between could have removed
the offer, and a password would follow.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from watch.core.reading import ProbeFailure, Reason
from watch.core.settings import Secret  # noqa: TC001 - options' types are read from probes' annotations
from watch.core.wording import visible
from watch.probes.wire.net.blame import fault
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import Line, Place, place
from watch.probes.wire.net.options import Addressed, Reached, Trust, Trusting, check_address, secure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from watch.core.reading import FactValue

_LONGEST = 8 << 10  # bytes of one line; SMTP allows 512, IMAP's capabilities may take more
_MOST = 256 << 10  # bytes of all lines


@dataclass(frozen=True, kw_only=True)
class Options(Addressed, Trusting, Reached):
    """The options of the kinds that speak in lines and may speak TLS. `PORTS`: with implicit TLS, and otherwise.

    Facts:
        protocol (text, tls): TLSv1.3.
        certificate.left (duration, certificate): How long the server's certificate holds.
        certificate.expires (instant, certificate): When it ends.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): Who signed it.
        address (text): Who answered, ip:port.
    """

    __slots__ = ()
    PORTS: ClassVar[tuple[int, int]]
    tls: str
    username: str | None = None
    password: Secret | None = None

    @property
    def port(self) -> int:
        return self.PORTS[self.tls != "implicit"]


class Spoken(Trust, Protocol):
    """What a dialogue needs to know, whoever has it."""

    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls(self) -> str: ...
    @property
    def username(self) -> str | None: ...
    @property
    def password(self) -> Secret | None: ...
    @property
    def family(self) -> str: ...
    @property
    def metadata(self) -> bool: ...


def check(probe: Spoken) -> None:
    """Raise ValueError for options that cannot be meant; it begins with the option's name."""
    check_address(probe.address, probe.port)
    if (probe.username is None) != (probe.password is None):
        raise ValueError("username: a login needs both username and password")
    single("username", probe.username or "")
    single("password", "" if probe.password is None else probe.password.reveal())


def single(option: str, text: str) -> None:
    """Refuse a *text* that would end the line it is said in, and begin another command."""
    if any(char in text for char in "\r\n\0"):
        raise ValueError(f"{option}: one line, without control characters")


async def call(probe: Spoken, now: datetime) -> Dialogue:
    """Return a dialogue with the server that *probe* names, TLS on it if it is ``implicit``."""
    there = place(probe.address, probe.port)
    line = await dial(there, family=probe.family, metadata=probe.metadata)
    dialogue = Dialogue(line, probe, there, now)
    try:
        if probe.tls == "implicit":
            await dialogue.secure()
    except BaseException:
        dialogue.close()
        raise
    return dialogue


class Dialogue:
    """Lines said and heard. A context manager: the connection is closed at the end, whatever happened."""

    __slots__ = (
        "_began",
        "_clock",
        "_heard",
        "_left",
        "_now",
        "_probe",
        "_secret",
        "_there",
        "facts",
        "line",
    )

    def __init__(self, line: Line, probe: Spoken, there: Place, now: datetime) -> None:
        self.line = line
        self.facts: dict[str, FactValue] = {"address": line.where}
        self._probe, self._there, self._now = probe, there, now
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock() - sum(line.phases.values())
        self._heard, self._left = b"", _MOST
        self._secret = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.line.__exit__(None, None, None)

    async def greeted(self) -> str:
        """Return the line that the server begins with; the wait for it is the phase first_byte."""
        began = self._clock()
        text = await self.hear("a greeting")
        self.line.phases["first_byte"] = self._clock() - began
        return text

    async def say(self, text: str, *, secret: bool = False) -> None:
        self._secret = self._secret or secret
        await self.line.send(text.encode() + b"\r\n")

    async def hear(self, what: str) -> str:
        """Return the next line without its end; *what* names it to whoever reads of its absence."""
        while b"\n" not in self._heard:
            await self._more(what)
            if len(self._heard.rpartition(b"\n")[2]) > _LONGEST:
                raise self._too_much(what)
        text, _, self._heard = self._heard.partition(b"\n")
        return text.removesuffix(b"\r").decode("utf-8", "replace")

    async def put(self, data: bytes, *, secret: bool = False) -> None:
        """Send *data*, for those that do not speak in lines."""
        self._secret = self._secret or secret
        await self.line.send(data)

    async def take(self, count: int, what: str) -> bytes:
        """Return the next *count* bytes, for those that do not speak in lines."""
        if count > _MOST:
            raise self._too_much(what)
        while len(self._heard) < count:
            await self._more(what)
        data, self._heard = self._heard[:count], self._heard[count:]
        return data

    async def _more(self, what: str) -> None:
        chunk = await self.line.receive(f"{self.line.where} was connected and did not send {what}")
        self._heard += chunk
        self._left -= len(chunk)
        if not chunk:
            raise self.failure(Reason.RESET, f"{self.line.where} hung up instead of sending {what}")
        if self._left < 0:
            raise self._too_much(what)

    def _too_much(self, what: str) -> ProbeFailure:
        return self.failure(Reason.LIMIT, f"{self.line.where} sends too much instead of {what}")

    async def secure(self) -> None:
        """Shake hands, and keep what the certificate says of itself among the facts."""
        if self._heard:
            raise self.failure(Reason.PROTOCOL, "sent more before the TLS handshake than it was asked for")
        try:
            tls = await secure(self.line, self._probe, self._there.host)
        except OSError as error:  # ssl.SSLError is one, too
            found = fault(error)
            if isinstance(found, ProbeFailure):  # what was learned before is told all the same
                raise self.failure(found.reason, found.detail) from error
            raise
        from watch.probes.wire.net.presented import presented  # noqa: PLC0415 - cryptography, for those with TLS

        self.facts |= presented(tls, self._now)

    def quoted(self, text: str) -> str:
        """Return *text* of the server's as a detail may show it: not at all once it knows a secret."""
        return "something we do not repeat" if self._secret else visible(text)

    def failure(self, reason: Reason, detail: str) -> ProbeFailure:
        return ProbeFailure(reason, detail, facts=self.facts, phases=self.phases)

    @property
    def phases(self) -> Mapping[str, float]:
        """Seconds of each phase so far; what none of the others took is the phase transfer."""
        known = self.line.phases
        return known | {"transfer": max(0.0, self._clock() - self._began - sum(known.values()))}

    def told(self) -> tuple[dict[str, FactValue], Mapping[str, float]]:
        """Return the facts, latency included, and the phases, as of now."""
        phases = self.phases
        return self.facts | {"latency": sum(phases.values())}, phases
