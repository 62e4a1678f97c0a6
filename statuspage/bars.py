"""Ninety days in one drawing: one bar a day, one `<path>` per kind of bar.

A bar is stacked: the part of the day without data is grey, the part excluded for maintenance is hatched, and the
rest has the colour of the day's real downtime. Bad days have taller bars, so that the drawing can be read without
colours. 50 components need 350 paths instead of 4,500 rectangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from statuspage.figures import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from statuspage.page import Day

DAYS = 90
PITCH, WIDTH, HEIGHT = 10, 6, 36  # of a bar, in the drawing's units; the height is in pixels
_MINUTE = 60_000
_LEAST = 6  # the least height, so that short maintenance or missing data can be seen

# Kind → height of its bar, in the order of painting and of the legend.
HEIGHTS = {"ok": 26, "warn": 30, "d1": 32, "d2": 34, "d3": 36, "work": 26, "gap": 26}
LEGEND = (
    ("ok", "no downtime"),
    ("warn", "problems, no downtime"),
    ("d1", "down up to 5\u00a0min"),
    ("d2", "up to 1\u00a0h"),
    ("d3", "more"),
    ("work", "planned maintenance"),
    ("gap", "no data"),
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The `d` attribute of each kind's path, and the drawing as a sentence."""

    paths: tuple[tuple[str, str], ...]
    label: str
    width: int = DAYS * PITCH - (PITCH - WIDTH)
    height: int = HEIGHT


def kind(day: Day) -> str:
    """The kind of the measured part of *day*: by its downtime, else by whether it had problems."""
    if day.down_ms:
        return "d1" if day.down_ms <= 5 * _MINUTE else "d2" if day.down_ms <= 60 * _MINUTE else "d3"
    return "warn" if day.degraded_ms else "ok"


def drawing(days: Sequence[Day]) -> Drawing:
    """The bars of the last 90 of *days*, today's at the right edge; days before the first are empty."""
    shown = days[-DAYS:]
    paths: dict[str, list[str]] = {name: [] for name in HEIGHTS}
    for place, day in enumerate(shown, start=DAYS - len(shown)):
        for name, shape in _bar(day):
            paths[name].append(f"M{place * PITCH}{shape}")
    return Drawing(tuple((name, "".join(d)) for name, d in paths.items() if d), _label(shown))


@lru_cache(maxsize=1 << 15)  # only one bar of 90 changes from one render to the next
def _bar(day: Day) -> tuple[tuple[str, str], ...]:
    """The pieces of *day*'s bar: kind, and the path from its left edge."""
    pieces, top = [], HEIGHT
    for name, height in _segments(day):
        top -= height
        pieces.append((name, f" {top}h{WIDTH}v{height}h-{WIDTH}z"))
    return tuple(pieces)


def _segments(day: Day) -> list[tuple[str, int]]:
    """The bar of *day* from the bottom: maintenance, the measured part, the part without data."""
    if not day.scope_ms:
        return []
    tall = HEIGHTS[kind(day)]
    seen = day.down_ms or day.scope_ms > day.excluded_ms + day.unknown_ms
    room = tall - _LEAST if seen else tall
    work = min(room, _share(day.excluded_ms, day.scope_ms, tall, least=2 * _LEAST))  # room for the hatching
    gap = min(room - work, _share(day.unknown_ms, day.scope_ms, tall)) if seen else tall - work
    pieces = (("work", work), (kind(day), tall - work - gap), ("gap", gap))
    return [(name, height) for name, height in pieces if height]


def _share(part: int, whole: int, tall: int, *, least: int = _LEAST) -> int:
    return max(least, tall * part // whole) if part * 100 >= whole else 0  # less than 1 % is not drawn


def _label(days: Sequence[Day]) -> str:
    if not days:
        return "No days measured yet."
    down = [d.down_ms for d in days if d.down_ms]
    said = f"{len(down)} of the last {len(days)} days had downtime, {duration(sum(down))} in all."
    if not down:
        said = f"No downtime in the last {len(days)} days."
    unseen = sum(1 for d in days if d.unknown_ms * 2 > d.scope_ms)
    return said + (f" {unseen} day{'s' * (unseen > 1)} had little or no data." if unseen else "")
