"""What differs between the pages of a replay and those that were really sent.

Two pages are the same when they tell the same person the same of the same troubles, within ten minutes. Trouble of the
monitoring itself is not in the ledger, but for blindness, so pages about it are counted and not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watch.core.alert import Event
from watch.core.settings import When
from watch.rehearsal.wording import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from watch.core.alert import Alert, Notice
    from watch.rehearsal.history import History

_NEAR_MS, _MOVED_MS = 600_000, 30_000
_BLIND = f"{When.MONITOR}:vantage_blind:"
Rows = tuple["Notice", ...]  # what one letter tells
Page = tuple[int, Rows]  # when it was delivered


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pages that only one side has, and those that it has at another time.

    Args:
        sent: How many were really sent and are compared. own: how many about the monitoring itself are not.
        moved: Pages of the replay that were really sent half a minute earlier or later, or more: when, and the page.
        known: Whether the store has any notice of the span.
    """

    known: bool
    sent: int
    own: int
    missing: tuple[Page, ...]
    added: tuple[Page, ...]
    moved: tuple[tuple[int, Page], ...]


def compared(history: History, replayed: Sequence[Page], alerts: Mapping[int, Alert]) -> Comparison:
    """How *replayed* pages, about *alerts* by id, differ from what was sent."""
    real = _letters(history.sent)
    mine = [page for page in real if _comparable(page[1], history.alerts)]
    left = [page for page in replayed if _comparable(page[1], alerts)]
    pairs = [
        (abs(there[0] - here[0]), n, m)
        for n, here in enumerate(mine)
        for m, there in enumerate(left)
        if _said(here[1], history.alerts) == _said(there[1], alerts)
    ]
    missing, added = dict(enumerate(mine)), dict(enumerate(left))
    moved = []
    for apart_ms, n, m in sorted(pairs):  # the nearest first
        if apart_ms <= _NEAR_MS and n in missing and m in added:
            del missing[n], added[m]
            if apart_ms >= _MOVED_MS:
                moved.append((mine[n][0], left[m]))
    return Comparison(
        bool(real), len(mine), len(real) - len(mine),
        tuple(missing.values()), tuple(added.values()), tuple(moved),
    )  # fmt: skip


def _letters(delivered: Iterable[Notice]) -> list[Page]:
    """The rows that left as one letter were delivered at the same instant over the same channel."""
    found: dict[tuple[int, str, int], Rows] = {}
    for row in delivered:
        place = (row.delivered_ms or 0, *row.lane)
        found[place] = (*found.get(place, ()), row)
    return [(place[0], rows) for place, rows in found.items()]


def _said(rows: Rows, alerts: Mapping[int, Alert]) -> tuple[str, frozenset[tuple[str, str]]]:
    """To whom a letter says what of which troubles."""
    said = ((str(row.event), alerts[i].key) for row in rows for i in row.alert_ids if i in alerts)
    return rows[0].recipient, frozenset(said)


def _comparable(rows: Rows, alerts: Mapping[int, Alert]) -> bool:
    about = [alerts[i] for row in rows for i in row.alert_ids if i in alerts]
    return any(alert.when is not When.MONITOR or alert.key.startswith(_BLIND) for alert in about)


def difference(found: Comparison, zone: ZoneInfo) -> Iterator[str]:
    """The comparison for people."""
    if not found.known:
        yield "The store has no pages of that time, so nothing can be compared with what was really sent."
        return
    pages = f"{found.sent} page{'s' * (found.sent != 1)}"
    if found.own:
        pages += f" (and {found.own} about the monitoring itself, which the ledger does not have)"
    if not found.missing and not found.added and not found.moved:
        yield f"Really sent: {pages}. The replay gives the same."
        return
    yield f"Really sent: {pages}. The replay differs:"
    rows = [(*page, "really sent only") for page in found.missing]
    rows += [(*page, "replay only") for page in found.added]
    rows += [
        (*page, f"in the replay then, really sent at {stamp(at, zone, near_ms=page[0])}")
        for at, page in found.moved
    ]
    for at_ms, told, side in sorted(rows, key=lambda row: row[0]):
        yield f'  {stamp(at_ms, zone)}  {side}: to {told[0].recipient}: "{_subject(told)}"'


def difference_value(found: Comparison) -> dict[str, Any]:
    """The same for programs."""
    return {
        "known": found.known, "sent": found.sent, "not_compared": found.own,
        "really_sent_only": [_row(page) for page in found.missing], "replay_only": [_row(page) for page in found.added],
        "moved": [_row(page) | {"really_at_ms": at_ms} for at_ms, page in found.moved],
    }  # fmt: skip


def _row(page: Page) -> dict[str, Any]:
    at_ms, told = page
    person, channel = told[0].lane
    return {"at_ms": at_ms, "person": person, "channel": channel + 1, "subject": _subject(told)}


def _subject(told: Rows) -> str:
    """The rows have the titles that each would have had alone; failures come first."""
    return "; ".join(row.title for row in sorted(told, key=lambda row: row.event is not Event.TRIGGERED))
