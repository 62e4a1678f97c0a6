"""POP3: does a mailbox's server greet, encrypt, let us in, and tell what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire import dialogue
from watch.probes.wire.line import place

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.dialogue import Dialogue

# What a server says when it could not even look (RFC 2449, 3206): nobody's password is wrong.
_NOT_NOW = ("[IN-USE]", "[SYS/", "[LOGIN-DELAY]")


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
            talk.facts["banner"] = one_line(
                _granted(talk, await talk.greeted(), "the connection", Reason.STATUS)
            )
            if self.tls == "starttls":
                await _asked(talk, "STLS", Reason.TLS)
                await talk.secure()
            if self.username is not None and self.password is not None:
                await _asked(talk, f"USER {self.username}", Reason.AUTH)
                await _asked(talk, f"PASS {self.password.reveal()}", Reason.AUTH, secret=True)
                talk.facts |= await _counted(talk)
            facts, phases = talk.told()
            await talk.say("QUIT")  # lets go of the mailbox; its answer tells nothing and is not awaited
            return Reading(Verdict.UP, facts=facts, phases=phases)


async def _counted(talk: Dialogue) -> dict[str, FactValue]:
    words = (await _asked(talk, "STAT", Reason.STATUS)).split()
    if len(words) < 2 or not all(word.isdecimal() and len(word) < 16 for word in words[:2]):
        raise talk.failure(Reason.PROTOCOL, "the answer to STAT is no two numbers")
    return {"messages": int(words[0]), "size": int(words[1])}


async def _asked(talk: Dialogue, command: str, reason: Reason, *, secret: bool = False) -> str:
    await talk.say(command, secret=secret)
    what = command.partition(" ")[0]
    return _granted(talk, await talk.hear(f"an answer to {what}"), what, reason)


def _granted(talk: Dialogue, line: str, what: str, reason: Reason) -> str:
    """Return what follows the +OK; -ERR is a failure for that *reason*."""
    state, _, text = line.partition(" ")
    if state == "+OK":
        return text
    if state != "-ERR":
        raise talk.failure(Reason.PROTOCOL, f"the answer to {what} is no POP3")
    why = Reason.STATUS if text.upper().startswith(_NOT_NOW) else reason
    raise talk.failure(why, f"answers {what} with an error: {talk.quoted(text)}")
