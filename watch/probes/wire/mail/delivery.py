"""A mail of our own: written, handed to a server, and waited for in the mailbox that it should come to.

It says that a machine wrote it (RFC 3834), so no other machine answers, and its sender is whoever the operator
named, so what bounces comes to nobody else. Addresses are checked before they get near a header or a command.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from watch.core.reading import NOTHING, ProbeFailure, Reason
from watch.probes.wire.mail.mailbox import MARKER, of
from watch.probes.wire.mail.replies import reply
from watch.probes.wire.mail.smtp import answered, taken
from watch.probes.wire.net.blame import carried, cut_short

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.mail.dialogue import Dialogue
    from watch.probes.wire.mail.mailbox import Box, Mailbox

_FIRST_S, _LONGEST_S = 0.1, 2.0  # between looks; each pause is twice the one before
_WHOLE = SMTP.clone(max_line_length=400)  # a long address is not to be folded, let alone encoded
_TEXT = """\
A check of this mail server sent this mail to see it arrive, and deletes it when it does.
If you read it, that check did not find it in time: the mail may be deleted.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail. *token* is what tells it from all others."""

    sender: str
    recipient: str
    written: datetime
    token: str

    def __bytes__(self) -> bytes:
        mail = EmailMessage(_WHOLE)
        mail["From"], mail["To"] = f"<{self.sender}>", f"<{self.recipient}>"
        mail["Subject"] = "A mail server is checked"
        mail["Date"] = format_datetime(self.written)
        mail["Message-ID"] = f"<{self.token}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail[MARKER] = f"{self.token} {int(self.written.timestamp())}"
        mail.set_content(_TEXT)
        return mail.as_bytes()


def letter(sender: str, recipient: str, now: datetime) -> Letter:
    return Letter(sender=sender, recipient=recipient, written=now, token=secrets.token_hex(16))


async def hand_over(talk: Dialogue, mail: Letter) -> None:
    """Give *mail* to the server; returns when it has taken it into its care."""
    await answered(talk, f"MAIL FROM:<{mail.sender}>", Reason.STATUS)
    await answered(talk, f"RCPT TO:<{mail.recipient}>", Reason.STATUS)
    await talk.say("DATA")
    said = await reply(talk, "DATA", "SMTP")
    taken(talk, said, "DATA", Reason.STATUS)
    if said.code != "354":
        raise talk.failure(Reason.PROTOCOL, f"answers DATA with {said.code}, and takes no mail so")
    await talk.put(re.sub(rb"(?m)^\.", b"..", bytes(mail)) + b".\r\n")
    taken(talk, await reply(talk, "the mail", "SMTP"), "the mail", Reason.STATUS)


async def sent_and_seen(
    mailbox: Mailbox, ready: Callable[[], Awaitable[Dialogue]], mail: Letter
) -> tuple[dict[str, FactValue], dict[str, float]]:
    """Send *mail* and see it arrive; return the facts and the phases of it all.

    Args:
        ready: Gives the dialogue with the server that takes it.
    """
    clock = asyncio.get_running_loop().time
    with _about("the mailbox"):
        box = await of(mailbox, mail.written).__aenter__()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(box)
        with await ready() as talk:
            await hand_over(talk, mail)
            handed, (facts, phases) = clock(), talk.told()
            with contextlib.suppress(OSError):  # a courtesy: its answer tells nothing and is not awaited
                await talk.say("QUIT")
        await _arrived(box, mail, facts, phases)
        took = clock() - handed
    return {**facts, "delivery": took}, {**phases, "delivery": took}


@contextlib.contextmanager
def _about(
    what: str, facts: Mapping[str, FactValue] = NOTHING, phases: Mapping[str, float] = NOTHING
) -> Iterator[None]:
    """Say of a failure in here that it is about *what*, and what was learned before."""
    try:
        yield
    except ProbeFailure as failure:
        raise ProbeFailure(
            failure.reason, f"{what}: {failure.detail}", facts=facts, phases=phases
        ) from failure
    except asyncio.CancelledError as stop:
        found = carried(stop)
        if not isinstance(found, ProbeFailure):
            raise
        words = f"{what}: {found.detail}"
        raise cut_short(stop, ProbeFailure(found.reason, words, facts=facts, phases=phases)) from stop


async def _arrived(
    box: Box, mail: Letter, facts: Mapping[str, FactValue], phases: Mapping[str, float]
) -> None:
    """Return when *mail* is in *box*, and out of it again. *facts* and *phases* are what a failure tells, too."""
    words = "the server took the mail, and it did not arrive in the mailbox"
    late = ProbeFailure(Reason.TIMEOUT, words, facts=facts, phases=phases)
    pause, looked = _FIRST_S, False
    try:
        while True:
            with _about("the mailbox", facts, phases):
                if await box.holds(mail.token):
                    return
            looked = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_S)
    except asyncio.CancelledError as stop:
        # Once a look has come to an end, a mailbox that is slow with the next is not what is wrong.
        raise cut_short(stop, late) if looked else stop from stop.__cause__
