"""IMAP: greeting, encryption and login of a mail server, and the state of a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.mail import dialogue
from watch.probes.wire.mail.imap import TAG, asked, capabilities, greeted, log_in, secured, string

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.mail.dialogue import Dialogue

_COUNT = re.compile(r"(MESSAGES|UNSEEN) (\d{1,10})", re.IGNORECASE)


@probe("imap", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class ImapProbe(dialogue.Options, Described):
    """Talk to an IMAP server: greeting, encryption, login, the state of a folder. Nothing is changed.

    A server without TLS is down unless you write `tls: none`, because the password would be sent in the clear.

    Options:
        address: host or host:port; without a port 993 with implicit TLS, else 143.
        tls: implicit, TLS from the first byte; starttls; or none.
        username: To log in as, with `password`.
        password: For the login.
        folder: Count the messages of this folder after the login; write it as the server does. Every mailbox
            has INBOX.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        banner (text): The server's greeting.
        capabilities (text): The capabilities that the server listed last.
        starttls (bool, tls): Whether the server offers STARTTLS; not with implicit TLS.
        messages (count): How many messages are in the folder.
        unseen (count): How many of them are unread.

    Reasons:
        ok, slow, status, auth, missing, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        imap: mail.example.org
        expect: [latency < 5s]
        warn: [certificate.left > 21d]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORTS: ClassVar[tuple[int, int]] = (993, 143)

    tls: Literal["implicit", "starttls", "none"] = "implicit"
    folder: str | None = None

    def __post_init__(self) -> None:
        dialogue.check(self)
        if self.folder is not None:
            dialogue.single("folder", self.folder)
            if self.username is None:
                raise ValueError("folder: needs a login; give username and password")

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, now) as talk:
            await greeted(talk)
            can = await capabilities(talk)
            if self.tls == "starttls":
                can = await secured(talk, can)
            if self.username is not None and self.password is not None:
                await log_in(talk, can, self.username, self.password)
            if self.folder is not None:
                talk.facts |= await _counted(talk, self.folder)
            facts, phases = talk.told()
            await talk.say(f"{TAG} LOGOUT")  # the answer is not awaited; it says nothing
            return Reading(Verdict.UP, facts=facts, phases=phases)


async def _counted(talk: Dialogue, folder: str) -> dict[str, FactValue]:
    heard = await asked(talk, f"STATUS {string(folder)} (MESSAGES UNSEEN)", Reason.MISSING)
    counts = [
        _COUNT.findall(line.rpartition("(")[2]) for line in heard if line.upper().startswith("* STATUS")
    ]
    return {name.lower(): int(count) for name, count in (counts[-1] if counts else ())}
