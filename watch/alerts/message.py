"""What is handed to the sender, and what comes back.

A message is one notice in several lengths: each channel has its own limit, and only the plug-in that sends it knows
what becomes of a text there (Markdown escapes, HTML, a title that is put into the body). So the process that sends
tries the lengths from the longest to the shortest, and takes the first that fits; nothing is ever cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Sent(Enum):
    """The result of a send."""

    DELIVERED = "delivered"
    TEMPORARY = "temporary"  # a retry may work
    PERMANENT = "permanent"  # a retry will not work
    UNKNOWN = "unknown"  # the request left and no answer came: the receiver may have it


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The result of a send.

    Args:
        detail: Host and cause, for people; it contains no secret.
        retry_after_s: The receiver asks not to be asked again before that.
    """

    sent: Sent
    detail: str = ""
    retry_after_s: float = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice's text."""

    title: str
    body: str


class Tone(StrEnum):
    """What a message says, in apprise's words: plug-ins choose colours, icons, priorities and sounds by it."""

    FAILURE = "failure"  # something has begun that people must act on
    WARNING = "warning"  # less than that, or late
    SUCCESS = "success"  # it is over
    INFO = "info"  # a test


@dataclass(frozen=True, slots=True)
class Thread:
    """One incident at a provider that pairs what begins with what ends, like PagerDuty.

    Args:
        key: The dedup key under which it was opened.
        open: Whether it goes on; else the message closes it.
    """

    key: str
    open: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One notice, ready to be sent over any channel.

    Args:
        letters: The same notice, from the longest to the shortest; at least one.
        urgent: Plug-ins with priorities use a high one, unless the channel's URL has its own.
        threads: The incidents it is about; providers that pair get one request for each, all others ignore them.
    """

    letters: tuple[Letter, ...]
    tone: Tone = Tone.INFO
    urgent: bool = False
    threads: tuple[Thread, ...] = ()
