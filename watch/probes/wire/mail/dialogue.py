"""A dialogue over a connection, mostly in text lines: what SMTP, IMAP, POP3, FTP and LDAP have in common.

Three dangers are handled here:

* Bytes that came before the TLS handshake must not be read after it: an attacker could have injected them
  (CVE-2011-0411). `Dialogue.secure` refuses such a server.
* A server may repeat in its answer what it was sent. After a secret was sent, no answer is quoted.
* A line or an answer without an end is cut off.

TLS fails closed: with ``starttls``, a server that does not offer it is down. An attacker could have removed the
offer to get the password.
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
from watch.probes.wire.net.options import (
    Addressed,
    Reached,
    Trust,
    Trusting,
    check_address,
    check_name,
    secure,
)

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
    """The options of the kinds that use a dialogue and may use TLS. `PORTS`: with implicit TLS, and otherwise.

    Facts:
        protocol (text, tls): The version of TLS, TLSv1.3.
        certificate.left (duration, certificate): How long the server's certificate remains valid.
        certificate.expires (instant, certificate): When it expires.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): The name of its issuer.
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
    """The options that a dialogue needs."""

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
    """Raise ValueError for options that contradict each other; it begins with the option's name."""
    check_address(probe.address, probe.port)
    check_name("server_name", probe.server_name)
    if (probe.username is None) != (probe.password is None):
        raise ValueError("username: a login needs both username and password")
    single("username", probe.username or "")
    single("password", "" if probe.password is None else probe.password.reveal())


def single(option: str, text: str) -> None:
    """Refuse a *text* that would end its line and begin another command."""
    if any(char in text for char in "\r\n\0"):
        raise ValueError(f"{option}: write one line without control characters")


async def call(probe: Spoken, now: datetime) -> Dialogue:
    """Return a dialogue with the server of *probe*; with TLS if that is ``implicit``."""
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
    """Lines sent and received, and a context manager that closes the connection."""

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
        """Return the server's greeting; the wait for it is the phase first_byte."""
        began = self._clock()
        text = await self.hear("a greeting")
        self.line.phases["first_byte"] = self._clock() - began
        return text

    async def say(self, text: str, *, secret: bool = False) -> None:
        self._secret = self._secret or secret
        await self.line.send(text.encode() + b"\r\n")

    async def hear(self, what: str) -> str:
        """Return the next line without its end; *what* names it in a failure."""
        while b"\n" not in self._heard:
            await self._more(what)
            if len(self._heard.rpartition(b"\n")[2]) > _LONGEST:
                raise self._too_much(what)
        text, _, self._heard = self._heard.partition(b"\n")
        return text.removesuffix(b"\r").decode("utf-8", "replace")

    async def put(self, data: bytes, *, secret: bool = False) -> None:
        """Send *data*, for protocols without lines."""
        self._secret = self._secret or secret
        await self.line.send(data)

    async def take(self, count: int, what: str) -> bytes:
        """Return the next *count* bytes, for protocols without lines."""
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
            raise self.failure(
                Reason.RESET, f"{self.line.where} closed the connection instead of sending {what}"
            )
        if self._left < 0:
            raise self._too_much(what)

    def _too_much(self, what: str) -> ProbeFailure:
        return self.failure(Reason.LIMIT, f"{self.line.where} sends too much instead of {what}")

    async def secure(self) -> None:
        """Make the TLS handshake, and add the facts of the certificate."""
        if self._heard:
            raise self.failure(Reason.PROTOCOL, "sent unrequested data before the TLS handshake")
        try:
            tls = await secure(self.line, self._probe, self._there.host)
        except OSError as error:  # ssl.SSLError is one, too
            found = fault(error)
            if isinstance(found, ProbeFailure):  # keep the facts learned before
                raise self.failure(found.reason, found.detail) from error
            raise
        from watch.probes.wire.net.presented import presented  # noqa: PLC0415 - cryptography, for those with TLS

        self.facts |= presented(tls, self._now)

    def quoted(self, text: str) -> str:
        """Return the server's *text* for a detail; a placeholder once the server knows a secret."""
        return (
            "text that is not shown because it could contain the password" if self._secret else visible(text)
        )

    def failure(self, reason: Reason, detail: str) -> ProbeFailure:
        return ProbeFailure(reason, detail, facts=self.facts, phases=self.phases)

    @property
    def phases(self) -> Mapping[str, float]:
        """Seconds of each phase so far; the rest of the time is the phase transfer."""
        known = self.line.phases
        return known | {"transfer": max(0.0, self._clock() - self._began - sum(known.values()))}

    def told(self) -> tuple[dict[str, FactValue], Mapping[str, float]]:
        """Return the facts, latency included, and the phases, as of now."""
        phases = self.phases
        return self.facts | {"latency": sum(phases.values())}, phases
