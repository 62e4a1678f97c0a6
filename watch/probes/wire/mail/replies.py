"""Replies that begin with a code of three digits, in one or several lines: SMTP's and FTP's.

``250-`` begins a reply of several lines, and ``250 `` ends it. In between, SMTP repeats the code in each line;
FTP need not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import Reason

if TYPE_CHECKING:
    from watch.probes.wire.mail.dialogue import Dialogue

_LINE = re.compile(r"(?P<code>[1-6]\d\d)(?P<more>[ -]|$)(?P<text>.*)", re.DOTALL)


class Reply(NamedTuple):
    """A reply: its code, and its lines without the code."""

    code: str
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


async def greeting(talk: Dialogue, protocol: str) -> Reply:
    """Return the greeting; *protocol* is the expected one, SMTP or FTP."""
    return await _whole(talk, await talk.greeted(), "the greeting", protocol)


async def reply(talk: Dialogue, what: str, protocol: str) -> Reply:
    """Return the answer to *what*."""
    return await _whole(talk, await talk.hear(f"an answer to {what}"), f"the answer to {what}", protocol)


async def _whole(talk: Dialogue, line: str, what: str, protocol: str) -> Reply:
    first = _LINE.fullmatch(line)
    if first is None:
        raise talk.failure(Reason.PROTOCOL, f"{what} is not {protocol}")
    lines, more = [first["text"]], first["more"] == "-"
    while more:
        line = await talk.hear("the rest of its answer")
        match = _LINE.fullmatch(line)
        if match is None and protocol == "SMTP":
            raise talk.failure(Reason.PROTOCOL, f"{what} has a line without a code")
        last = match is not None and match["code"] == first["code"]
        lines.append(match["text"] if match is not None and last else line)
        more = not (match is not None and last and match["more"] != "-")
    return Reply(first["code"], lines)
