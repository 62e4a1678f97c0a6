"""The keys of a script, as the reader and the mistakes name them."""

from __future__ import annotations

from datetime import timedelta

from watch.config.mapping import Field, Items, Keyed, Record
from watch.config.shape import Choice, Whole
from watch.config.word import lasting, name, raw, text
from watch.core.reading import Reason
from watch.core.settings import When
from watch.rehearsal.script import Fails, Goes

BLIND = "blind"
LONGEST = timedelta(days=92)
_SECOND = timedelta(seconds=1)
# Reasons that are ours come with `goes: unknown` and `goes: blind`.
_OF_TARGETS = tuple(
    str(r)
    for r in Reason
    if r not in (Reason.OK, Reason.INTERNAL, Reason.BLIND, Reason.OVERLOADED, Reason.SITE_LOST)
)
_TIME = "a time from the start like 10m, or a wall-clock time like 2026-12-05 01:00 America/New_York"
_SPAN = {
    "from": Field(raw(_TIME), "When it begins: a time from the start, or a wall-clock time.", required=True),
    "to": Field(raw(_TIME), "When it ends; the end of the script by default."),
    "for": Field(lasting(_SECOND, LONGEST, "10m"), "How long it lasts, instead of `to`."),
}
FAULT = Record(
    "a fault",
    {
        "check": Field(Items(raw("the name of a check like web/home")), "The checks that it affects."),
        "component": Field(
            Items(raw("the key of a component")), "Components: all of their checks; `all` for everything."
        ),
        "group": Field(Items(text("the name of a group")), "Groups: all checks of their components."),
        "site": Field(Items(name("the name of a site")), "Sites: all checks of the components there."),
        "vantage": Field(
            Items(name("the name of a vantage point")), "Vantage points that are `blind` or `silent` themselves."
        ),
        "goes": Field(Choice((*Goes, BLIND)), "What they give: the state that the readings have.", required=True),
        "reason": Field(Choice(_OF_TARGETS), "The reason of the readings; `timeout` or `slow` by default."),
        "detail": Field(text("what the readings say"), "The detail of the readings.", ""),
        "facts": Field(
            Keyed(raw("the name of a fact"), raw("a value like 9d"), "a mapping of facts to values"),
            "What the readings hold, with `goes: up` or `degraded`: `{certificate.left: 9d}`. Without it a reading has "
            "no facts, and decides no condition.",
        ),
        "latency": Field(
            lasting(timedelta(milliseconds=1), timedelta(minutes=10), "800ms"),
            "How long an answer takes, with `goes: up` or `degraded`; 50ms by default, which is what is usual.",
        ),
        "flaps": Field(lasting(_SECOND, LONGEST, "30s"), "It comes and goes, for so long each."),
        "seen_from": Field(
            Items(name("the name of a vantage point")), "The vantage points that see it; all by default."
        ),
        **_SPAN,
    },
    {
        "checks": "write `check`", "components": "write `component`", "groups": "write `group`",
        "sites": "write `site`", "vantages": "write `vantage`", "at": "write `from`", "until": "write `to`",
        "state": "write `goes`", "flapping": "write `flaps`", "every": "write `flaps`",
    },
    like="`{component: web, goes: down, from: 10m, for: 5m}`",
)  # fmt: skip
CHANNEL = Record(
    "a channel that fails",
    {
        "person": Field(name("the name of a person"), "Whose channel it is.", required=True),
        "number": Field(Whole(1, 99), "Which of their channels, from 1; all of them by default."),
        "fails": Field(
            Choice(tuple(it for it in Fails if it is not Fails.UNUSABLE)),
            "`for_now`: a retry may work; `for_good`: it refuses; `hangs`: no answer.",
            str(Fails.FOR_NOW),
        ),
        **_SPAN,
    },
    {"channel": "write `number`", "at": "write `from`", "until": "write `to`"},
    like="`{person: alice, from: 0s, for: 10m}`",
)  # fmt: skip
ACT = Record(
    "an act",
    {
        "at": Field(raw(_TIME), "When: a time from the start, or a wall-clock time.", required=True),
        "by": Field(name("the name of a person"), "Who does it.", required=True),
        "ack": Field(
            Items(raw("the key of a component")), "Acknowledge the open alerts of these components."
        ),
        "resolve": Field(
            Items(raw("the key of a component")), "Close the open alerts of these components by hand."
        ),
        "silence": Field(
            Items(raw("the key of a component")), "Silence these components; `all` for all of them."
        ),
        "when": Field(
            Items(Choice(tuple(When))), "The kinds of alerts that `silence` is about; all by default."
        ),
        "for": Field(lasting(_SECOND, LONGEST, "30m"), "How long the acknowledgement or the silence holds."),
        "reason": Field(text("the reason"), "Why; `rehearsal` by default.", "rehearsal"),
    },
    {"acknowledge": "write `ack`", "from": "write `at`", "component": "write `ack`, `resolve` or `silence`"},
    like="`{at: 15m, by: alice, ack: web}`",
)
SCRIPT = Record(
    "a script",
    {
        "start": Field(
            raw("a time like 2026-12-05 01:00 America/New_York"),
            "When it begins: a wall-clock time; windows and rotations go by it.",
            required=True,
        ),
        "length": Field(
            lasting(_SECOND, LONGEST, "6h"), "How long it is; an hour after the last thing in it by default."
        ),
        "faults": Field(Items(FAULT, empty=True), "What goes wrong."),
        "channels": Field(Items(CHANNEL, empty=True), "The channels that fail."),
        "acts": Field(Items(ACT, empty=True), "What people do."),
    },
    {"begin": "write `start`", "from": "write `start`", "end": "write `length`", "events": "write `faults`"},
)
