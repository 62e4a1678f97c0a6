"""SMTP: does a mail server greet, encrypt, know us, and take mail for somebody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire import dialogue
from watch.probes.wire.line import place
from watch.probes.wire.smtp import answered, greeted, log_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.dialogue import Dialogue

_PORT = 25
_MAILBOX = re.compile(r"[^\s<>@]+@[^\s<>@]+")


@probe("smtp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpProbe(Described):
    """Talk to a mail server up to the point where mail would follow. No mail is ever sent.

    The server greets, says what it can do, and turns to TLS; without TLS it is down unless `tls: none` is
    written, for then no password is safe. With a username it must let us in, and with a recipient it must
    be willing to take mail for them from nobody in particular, as for a bounce.

    Options:
        address: host or host:port; without a port 25.
        tls: starttls; implicit, TLS from the first byte (port 465); or none.
        username: To log in as, with `password`.
        password: For the login.
        recipient: An address that the server must accept mail for; the mail itself is not sent.
        hello: The name by which we introduce ourselves.
        verify: Whether the server must prove its name; false takes any certificate.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        server_name: The name the certificate must carry, if not the address's.
        family: any, or only IPv4 (4) or IPv6 (6).
        metadata: Allow cloud metadata addresses (169.254.169.254), which hand out credentials.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        banner (text): What the server greets with, without its code.
        starttls (bool, tls): Whether it offers STARTTLS; not told with implicit.
        auth (text, auth): The ways to log in that it offers at last, PLAIN LOGIN.
        size (bytes): The largest mail it says it takes, when it says so.
        protocol (text, tls): TLSv1.3.
        certificate.left (duration, certificate): How long the server's certificate holds.
        certificate.expires (instant, certificate): When it ends.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): Who signed it.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, status, auth, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        smtp: mail.example.org:587
        expect: [latency < 5s]
        warn: [certificate.left > 21d, latency < 1s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS

    address: str
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str | None = None
    password: Secret | None = None
    recipient: str | None = None
    hello: str = "localhost"
    verify: bool = True
    ca_file: Path | None = None
    server_name: str | None = None
    family: Literal["any", "4", "6"] = "any"
    metadata: bool = False

    def __post_init__(self) -> None:
        dialogue.checked(self, _PORT)
        if not self.hello or any(char <= " " for char in self.hello):
            raise ValueError("hello: a name without blanks")
        if self.recipient is not None and not _MAILBOX.fullmatch(self.recipient):
            raise ValueError(f"recipient: {self.recipient!r} is no mail address")

    def peer(self) -> str:
        return place(self.address, _PORT).host

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, _PORT, now) as talk:
            talk.facts["banner"] = one_line(await greeted(talk))
            offers = await self._offers(talk)
            if self.tls == "starttls":
                offers = await self._secured(talk, offers)
            if self.username is not None and self.password is not None:
                await log_in(talk, offers, self.username, self.password)
            if self.recipient is not None:
                await answered(talk, "MAIL FROM:<>", Reason.STATUS)
                await answered(talk, f"RCPT TO:<{self.recipient}>", Reason.STATUS)
            facts, phases = talk.told()
            await talk.say("QUIT")  # a courtesy: its answer tells nothing and is not awaited
            return Reading(Verdict.UP, facts=facts, phases=phases)

    async def _offers(self, talk: Dialogue) -> Mapping[str, str]:
        """Return the extensions that the server lists, by name, and tell of those that are facts."""
        lines = (await answered(talk, f"EHLO {self.hello}", Reason.STATUS))[1:]
        offers = {name.upper(): words for name, _, words in (line.partition(" ") for line in lines)}
        facts: dict[str, FactValue] = {"auth": one_line(offers.get("AUTH", ""))}
        if offers.get("SIZE", "").isdecimal():
            facts["size"] = int(offers["SIZE"][:15])
        talk.facts |= facts
        return offers

    async def _secured(self, talk: Dialogue, offers: Mapping[str, str]) -> Mapping[str, str]:
        """Return what the server offers once the connection is encrypted."""
        talk.facts["starttls"] = "STARTTLS" in offers
        if "STARTTLS" not in offers:
            raise talk.failure(Reason.TLS, "the server offers no STARTTLS (`tls: none` does without)")
        await answered(talk, "STARTTLS", Reason.TLS)
        await talk.secure()
        return await self._offers(talk)
