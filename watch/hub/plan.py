"""What the hub computes from settings alone.

50,000 checks take seconds of it, so a reload computes it in another thread before anything changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.ledger import Kind
from watch.core.settings import When
from watch.hub.asked import asked_from
from watch.hub.definitions import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.core.confirm import Confirmation
    from watch.core.fact_condition import FactCondition
    from watch.core.recorded_terms import Body
    from watch.core.settings import AlertRule, Check, Settings

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Settings, and what follows from them.

    Args:
        terms: The body of each entry that the ledger must have, by (kind, subject).
        asked: By check, the vantage points that ask it. owed: by vantage point, its checks.
        followed: By check, its facts that fill up or empty.
        conditions: By check, the conditions over its facts that alert rules have.
        timed: The checks whose slowness alert rules are about, by name.
        order: Component keys so that each comes after those it contains.
        parents: By member (a check or a component), the components that have it.
    """

    settings: Settings
    terms: Mapping[tuple[Kind, str], Body]
    asked: Mapping[str, tuple[str, ...]]
    owed: Mapping[str, frozenset[str]]
    confirmations: Mapping[str, Confirmation]
    followed: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, tuple[FactCondition, ...]]
    timed: Mapping[str, Check]
    order: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]

    @property
    def keys(self) -> Iterator[Key]:
        """Each check with each vantage point that asks it."""
        return ((check, vantage) for check, vantages in self.asked.items() for vantage in vantages)


def planned(settings: Settings, former: Plan | None = None) -> Plan:
    """The plan of *settings*; what is the same in a *former* one is taken over. Any thread may make it."""
    asked = asked_from(settings)
    owed: dict[str, set[str]] = {name: set() for name in settings.vantages}
    for check, vantages in asked.items():
        for vantage in vantages:
            owed[vantage].add(check)
    return Plan(
        settings=settings,
        terms={(kind, subject): body for kind, subject, body in terms_of(settings, _known(settings, former))},
        asked=asked,
        owed={vantage: frozenset(checks) for vantage, checks in owed.items()},
        confirmations={name: check.confirmation for name, check in settings.checks.items()},
        followed={name: tuple(check.courses) for name, check in settings.checks.items() if check.courses},
        conditions=dict(_conditions(settings)),
        timed=_timed(settings),
        order=_inner_first(settings),
        parents=parents_of(settings),
    )


def _conditions(settings: Settings) -> Iterator[tuple[str, tuple[FactCondition, ...]]]:
    """The conditions of each check that has any."""
    rules: dict[str, list[AlertRule]] = {}
    for rule in settings.alerts:
        for key in rule.components if rule.when is When.FACT else ():
            rules.setdefault(key, []).append(rule)
    for check in settings.checks.values() if rules else ():
        tests = {
            r.condition: r.tests[check.kind] for r in rules.get(check.component, ()) if check.kind in r.tests
        }
        if tests:
            yield check.name, tuple(tests.values())


def _timed(settings: Settings) -> dict[str, Check]:
    parts = {key for rule in settings.alerts if rule.when is When.SLOW for key in rule.components}
    return (
        {name: check for name, check in settings.checks.items() if check.component in parts} if parts else {}
    )


def _known(settings: Settings, former: Plan | None) -> dict[str, Body]:
    """The bodies of checks that are the same objects as before."""
    if former is None:
        return {}
    before, terms = former.settings.checks, former.terms
    return {
        name: terms[Kind.CHECK, name] for name, check in settings.checks.items() if before.get(name) is check
    }


def parents_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for component in settings.components.values():
        for member in component.members:
            found[member] = (*found.get(member, ()), component.key)
    return found


def _inner_first(settings: Settings) -> tuple[str, ...]:
    """Component keys so that each comes after those it contains (there are no cycles: config says so)."""
    order: dict[str, None] = {}
    for key in settings.components:
        todo = [(key, iter(settings.components[key].members))]
        while todo:
            inner, members = todo[-1]
            member = next((m for m in members if "/" not in m and m not in order), None)
            if member is None:
                order.setdefault(inner)
                todo.pop()
            else:
                todo.append((member, iter(settings.components[member].members)))
    return tuple(order)
