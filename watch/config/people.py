"""People, escalation policies, and alert rules. Every name in them is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.config.composition import Written, former, members
from watch.config.condition import caution_uncovered, is_condition, tests_of
from watch.config.escalations import policies_of
from watch.config.findings import Findings, quoted, unknown_name
from watch.config.mapping import Fields, strings
from watch.config.node import Node, Scalar, Table, guessed
from watch.core.escalation import Severity
from watch.core.measured import MEASURED
from watch.core.settings import AlertRule, Person, When

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from watch.core.escalation import Policy
    from watch.core.fact_condition import FactCondition


def people_of(document: Fields, findings: Findings) -> dict[str, Person]:
    written: Mapping[str, tuple[Fields, Scalar]] = document["people"] or {}
    former(written, _written_names(document, "people"), "the notices of {was}", findings)
    return {
        name: Person(
            name=name, channels=tuple(channel for channel, _ in fields["channels"] or ()), was=fields["was"]
        )
        for name, (fields, _) in written.items()
    }


def catch_all_of(document: Fields, people: Mapping[str, Person], findings: Findings) -> tuple[str, ...]:
    """Who is notified by rules without `escalate`: everyone by default."""
    if not document.wrote("catch_all"):
        return tuple(people)
    return _known(document["catch_all"] or (), people, document, findings)


def escalations_of(
    document: Fields, people: Mapping[str, Person], zone: ZoneInfo, findings: Findings
) -> dict[str, Policy]:
    names = tuple(dict.fromkeys((*people, *_written_names(document, "people"))))
    rotations = tuple(_written_names(document, "rotations"))
    return policies_of(document["escalations"] or {}, names, rotations, zone, findings)


def _known(
    names: tuple[tuple[str, Node], ...], people: Mapping[str, Person], document: Fields, findings: Findings
) -> tuple[str, ...]:
    for name, node in names:
        if name in people or name in _written_names(document, "people"):
            continue
        unknown_name(node, "person", name, tuple(people), findings)
    return tuple(dict.fromkeys(name for name, _ in names if name in people))


def _written_names(document: Fields, key: str) -> Mapping[str, Any]:
    """The names under a key, including those with refused values: referring to one is not a second mistake."""
    node = document.keys[key][1] if document.wrote(key) else None
    return node.entries if isinstance(node, Table) else {}


def rules_of(
    document: Fields, components: tuple[str, ...], home: str | None, findings: Findings
) -> tuple[AlertRule, ...]:
    """The alert rules.

    Args:
        home: The site of components that name none.
    """
    written: tuple[tuple[Fields, Node], ...] = document["alerts"] or ()
    rules = (_rule(fields, document, components, home, findings) for fields, _ in written)
    return tuple(rule for rule in rules if rule is not None)


def _rule(
    fields: Fields, document: Fields, components: tuple[str, ...], home: str | None, findings: Findings
) -> AlertRule | None:
    escalate = fields["escalate"]
    if escalate is not None and escalate not in _written_names(document, "escalations"):
        unknown_name(
            fields.at("escalate"),
            "escalation",
            escalate,
            tuple(_written_names(document, "escalations")),
            findings,
        )
    if fields["when"] is None:
        return None
    sentence = fields["when"] if is_condition(fields["when"]) else ""
    when = When.FACT if sentence else When(fields["when"])
    for key in ("components", "groups", "sites"):
        if when is When.MONITOR and fields.wrote(key):
            findings.mistake(
                fields.key(key),
                f"{quoted('monitor')} alerts are about the monitoring itself, not about components",
                "remove this key",
                cut=True,
            )
    chosen = _covered(fields, components, home, document, findings)
    if when in MEASURED:
        chosen = _with_contained(chosen, document)
    tests = _tests(fields, sentence, chosen, document, findings) if sentence else {}
    return AlertRule(
        when=when,
        components=() if when is When.MONITOR else chosen,
        lasting=fields["for"],
        severity=None if fields["severity"] is None else Severity(fields["severity"]),
        condition=sentence,
        tests=tests,
        escalate=None if escalate is None or guessed(fields.at("escalate")) else escalate,
    )


def _with_contained(chosen: tuple[str, ...], document: Fields) -> tuple[str, ...]:
    """The components and all that they contain: such a rule is about checks."""
    written: Written = document["components"] or {}
    found, todo = dict.fromkeys(chosen), list(chosen)
    while todo:
        key = todo.pop()
        for member in members(key, written[key][0]) if key in written else ():
            if "/" not in member and member not in found:
                found[member] = None
                todo.append(member)
    return tuple(found)


def _tests(
    fields: Fields, sentence: str, chosen: tuple[str, ...], document: Fields, findings: Findings
) -> dict[str, FactCondition]:
    """The condition *sentence* by the kinds of checks that the components have."""
    written: Written = document["components"] or {}
    parts = {key: written[key][0]["checks"] or {} for key in chosen if key in written}
    scope = {key: [check.kind for check, _ in checks.values()] for key, checks in parts.items() if checks}
    tests = tests_of(fields.at("when"), sentence, scope, findings)
    if any(fields.wrote(key) and fields[key] for key in ("components", "groups", "sites")) and len(
        scope
    ) < len(written):
        caution_uncovered(fields.at("when"), scope, tests, findings)
    return tests


def _covered(
    fields: Fields, components: tuple[str, ...], home: str | None, document: Fields, findings: Findings
) -> tuple[str, ...]:
    """The components that a rule names by key, by group or by site; all of them when it names none."""
    if not fields.wrote("groups") and not fields.wrote("sites"):
        return named_components(fields, "components", components, document, findings)
    found: set[str] = set()
    if fields.wrote("components"):
        found.update(named_components(fields, "components", components, document, findings))
    found.update(_of_places(fields, "group", None, document, findings))
    found.update(_of_places(fields, "site", home, document, findings))
    return tuple(key for key in components if key in found)


def _of_places(
    fields: Fields, word: str, home: str | None, document: Fields, findings: Findings
) -> Iterator[str]:
    """The components of the groups or sites (*word*) that a rule names."""
    places: dict[str, list[str]] = {}
    for component, (about, _) in (document["components"] or {}).items():
        if (place := about[word] or home) is not None:
            places.setdefault(place, []).append(component)
    for name, node in fields[f"{word}s"] or ():
        if name not in places:
            unknown_name(node, word, name, tuple(places), findings)
        yield from places.get(name, ())


def named_components(
    fields: Fields, key: str, components: tuple[str, ...], document: Fields, findings: Findings
) -> tuple[str, ...]:
    """The components that a list names; every component for `all`, or when the key is missing."""
    names: tuple[tuple[str, Node], ...] = fields[key] or ()
    if not fields.wrote(key) or strings(names) == ("all",):
        return components
    for name, node in names:
        if name not in components and name not in _written_names(document, "components"):
            unknown_name(node, "component", name, components, findings)
    return tuple(dict.fromkeys(name for name, _ in names if name in components))
