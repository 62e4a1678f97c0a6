"""The keys of checks.yaml: one description for the reader, the JSON Schema and the reference.

A key of the language whose feature is not there yet has no shape, and is refused by name.
"""

from __future__ import annotations

from watch.config.check import DEFAULTS
from watch.config.mapping import Field, Items, Keyed, Record
from watch.config.sections import (
    ALERT,
    ALERTING,
    COMPONENT,
    LISTEN,
    PAGE,
    PERSON,
    RETENTION,
    SERVICE,
    VANTAGE,
    WINDOW,
    Step,
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
        "service": Field(SERVICE, "What is watched, and what is promised."),
        "vantages": Field(
            _keyed("a mapping of vantage points by name", VANTAGE), "Where checks are asked from."
        ),
        "defaults": Field(DEFAULTS, "What holds for every check that does not say otherwise."),
        "components": Field(
            _keyed("a mapping of components by key", COMPONENT), "The parts of the service.", required=True
        ),
        "maintenance": Field(_keyed("a mapping of windows by name", WINDOW), "Planned work."),
        "people": Field(_keyed("a mapping of people by name", PERSON), "Who can be told."),
        "catch_all": Field(
            Items(name("the name of a person"), empty=True),
            "Who is told when no rule says; all people by default.",
        ),
        "escalations": Field(
            Keyed(name("the name of an escalation"), Step(), "a mapping of escalations by name"),
            "Who is told first.",
        ),
        "alerts": Field(Items(ALERT, empty=True), "Who must know when."),
        "alerting": Field(ALERTING, "The clockwork of alerts."),
        "status_page": Field(PAGE, "The public page."),
        "store": Field(STORE, "Where everything is kept, relative to this file.", "threenines.db"),
        "retention": Field(RETENTION, "How long things are kept."),
        "listen": Field(LISTEN, "The addresses that are served."),
        **{
            key: Field(None, "")
            for key in ("customers", "mail", "rotations", "sites", "series", "heartbeat_to")
        },
    },
    {
        "checks": "a check belongs under a component: `components: {web: {checks: …}}`",
        "monitors": "write `components`",
        "windows": "write `maintenance`",
        "users": "write `people`",
        "name": "write `service: {name: …}`",
    },
)
