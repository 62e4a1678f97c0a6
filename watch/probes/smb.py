"""SMB: login to a Windows or Samba file server, and the free space of a share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import Place, place
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue

_PORT = 445


class Target(NamedTuple):
    """The parts of ``//server/share/folder``."""

    there: Place
    share: str
    folder: str


@probe("smb", main="share")
@dataclass(frozen=True, slots=True, kw_only=True)
class SmbProbe(Reached, Described):
    r"""Log in to a file server (SMB 2 or 3, by NTLM) and ask for the free space of a share.

    Messages are signed, so that nobody can forge the answers. Without a username, only the protocol version is
    negotiated. At most eight runs at a time. Needs the extra `smb`. Run against Samba 4.17.

    Options:
        share: The share as //server/share, //server:port/share or //server/share/folder.
        username: The user to log in as, name or DOMAIN\name.
        password: Its password.
        encrypt: Require encryption, whether or not the server does.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        free (ratio, empties): The share of the file system that is free for this user.
        available (bytes): How much that is.
        total (bytes): The size of the file system, or of the user's quota.
        dialect (text, protocol): The protocol's version: 2.1, 3.0.2, 3.1.1, ….
        signed (bool, tls): Whether the server requires signatures of all clients.
        encrypted (bool, tls): Whether the share's messages are encrypted.
        address (text): Who answered, ip:port.

    Reasons:
        ok, auth, missing, status, slow, tls, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        smb: {share: //nas.example.org/backups, username: watch, password: "${env:NAS_PASSWORD}"}
        expect: [free > 5%]
        warn: [free > 15%, encrypted == true]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    LIBRARY: ClassVar[str] = "smbprotocol"

    share: str
    username: str | None = None
    password: Secret | None = None
    encrypt: bool = False

    def __post_init__(self) -> None:
        _target(self.share)
        if (self.username is None) != (self.password is None):
            raise ValueError("username: a login needs both username and password")

    def peer(self) -> str:
        return _target(self.share).there.host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.shares.smb import Wanted, held  # noqa: PLC0415 - when a check needs it

        there, share, folder = _target(self.share)
        wanted = Wanted(there.host, self.username, self.password, share, folder, self.encrypt)
        clock = asyncio.get_running_loop().time
        with await dial(there, family=self.family, metadata=self.metadata) as line:
            began = clock()
            found = await held(line, wanted)
            line.phases["transfer"] = clock() - began
            facts: dict[str, FactValue] = {
                "latency": sum(line.phases.values()),
                "dialect": found.dialect,
                "signed": found.signed,
                "address": line.where,
            }
        if found.room is not None:
            available, total = found.room
            facts |= {"encrypted": found.encrypted, "available": available, "total": total}
            facts |= {"free": available / total} if total else {}
        return Reading(Verdict.UP, facts=facts, phases=line.phases)


def _target(text: str) -> Target:
    """Read ``//server[:port]/share[/folder]``, or the same with backslashes; else ValueError."""
    slashes = text.replace("\\", "/")
    server, _, rest = slashes.removeprefix("//").partition("/")
    share, _, folder = rest.strip("/").partition("/")
    if not slashes.startswith("//") or not share or any(char < " " for char in text) or len(text) > 1024:
        shown = "it" if "@" in text or "://" in text else repr(text)
        raise ValueError(f"share: {shown} is not a share; write it like //nas.example.org/backups")
    try:
        return Target(place(server, _PORT), share, folder.replace("/", "\\"))
    except ValueError as error:
        raise ValueError(f"share: {error}") from None
