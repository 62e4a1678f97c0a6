"""Acknowledge links: `/ack/<token>`, one for each call to a recipient.

A token names an alert, its recipient, the number of the call and an end, and is signed with a key that is kept beside
the store. It can be used once: the alert remembers which links were used. Whoever has the link can acknowledge as its
recipient, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.alerts.call_lines import command_to_ack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watch.core.alert import Alert
    from watch.core.settings import Settings

VALID_MS = 24 * 3_600_000
_SIGNED = 16  # bytes of the signature
_LONGEST = 300  # characters of a token


@dataclass(frozen=True, slots=True)
class AckLink:
    """What a token says.

    Args:
        call: The number of the call that brought it.
        until_ms: When it ends (Unix time in ms).
    """

    alert_id: int
    call: int
    recipient: str
    until_ms: int

    def used_as(self, recipient: str) -> str:
        """How the alert remembers that it was used; *recipient* may have been renamed."""
        return f"{recipient}/{self.call}"


class AckLinks:
    """Makes links, and reads them.

    Args:
        key: Gives the key; called when it is needed first.
        settings: Gives the settings in force.
    """

    def __init__(self, key: Callable[[], bytes], settings: Callable[[], Settings]) -> None:
        self._make_key, self._settings = key, settings
        self._key: bytes | None = None

    def line(self, alerts: Sequence[Alert], recipient: str, now_ms: int) -> str:
        """How *recipient* acknowledges *alerts*: by the root's link if it can be reached from outside, or a command."""
        link = self.ack_link(alerts[0], recipient, now_ms)
        return f"To acknowledge: {link}" if link else command_to_ack(alerts)

    def ack_link(self, alert: Alert, recipient: str, now_ms: int) -> str:
        """The link by which *recipient* acknowledges *alert*; empty without `service.outside_url`."""
        base = self._settings().service.outside_url
        if base is None:
            return ""
        link = AckLink(alert.id, alert.call_to(recipient), recipient, now_ms + VALID_MS)
        return f"{base.rstrip('/')}/ack/{self.token(link)}"

    def token(self, link: AckLink) -> str:
        """The signed text of *link*."""
        said = f"{link.alert_id}.{link.call}.{link.until_ms // 1000}.{link.recipient}".encode()
        return base64.urlsafe_b64encode(self._signature(said) + said).rstrip(b"=").decode()

    def read(self, token: str) -> AckLink | None:
        """The link in *token*; None when we did not sign it."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        signature, said = raw[:_SIGNED], raw[_SIGNED:]
        if not hmac.compare_digest(signature, self._signature(said)):
            return None
        alert_id, call, until, recipient = said.decode().split(".", 3)
        return AckLink(int(alert_id), int(call), recipient, int(until) * 1000)

    def _signature(self, said: bytes) -> bytes:
        if self._key is None:
            self._key = self._make_key()
        return hmac.digest(self._key, b"acknowledge " + said, hashlib.sha256)[:_SIGNED]
