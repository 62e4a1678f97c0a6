"""The terms that the ledger records: the parts of the configuration that figures depend on, and no others.

The `…_body` functions return JSON-able bodies; equal bodies mean that nothing a figure depends on has changed. The
`asks` of a check is a digest of its question: it proves that the question changed without showing it (secrets are
`***` in it).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from watch.core.confirm import Confirmation
from watch.core.schedule import Length, OneOff, Recurring, Rule, Weekly
from watch.core.settings import Audience, Check, Component, Service, Vantage
from watch.core.window import Opens, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTICE = timedelta(hours=72)
Body = dict[str, Any]
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class CheckTerms:
    """How a check's vantage points are combined, and how long its readings are valid."""

    component: str
    audience: Audience
    sources: tuple[str, ...]
    down_when: str | int
    validity_ms: int


@dataclass(frozen=True, slots=True)
class ComponentTerms:
    """The members of a component. *shows*: whether the public page shows its lost redundancy."""

    members: tuple[str, ...]
    needs: int | None
    site: str
    shows: bool


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """The target, zone and notice that figures use."""

    target: Fraction
    timezone: str
    notice_ms: int


def check_body(check: Check) -> Body:
    question = f"{check.kind} {check.probe!r} {check.judge!r}"
    return {
        "component": check.component, "audience": check.audience.value, "from": list(check.sources),
        "down_when": check.down_when, "every_ms": check.every // _MS, "timeout_ms": check.timeout // _MS,
        "retry_every_ms": check.retry_every // _MS, "confirm": {"down": check.confirm_down, "up": check.confirm_up},
        "asks": hashlib.sha256(question.encode()).hexdigest()[:16],
    }  # fmt: skip


def check_terms(body: Mapping[str, Any]) -> CheckTerms:
    return CheckTerms(
        body["component"],
        Audience(body["audience"]),
        tuple(body["from"]),
        body["down_when"],
        _validity_ms(body),
    )


def confirmation(body: Mapping[str, Any]) -> Confirmation:
    """The confirmation settings of a check (semantics §2)."""
    confirm = body["confirm"]
    return Confirmation(confirm["down"], confirm["up"], _validity_ms(body))


def _validity_ms(body: Mapping[str, Any]) -> int:
    return int(5 * body["every_ms"] // 2 + body["timeout_ms"])


def component_body(component: Component) -> Body:
    return {
        "members": list(component.members), "needs": component.needs, "site": component.site,
        "shows": component.show_redundancy_loss,
    }  # fmt: skip


def component_terms(body: Mapping[str, Any]) -> ComponentTerms:
    return ComponentTerms(tuple(body["members"]), body["needs"], body["site"], body["shows"])


def vantage_body(vantage: Vantage) -> Body:
    return {"site": vantage.site}


def service_body(service: Service) -> Body:
    return {"target": str(service.target), "timezone": service.timezone.key, "notice_ms": NOTICE // _MS}


def service_terms(body: Mapping[str, Any]) -> ServiceTerms:
    return ServiceTerms(Fraction(body["target"]), body["timezone"], body["notice_ms"])


def window_body(window: Window) -> Body:
    outage = window.max_outage
    return {
        "class": window.class_, "components": list(window.components), "rule": _rule_body(window.rule),
        "opens": window.opens.value, "suppress_alerts": window.suppress_alerts, "sla_exclude": window.sla_exclude,
        "max_outage_ms": None if outage is None else outage // _MS, "announced_ms": window.announced_ms,
        "text": window.text,
    }  # fmt: skip


def window_of(name: str, body: Mapping[str, Any]) -> Window:
    outage = body["max_outage_ms"]
    return Window(
        name=name, components=tuple(body["components"]), rule=_rule_of(body["rule"]), class_=body["class"],
        opens=Opens(body["opens"]), suppress_alerts=body["suppress_alerts"], sla_exclude=body["sla_exclude"],
        max_outage=None if outage is None else outage * _MS, announced_ms=body["announced_ms"], text=body["text"],
    )  # fmt: skip


def _rule_body(rule: Rule) -> Body:
    body: Body = {
        "zone": rule.zone.key, "start": rule.start.isoformat(), "length_ms": rule.length.time // _MS,
        "elapsed": rule.length.elapsed,
    }  # fmt: skip
    if isinstance(rule, Weekly):
        body["days"] = sorted(rule.days)
    elif isinstance(rule, Recurring):
        body["rrule"] = rule.rrule
    return body


def _rule_of(body: Mapping[str, Any]) -> Rule:
    zone, length = ZoneInfo(body["zone"]), Length(body["length_ms"] * _MS, body["elapsed"])
    if "days" in body:
        return Weekly(frozenset(body["days"]), time.fromisoformat(body["start"]), length, zone)
    start = datetime.fromisoformat(body["start"])
    if "rrule" in body:
        return Recurring(body["rrule"], start, length, zone)
    return OneOff(start, length, zone)
