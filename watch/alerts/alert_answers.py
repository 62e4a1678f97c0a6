"""Answers about alerts and silences, as `--json` shows them and the command line prints them.

`about` is what a command was about: it goes on record with the command.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watch.core.alert import Alert
    from watch.core.settings import Settings
    from watch.core.silence import Silence


def alert_answer(alerts: Iterable[Alert], settings: Settings, now_ms: int) -> dict[str, Any]:
    """*alerts* with who was called, who has acknowledged, and when they go on by themselves."""
    rows = [_alert(alert) for alert in alerts]
    return _dated(settings, now_ms) | {"about": [row["dedup_key"] for row in rows], "alerts": rows}


def silence_answer(silences: Iterable[Silence], settings: Settings, now_ms: int) -> dict[str, Any]:
    """*silences*, and which are in force."""
    rows = [asdict(silence) | {"in_force": silence.in_force(now_ms)} for silence in silences]
    return _dated(settings, now_ms) | {"about": [f"silence {row['id']}" for row in rows], "silences": rows}


def _dated(settings: Settings, now_ms: int) -> dict[str, Any]:
    return {"zone": settings.service.timezone.key, "as_of": now_ms}


def _alert(alert: Alert) -> Mapping[str, Any]:
    return {
        "id": alert.id,
        "dedup_key": alert.dedup_key,
        "when": str(alert.when),
        "subject": alert.subject,
        "name": alert.name,
        "severity": str(alert.severity),
        "since_ms": alert.since_ms,
        "opened_ms": alert.opened_ms,
        "resolved_ms": alert.resolved_ms,
        "detail": alert.detail,
        "called": list(alert.recipients),
        "acknowledged": None if alert.ack is None or not alert.open else asdict(alert.ack),
        "silenced": alert.held,
        "ending_ms": alert.ending_ms,
        "next_step_at_ms": alert.next_step_at_ms,
    }
