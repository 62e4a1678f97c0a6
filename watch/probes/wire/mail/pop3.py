"""POP3 commands that several kinds use: a command, its answer, and the size of the mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import Reason

if TYPE_CHECKING:
    from watch.core.reading import FactValue
    from watch.core.settings import Secret
    from watch.probes.wire.mail.dialogue import Dialogue

# Codes for a server that could not check the password (RFC 2449, 3206).
_NOT_NOW = ("[IN-USE]", "[SYS/", "[LOGIN-DELAY]")


async def greeted(talk: Dialogue) -> str:
    """Return the server's greeting."""
    return granted(talk, await talk.greeted(), "the connection", Reason.STATUS)


async def log_in(talk: Dialogue, username: str, password: Secret) -> None:
    await asked(talk, f"USER {username}", Reason.AUTH)
    await asked(talk, f"PASS {password.reveal()}", Reason.AUTH, secret=True)


async def counted(talk: Dialogue) -> dict[str, FactValue]:
    words = (await asked(talk, "STAT", Reason.STATUS)).split()
    if len(words) < 2 or not all(word.isdecimal() and len(word) < 16 for word in words[:2]):
        raise talk.failure(Reason.PROTOCOL, "the answer to STAT is not two numbers")
    return {"messages": int(words[0]), "size": int(words[1])}


async def asked(talk: Dialogue, command: str, reason: Reason, *, secret: bool = False) -> str:
    await talk.say(command, secret=secret)
    what = command.partition(" ")[0]
    return granted(talk, await talk.hear(f"an answer to {what}"), what, reason)


def granted(talk: Dialogue, line: str, what: str, reason: Reason) -> str:
    """Return the text after +OK; -ERR is a failure with that *reason*."""
    state, _, text = line.partition(" ")
    if state == "+OK":
        return text
    if state != "-ERR":
        raise talk.failure(Reason.PROTOCOL, f"the answer to {what} is not POP3")
    why = Reason.STATUS if text.upper().startswith(_NOT_NOW) else reason
    raise talk.failure(why, f"answers {what} with an error: {talk.quoted(text)}")
