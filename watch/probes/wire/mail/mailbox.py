"""The mailbox in which a check looks for its test mail, by IMAP or POP3, and deletes it.

Our mails have a marker: a header with a random word and the time. Only headers are read, and only our mails are
deleted. Over IMAP that needs UIDPLUS (RFC 4315), so a server without it is not used. Our mails that are over an
hour old were missed by their check; they are deleted, too, so that the mailbox does not fill. Younger ones may
be awaited by another check or another vantage point.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

from watch.core.reading import Reason
from watch.probes.wire.mail import dialogue, imap, pop3

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from watch.core.settings import Secret
    from watch.probes.wire.mail.dialogue import Dialogue

MARKER = "X-Threenines-Delivery"
_MARKED = re.compile(
    rf"^{MARKER}:\s*(?P<token>[0-9a-f]{{32}})\s+(?P<at>\d{{1,11}})\s*$", re.IGNORECASE | re.MULTILINE
)
_PORTS: Final = {"imaps": 993, "imap": 143, "pop3s": 995, "pop3": 110}
_ADDRESS = re.compile(r"(?P<scheme>imaps?|pop3s?)://(?P<address>[^/?#@\s]+)/?")
_OLD_S = 3600
_MOST_SWEPT = 50
_MOST_LOOKED_AT = 20  # mails over POP3, which must be read one by one
_UID = re.compile(r"\bUID (\d{1,10})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Its server and login: the options that `watch.probes.wire.mail.dialogue` needs."""

    scheme: str
    address: str
    tls: str
    username: str
    password: Secret
    verify: bool
    ca_file: Path | None
    family: str
    metadata: bool
    server_name: str | None = None

    @property
    def port(self) -> int:
        return _PORTS[self.scheme]


def parted(text: str) -> tuple[str, str]:
    """Return scheme and address of ``imaps://host:port``; a ValueError does not show *text*."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        known = "imaps://mail.example.org, imap://…, pop3s://… or pop3://…"
        raise ValueError(f"mailbox: is not the URL of a server, or has more in it; write {known}")
    return match["scheme"], match["address"]


class Box(Protocol):
    """An open mailbox."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def holds(self, token: str) -> bool:
        """Return whether the mail with *token* is there, and delete it if so."""


def of(mailbox: Mailbox, now: datetime) -> Box:
    return (_Imap if mailbox.scheme.startswith("imap") else _Pop3)(mailbox, now)


def _old(headers: str, now: datetime) -> bool:
    match = _MARKED.search(headers)
    return match is not None and int(match["at"]) < now.timestamp() - _OLD_S


class _Imap:
    """One connection for all looks."""

    def __init__(self, mailbox: Mailbox, now: datetime) -> None:
        self._mailbox, self._now = mailbox, now
        self._talk: Dialogue | None = None

    async def __aenter__(self) -> Self:
        self._talk = talk = await dialogue.call(self._mailbox, self._now)
        try:
            await self._open(talk)
        except BaseException:
            talk.close()
            raise
        return self

    async def _open(self, talk: Dialogue) -> None:
        await imap.greeted(talk)
        can = await imap.capabilities(talk)
        if self._mailbox.tls == "starttls":
            can = await imap.secured(talk, can)
        await imap.log_in(talk, can, self._mailbox.username, self._mailbox.password)
        if not {"UIDPLUS", "IMAP4REV2"} & set(await imap.capabilities(talk)):
            words = "the server has no UIDPLUS, so a single mail cannot be deleted"
            raise talk.failure(Reason.PROTOCOL, words)
        await imap.asked(talk, "SELECT INBOX", Reason.MISSING)
        await self._sweep(talk)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._talk is not None
        try:
            if error is None:  # the answer says nothing
                with contextlib.suppress(OSError):
                    await self._talk.say(f"{imap.TAG} LOGOUT")
        finally:
            self._talk.close()

    async def holds(self, token: str) -> bool:
        assert self._talk is not None
        await imap.asked(
            self._talk, "NOOP", Reason.STATUS
        )  # the server reports new mails, so that SEARCH finds them
        found = await _searched(self._talk, token)
        await _deleted(self._talk, found)
        return bool(found)

    async def _sweep(self, talk: Dialogue) -> None:
        ours = (await _searched(talk, ""))[:_MOST_SWEPT]
        if not ours:
            return
        which = f"BODY.PEEK[HEADER.FIELDS ({MARKER})]"
        heard = await imap.asked(talk, f"UID FETCH {','.join(ours)} ({which})", Reason.STATUS)
        old = {uid[1] for line in heard if (uid := _UID.search(line)) and _old(line, self._now)}
        await _deleted(talk, [uid for uid in ours if uid in old])


async def _searched(talk: Dialogue, text: str) -> list[str]:
    """Return the UIDs of the mails whose marker contains *text*."""
    heard = await imap.asked(talk, f'UID SEARCH HEADER {MARKER} "{text}"', Reason.STATUS)
    lines = [line for line in heard if line.upper().startswith("* SEARCH")]
    return [word for line in lines for word in line.split()[2:] if re.fullmatch(r"\d{1,10}", word)]


async def _deleted(talk: Dialogue, uids: list[str]) -> None:
    if uids:
        which = ",".join(uids[:_MOST_SWEPT])
        await imap.asked(talk, rf"UID STORE {which} +FLAGS.SILENT (\Deleted)", Reason.STATUS)
        await imap.asked(talk, f"UID EXPUNGE {which}", Reason.STATUS)


class _Pop3:
    """A connection for each look: POP3 shows the mails at the login, and deletes at QUIT."""

    def __init__(self, mailbox: Mailbox, now: datetime) -> None:
        self._mailbox, self._now = mailbox, now

    async def __aenter__(self) -> Self:
        await self.holds("")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close: no connection is open between looks."""

    async def holds(self, token: str) -> bool:
        with await dialogue.call(self._mailbox, self._now) as talk:
            await pop3.greeted(talk)
            if self._mailbox.tls == "starttls":
                await pop3.asked(talk, "STLS", Reason.TLS)
                await talk.secure()
            await pop3.log_in(talk, self._mailbox.username, self._mailbox.password)
            count, there = int((await pop3.counted(talk))["messages"]), False
            for number in range(count, max(0, count - _MOST_LOOKED_AT), -1):
                headers = await _headers(talk, number)
                match = _MARKED.search(headers)
                mine = match is not None and match["token"] == token
                if mine or _old(headers, self._now):
                    await pop3.asked(talk, f"DELE {number}", Reason.STATUS)
                there = there or mine
            await pop3.asked(talk, "QUIT", Reason.STATUS)
            return there


async def _headers(talk: Dialogue, number: int) -> str:
    await pop3.asked(talk, f"TOP {number} 0", Reason.STATUS)
    lines = list[str]()
    while (line := await talk.hear("a mail's headers")) != ".":
        lines.append(line)
    return "\n".join(lines)
