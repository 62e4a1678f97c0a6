"""A test mail: written, handed to a server, and awaited in its mailbox.

Its headers say that a machine wrote it (RFC 3834), so no other machine answers. Its sender is the one that the
operator configured, so a bounce goes there. Addresses are checked before they are put into a header or a
command.
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

_FIRST_S, _LONGEST_S = 0.1, 2.0  # pauses between looks; each is twice the one before
_WHOLE = SMTP.clone(max_line_length=400)  # long addresses must not be folded or encoded
_TEXT = """\
A check of this mail server sent this mail to see it arrive, and deletes it when it does.
If you read it, that check did not find it in time: the mail may be deleted.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail. *token* identifies it."""

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
    """Hand *mail* to the server; returns when the server has accepted it."""
    await answered(talk, f"MAIL FROM:<{mail.sender}>", Reason.STATUS)
    await answered(talk, f"RCPT TO:<{mail.recipient}>", Reason.STATUS)
    await talk.say("DATA")
    said = await reply(talk, "DATA", "SMTP")
    taken(talk, said, "DATA", Reason.STATUS)
    if said.code != "354":
        raise talk.failure(Reason.PROTOCOL, f"answers DATA with {said.code}: it does not accept the mail")
    await talk.put(re.sub(rb"(?m)^\.", b"..", bytes(mail)) + b".\r\n")
    taken(talk, await reply(talk, "the mail", "SMTP"), "the mail", Reason.STATUS)


async def sent_and_seen(
    mailbox: Mailbox, ready: Callable[[], Awaitable[Dialogue]], mail: Letter
) -> tuple[dict[str, FactValue], dict[str, float]]:
    """Send *mail* and wait for it; return all facts and phases.

    Args:
        ready: Returns a dialogue with the server that accepts the mail.
    """
    clock = asyncio.get_running_loop().time
    with _about("the mailbox"):
        box = await of(mailbox, mail.written).__aenter__()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(box)
        with await ready() as talk:
            await hand_over(talk, mail)
            handed, (facts, phases) = clock(), talk.told()
            with contextlib.suppress(OSError):  # the answer is not awaited; it says nothing
                await talk.say("QUIT")
        await _arrived(box, mail, facts, phases)
        took = clock() - handed
    return {**facts, "delivery": took}, {**phases, "delivery": took}


@contextlib.contextmanager
def _about(
    what: str, facts: Mapping[str, FactValue] = NOTHING, phases: Mapping[str, float] = NOTHING
) -> Iterator[None]:
    """Add to a failure in here that it is about *what*, and the facts learned before."""
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
    """Return when *mail* was found in *box* and deleted. *facts* and *phases* are added to a failure."""
    words = "the server accepted the mail, but it did not arrive in the mailbox"
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
        # After a first complete look, a timeout means that the mail is late, not that the mailbox is slow.
        raise cut_short(stop, late) if looked else stop from stop.__cause__
