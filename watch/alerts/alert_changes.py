"""How an alert changes when it closes, and when components get other keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.alert import Alert


def ended(alert: Alert, *, resolved_ms: int, recovered_ms: int | None = None, closing: str = "") -> Alert:
    """*alert*, closed. Whoever was not called because of an acknowledgement or a silence need not hear of it now."""
    muted = alert.ack is not None or alert.held
    return replace(
        alert, resolved_ms=resolved_ms, recovered_ms=recovered_ms, ending_ms=None, closing=closing, muted=muted,
        held=False,
    )  # fmt: skip


def with_keys(alert: Alert, parts: Mapping[str, str]) -> Alert:
    """*alert* with the new keys of its component and of its cause's; itself when both are as they were."""
    subject = alert.subject if alert.when is When.MONITOR else parts.get(alert.subject, alert.subject)
    component, slash, check = alert.cause.partition("/")
    cause = f"{parts.get(component, component)}{slash}{check}"
    if (subject, cause) == (alert.subject, alert.cause):
        return alert
    return replace(alert, subject=subject, cause=cause)
