"""The answers to `status` and `doctor`: plain values, for JSON and for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.hub.clock_words import span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watch.core.measured import Finding
    from watch.core.settings import Settings
    from watch.core.standing import OwnTrouble
    from watch.hub.board import Board
    from watch.stores.room import Room

_DAY_MS = 86_400_000


def status_answer(
    settings: Settings, board: Board, now_ms: int, pid: int | None, troubles: Sequence[OwnTrouble] = (),
    quiet: Mapping[str, int] | None = None, found: Iterable[Finding] = (),
) -> dict[str, Any]:  # fmt: skip
    """Every component and check: its state, since when, why, and seen from where.

    Args:
        pid: The process of the hub that believes so; None when no hub runs.
        quiet: The components whose alerts a maintenance window holds back, and until when (Unix time in ms).
        found: What readings show without a change of state.
    """
    findings: dict[str, list[dict[str, Any]]] = {}
    for it in found:
        findings.setdefault(it.subject, []).append(_finding(it))
    return {
        "as_of": now_ms, "hub_running": pid is not None, "hub_process": pid, "service": settings.service.name,
        "zone": settings.service.timezone.key,
        "troubles": [told(t) for t in troubles],
        "components": [
            _component(settings, board, key, (quiet or {}).get(key)) | {"findings": findings.get(key, [])}
            for key in settings.components
        ],
    }  # fmt: skip


def doctor_answer(
    settings: Settings | None, troubles: Sequence[OwnTrouble], disk: Room | None, versions: Mapping[str, str],
    now_ms: int, pid: int | None,
) -> dict[str, Any]:  # fmt: skip
    """What is wrong with us, each with its cure; what is left of the store's disk; and what runs here.

    Args:
        settings: None when the configuration has mistakes.
        pid: The process of the hub that answers; None when no hub runs.
    """
    return {
        "as_of": now_ms, "hub_running": pid is not None, "hub_process": pid,
        "zone": "UTC" if settings is None else settings.service.timezone.key,
        "checks": 0 if settings is None else len(settings.checks),
        "troubles": [told(t) for t in troubles], "disk": _disk(disk), "versions": dict(versions),
    }  # fmt: skip


def told(trouble: OwnTrouble) -> dict[str, Any]:
    """A trouble of ours as plain values."""
    return {
        "key": trouble.key, "kind": trouble.kind, "text": trouble.text, "cure": trouble.cure,
        "since_ms": trouble.since_ms, "not_ready": trouble.not_ready,
    }  # fmt: skip


def disk_text(room: Room) -> str:
    """What is left of the store's disk, and when it is full."""
    when = ""
    if room.left_ms is not None:
        when = f"; if it goes on as in the last {span(room.known_ms)}, it is full in {span(room.left_ms)}"
    return f"the disk of the store has {size_text(room.free)} of {size_text(room.total)} left{when}"


def rows_text(left_out: Mapping[str, int]) -> str | None:
    """What is said of rows that cannot be read, by table; None when there are none."""
    tables = ", ".join(f"{n} of the table {table}" for table, n in sorted(left_out.items()))
    said = f"rows of the store that cannot be read were left out: {tables}"
    return f"{said}. Another program or the disk has damaged them" if left_out else None


def size_text(size: int) -> str:
    """A number of bytes: ``1.5 GB``."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _disk(room: Room | None) -> dict[str, Any] | None:
    if room is None:
        return None
    return {
        "free_bytes": room.free, "size_bytes": room.total,
        "growth_bytes_a_day": None if room.growth is None else round(room.growth),
        "full_in_days": None if room.left_ms is None else room.left_ms / _DAY_MS, "text": disk_text(room),
    }  # fmt: skip


def _component(settings: Settings, board: Board, key: str, quiet_ms: int | None) -> dict[str, Any]:
    s, part = board.components[key], settings.components[key]
    return {
        "key": key, "name": part.name, "state": s.state.value, "since_ms": s.since_ms, "reason": s.reason.value,
        "detail": s.detail, "cause": s.cause, "redundancy_lost": s.redundancy_lost,
        "redundancy_unknown": s.redundancy_unknown, "members_up": s.members_up, "members": s.members,
        "alerts_held_until_ms": quiet_ms,
        "checks": [_check(board, member) for member in part.members if "/" in member],
    }  # fmt: skip


def _finding(it: Finding) -> dict[str, Any]:
    return {
        "when": it.when.value, "check": it.check, "condition": it.condition, "since_ms": it.since_ms,
        "detail": it.detail, "seen_from": list(it.seen_from),
    }  # fmt: skip


def _check(board: Board, name: str) -> dict[str, Any]:
    c = board.checks[name]
    o = c.observation
    return {
        "name": name, "state": c.state.value, "since_ms": c.since_ms, "reason": c.reason.value, "detail": c.detail,
        "seen_from": list(c.seen_from), "confidence": c.confidence.value, "fallback": c.fallback,
        "asked_ms": None if o is None else o.at_ms, "latency_s": None if o is None else o.latency,
    }  # fmt: skip
