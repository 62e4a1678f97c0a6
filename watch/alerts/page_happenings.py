"""What became of a letter, as a line of `threenines events`: to whom, by which channel, delivered or why not.

A letter that fails is tried again and again. The first attempts are told, and then ever fewer: 1, 2, 4, 8, 16 … .
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.alert import Status
from watch.core.happening import Happening, Sort
from watch.core.settings import When
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watch.core.alert import Alert, Notice

_DETAIL = 300  # characters


def page_happenings(
    notice: Notice | None, detail: str, alerts: Iterable[Alert], now_ms: int
) -> Iterator[Happening]:
    """What has just become of *notice* (as it is after the attempt; None: another channel had delivered it before)."""
    if notice is None or notice.status is Status.SUPERSEDED:
        return
    again = notice.status is Status.PENDING
    if again and notice.attempts & (notice.attempts - 1):
        return
    dead = "unanswered" if notice.unanswered > 1 else "refused"
    word = "failed" if again else dead if notice.status is Status.DEAD else "delivered"
    mine = [alert for alert in alerts if alert.id in notice.alert_ids]
    why = f": {one_line(detail, _DETAIL)}" if detail and word != "delivered" else ""
    tried = f"; attempt {notice.attempts}, it is tried again" if again else ""
    channel = notice.channel + 1
    yield Happening(
        at_ms=now_ms, sort=Sort.PAGE, key=notice.recipient, word=word,
        text=f"`{one_line(notice.title)}` to {notice.recipient} by channel {channel}: {word}{why}{tried}",
        about=tuple(dict.fromkeys(alert.subject for alert in mine if alert.when is not When.MONITOR)),
        facts={
            "person": notice.recipient, "channel": channel, "event": notice.event.value, "title": notice.title,
            "attempts": notice.attempts, "detail": one_line(detail, _DETAIL), "written_ms": notice.created_ms,
            "dedup_keys": [alert.dedup_key for alert in mine],
        },
    )  # fmt: skip
