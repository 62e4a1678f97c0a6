"""How a row of the outbox changes when it is sent, and when another channel joins it."""

from __future__ import annotations

from dataclasses import replace

from watch.core.alert import Notice, Status

LEASE_MS = 30_000


def on_channel(notice: Notice, channel: int, notice_id: int, now_ms: int) -> Notice:
    """The same notice over another channel."""
    return replace(
        notice, id=notice_id, channel=channel, status=Status.PENDING, created_ms=now_ms, due_ms=now_ms,
        attempts=0, tried_ms=None, lease_until_ms=None, expired=0, unanswered=0, detail="",
    )  # fmt: skip


def leased(notice: Notice, now_ms: int) -> Notice:
    """*notice*, being sent from *now_ms* (Unix time in ms) on.

    Before it is due it goes along in the letter of others. That is no attempt of its own, or three letters in a second
    would look like a channel that has failed for long.
    """
    return replace(
        notice, status=Status.SENDING, lease_until_ms=now_ms + LEASE_MS,
        attempts=notice.attempts + (notice.due_ms <= now_ms),
        tried_ms=notice.tried_ms if notice.tried_ms is not None else now_ms,
        expired=notice.expired + (notice.status is Status.SENDING),
    )  # fmt: skip
