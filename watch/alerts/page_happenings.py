"""What became of a letter, as a line of `threenines events`: to whom, by which channel, delivered or why not.

A letter that fails is tried again and again. The first attempts are told, and then ever fewer: 1, 2, 4, 8, 16 … .
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.alert import Event, Status
from watch.core.happening import Happening, Sort
from watch.core.settings import When
from watch.core.synthetic import real_notices
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watch.core.alert import Alert, Notice

_DETAIL = 300  # characters


def page_happenings(
    rows: Iterable[Notice], title: str, detail: str, alerts: Iterable[Alert], now_ms: int
) -> Iterator[Happening]:
    """What has just become of a letter.

    Args:
        rows: Its rows, as they are after the attempt. Those that another channel had delivered before are not told.
        title: What was sent.
    """
    alerts = tuple(alerts)
    by_word: dict[str, list[Notice]] = {}
    for row in real_notices(rows):
        if row.status is not Status.SUPERSEDED:
            by_word.setdefault(_word(row), []).append(row)
    for word, told in by_word.items():
        if word != "failed" or any(not row.attempts & (row.attempts - 1) for row in told):
            yield _happening(told, word, title, detail, alerts, now_ms)


def _word(row: Notice) -> str:
    if row.status is Status.PENDING:
        return "failed"
    dead = "unanswered" if row.unanswered > 1 else "refused"
    return dead if row.status is Status.DEAD else "delivered"


def _happening(
    rows: Sequence[Notice], word: str, title: str, detail: str, alerts: Iterable[Alert], now_ms: int
) -> Happening:
    who, channel, attempts = rows[0].recipient, rows[0].channel + 1, max(row.attempts for row in rows)
    about = {alert_id for row in rows for alert_id in row.alert_ids}
    mine = [alert for alert in alerts if alert.id in about]
    why = f": {one_line(detail, _DETAIL)}" if detail and word != "delivered" else ""
    tried = f"; attempt {attempts}, it is tried again" if word == "failed" else ""
    return Happening(
        at_ms=now_ms, sort=Sort.PAGE, key=who, word=word,
        text=f"`{one_line(title)}` to {who} by channel {channel}: {word}{why}{tried}",
        about=tuple(dict.fromkeys(alert.subject for alert in mine if alert.when is not When.MONITOR)),
        facts={
            "person": who, "channel": channel, "event": letter_event(rows).value, "title": title,
            "attempts": attempts, "detail": one_line(detail, _DETAIL),
            "written_ms": min(row.created_ms for row in rows),
            "dedup_keys": [alert.dedup_key for alert in mine],
        },
    )  # fmt: skip


def letter_event(rows: Sequence[Notice]) -> Event:
    """What a letter of these *rows* says first: what people must act on, if anything."""
    events = [row.event for row in rows]
    return Event.TRIGGERED if Event.TRIGGERED in events else events[0]
