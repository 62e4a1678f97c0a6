"""The sections of checks.yaml, key by key. A key without a shape is planned and not built yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.config.canary import CANARY
from watch.config.check import CHECK
from watch.config.mapping import Field, Items, Keyed, Record
from watch.config.node import Node, Scalar, Sequence, nothing
from watch.config.shape import Choice, Flag, Schema, kind_of
from watch.config.word import (
    ADDRESS,
    CHANNEL,
    CONTACT,
    K_OF_N,
    PERCENTAGE,
    URL,
    ZONE,
    lasting,
    name,
    raw,
    text,
)
from watch.core.settings import When
from watch.core.window import Opens

if TYPE_CHECKING:
    from watch.config.findings import Findings

_ANY = timedelta(0)


@dataclass(frozen=True, slots=True)
class Names:
    """``all``, or a list of names. Reads as ``("all", node)`` or as the names with their places."""

    of: str

    @property
    def what(self) -> str:
        return f"`all`, or a list of {self.of}"

    def read(self, node: Node, findings: Findings) -> tuple[tuple[str, Node], ...] | None:
        if isinstance(node, Scalar) and node.text == "all":
            return (("all", node),)
        if not isinstance(node, Scalar | Sequence) or nothing(node):
            findings.mistake(node, f"{kind_of(node)} stands here", f"write {self.what}")
            return None
        return Items(name(f"one of the {self.of}")).read(node, findings)

    def schema(self) -> Schema:
        return {"anyOf": [{"const": "all"}, Items(name(self.of)).schema()]}


@dataclass(frozen=True, slots=True)
class Step:
    """The first step of an escalation: ``[{page: alice}]``, or for short ``{page: [alice, bob]}``."""

    what: str = "a list of steps like `[{page: alice}]`"

    def read(self, node: Node, findings: Findings) -> tuple[tuple[str, Node], ...] | None:
        if isinstance(node, Sequence) and len(node.items) > 1:
            findings.mistake(node.items[1], "a second escalation step is not built yet", "keep the first one")
        first = node.items[0] if isinstance(node, Sequence) and node.items else node
        fields = STEP.read(first, findings)
        return fields["page"] if fields is not None else None

    def schema(self) -> Schema:
        step = STEP.schema()
        return {"anyOf": [step, {"type": "array", "items": step, "minItems": 1, "maxItems": 1}]}


STEP = Record(
    "an escalation step",
    {
        "page": Field(Items(name("the name of a person")), "Who is told.", required=True),
        "after": Field(None, ""),
        "during": Field(None, ""),
    },
    like="a list of steps: `[{page: alice}]`",
)
SERVICE = Record(
    "`service`",
    {
        "name": Field(text("the service's name"), "What people call it.", "Status"),
        "url": Field(URL, "Where its status page is reached."),
        "timezone": Field(
            ZONE, "The zone of the page's days and of times written without one.", ZoneInfo("UTC")
        ),
        "target": Field(PERCENTAGE, "What share of the time it is to be up.", Fraction(999, 1000)),
        "site": Field(name("the name of a site"), "Where components stand unless they say otherwise."),
        "outside_url": Field(None, ""),
    },
)
VANTAGE = Record(
    "a vantage point",
    {
        "site": Field(name("the name of a site"), "Where it stands."),
        "local": Field(Flag(), "Whether it is the hub's own."),
        "canaries": Field(Items(CANARY), "Targets that answer whenever the vantage point itself is well."),
        "pages": Field(None, ""),
        "publishes": Field(None, ""),
    },
)
COMPONENT = Record(
    "a component",
    {
        "name": Field(
            text("a name for people"), "What people call it; may change, history stays with the key."
        ),
        "group": Field(text("the name of a group"), "The heading it stands under on the page."),
        "description": Field(
            text("a sentence for people", 1000, lines=True), "What it is, for people who read the page."
        ),
        "checks": Field(
            Keyed(name("the name of a check"), CHECK, "a mapping of checks by name"), "What is asked of it."
        ),
        "contains": Field(Items(name("the key of a component")), "Components that are part of it."),
        "needs": Field(
            K_OF_N, "How many of its checks and contained components must be up, like 2 of 3; all by default."
        ),
        "public": Field(Flag(), "Whether it is on the public page.", default=True),
        "show_redundancy_loss": Field(
            Flag(), "Whether the page says so when a spare part is down.", default=False
        ),
        "site": Field(name("the name of a site"), "Where it stands; the service's site by default."),
        "was": Field(name("its former key"), "The key it had before, whose history it carries on."),
        "depends_on": Field(None, ""),
    },
    {
        "check": "write `checks`",
        "needs_of": "write `needs`",
        "title": "write `name`",
        "members": "write `contains`",
    },
)
WINDOW = Record(
    "a maintenance window",
    {
        "class": Field(
            text("a word like hardware or software"), "What kind of work; reports group by it.", ""
        ),
        "components": Field(Names("components"), "What it is planned for.", required=True),
        "when": Field(raw("a weekly rule"), "Every week: `Sat,Sun 00:00-03:00 America/New_York`."),
        "from": Field(
            raw("a time"), "Once, from this wall clock, like `2026-12-05 22:00 America/Los_Angeles` …"
        ),
        "to": Field(raw("a time"), "… to this one."),
        "start": Field(raw("a time"), "Once, from this wall clock …"),
        "duration": Field(
            lasting(timedelta(seconds=1), like="4h"), "… for this long in elapsed time; also for `rrule`."
        ),
        "rrule": Field(raw("an RFC 5545 rule"), "By an RFC 5545 rule, like `FREQ=MONTHLY;BYDAY=1SU`."),
        "first": Field(raw("a time"), "The wall clock at which `rrule` begins."),
        "length": Field(
            lasting(timedelta(seconds=1), like="4h"),
            "How long each occurrence of `rrule` lasts by the wall clock.",
        ),
        "opens": Field(
            Choice(tuple(Opens)), "Whether every occurrence counts, or only announced ones.", "always"
        ),
        "suppress_alerts": Field(Flag(), "Whether nobody is paged in it.", default=False),
        "sla_exclude": Field(Flag(), "Whether its time is taken out of the SLA.", default=False),
        "max_outage": Field(
            lasting(_ANY, like="60s"),
            "A single outage in it that lasts longer pages, and the excess is downtime.",
        ),
        "announced": Field(raw("a time"), "When customers were told of it."),
    },
)
PERSON = Record(
    "a person",
    {
        "channels": Field(
            Items(CHANNEL), "Where they are told, first choice first: any apprise URL.", required=True
        )
    },
    {"channel": "write `channels`", "email": "write `channels: [mailto://…]`", "url": "write `channels`"},
    like="`{channels: [ntfy://topic]}`",
)
_KNOWN = tuple(When)
ALERT = Record(
    "an alert rule",
    {
        "when": Field(Choice(_KNOWN, ("slow", "burn")), "What it waits for.", required=True),
        "components": Field(Names("components"), "What it speaks of; all by default."),
        "for": Field(lasting(_ANY, like="10m"), "How long it must have lasted.", _ANY),
        "escalate": Field(name("the name of an escalation"), "Who is told; the catch-all by default."),
    },
    like="`{when: down, components: all}`",
)
ALERTING = Record(
    "`alerting`",
    {
        "group_wait": Field(
            lasting(_ANY, timedelta(hours=1), "10s"),
            "How long a group's first page waits for more.",
            timedelta(seconds=10),
        ),
        "resolve_hold": Field(
            lasting(_ANY, timedelta(days=1), "60s"),
            "How long a recovery must hold before it is told.",
            timedelta(seconds=60),
        ),
        "reopen": Field(
            lasting(_ANY, timedelta(days=1), "10m"),
            "How soon the same trouble reopens its alert.",
            timedelta(minutes=10),
        ),
        "brake": Field(None, ""),
        "flapping": Field(None, ""),
    },
)
PAGE = Record(
    "`status_page`",
    {
        "title": Field(text("a title"), "What stands on top of the page."),
        "support": Field(CONTACT, "Where customers find help."),
        "terms": Field(URL, "The terms of service."),
        "privacy": Field(URL, "The privacy policy."),
        "publish_to": Field(None, ""),
    },
)
RETENTION = Record(
    "`retention`",
    {
        "observations": Field(
            lasting(timedelta(hours=1), timedelta(days=3660), "48h"),
            "How long every single reading is kept.",
            timedelta(hours=48),
        )
    },
)
LISTEN = Record(
    "`listen`",
    {
        "page": Field(ADDRESS, "Where the public page is served.", ("127.0.0.1", 8080)),
        "operators": Field(
            ADDRESS, "Where operators' pages and metrics are served: loopback only.", ("127.0.0.1", 8081)
        ),
        "outside": Field(None, ""),
    },
)
