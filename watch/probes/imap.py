"""IMAP: does a mail store greet, encrypt, let us in, and tell of a folder."""

from __future__ import annotations

import base64
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

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.dialogue import Dialogue

_TAG = "a"  # one serves: a command is said only after the answer to the one before
_GREETING = re.compile(r"\* (?P<state>OK|PREAUTH|BYE)(?: (?P<text>.*))?", re.IGNORECASE | re.DOTALL)
_DONE = re.compile(rf"{_TAG} (?P<state>OK|NO|BAD)(?: (?P<text>.*))?", re.IGNORECASE | re.DOTALL)
_LITERAL = re.compile(r"\* STATUS \{(\d{1,4})\}", re.IGNORECASE)
_COUNT = re.compile(r"(MESSAGES|UNSEEN) (\d{1,10})", re.IGNORECASE)
# What a server says when it could not even look (RFC 5530): nobody's password is wrong.
_NOT_NOW = ("[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]", "[CONTACTADMIN]")


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
            await _greeted(talk)
            can = await _capabilities(talk)
            if self.tls == "starttls":
                can = await _secured(talk, can)
            if self.username is not None and self.password is not None:
                await _log_in(talk, can, self.username, self.password)
            if self.folder is not None:
                talk.facts |= await _counted(talk, self.folder)
            facts, phases = talk.told()
            await talk.say(f"{_TAG} LOGOUT")  # a courtesy: its answer tells nothing and is not awaited
            return Reading(Verdict.UP, facts=facts, phases=phases)


async def _greeted(talk: Dialogue) -> None:
    greeting = _GREETING.fullmatch(await talk.greeted())
    if greeting is None:
        raise talk.failure(Reason.PROTOCOL, "what greets us is no IMAP")
    text = greeting["text"] or ""
    if greeting["state"].upper() == "BYE":
        raise talk.failure(Reason.STATUS, f"greets with BYE: {talk.quoted(text)}")
    talk.facts["banner"] = one_line(text)


async def _capabilities(talk: Dialogue) -> list[str]:
    heard = await _asked(talk, "CAPABILITY", Reason.PROTOCOL)
    can = [line.split()[2:] for line in heard if line.upper().startswith("* CAPABILITY ")]
    words = [word.upper() for word in can[-1]] if can else []
    facts: dict[str, FactValue] = {"capabilities": one_line(" ".join(words), 1000)}
    talk.facts |= facts
    return words


async def _secured(talk: Dialogue, can: list[str]) -> list[str]:
    """Return what the server can do once the connection is encrypted."""
    talk.facts["starttls"] = "STARTTLS" in can
    if "STARTTLS" not in can:
        raise talk.failure(Reason.TLS, "the server offers no STARTTLS (`tls: none` does without)")
    await _asked(talk, "STARTTLS", Reason.TLS)
    await talk.secure()
    return await _capabilities(talk)


async def _log_in(talk: Dialogue, can: list[str], username: str, password: Secret) -> None:
    if "AUTH=PLAIN" in can:
        word = base64.b64encode(f"\0{username}\0{password.reveal()}".encode()).decode()
        await _asked(talk, "AUTHENTICATE PLAIN", Reason.AUTH, secret=word)
    elif "LOGINDISABLED" in can:
        raise talk.failure(Reason.AUTH, "the server lets nobody log in on this connection")
    else:
        await _asked(talk, f"LOGIN {_string(username)} {_string(password.reveal())}", Reason.AUTH, secret="")


async def _counted(talk: Dialogue, folder: str) -> dict[str, FactValue]:
    heard = await _asked(talk, f"STATUS {_string(folder)} (MESSAGES UNSEEN)", Reason.MISSING)
    counts = [
        _COUNT.findall(line.rpartition("(")[2]) for line in heard if line.upper().startswith("* STATUS")
    ]
    return {name.lower(): int(count) for name, count in (counts[-1] if counts else ())}


async def _asked(talk: Dialogue, command: str, reason: Reason, *, secret: str | None = None) -> list[str]:
    """Return the lines that came before the OK; a NO is a failure for that *reason*.

    Args:
        secret: What to say when asked to continue; even empty, it makes the whole command one.
    """
    await talk.say(f"{_TAG} {command}", secret=secret is not None)
    what, lines = command.partition(" ")[0], list[str]()
    while True:
        line = await talk.hear(f"an answer to {what}")
        if literal := _LITERAL.fullmatch(line):  # a folder's odd name may stand in lines of its own
            await talk.take(int(literal[1]), "a folder's name")
            line = "* STATUS" + await talk.hear("the rest of its answer")
        done = _DONE.fullmatch(line)
        if done is None and line.startswith("+") and secret:
            await talk.say(secret, secret=True)
        elif done is None and line.startswith("* "):
            lines.append(line)
        elif done is None:
            raise talk.failure(Reason.PROTOCOL, f"the answer to {what} is no IMAP")
        elif done["state"].upper() == "OK":
            return lines
        else:
            raise _refusal(talk, what, done, reason)


def _refusal(talk: Dialogue, what: str, done: re.Match[str], reason: Reason) -> Exception:
    text, state = done["text"] or "", done["state"].upper()
    if text.upper().startswith(_NOT_NOW):
        reason = Reason.STATUS
    elif state == "BAD":
        reason = Reason.PROTOCOL
    return talk.failure(reason, f"answers {what} with {state}: {talk.quoted(text)}")


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
