"""`alerting`: the timing of alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.config.mapping import Field, Record
from watch.config.shape import Whole
from watch.config.word import NUMBER, lasting
from watch.core.alerting import Alerting, LetterPace
from watch.core.flapping import FlappingTerms
from watch.core.slowness import SlowTerms

if TYPE_CHECKING:
    from watch.config.findings import Findings
    from watch.config.mapping import Fields

_ANY = timedelta(0)
_MOST = 1000  # times
PACE = Record(
    "`pace`",
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
FLAPPING = Record(
    "`flapping`",
    {
        "window": Field(
            lasting(timedelta(minutes=1), timedelta(days=1), "60m"),
            "The time in which transitions are counted.",
            FlappingTerms().window,
        ),
        "start": Field(Whole(2, 1000), "With how many transitions it begins.", FlappingTerms().start),
        "stop": Field(Whole(0, 1000), "With how many it ends.", FlappingTerms().stop),
    },
    like="`{window: 60m, start: 6, stop: 2}`",
)
SLOW = Record(
    "`slow`",
    {
        "window": Field(
            lasting(timedelta(minutes=1), timedelta(days=1), "10m"),
            "The time of the recent answers; that of 20 intervals for a check that is asked more rarely.",
            SlowTerms().window,
        ),
        "start": Field(
            NUMBER, "With how many times the p95 of the week before it begins.", SlowTerms().start
        ),
        "stop": Field(NUMBER, "With how many times it ends.", SlowTerms().stop),
        "least": Field(
            lasting(_ANY, timedelta(hours=1), "100ms"),
            "By how much the p95 must be longer.",
            SlowTerms().least,
        ),
        "hold": Field(
            lasting(_ANY, timedelta(days=1), "15m"),
            "How long it must be so, to begin and to end; at least one and a half windows.",
            SlowTerms().hold,
        ),
    },
    like="`{window: 10m, start: 2, stop: 1.5, least: 100ms, hold: 15m}`",
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
        "flapping": Field(FLAPPING, "When a component counts as flapping: its alerts are one page then."),
        "slow": Field(SLOW, "When a check is slow, for rules with `when: slow`."),
    },
)


def compare(fields: Fields | None, findings: Findings) -> None:
    """Record mistakes between keys of the section."""
    if fields is not None and fields["slow"] is not None:
        _compare_slow(fields["slow"], findings)
    flapping = None if fields is None else fields["flapping"]
    if flapping is None or flapping["start"] is None or flapping["stop"] is None:
        return
    terms = _terms(flapping)
    if terms.stop >= terms.start:
        at = "stop" if flapping.wrote("stop") else "start"
        findings.mistake(
            flapping.at(at),
            f"flapping that begins with {terms.start} transitions cannot end with {terms.stop}",
            "write a `stop` that is less than `start`",
        )


def _compare_slow(fields: Fields, findings: Findings) -> None:
    start, stop = fields["start"], fields["stop"]
    if start is not None and not 1 < start <= _MOST:
        findings.mistake(
            fields.at("start"),
            f"slowness cannot begin with {start:g} times the usual",
            "write a number over 1",
        )
    elif start is not None and stop is not None and not 1 <= stop < start:
        at = "stop" if fields.wrote("stop") else "start"
        findings.mistake(
            fields.at(at), f"slowness that begins with {start:g} times the usual cannot end with {stop:g}",
            f"write a `stop` from 1 to less than {start:g}",
        )  # fmt: skip


def _terms(fields: Fields) -> FlappingTerms:
    return FlappingTerms(window=fields["window"], start=fields["start"], stop=fields["stop"])


def alerting_of(fields: Fields) -> Alerting:
    """The value of the section."""
    pace, flapping, slow = fields["pace"], fields["flapping"], fields["slow"]
    return Alerting(
        group_wait=fields["group_wait"],
        resolve_hold=fields["resolve_hold"],
        reopen=fields["reopen"],
        flapping=FlappingTerms() if flapping is None else _terms(flapping),
        slow=SlowTerms() if slow is None else SlowTerms(**{key: slow[key] for key in SLOW.fields}),
        pace=LetterPace() if pace is None else LetterPace(burst=pace["burst"], every=pace["every"]),
    )
