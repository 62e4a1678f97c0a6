"""The answer to `status`: the board as plain values, for JSON and for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.settings import Settings
    from watch.core.standing import OwnTrouble
    from watch.hub.board import Board


def status_answer(
    settings: Settings, board: Board, now_ms: int, pid: int | None, troubles: Sequence[OwnTrouble] = ()
) -> dict[str, Any]:
    """Every component and check: its state, since when, why, and seen from where.

    Args:
        pid: The process of the hub that believes so; None when no hub runs.
    """
    return {
        "as_of": now_ms, "hub_running": pid is not None, "hub_process": pid, "service": settings.service.name,
        "zone": settings.service.timezone.key,
        "troubles": [{"key": t.key, "text": t.text, "since_ms": t.since_ms} for t in troubles],
        "components": [_component(settings, board, key) for key in settings.components],
    }  # fmt: skip


def _component(settings: Settings, board: Board, key: str) -> dict[str, Any]:
    s, part = board.components[key], settings.components[key]
    return {
        "key": key, "name": part.name, "state": s.state.value, "since_ms": s.since_ms, "reason": s.reason.value,
        "detail": s.detail, "cause": s.cause, "redundancy_lost": s.redundancy_lost,
        "redundancy_unknown": s.redundancy_unknown, "members_up": s.members_up, "members": s.members,
        "checks": [_check(board, member) for member in part.members if "/" in member],
    }  # fmt: skip


def _check(board: Board, name: str) -> dict[str, Any]:
    c = board.checks[name]
    o = c.observation
    return {
        "name": name, "state": c.state.value, "since_ms": c.since_ms, "reason": c.reason.value, "detail": c.detail,
        "seen_from": list(c.seen_from), "confidence": c.confidence.value, "fallback": c.fallback,
        "asked_ms": None if o is None else o.at_ms, "latency_s": None if o is None else o.latency,
    }  # fmt: skip
