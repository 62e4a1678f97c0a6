"""IMAP commands that several kinds use: greeting, TLS, login, a command and its answer."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from watch.core.reading import Reason
from watch.core.wording import one_line

if TYPE_CHECKING:
    from watch.core.reading import FactValue
    from watch.core.settings import Secret
    from watch.probes.wire.mail.dialogue import Dialogue

TAG = "a"  # one is enough: each command waits for the answer to the one before
_GREETING = re.compile(r"\* (?P<state>OK|PREAUTH|BYE)(?: (?P<text>.*))?", re.IGNORECASE | re.DOTALL)
_DONE = re.compile(rf"{TAG} (?P<state>OK|NO|BAD)(?: (?P<text>.*))?", re.IGNORECASE | re.DOTALL)
# A folder's name, or fetched data, may be a literal with lines of its own.
_LITERAL = re.compile(r"\* (?:STATUS|\d{1,10} FETCH) .*\{(\d{1,5})\}", re.IGNORECASE | re.DOTALL)
# Codes for a server that could not check the password (RFC 5530).
_NOT_NOW = ("[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]", "[CONTACTADMIN]")


async def greeted(talk: Dialogue) -> None:
    greeting = _GREETING.fullmatch(await talk.greeted())
    if greeting is None:
        raise talk.failure(Reason.PROTOCOL, "the greeting is not IMAP")
    text = greeting["text"] or ""
    if greeting["state"].upper() == "BYE":
        raise talk.failure(Reason.STATUS, f"greets with BYE: {talk.quoted(text)}")
    talk.facts["banner"] = one_line(text)


async def capabilities(talk: Dialogue) -> list[str]:
    heard = await asked(talk, "CAPABILITY", Reason.PROTOCOL)
    can = [line.split()[2:] for line in heard if line.upper().startswith("* CAPABILITY ")]
    words = [word.upper() for word in can[-1]] if can else []
    facts: dict[str, FactValue] = {"capabilities": one_line(" ".join(words), 1000)}
    talk.facts |= facts
    return words


async def secured(talk: Dialogue, can: list[str]) -> list[str]:
    """Return the server's capabilities after TLS."""
    talk.facts["starttls"] = "STARTTLS" in can
    if "STARTTLS" not in can:
        raise talk.failure(Reason.TLS, "the server offers no STARTTLS; write `tls: none` to do without TLS")
    await asked(talk, "STARTTLS", Reason.TLS)
    await talk.secure()
    return await capabilities(talk)


async def log_in(talk: Dialogue, can: list[str], username: str, password: Secret) -> None:
    if "AUTH=PLAIN" in can:
        word = base64.b64encode(f"\0{username}\0{password.reveal()}".encode()).decode()
        await asked(talk, "AUTHENTICATE PLAIN", Reason.AUTH, secret=word)
    elif "LOGINDISABLED" in can:
        raise talk.failure(Reason.AUTH, "the server allows no login on this connection")
    else:
        await asked(talk, f"LOGIN {string(username)} {string(password.reveal())}", Reason.AUTH, secret="")


async def asked(talk: Dialogue, command: str, reason: Reason, *, secret: str | None = None) -> list[str]:
    """Return the lines before the OK; a NO is a failure with that *reason*.

    Args:
        secret: What to send when the server asks to continue; if given, the whole command is secret.
    """
    await talk.say(f"{TAG} {command}", secret=secret is not None)
    what, lines = command.partition(" ")[0], list[str]()
    while True:
        line = await talk.hear(f"an answer to {what}")
        while literal := _LITERAL.fullmatch(line):
            text = (await talk.take(int(literal[1]), "the rest of its answer")).decode("utf-8", "replace")
            line += "\n" + text + await talk.hear("the rest of its answer")
        done = _DONE.fullmatch(line)
        if done is None and line.startswith("+") and secret:
            await talk.say(secret, secret=True)
        elif done is None and line.startswith("* "):
            lines.append(line)
        elif done is None:
            raise talk.failure(Reason.PROTOCOL, f"the answer to {what} is not IMAP")
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


def string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
