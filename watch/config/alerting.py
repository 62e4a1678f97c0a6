"""`alerting`: the timing of alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.config.mapping import Field, Record
from watch.config.shape import Whole
from watch.config.word import lasting
from watch.core.alerting import Alerting, LetterPace

if TYPE_CHECKING:
    from watch.config.mapping import Fields

_ANY = timedelta(0)
PACE = Record(
    "a pace",
    {
        "burst": Field(Whole(1, 1000), "How many letters may leave at once.", LetterPace().burst),
        "every": Field(
            lasting(timedelta(seconds=1), timedelta(hours=1), "20s"),
            "After how long the next one may leave.",
            LetterPace().every,
        ),
    },
    like="`{burst: 3, every: 20s}`",
)
ALERTING = Record(
    "`alerting`",
    {
        "group_wait": Field(
            lasting(_ANY, timedelta(hours=1), "10s"),
            "How long the first notice waits, to group alerts; recoveries wait for each other as long.",
            timedelta(seconds=10),
        ),
        "resolve_hold": Field(
            lasting(_ANY, timedelta(days=1), "60s"),
            "How long a recovery must last before people are notified of it.",
            timedelta(seconds=60),
        ),
        "reopen": Field(
            lasting(_ANY, timedelta(days=1), "10m"),
            "How soon after its end the same trouble reopens the alert instead of a new one.",
            timedelta(minutes=10),
        ),
        "pace": Field(
            PACE, "How often one person gets letters. What happens in between is in the next letter."
        ),
        "brake": Field(None, ""),
        "flapping": Field(None, ""),
    },
)


def alerting_of(fields: Fields) -> Alerting:
    """The value of the section."""
    pace = fields["pace"]
    return Alerting(
        group_wait=fields["group_wait"],
        resolve_hold=fields["resolve_hold"],
        reopen=fields["reopen"],
        pace=LetterPace() if pace is None else LetterPace(burst=pace["burst"], every=pace["every"]),
    )
