"""The days as table rows: the same facts as the bars, as text.

The rows are built and cached here, not in a template: 50 components have 4,500 rows, and all but today's stay the
same from one render to the next (365 ms for a site from templates, 38 ms this way). A row contains no untrusted
text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from statuspage.bars import DAYS
from statuspage.clock_text import day as named
from statuspage.figures import duration
from statuspage.page import Day, Status
from statuspage.words import LABELS, TONES

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEPT = 1 << 15  # days: 350 components


@dataclass(frozen=True, slots=True)
class Events:
    """The days on which something happened: their number and their rows."""

    count: int
    rows: Markup


def events(days: Sequence[Day]) -> Events:
    """The days of the last 90 *days* on which something happened, the newest first."""
    eventful = [d for d in reversed(days[-DAYS:]) if _eventful(d)]
    return Events(len(eventful), _rows(eventful, with_state=False))


def history(days: Sequence[Day]) -> Markup:
    """A row for each of the last 90 *days* with its status, the newest first."""
    return _rows(days[-DAYS:][::-1], with_state=True)


def told(day: Day) -> str:
    """*day* in words: ``down 4 min 7 s, planned maintenance 2 h``."""
    parts = (
        ("down", day.down_ms),
        ("problems", day.degraded_ms),
        ("planned maintenance", day.excluded_ms),
        ("no data", day.unknown_ms),
    )
    if not day.scope_ms:
        return "not measured"
    return ", ".join(f"{word} {duration(ms)}" for word, ms in parts if ms) or "no downtime"


def state(day: Day) -> Status:
    """The status in *day*'s row: no data when there was none for most of the time that counts."""
    if not day.down_ms and day.unknown_ms * 2 > day.scope_ms - day.excluded_ms:
        return Status.UNKNOWN
    return day.worst


def _rows(days: Sequence[Day], *, with_state: bool) -> Markup:
    return Markup("".join([_row(d, with_state=with_state) for d in days]))  # noqa: S704 - it contains no untrusted text


def _eventful(day: Day) -> bool:
    return bool(day.down_ms or day.degraded_ms or day.unknown_ms or day.excluded_ms)


@lru_cache(maxsize=_KEPT)
def _row(day: Day, *, with_state: bool) -> str:
    date = f'<th scope="row"><time datetime="{day.date}">{named(day.date)}</time></th>'
    cell = f"<td>{_badge(state(day)) if day.scope_ms else ''}</td>" if with_state else ""
    return f"<tr>{date}{cell}<td>{told(day)}</td></tr>\n"


def _badge(status: Status) -> str:
    tone = TONES[status]
    icon = f'<svg class="icon" aria-hidden="true" focusable="false"><use href="#i-{tone}"/></svg>'
    return f'<span class="badge t-{tone}">{icon} {LABELS[status]}</span>'
