"""FTP's second connection, for a list of names.

The server names only the port; the address is always the one that we are connected to, whatever the server says
(else it could make us connect to another machine). With TLS the second connection resumes the session of the
first one: this proves to the server that both are ours, and many servers require it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from watch.core.reading import Reason
from watch.probes.wire.mail.replies import reply
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import Place, place

if TYPE_CHECKING:
    import ssl

    from watch.probes.wire.mail.dialogue import Dialogue
    from watch.probes.wire.mail.replies import Reply

_MOST = 1 << 20  # bytes of names
_EXTENDED = re.compile(r"\((.)\1\1(\d{1,5})\1\)")
_CLASSIC = re.compile(r"\(?\d+,\d+,\d+,\d+,(\d{1,3}),(\d{1,3})\)?")


async def asked(talk: Dialogue, command: str, *, what: str = "", secret: bool = False) -> Reply:
    """Return the answer to *command*, whatever its code."""
    await talk.say(command, secret=secret)
    return await reply(talk, what or command.partition(" ")[0], "FTP")


async def names(talk: Dialogue, *, name: str) -> list[bytes]:
    """Return the names in the current folder; *name* is the one that the certificate must carry."""
    there = Place(place(talk.line.where).host, await _port(talk))
    with await dial(
        there, family="any", metadata=True
    ) as data:  # the address was admitted for the first connection
        begun = await asked(talk, "NLST")
        if begun.code in ("450", "550"):  # some servers answer so for an empty folder
            return []
        if begun.code[0] != "1":
            raise talk.failure(Reason.STATUS, f"answers NLST with {begun.code}: {talk.quoted(begun.text)}")
        if talk.line.tls is not None:
            await data.secure(cast("ssl.SSLContext", _Resuming(talk.line.tls)), name)
        heard = b""
        while chunk := await data.receive(f"the list of {data.where} did not end"):
            heard += chunk
            if len(heard) > _MOST:
                raise talk.failure(Reason.LIMIT, "the list has over 1 MiB")
    ended = await reply(talk, "the end of the list", "FTP")
    if ended.code[0] != "2":
        raise talk.failure(Reason.STATUS, f"ends its list with {ended.code}: {talk.quoted(ended.text)}")
    return [line for line in heard.splitlines() if line not in (b"", b".", b"..")]


async def _port(talk: Dialogue) -> int:
    said = await asked(talk, "EPSV")
    match = _EXTENDED.search(said.text)
    port = int(match[2]) if match is not None else 0
    if said.code != "229":  # it knows only PASV
        said = await asked(talk, "PASV")
        match = _CLASSIC.search(said.text)
        port = int(match[1]) * 256 + int(match[2]) if match is not None else 0
    if said.code not in ("227", "229"):
        raise talk.failure(Reason.STATUS, f"answers PASV with {said.code}: {talk.quoted(said.text)}")
    if not 0 < port < 65536:
        raise talk.failure(Reason.PROTOCOL, "names no port for the list")
    return port


class _Resuming:
    """The part of a context that `Line.secure` uses; it resumes the session of another connection."""

    def __init__(self, tls: ssl.SSLObject) -> None:
        self._tls = tls

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *, server_hostname: str
    ) -> ssl.SSLObject:
        return self._tls.context.wrap_bio(
            incoming, outgoing, server_hostname=server_hostname, session=self._tls.session
        )
