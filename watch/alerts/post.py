"""One send, in its own process: the longest letter that fits, and what became of it.

A refusal that may be about size or content is answered at once by the shortest letter; only when that is refused too is
the channel called broken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watch.alerts.message import SendOutcome, Sent
from watch.alerts.plugin import Plugin, UnsupportedError, pairs

if TYPE_CHECKING:
    from watch.alerts.message import Letter, Message, Thread
    from watch.alerts.wire import Wire

# Client errors that are worth a retry: timeout, too early, too many requests.
_RETRIABLE = frozenset((408, 425, 429))
# What may be about the size or the content of a text: HTTP's, and SMTP's for a message.
_ABOUT_TEXT = frozenset((400, 413, 414, 415, 422, 431))
_ABOUT_MAIL = frozenset((500, 523, 550, 552, 554))
SHORT = 140  # characters: what every service takes
_WORD = re.compile(r"[A-Za-z]{3,}")


def post(url: str, message: Message, wire: Wire) -> SendOutcome:
    """Send *message* over the channel *url*: one request, or one for each incident at a provider that pairs.

    Raises:
        BaseException: Whatever a plug-in raises; `ended` says what became of the send then.
    """
    try:
        for thread in _threads(url, message):
            outcome = _sent(url, message, thread, wire)
            if outcome.sent is not Sent.DELIVERED:
                break
    except UnsupportedError:
        return SendOutcome(Sent.PERMANENT, "apprise does not support this URL")
    return outcome


def _threads(url: str, message: Message) -> tuple[Thread | None, ...]:
    return message.threads if message.threads and pairs(url) else (None,)


def _sent(url: str, message: Message, thread: Thread | None, wire: Wire) -> SendOutcome:
    plugin = Plugin(url, thread, urgent=message.urgent)
    fitting = [letter for letter in message.letters if plugin.fits(letter)] or [message.letters[-1]]
    outcome = _tried(plugin, fitting[0], message, wire)
    short = next((letter for letter in fitting if size(letter) <= SHORT), fitting[-1])
    if outcome.sent is not Sent.PERMANENT or not _about_text(wire) or short == fitting[0]:
        return outcome
    # A plug-in of its own: the first would wait for seconds before its next request.
    again = _tried(Plugin(url, thread, urgent=message.urgent), short, message, wire)
    if again.sent is Sent.DELIVERED:
        return SendOutcome(Sent.DELIVERED, f"only the shortest letter: for the longer one, {outcome.detail}")
    return again


def size(letter: Letter) -> int:
    """Characters of title and body, as a channel counts them that sends both as one."""
    return len(letter.title) + len(letter.body) + 2


def _tried(plugin: Plugin, letter: Letter, message: Message, wire: Wire) -> SendOutcome:
    word = _WORD.search(letter.title)
    wire.begin(word[0] if word else "")
    if not plugin.notify(letter, message.tone):
        return ended(wire)
    if not wire.connected and not plugin.local:
        return SendOutcome(Sent.PERMANENT, "apprise's plug-in sent nothing, although it says so")
    if wire.diverted:
        return SendOutcome(Sent.PERMANENT, f"{wire.place} was reached by a redirect that loses the notice")
    return SendOutcome(Sent.DELIVERED)


def _about_text(wire: Wire) -> bool:
    if wire.denied or wire.diverted:
        return False
    return wire.status in (_ABOUT_MAIL if wire.mail else _ABOUT_TEXT) or 200 <= wire.status < 300


def ended(wire: Wire, interrupted: str = "") -> SendOutcome:
    """The result of a send that was not delivered.

    Args:
        interrupted: How it was ended by us: `within 10 s`.
    """
    place = wire.place or "the channel"
    if wire.denied:
        return SendOutcome(Sent.PERMANENT, f"a channel must not reach a metadata address: {wire.denied}")
    if wire.left:
        return SendOutcome(
            Sent.UNKNOWN, f"{place} took the request and gave no answer {interrupted}".rstrip()
        )
    if wire.cause or not wire.status:
        cause = wire.cause or (f"not done {interrupted}" if interrupted else "")
        return SendOutcome(Sent.TEMPORARY, f"{place} could not be reached{cause and ': '}{cause}")
    return _judged(wire, place, interrupted)


def _judged(wire: Wire, place: str, interrupted: str) -> SendOutcome:
    """The result by the last answer."""
    said = f"{place} answered {wire.status}"
    if wire.mail:
        refused = wire.status >= 500
    elif wire.status >= 400:
        refused = wire.status < 500 and wire.status not in _RETRIABLE
    elif interrupted:
        refused, said = False, f"{said}, and was not done {interrupted}"
    elif not wire.whole:
        return SendOutcome(Sent.UNKNOWN, f"{said}, and then nothing more")
    else:
        refused, said = True, f"{said}, but does not take the notice"
    return SendOutcome(Sent.PERMANENT if refused else Sent.TEMPORARY, said, wire.retry_after_s)
