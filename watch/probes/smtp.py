"""SMTP: does a mail server greet, encrypt, know us, and take mail for somebody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.mail import dialogue
from watch.probes.wire.mail.mailbox import Mailbox, parted
from watch.probes.wire.mail.smtp import answered, greeted, log_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.mail.dialogue import Dialogue

# What a mail is sent to or from: nothing in it means anything to a header or a command.
PLAIN = re.compile(r"[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_MAILBOX = re.compile(r"[^\s<>@]+@[^\s<>@]+")


@probe("smtp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpProbe(dialogue.Options, Described):
    """Talk to a mail server up to the point where mail would follow; with a `mailbox`, send one and see it arrive.

    The server greets, says what it can do, and turns to TLS; without TLS it is down unless `tls: none` is
    written, for then no password is safe. With a username it must let us in, and with a recipient it must
    be willing to take mail for them from nobody in particular, as for a bounce.

    Without `mailbox` no mail is ever sent. With it, each run sends one to the recipient and looks for it in INBOX
    by IMAP or POP3, until it is there or the check's time is up: allow a `timeout` of a minute, and an `every` that
    is longer. The mailbox is opened first; where it cannot be, nothing is sent. What arrived is deleted, and so is
    what an earlier run left behind over an hour ago; nothing else is. Give the check a mailbox of its own: POP3
    shows only the latest twenty mails, and a filter that moves mail elsewhere hides it from us.

    Options:
        address: host or host:port; without a port 25.
        tls: starttls; implicit, TLS from the first byte (port 465); or none.
        username: To log in as, with `password`.
        password: For the login.
        recipient: An address that the server must accept mail for; the mail itself is not sent but with mailbox.
        mailbox: Where the recipient's mail arrives: imaps://host, imap://host, pop3s://host or pop3://host, each
            with or without :port.
        mailbox_username: To log in to the mailbox as.
        mailbox_password: For that login.
        mailbox_tls: With imap:// and pop3://: starttls, or none.
        sender: With mailbox: whom the mail is from, and bounces go to; the recipient if nobody says.
        hello: The name by which we introduce ourselves.
        verify: Whether the server must prove its name; false takes any certificate. So for the mailbox's.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer, without the wait for a mail.
        delivery (duration, slow): With mailbox: from the server's taking the mail until it was seen to be there.
        banner (text): What the server greets with, without its code.
        starttls (bool, tls): Whether it offers STARTTLS; not told with implicit.
        auth (text, auth): The ways to log in that it offers at last, PLAIN LOGIN.
        size (bytes): The largest mail it says it takes, when it says so.

    Reasons:
        ok, slow, status, auth, missing, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        smtp: mail.example.org:587
        expect: [latency < 5s]
        warn: [certificate.left > 21d, latency < 1s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORTS: ClassVar[tuple[int, int]] = (25, 25)

    tls: Literal["starttls", "implicit", "none"] = "starttls"
    recipient: str | None = None
    mailbox: str | None = None
    mailbox_username: str | None = None
    mailbox_password: Secret | None = None
    mailbox_tls: Literal["starttls", "none"] = "starttls"
    sender: str | None = None
    hello: str = "localhost"

    def __post_init__(self) -> None:
        dialogue.check(self)
        if not self.hello or any(char <= " " for char in self.hello):
            raise ValueError("hello: a name without blanks")
        for option in ("recipient", "sender"):
            given = getattr(self, option)
            if given is not None and not _MAILBOX.fullmatch(given):
                raise ValueError(f"{option}: {given!r} is no mail address")
        self._box()

    def _box(self) -> Mailbox | None:
        """Return the mailbox that the options describe; ValueError when they describe half of one."""
        words = {
            "mailbox": self.mailbox,
            "mailbox_username": self.mailbox_username,
            "mailbox_password": self.mailbox_password,
        }
        if self.mailbox is None or self.mailbox_username is None or self.mailbox_password is None:
            given = next((name for name, value in (words | {"sender": self.sender}).items() if value), None)
            if given is not None:
                raise ValueError(f"{given}: a delivery needs mailbox, mailbox_username and mailbox_password")
            return None
        if self.recipient is None:
            raise ValueError("mailbox: a delivery needs a recipient; write whose mail arrives there")
        for option, address in (("recipient", self.recipient), ("sender", self.sender or self.recipient)):
            if not PLAIN.fullmatch(address):
                raise ValueError(
                    f"{option}: a mail is sent to plain addresses only; write it in ASCII, without quotes"
                )
        scheme, address = parted(self.mailbox)
        box = Mailbox(
            scheme=scheme,
            address=address,
            tls="implicit" if scheme.endswith("s") else self.mailbox_tls,
            username=self.mailbox_username,
            password=self.mailbox_password,
            verify=self.verify,
            ca_file=self.ca_file,
            family=self.family,
            metadata=self.metadata,
        )
        try:
            dialogue.check(box)
        except ValueError as error:
            option, _, wrong = str(error).partition(": ")
            raise ValueError(
                f"{'mailbox' if option == 'address' else f'mailbox_{option}'}: {wrong}"
            ) from None
        return box

    async def run(self, *, now: datetime) -> Reading:
        mailbox = self._box()
        if mailbox is None:
            with await self._ready(now) as talk:
                if self.recipient is not None:
                    await answered(talk, "MAIL FROM:<>", Reason.STATUS)
                    await answered(talk, f"RCPT TO:<{self.recipient}>", Reason.STATUS)
                facts, phases = talk.told()
                await talk.say("QUIT")  # a courtesy: its answer tells nothing and is not awaited
            return Reading(Verdict.UP, facts=facts, phases=phases)
        return await self._delivered(mailbox, now)

    async def _ready(self, now: datetime) -> Dialogue:
        """Return a dialogue with a server that has greeted, encrypted and let us in."""
        talk = await dialogue.call(self, now)
        try:
            talk.facts["banner"] = one_line(await greeted(talk))
            offers = await self._offers(talk)
            if self.tls == "starttls":
                offers = await self._secured(talk, offers)
            if self.username is not None and self.password is not None:
                await log_in(talk, offers, self.username, self.password)
        except BaseException:
            talk.close()
            raise
        return talk

    async def _delivered(self, mailbox: Mailbox, now: datetime) -> Reading:
        """Return what the server said, and how long a mail took through it."""
        from watch.probes.wire.mail.delivery import letter, sent_and_seen  # noqa: PLC0415 - when a check needs it

        mail = letter(self.sender or str(self.recipient), str(self.recipient), now)
        facts, phases = await sent_and_seen(mailbox, lambda: self._ready(now), mail)
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
