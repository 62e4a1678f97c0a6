"""SMTP commands: greeting, a command and its reply, login."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from watch.core.reading import Reason
from watch.probes.wire.mail.replies import Reply, greeting, reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.settings import Secret
    from watch.probes.wire.mail.dialogue import Dialogue

_VERB = re.compile("[ :]")


async def greeted(talk: Dialogue) -> str:
    said = await greeting(talk, "SMTP")
    if said.code != "220":
        raise talk.failure(Reason.STATUS, f"greets with {said.code} {talk.quoted(said.text)}")
    return said.text


async def answered(talk: Dialogue, command: str, reason: Reason, *, secret: bool = False) -> list[str]:
    """Return the reply's lines; a reply that is not a success is a failure with that *reason*."""
    await talk.say(command, secret=secret)
    what = "a login" if secret else _VERB.split(command, maxsplit=1)[0]
    return taken(talk, await reply(talk, what, "SMTP"), what, reason)


def taken(talk: Dialogue, said: Reply, what: str, reason: Reason) -> list[str]:
    """Return the lines of a successful reply."""
    if said.code[0] not in "23":
        # 4xx means "not now" (a directory that is down, greylisting): the password may be right.
        why = Reason.STATUS if said.code[0] == "4" else reason
        raise talk.failure(why, f"answers {what} with {said.code}: {talk.quoted(said.text)}")
    return said.lines


async def log_in(talk: Dialogue, offers: Mapping[str, str], username: str, password: Secret) -> None:
    ways = offers.get("AUTH", "").upper().split()
    if "PLAIN" in ways:
        word = _encoded(f"\0{username}\0{password.reveal()}")
        await answered(talk, f"AUTH PLAIN {word}", Reason.AUTH, secret=True)
    elif "LOGIN" in ways:
        await answered(talk, "AUTH LOGIN", Reason.AUTH)
        await answered(talk, _encoded(username), Reason.AUTH, secret=True)
        await answered(talk, _encoded(password.reveal()), Reason.AUTH, secret=True)
    else:
        raise talk.failure(Reason.AUTH, "the server offers neither AUTH PLAIN nor AUTH LOGIN")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
