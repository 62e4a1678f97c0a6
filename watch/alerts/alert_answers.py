"""Answers about alerts and silences, as `--json` shows them and the command line prints them.

`about` is what a command was about: it goes on record with the command.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from watch.core.alert import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from watch.alerts.holding import Condition
    from watch.core.alert import Alert, Notice
    from watch.core.settings import Settings
    from watch.core.silence import Silence


def alert_answer(
    alerts: Iterable[Alert], settings: Settings, now_ms: int, unreached: Callable[[Alert], Sequence[str]]
) -> dict[str, Any]:
    """*alerts* with who was called, who has acknowledged, and when they go on by themselves.

    Args:
        unreached: Whom an alert has called, and who has not heard of it although it was tried.
    """
    reopen_ms = round(settings.alerting.reopen.total_seconds() * 1000)
    rows = [_alert(alert, unreached(alert), reopen_ms) for alert in alerts]
    return _dated(settings, now_ms) | {"about": [row["dedup_key"] for row in rows], "alerts": rows}


def silence_answer(silences: Iterable[Silence], settings: Settings, now_ms: int) -> dict[str, Any]:
    """*silences*, and which are in force."""
    rows = [asdict(silence) | {"in_force": silence.in_force(now_ms)} for silence in silences]
    return _dated(settings, now_ms) | {"about": [f"silence {row['id']}" for row in rows], "silences": rows}


def held_back_rows(held: Iterable[tuple[Condition, int]]) -> list[dict[str, Any]]:
    """What maintenance windows hold back now, as JSON values."""
    return [
        {
            "when": str(it.when), "subject": it.subject, "name": it.name, "since_ms": it.since_ms,
            "detail": it.detail, "until_ms": until_ms,
        }
        for it, until_ms in held
    ]  # fmt: skip


def unreached(
    alert: Alert,
    rows: Iterable[Notice],
    heard: Collection[str],
    refused: Callable[[str], bool] = lambda _: False,
) -> tuple[str, ...]:
    """Whom *alert* has called, and who has not heard of it although it was tried.

    Args:
        rows: The rows of the outbox about it. heard: the people who have heard of it.
        refused: Whether all channels of a person have refused it.
    """
    tried: dict[str, bool] = {}
    for row in rows:
        failed = row.attempts > (row.status is Status.SENDING)
        tried[row.recipient] = failed and tried.get(row.recipient, True)
    missing = [who for who in alert.recipients if who not in heard]
    return tuple(who for who in missing if (tried[who] if who in tried else refused(who)))


def _dated(settings: Settings, now_ms: int) -> dict[str, Any]:
    return {"zone": settings.service.timezone.key, "as_of": now_ms}


def _alert(alert: Alert, missed: Sequence[str], reopen_ms: int) -> Mapping[str, Any]:
    again_ms = None if alert.resolved_ms is None or not alert.lasts else alert.resolved_ms + reopen_ms
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
        "called": [who for who in alert.recipients if who not in missed],
        "unreached": list(missed),
        "acknowledged": None if alert.ack is None or not alert.open else asdict(alert.ack),
        "silenced": alert.held,
        "ending_ms": alert.ending_ms,
        "next_step_at_ms": alert.next_step_at_ms,
        "lasts": alert.open or alert.lasts,
        "told_again_at_ms": again_ms,
    }
