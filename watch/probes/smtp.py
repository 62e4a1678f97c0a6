"""SMTP: greeting, encryption and login of a mail server, and the delivery of a mail."""

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

# Addresses without any character that is special in a header or a command.
PLAIN = re.compile(r"[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_MAILBOX = re.compile(r"[^\s<>@]+@[^\s<>@]+")


@probe("smtp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpProbe(dialogue.Options, Described):
    """Talk to a mail server up to the point where mail would follow; with a `mailbox`, send a mail.

    The probe reads the greeting and the extensions and switches to TLS. A server without TLS is down unless you
    write `tls: none`, because the password would be sent in the clear. With a username the server must accept
    the login. With a recipient it must accept mail for it from the empty sender, as for a bounce.

    Without `mailbox` no mail is ever sent. With it, each run sends one to the recipient and looks for it in
    INBOX by IMAP or POP3, until it arrives or the time is up: allow a `timeout` of a minute, and a longer
    `every`. The mailbox is opened first; if that fails, nothing is sent. The probe deletes the mail that
    arrived, and its own mails of earlier runs that are over an hour old; nothing else. Give the check a mailbox
    of its own: over POP3 only the latest twenty mails are read, and a filter that moves mail elsewhere hides
    it.

    Options:
        address: host or host:port; without a port 25.
        tls: starttls; implicit, TLS from the first byte (port 465); or none.
        username: To log in as, with `password`.
        password: For the login.
        recipient: An address that the server must accept mail for; a mail is sent only with mailbox.
        mailbox: The server of the recipient's mailbox: imaps://host, imap://host, pop3s://host or pop3://host,
            each with or without :port.
        mailbox_username: The user of the mailbox.
        mailbox_password: The password of the mailbox.
        mailbox_tls: With imap:// and pop3://: starttls, or none.
        sender: With mailbox: the sender of the mail, who also receives bounces; without it the recipient.
        hello: The name in our EHLO.
        verify: Whether the server must prove its name; false accepts any certificate. Holds for the mailbox's
            server, too.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer, without the wait for a mail.
        delivery (duration, slow): With mailbox: from when the server accepted the mail until it was found in
            the mailbox.
        banner (text): The server's greeting, without its code.
        starttls (bool, tls): Whether the server offers STARTTLS; not with implicit TLS.
        auth (text, auth): The methods of login that it offers, after TLS if there is any: PLAIN LOGIN.
        size (bytes): The largest mail that it accepts, if it says so.

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
            raise ValueError("hello: must be a name without blanks")
        for option in ("recipient", "sender"):
            given = getattr(self, option)
            if given is not None and not _MAILBOX.fullmatch(given):
                raise ValueError(f"{option}: {given!r} is not a mail address")
        self._box()

    def _box(self) -> Mailbox | None:
        """Return the mailbox that the options describe; ValueError when some of them are missing."""
        words = {
            "mailbox": self.mailbox,
            "mailbox_username": self.mailbox_username,
            "mailbox_password": self.mailbox_password,
        }
        if self.mailbox is None or self.mailbox_username is None or self.mailbox_password is None:
            given = next((name for name, value in (words | {"sender": self.sender}).items() if value), None)
            if given is not None:
                raise ValueError(f"{given}: needs all of mailbox, mailbox_username and mailbox_password")
            return None
        if self.recipient is None:
            raise ValueError("mailbox: needs a recipient whose mail arrives there")
        for option, address in (("recipient", self.recipient), ("sender", self.sender or self.recipient)):
            if not PLAIN.fullmatch(address):
                raise ValueError(f"{option}: write a plain address in ASCII, without quotes")
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
                await talk.say("QUIT")  # the answer is not awaited; it says nothing
            return Reading(Verdict.UP, facts=facts, phases=phases)
        return await self._delivered(mailbox, now)

    async def _ready(self, now: datetime) -> Dialogue:
        """Return a dialogue after greeting, TLS and login."""
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
        """Return the facts of the dialogue and of the delivery."""
        from watch.probes.wire.mail.delivery import letter, sent_and_seen  # noqa: PLC0415 - when a check needs it

        mail = letter(self.sender or str(self.recipient), str(self.recipient), now)
        facts, phases = await sent_and_seen(mailbox, lambda: self._ready(now), mail)
        return Reading(Verdict.UP, facts=facts, phases=phases)

    async def _offers(self, talk: Dialogue) -> Mapping[str, str]:
        """Return the server's extensions by name, and record those that are facts."""
        lines = (await answered(talk, f"EHLO {self.hello}", Reason.STATUS))[1:]
        offers = {name.upper(): words for name, _, words in (line.partition(" ") for line in lines)}
        facts: dict[str, FactValue] = {"auth": one_line(offers.get("AUTH", ""))}
        if offers.get("SIZE", "").isdecimal():
            facts["size"] = int(offers["SIZE"][:15])
        talk.facts |= facts
        return offers

    async def _secured(self, talk: Dialogue, offers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the extensions that the server lists after TLS."""
        talk.facts["starttls"] = "STARTTLS" in offers
        if "STARTTLS" not in offers:
            raise talk.failure(
                Reason.TLS, "the server offers no STARTTLS; write `tls: none` to do without TLS"
            )
        await answered(talk, "STARTTLS", Reason.TLS)
        await talk.secure()
        return await self._offers(talk)
