"""The sections of checks.yaml, key by key. A key without a shape is planned, but not built yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.config.canary import CANARY
from watch.config.channels import CHANNEL
from watch.config.check import CHECK
from watch.config.condition import WhenShape
from watch.config.mapping import Field, Items, Keyed, Record
from watch.config.node import Node, Scalar, Sequence, nothing
from watch.config.shape import Choice, Flag, Schema, kind_of
from watch.config.stray import misplaced
from watch.config.word import (
    ADDRESS,
    CONTACT,
    K_OF_N,
    NETWORK,
    PERCENTAGE,
    URL,
    ZONE,
    lasting,
    name,
    raw,
    text,
)
from watch.core.escalation import Severity
from watch.core.window import Opens

if TYPE_CHECKING:
    from watch.config.findings import Findings

_ANY = timedelta(0)


@dataclass(frozen=True, slots=True)
class Names:
    """``all``, or a list of names. The value is ``("all", node)`` or the names with their nodes."""

    of: str

    @property
    def what(self) -> str:
        return f"`all`, or a list of {self.of}"

    def read(self, node: Node, findings: Findings) -> tuple[tuple[str, Node], ...] | None:
        if isinstance(node, Scalar) and node.text == "all":
            return (("all", node),)
        if not isinstance(node, Scalar | Sequence) or nothing(node):
            findings.mistake(node, f"{kind_of(node)} is not allowed here", f"write {self.what}")
            return None
        return Items(name(f"one of the {self.of}")).read(node, findings)

    def schema(self) -> Schema:
        return {"anyOf": [{"const": "all"}, Items(name(self.of)).schema()]}


SERVICE = Record(
    "`service`",
    {
        "name": Field(text("the service's name"), "The service's name for people.", "Status"),
        "url": Field(URL, "The public URL of the status page."),
        "timezone": Field(
            ZONE,
            "The time zone of days on the page, and of times without a zone in this file.",
            ZoneInfo("UTC"),
        ),
        "target": Field(PERCENTAGE, "The availability target.", Fraction(999, 1000)),
        "site": Field(name("the name of a site"), "The default site of components and vantage points."),
        "outside_url": Field(
            URL,
            "The URL at which the operators' listener can be reached from outside: for acknowledge links.",
        ),
    },
)
VANTAGE = Record(
    "a vantage point",
    {
        "site": Field(name("the name of a site"), "Its site."),
        "local": Field(Flag(), "Whether it is the hub's own vantage point."),
        "canaries": Field(
            Items(CANARY),
            "Targets that answer whenever the vantage point itself works. While they fail, its readings are unknown.",
        ),
        "pages": Field(None, ""),
        "publishes": Field(None, ""),
    },
)
COMPONENT = Record(
    "a component",
    {
        "name": Field(
            text("a name for people"), "The name for people. It may change: the history belongs to the key."
        ),
        "group": Field(text("the name of a group"), "The heading above it on the page."),
        "description": Field(
            text("a sentence for people", 1000, lines=True), "A description for readers of the page."
        ),
        "checks": Field(
            Keyed(name("the name of a check"), CHECK, "a mapping of checks by name"),
            "The checks of the component.",
        ),
        "contains": Field(Items(name("the key of a component")), "The components that it contains."),
        "needs": Field(
            K_OF_N, "How many of its checks and contained components must be up, like 2 of 3; all by default."
        ),
        "public": Field(Flag(), "Whether it is on the public page.", default=True),
        "show_redundancy_loss": Field(
            Flag(), "Whether the page shows it when redundancy is lost.", default=False
        ),
        "site": Field(name("the name of a site"), "Its site; the service's site by default."),
        "was": Field(name("its former key"), "Its former key; the component takes over that history."),
        "depends_on": Field(
            Items(name("the key of a component")),
            "The components without which it does not work. While an alert says one of them is down, it gets none.",
        ),
        "runbook": Field(URL, "The web address of what to do when it is in trouble. Letters name it."),
    },
    {
        "check": "write `checks`",
        "run_book": "write `runbook`",
        "playbook": "write `runbook`",
        "needs_of": "write `needs`",
        "title": "write `name`",
        "members": "write `contains`",
    },
    stray=misplaced,
)
WINDOW = Record(
    "a maintenance window",
    {
        "class": Field(
            text("a word like hardware or software"), "The kind of work; reports group by it.", ""
        ),
        "components": Field(Names("components"), "The components that the work affects.", required=True),
        "when": Field(raw("a weekly rule"), "A weekly window: `Sat,Sun 00:00-03:00 America/New_York`."),
        "from": Field(
            raw("a time"),
            "The start of a one-off window, wall-clock time: `2026-12-05 22:00 America/Los_Angeles`. Needs `to`.",
        ),
        "to": Field(raw("a time"), "The end of a one-off window, wall-clock time."),
        "start": Field(raw("a time"), "The start of a one-off window, wall-clock time. Needs `duration`."),
        "duration": Field(
            lasting(timedelta(seconds=1), like="4h"), "The length in elapsed time, with `start` or `rrule`."
        ),
        "rrule": Field(
            raw("an RFC 5545 rule"), "A recurring window by an RFC 5545 rule: `FREQ=MONTHLY;BYDAY=1SU`."
        ),
        "first": Field(raw("a time"), "The wall-clock time at which `rrule` begins."),
        "length": Field(
            lasting(timedelta(seconds=1), like="4h"),
            "The length of each occurrence of `rrule` in wall-clock time.",
        ),
        "opens": Field(
            Choice(tuple(Opens)), "Whether every occurrence is in force, or only announced ones.", "always"
        ),
        "suppress_alerts": Field(
            Flag(), "Whether alerts for these components are suppressed during the window.", default=False
        ),
        "sla_exclude": Field(Flag(), "Whether the window is excluded from the SLA.", default=False),
        "max_outage": Field(
            lasting(_ANY, like="60s"),
            "A longer single outage in the window notifies people, and the excess is downtime.",
        ),
        "announced": Field(raw("a time"), "When customers were told."),
    },
    {
        "description": "remove it: the key of a window is its name",
        "name": "remove it: the key of a window is its name",
        "end": "write `to` beside `from`, or `duration` beside `start`",
        "until": "write `to`",
    },
)
PERSON = Record(
    "a person",
    {
        "channels": Field(
            Items(CHANNEL), "Apprise URLs for notices; the first is tried first.", required=True
        ),
        "was": Field(
            name("their former name"),
            "Their former name: what they were told under it need not be told again.",
        ),
    },
    {"channel": "write `channels`", "email": "write `channels: [mailto://…]`", "url": "write `channels`"},
    like="`{channels: [ntfy://topic]}`",
)
ALERT = Record(
    "an alert rule",
    {
        "when": Field(
            WhenShape(),
            "The condition that triggers the alert: a word, or a condition over facts of checks like "
            '`"certificate.left < 14d"`.',
            required=True,
        ),
        "components": Field(Names("components"), "The components it covers; all by default."),
        "groups": Field(Items(text("the name of a group")), "It covers the components of these groups too."),
        "sites": Field(Items(name("the name of a site")), "It covers the components of these sites too."),
        "severity": Field(
            Choice(tuple(Severity)),
            "How much its alerts matter: an acknowledgement of an urgent one holds for 30 minutes, else for 2 hours; "
            "`down` and `monitor` are urgent by default.",
        ),
        "for": Field(
            lasting(_ANY, like="10m"), "How long the condition must last before the alert triggers.", _ANY
        ),
        "escalate": Field(
            name("the name of an escalation"),
            "The escalation policy that is notified; `catch_all` by default.",
        ),
    },
    like="`{when: down, components: all}`",
)
PAGE = Record(
    "`status_page`",
    {
        "title": Field(text("a title"), "The title of the page."),
        "support": Field(CONTACT, "The mail or web address for support."),
        "terms": Field(URL, "The URL of the terms of service."),
        "privacy": Field(URL, "The URL of the privacy policy."),
        "publish_to": Field(None, ""),
    },
)
RETENTION = Record(
    "`retention`",
    {
        "observations": Field(
            lasting(timedelta(hours=1), timedelta(days=3660), "48h"),
            "How long single readings are kept, and what `events` shows beside the ledger. Latency by the hour is "
            "kept for 400 days, and the ledger for ever.",
            timedelta(hours=48),
        )
    },
)
LISTEN = Record(
    "`listen`",
    {
        "page": Field(
            Items(ADDRESS),
            "The address of the public page, or several; `[::]:8080` serves IPv4 and IPv6. 127.0.0.1:8080 by default.",
        ),
        "operators": Field(
            ADDRESS,
            "The address of metrics and health; loopback only. 127.0.0.1:8081 by default.",
            ("127.0.0.1", 8081),
        ),
        "trusted_proxies": Field(
            Items(NETWORK, empty=True),
            "The networks of the page's reverse proxies. A connection from there counts as one of the visitor that "
            "`X-Forwarded-For` names: its last address that is in none of these networks. A visitor may have 200.",
        ),
        "outside": Field(None, ""),
    },
)
