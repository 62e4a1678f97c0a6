"""The rows of the alert by which the pager proves itself: they are told to nobody.

The outside heartbeat goes out only while a synthetic alert comes through (`watch.alerts.circuit`). Its rows are in the
same tables as all others. Whoever shows rows to people, or judges by them, leaves these out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.core.alert import Alert, Heard, Notice

SELF = "~heartbeat"
"""Its component and its person. Names in checks.yaml begin with a letter or a digit, so nobody else has this one."""


def real_alerts(alerts: Iterable[Alert]) -> list[Alert]:
    """*alerts* without the synthetic one."""
    return [alert for alert in alerts if alert.subject != SELF]


def real_notices(notices: Iterable[Notice]) -> list[Notice]:
    """*notices* without those of the synthetic alert."""
    return [notice for notice in notices if notice.recipient != SELF]


def apart(alerts: Iterable[Alert], notices: Iterable[Notice], heard: Iterable[Heard]) -> tuple[Rows, Rows]:
    """The rows of real alerts, and those of the synthetic one."""
    alerts, notices, heard = tuple(alerts), tuple(notices), tuple(heard)
    real = real_alerts(alerts), real_notices(notices), [row for row in heard if row.recipient != SELF]
    ours = (
        [alert for alert in alerts if alert.subject == SELF],
        [notice for notice in notices if notice.recipient == SELF],
        [row for row in heard if row.recipient == SELF],
    )
    return real, ours


if TYPE_CHECKING:
    Rows = tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]
