"""POP3: greeting, encryption and login of a mail server, and the size of a mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.mail import dialogue
from watch.probes.wire.mail.pop3 import asked, counted, greeted, log_in

if TYPE_CHECKING:
    from datetime import datetime


@probe("pop3", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class Pop3Probe(dialogue.Options, Described):
    """Talk to a POP3 server: greeting, encryption, login, the mailbox's size. Nothing is fetched or deleted.

    A server without TLS is down unless you write `tls: none`, because the password would be sent in the clear.
    A login locks the mailbox while the check runs: use a mailbox of its own.

    Options:
        address: host or host:port; without a port 995 with implicit TLS, else 110.
        tls: implicit, TLS from the first byte; starttls (STLS); or none.
        username: To log in as, with `password`.
        password: For the login.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        banner (text): The server's greeting.
        messages (count): After a login: how many messages there are.
        size (bytes): After a login: their total size.

    Reasons:
        ok, slow, status, auth, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        pop3: mail.example.org
        expect: [latency < 5s]
        warn: [certificate.left > 21d]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORTS: ClassVar[tuple[int, int]] = (995, 110)

    tls: Literal["implicit", "starttls", "none"] = "implicit"

    def __post_init__(self) -> None:
        dialogue.check(self)

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, now) as talk:
            talk.facts["banner"] = one_line(await greeted(talk))
            if self.tls == "starttls":
                await asked(talk, "STLS", Reason.TLS)
                await talk.secure()
            if self.username is not None and self.password is not None:
                await log_in(talk, self.username, self.password)
                talk.facts |= await counted(talk)
            facts, phases = talk.told()
            await talk.say("QUIT")  # unlocks the mailbox; the answer is not awaited, it says nothing
            return Reading(Verdict.UP, facts=facts, phases=phases)
