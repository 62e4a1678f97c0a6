"""POP3: does a mailbox's server greet, encrypt, let us in, and tell what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.mail import dialogue
from watch.probes.wire.mail.pop3 import asked, counted, greeted, log_in
from watch.probes.wire.net.line import place

if TYPE_CHECKING:
    from datetime import datetime


@probe("pop3", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class Pop3Probe(Described):
    """Talk to a POP3 server: greeting, encryption, login, the mailbox's size. Nothing is fetched or deleted.

    Without TLS it is down unless `tls: none` is written, for then no password is safe. A login locks the
    mailbox while the check runs: use a mailbox of its own.

    Options:
        address: host or host:port; without a port 995 with implicit TLS, else 110.
        tls: implicit, TLS from the first byte; starttls (STLS); or none.
        username: To log in as, with `password`.
        password: For the login.
        verify: Whether the server must prove its name; false takes any certificate.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        server_name: The name the certificate must carry, if not the address's.
        family: any, or only IPv4 (4) or IPv6 (6).
        metadata: Allow cloud metadata addresses (169.254.169.254), which hand out credentials.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        banner (text): What the server greets with.
        messages (count): After a login: how many messages there are.
        size (bytes): After a login: how much they hold together.
        protocol (text, tls): TLSv1.3.
        certificate.left (duration, certificate): How long the server's certificate holds.
        certificate.expires (instant, certificate): When it ends.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): Who signed it.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, status, auth, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        pop3: mail.example.org
        expect: [latency < 5s]
        warn: [certificate.left > 21d]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS

    address: str
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: str | None = None
    password: Secret | None = None
    verify: bool = True
    ca_file: Path | None = None
    server_name: str | None = None
    family: Literal["any", "4", "6"] = "any"
    metadata: bool = False

    def __post_init__(self) -> None:
        dialogue.checked(self, self._port)

    @property
    def _port(self) -> int:
        return 995 if self.tls == "implicit" else 110

    def peer(self) -> str:
        return place(self.address, self._port).host

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, self._port, now) as talk:
            talk.facts["banner"] = one_line(await greeted(talk))
            if self.tls == "starttls":
                await asked(talk, "STLS", Reason.TLS)
                await talk.secure()
            if self.username is not None and self.password is not None:
                await log_in(talk, self.username, self.password)
                talk.facts |= await counted(talk)
            facts, phases = talk.told()
            await talk.say("QUIT")  # lets go of the mailbox; its answer tells nothing and is not awaited
            return Reading(Verdict.UP, facts=facts, phases=phases)
