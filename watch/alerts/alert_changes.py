"""How an alert changes when it closes, when it is told, and when components get other keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core.alert import Event
from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.alert import Alert
    from watch.core.settings import Settings
    from watch.ports import Insight


def ended(alert: Alert, *, resolved_ms: int, recovered_ms: int | None = None, closing: str = "") -> Alert:
    """*alert*, closed. Whoever was not called because of an acknowledgement or a silence need not hear of it now."""
    muted = alert.ack is not None or alert.held
    return replace(
        alert, resolved_ms=resolved_ms, recovered_ms=recovered_ms, ending_ms=None, closing=closing, muted=muted,
        held=False,
    )  # fmt: skip


def uncovered(alert: Alert, settings: Settings) -> str:
    """Why *alert*, which no rule covers any more, is closed."""
    if alert.when is not When.MONITOR and alert.subject not in settings.components:
        return "the component was removed"
    removed = alert.when is When.FACT and alert.cause not in settings.checks
    return "the check was removed" if removed else "no alert rule covers it any more"


def closed_ms(alert: Alert) -> int:
    """When *alert*, which is not open, closed (Unix time in ms)."""
    assert alert.resolved_ms is not None
    return alert.resolved_ms


def closed_by_hand(alert: Alert) -> tuple[int, str]:
    """When, by whom and why *alert* was closed by hand."""
    return closed_ms(alert), alert.closing


def with_insight(alert: Alert, event: Event, insight: Insight | None) -> Alert:
    """*alert*, about to be the root of a letter that tells *event*, with what the letter needs; itself if it has it."""
    if insight is None:
        return alert
    if event is Event.TRIGGERED:
        return alert if alert.background is not None else replace(alert, background=insight.of(alert))
    if alert.when is not When.DOWN or alert.recovered_ms is None or alert.down_ms is not None:
        return alert
    down_ms = insight.down_ms(alert.subject, alert.since_ms, alert.recovered_ms)
    return alert if down_ms is None else replace(alert, down_ms=down_ms)


def with_keys(alert: Alert, parts: Mapping[str, str]) -> Alert:
    """*alert* with the new keys of its component and of its cause's; itself when both are as they were."""
    subject = alert.subject if alert.when is When.MONITOR else parts.get(alert.subject, alert.subject)
    component, slash, check = alert.cause.partition("/")
    cause = f"{parts.get(component, component)}{slash}{check}"
    if (subject, cause) == (alert.subject, alert.cause):
        return alert
    return replace(alert, subject=subject, cause=cause)
