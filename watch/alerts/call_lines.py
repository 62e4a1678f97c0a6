"""The lines of a notice that are for its recipient alone: why they are called, and how they acknowledge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.alerts.hearing import Hearing
    from watch.core.alert import Alert

HowToAck = Callable[["Sequence[Alert]", str, int], str]
"""How a recipient acknowledges the alerts of a notice, the root first, at an instant (Unix time in ms): a line."""
_NAMED = 5


def command_to_ack(alerts: Sequence[Alert], *_: object) -> str:
    """How to acknowledge *alerts* without a link."""
    if len(alerts) > _NAMED:
        return "To acknowledge all that is open: threenines ack --all"
    return f"To acknowledge: threenines ack {' '.join(str(alert.id) for alert in alerts)}"


class CallLines:
    """Makes the lines."""

    def __init__(self, hearing: Hearing, how_to_ack: HowToAck) -> None:
        self._hearing, self._how_to_ack = hearing, how_to_ack

    def __call__(self, alerts: Sequence[Alert], recipient: str, at_ms: int) -> tuple[str, ...]:
        """The lines of a notice to *recipient*, sent at *at_ms*, that *alerts* are open; the first is its root."""
        if not alerts:
            return ()
        again = any(self._hearing.called_again(alert, recipient) for alert in alerts)
        skipped = dict.fromkeys(why for alert in alerts for why in _skipped(alert, recipient))
        return (
            *(("Nobody has acknowledged this yet, so you are paged again.",) if again else ()),
            *(f"{why[:1].upper()}{why[1:]}, so you are paged." for why in skipped),
            self._how_to_ack(alerts, recipient, at_ms),
        )


def _skipped(alert: Alert, recipient: str) -> tuple[str, ...]:
    """Why steps were skipped before the one that called *recipient* last."""
    return alert.skipped if alert.calls and alert.call_to(recipient) == alert.calls else ()
