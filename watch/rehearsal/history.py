"""What the ledger has recorded of a span, as changes in the order in which the hub learned of them.

States are as they were confirmed, at the instants at which they were recorded: how often a check was asked and how it
was confirmed is history. Read only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watch.core.darkness import Why, gaps_of
from watch.core.ledger import Kind
from watch.core.marks import mark_of
from watch.core.recorded_terms import window_of
from watch.core.synthetic import apart
from watch.hub.replay import book_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from watch.core.alert import Alert, Notice
    from watch.core.ledger import Entry
    from watch.core.marks import Mark
    from watch.core.recorded_override import RecordedOverride
    from watch.core.silence import Silence
    from watch.core.window import Window
    from watch.ports import Reads

DAY_MS = 86_400_000
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Saw:
    """A check changed, as a vantage point saw it. *entry* is its transition."""

    check: str
    vantage: str
    mark: Mark
    entry: Entry


@dataclass(frozen=True, slots=True)
class Dimmed:
    """A vantage point went blind."""

    vantage: str
    from_ms: int


@dataclass(frozen=True, slots=True)
class Lit:
    """A vantage point sees again: all, or one check whose state is known again."""

    vantage: str
    check: str = ""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A maintenance window began, changed or ended (None)."""

    name: str
    window: Window | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Told:
    """A person gave a command about alerts."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Hushed:
    """A silence began, or ended before its time."""

    silence: Silence


@dataclass(frozen=True, slots=True)
class Away:
    """The hub did not run."""

    from_ms: int
    until_ms: int


Happening = Saw | Dimmed | Lit | Ruled | Told | Hushed | Away


@dataclass(frozen=True, slots=True)
class History:
    """A span of the record.

    Args:
        lead_ms: It begins here, a day before *from_ms*: what was open then was paged before.
        states: By (check, vantage point), the last change before.
        windows: The maintenance windows in force at *lead_ms*.
        happenings: What was recorded since, each with when it was known (Unix time in ms), in order.
        sent: The notices that were delivered in `[from_ms, to_ms)`, and the alerts that they were about, by id.
    """

    lead_ms: int
    from_ms: int
    to_ms: int
    states: Mapping[Key, Mark]
    windows: Mapping[str, Window]
    happenings: tuple[tuple[int, Happening], ...]
    overrides: tuple[RecordedOverride, ...]
    sent: tuple[Notice, ...]
    alerts: Mapping[int, Alert]


def history_of(reads: Reads, store: Path, from_ms: int, to_ms: int) -> History:
    """The record of `[from_ms, to_ms)` in the store that *reads* reads."""
    lead_ms = from_ms - DAY_MS
    book = book_for(reads, store, lead_ms, lead_ms + 1)
    states = {
        (check, vantage): known[-1]
        for check, seen in book.marks.items() for vantage, marks in seen.items()
        if (known := [mark for mark in marks if mark.effective_ms <= lead_ms])
    }  # fmt: skip
    windows = {name: w for name, steps in book.windows.items() if (w := steps[-1][1]) is not None}
    # Of what was recorded in the span, nothing that was seen live is effective a day earlier.
    entries = (e for e in reads.entries_within(lead_ms - DAY_MS, to_ms) if lead_ms <= e.recorded_ms < to_ms)
    found = [happening for entry in entries for happening in _happenings(entry)]
    for silence in reads.silences():
        found.append((max(silence.from_ms, lead_ms), Hushed(replace(silence, ended_ms=None))))
        if silence.ended_ms is not None:
            found.append((max(silence.ended_ms, lead_ms), Hushed(silence)))
    alerts, notices, _ = apart(*reads.alerts())[0]
    sent = (n for n in notices if n.delivered_ms is not None and from_ms <= n.delivered_ms < to_ms)
    return History(
        lead_ms, from_ms, to_ms, states, windows,
        tuple(sorted((it for it in found if it[0] < to_ms), key=lambda it: it[0])),
        tuple(reads.overrides()), tuple(sent), {alert.id: alert for alert in alerts},
    )  # fmt: skip


def _happenings(entry: Entry) -> Iterator[tuple[int, Happening]]:
    """What *entry* says has happened, and when it was known."""
    at_ms, body = entry.recorded_ms, entry.facts
    match entry.kind:
        case Kind.TRANSITION:
            yield at_ms, Saw(entry.subject, entry.vantage, mark_of(entry), entry)
        case Kind.WINDOW:
            yield (
                at_ms,
                Ruled(entry.subject, None if body.get("ended") else window_of(entry.subject, body), entry),
            )
        case Kind.COMMAND if entry.subject in ("ack", "resolve"):
            yield at_ms, Told(entry)
        case Kind.ABSENCE if "of" not in body and body.get("until_ms"):
            yield at_ms, Away(entry.effective_ms, body["until_ms"])
        case Kind.SIGHT if body.get("why") == Why.BLIND:
            yield from _sight(entry)


def _sight(entry: Entry) -> Iterator[tuple[int, Happening]]:
    body = entry.facts
    if "of" not in body:
        yield entry.recorded_ms, Dimmed(entry.vantage, entry.effective_ms)
    if body.get("until_ms"):
        yield body["until_ms"], Lit(entry.vantage)
    for check, gap in gaps_of(body.get("rows", ()), entry.effective_ms).items():
        if gap.first_ms is not None:
            yield gap.first_ms, Lit(entry.vantage, check)
