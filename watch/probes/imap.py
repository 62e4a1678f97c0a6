"""IMAP: does a mail store greet, encrypt, let us in, and tell of a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.mail import dialogue
from watch.probes.wire.mail.imap import TAG, asked, capabilities, greeted, log_in, secured, string
from watch.probes.wire.net.line import place

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.mail.dialogue import Dialogue

_COUNT = re.compile(r"(MESSAGES|UNSEEN) (\d{1,10})", re.IGNORECASE)


@probe("imap", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class ImapProbe(Described):
    """Talk to an IMAP server: greeting, encryption, login, the state of a folder. Nothing is changed.

    Without TLS it is down unless `tls: none` is written, for then no password is safe.

    Options:
        address: host or host:port; without a port 993 with implicit TLS, else 143.
        tls: implicit, TLS from the first byte; starttls; or none.
        username: To log in as, with `password`.
        password: For the login.
        folder: After the login: the folder whose messages to count, as the server writes it; INBOX is the one
            that everybody has.
        verify: Whether the server must prove its name; false takes any certificate.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        server_name: The name the certificate must carry, if not the address's.
        family: any, or only IPv4 (4) or IPv6 (6).
        metadata: Allow cloud metadata addresses (169.254.169.254), which hand out credentials.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        banner (text): What the server greets with.
        capabilities (text): What it can do, as it said last.
        starttls (bool, tls): Whether it offers STARTTLS; not told with implicit.
        messages (count): How many messages are in the folder.
        unseen (count): How many of them nobody has read.
        protocol (text, tls): TLSv1.3.
        certificate.left (duration, certificate): How long the server's certificate holds.
        certificate.expires (instant, certificate): When it ends.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): Who signed it.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, status, auth, missing, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        imap: mail.example.org
        expect: [latency < 5s]
        warn: [certificate.left > 21d]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS

    address: str
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: str | None = None
    password: Secret | None = None
    folder: str | None = None
    verify: bool = True
    ca_file: Path | None = None
    server_name: str | None = None
    family: Literal["any", "4", "6"] = "any"
    metadata: bool = False

    def __post_init__(self) -> None:
        dialogue.checked(self, self._port)
        if self.folder is not None:
            dialogue.single("folder", self.folder)
            if self.username is None:
                raise ValueError("folder: only after a login; give username and password")

    @property
    def _port(self) -> int:
        return 993 if self.tls == "implicit" else 143

    def peer(self) -> str:
        return place(self.address, self._port).host

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, self._port, now) as talk:
            await greeted(talk)
            can = await capabilities(talk)
            if self.tls == "starttls":
                can = await secured(talk, can)
            if self.username is not None and self.password is not None:
                await log_in(talk, can, self.username, self.password)
            if self.folder is not None:
                talk.facts |= await _counted(talk, self.folder)
            facts, phases = talk.told()
            await talk.say(f"{TAG} LOGOUT")  # a courtesy: its answer tells nothing and is not awaited
            return Reading(Verdict.UP, facts=facts, phases=phases)


async def _counted(talk: Dialogue, folder: str) -> dict[str, FactValue]:
    heard = await asked(talk, f"STATUS {string(folder)} (MESSAGES UNSEEN)", Reason.MISSING)
    counts = [
        _COUNT.findall(line.rpartition("(")[2]) for line in heard if line.upper().startswith("* STATUS")
    ]
    return {name.lower(): int(count) for name, count in (counts[-1] if counts else ())}
