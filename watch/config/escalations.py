"""Escalation policies in checks.yaml: a list of steps, or a mapping of `steps` and `repeat`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watch.config.findings import Findings, unknown_name
from watch.config.mapping import Field, Fields, Items, Record
from watch.config.node import Node, Table, guessed, nothing
from watch.config.shape import Schema, Word
from watch.config.word import lasting, name, raw
from watch.core.escalation import Policy, Step
from watch.core.quantity import duration_text
from watch.core.schedule import parse_weekly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

_MS = timedelta(milliseconds=1)
_ANY, _LONG = timedelta(0), timedelta(days=30)
STEP = Record(
    "an escalation step",
    {
        "page": Field(
            Items(name("the name of a person or a rotation")),
            "Who is called: people, and rotations (whoever holds the pager then).",
            required=True,
        ),
        "after": Field(
            lasting(_ANY, _LONG, "10m"),
            "How long after the alert has opened, if nobody has acknowledged it; at once by default.",
            _ANY,
        ),
        "during": Field(
            raw("weekly hours"),
            "The hours in which it calls: `Mon-Fri 08:00-18:00 America/New_York`. Outside of them it waits for them.",
        ),
    },
    {"people": "write `page`", "person": "write `page`", "notify": "write `page`", "wait": "write `after`"},
    like="a list of steps: `[{page: alice}]`",
)
POLICY = Record(
    "an escalation",
    {
        "steps": Field(Items(STEP), "The steps, in order of time.", required=True),
        "repeat": Field(
            lasting(timedelta(minutes=1), _LONG, "30m"),
            "How long after the last step it begins again with the first one, until somebody acknowledges.",
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Written:
    """An escalation as it is written: its steps with their places, and after how long it begins again."""

    steps: Sequence[tuple[Fields, Node]]
    repeat: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """A list of steps; a mapping with `steps` and `repeat`; or one step: ``{page: [alice, bob]}``."""

    what: str = "a list of steps like `[{page: alice}]`"

    def read(self, node: Node, findings: Findings) -> Written | None:
        if isinstance(node, Table) and node.entries.keys() & POLICY.fields.keys():
            fields = POLICY.read(node, findings)
            return None if fields is None else Written(fields["steps"] or (), fields["repeat"])
        if nothing(node):
            STEP.read(node, findings)
            return None
        steps = Items(STEP).read(node, findings)
        return None if steps is None else Written(steps)

    def schema(self) -> Schema:
        return {"anyOf": [Items(STEP).schema(), POLICY.schema()]}


def policies_of(
    written: Mapping[str, tuple[Written, Node]],
    people: Sequence[str],
    rotations: Sequence[str],
    zone: ZoneInfo,
    findings: Findings,
) -> dict[str, Policy]:
    """The policies by name.

    Args:
        people, rotations: The names that steps may page.
        zone: The zone of hours that name none.
    """
    found = {}
    for key, (policy, _) in written.items():
        steps = tuple(_steps(policy, [*people, *rotations], zone, findings))
        repeat = None if policy.repeat is None else policy.repeat // _MS
        found[key] = Policy(steps=steps, repeat_ms=repeat)
    return found


def _steps(written: Written, known: Sequence[str], zone: ZoneInfo, findings: Findings) -> Iterator[Step]:
    latest = timedelta(0)
    for fields, _ in written.steps:
        after: timedelta = fields["after"]
        if after < latest:
            wrong = f"this step comes {duration_text(after)} after the opening, before the one above it"
            cure = f"`after` counts from the opening of the alert: write {duration_text(latest)} or more, or move it up"
            findings.mistake(fields.at("after"), wrong, cure)
        latest = max(latest, after)
        names: tuple[tuple[str, Node], ...] = fields["page"] or ()
        for who, node in names:
            if who not in known:
                unknown_name(node, "person or rotation", who, known, findings)
        page = tuple(dict.fromkeys(who for who, node in names if who in known and not guessed(node)))
        yield Step(page=page, after_ms=after // _MS, during=_hours(fields, zone, findings))


def _hours(fields: Fields, zone: ZoneInfo, findings: Findings) -> str:
    """The hours of a step, with their zone; empty for any time."""
    if not fields.wrote("during"):
        return ""
    word = Word(
        "weekly hours like Mon-Fri 08:00-18:00 America/Los_Angeles",
        lambda text: (text, parse_weekly(text, zone)),
        "Mon-Fri 08:00-18:00",
        {},
    )
    read = word.read(fields.at("during"), findings)
    if read is None:
        return ""
    text, hours = read
    return text if text.rstrip().endswith(hours.zone.key) else f"{text.strip()} {hours.zone.key}"
