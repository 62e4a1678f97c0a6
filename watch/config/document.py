"""The top-level keys of checks.yaml: one description for the reader, the JSON Schema and the reference.

A key whose feature is not built yet has no shape and is refused by name.
"""

from __future__ import annotations

from watch.config.alerting import ALERTING
from watch.config.check import DEFAULTS
from watch.config.escalations import Escalation
from watch.config.heartbeat import HeartbeatTo
from watch.config.mapping import Field, Items, Keyed, Record
from watch.config.rotation_words import ROTATIONS
from watch.config.sections import (
    ALERT,
    COMPONENT,
    LISTEN,
    PAGE,
    PERSON,
    RETENTION,
    SERVICE,
    VANTAGE,
    WINDOW,
)
from watch.config.word import (
    STORE,
    name,
)


def _keyed(what: str, record: Record) -> Keyed[object]:
    return Keyed(name(f"the name of {record.what}"), record, what)


DOCUMENT = Record(
    "a configuration",
    {
        "service": Field(SERVICE, "The service: its name, time zone and availability target."),
        "vantages": Field(
            _keyed("a mapping of vantage points by name", VANTAGE), "Vantage points: where checks run from."
        ),
        "defaults": Field(DEFAULTS, "Defaults for every check."),
        "components": Field(
            _keyed("a mapping of components by key", COMPONENT), "The parts of the service.", required=True
        ),
        "maintenance": Field(
            _keyed("a mapping of maintenance windows by name", WINDOW), "Maintenance windows."
        ),
        "people": Field(
            _keyed("a mapping of people by name", PERSON), "People who can be notified, and their channels."
        ),
        "catch_all": Field(
            Items(name("the name of a person"), empty=True),
            "People notified by rules without `escalate`, and when nobody else can be reached; all by default.",
        ),
        "rotations": Field(ROTATIONS, "On-call rotations: who holds the pager when."),
        "escalations": Field(
            Keyed(name("the name of an escalation"), Escalation(), "a mapping of escalations by name"),
            "Escalation policies: who is called, and who next, after how long, until somebody acknowledges.",
        ),
        "alerts": Field(Items(ALERT, empty=True), "Alert rules: what notifies people."),
        "alerting": Field(ALERTING, "Timing of alerts."),
        "status_page": Field(PAGE, "The public status page."),
        "store": Field(STORE, "The database file; a relative path starts at this file.", "threenines.db"),
        "retention": Field(RETENTION, "How long data is kept."),
        "listen": Field(LISTEN, "The addresses that the hub listens on."),
        "heartbeat_to": Field(
            HeartbeatTo(),
            "A URL of a service that alerts people when no beat comes: it is asked each minute, only while the "
            "monitoring works. It is secret.",
        ),
        **{key: Field(None, "") for key in ("customers", "mail", "sites", "series")},
    },
    {
        "checks": "a check belongs under a component: `components: {web: {checks: …}}`",
        "monitors": "write `components`",
        "targets": "write `components`",
        "endpoints": "write `components`: each with its `checks`",
        "windows": "write `maintenance`",
        "users": "write `people`",
        "persons": "write `people`",
        "contacts": "write `people`",
        "notifications": "write `people`, who have channels, and `alerts`, which page them",
        "receivers": "write `people`, who have channels, and `alerts`, which page them",
        "notifiers": "write `people`, who have channels, and `alerts`, which page them",
        "tags": "remove it: `group` of a component is its heading on the page",
        "name": "write `service: {name: …}`",
    },
)
