"""The document's parts → one `Settings`. Records the mistakes that only several parts together show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.config import alerting, composition
from watch.config import vantages as vantage_points
from watch.config.cautions import caution, caution_of_gaps
from watch.config.channels import examine
from watch.config.check import DEFAULTS, check_of
from watch.config.findings import Findings
from watch.config.listeners import listen_of
from watch.config.maintenance import window_of
from watch.config.node import Node, Scalar, Table
from watch.config.people import catch_all_of, escalations_of, named_components, people_of, rules_of
from watch.config.rotations import rotations_of
from watch.config.sections import LISTEN, PAGE, RETENTION, SERVICE
from watch.core.settings import (
    Check,
    Component,
    PageSettings,
    Service,
    Settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from watch.config.mapping import Fields, Record
    from watch.core.settings import Vantage
    from watch.core.window import Window


def assembled(
    document: Fields,
    folder: Path,
    findings: Findings,
    now_ms: int | None,
    *,
    gaps: bool = False,
    channels: bool = False,
) -> Settings | None:
    """The settings; None when there was any mistake. Warnings are recorded only when there was none."""
    service = _section(document, "service", SERVICE)
    written: composition.Written = document["components"] or {}
    vantages = vantage_points.vantages_of(document, service["site"], findings)
    defaults = _section(document, "defaults", DEFAULTS)
    _compare(document, written, defaults, vantages, findings)
    people = people_of(document, findings)
    if channels:
        examine(((name, fields) for name, (fields, _) in (document["people"] or {}).items()), findings)
    catch_all = catch_all_of(document, people, findings)
    escalations = escalations_of(document, people, service["timezone"], findings)
    rotations = rotations_of(document, people, service["timezone"], findings)
    home = service["site"] or next((vantage.site for vantage in vantages.values()), None)
    alerts = rules_of(document, tuple(written), home, findings)
    windows = _windows(document, tuple(written), service["timezone"], findings)
    alerting.compare(document["alerting"], findings)
    listen = listen_of(_section(document, "listen", LISTEN), findings)
    if findings.mistakes:
        return None
    site = service["site"] or next(iter(vantages.values())).site
    settings = Settings(
        service=_service(service, site),
        vantages=vantages,
        components=_components(written, site),
        checks=_checks(written, defaults),
        windows=windows,
        people=people,
        catch_all=catch_all,
        rotations=rotations,
        escalations=escalations,
        alerts=alerts,
        page=_page(document, service["name"]),
        store=folder / document["store"],
        alerting=alerting.alerting_of(_section(document, "alerting", alerting.ALERTING)),
        retention=_section(document, "retention", RETENTION)["observations"],
        listen=listen,
        heartbeat_to=document["heartbeat_to"],
    )
    caution(settings, lambda path: _node_at(document, path), findings, now_ms)
    if gaps and now_ms is not None:
        caution_of_gaps(settings, lambda path: _node_at(document, path), findings, now_ms)
    return settings


def _compare(
    document: Fields,
    written: composition.Written,
    defaults: Fields,
    vantages: Mapping[str, Vantage],
    findings: Findings,
) -> None:
    """Record mistakes between components, checks and vantage points."""
    if document["components"] == {}:
        findings.mistake(document.key("components"), "`components` is empty", "add a component with a check")
    composition.compare(written, findings)
    vantage_points.compare_pool(defaults, vantages, findings)
    for fields, _ in written.values():
        for check, _ in (fields["checks"] or {}).values():
            vantage_points.compare(check, vantages, findings)


def _windows(
    document: Fields, components: tuple[str, ...], zone: ZoneInfo, findings: Findings
) -> dict[str, Window]:
    windows = {}
    for name, (fields, _) in (document["maintenance"] or {}).items():
        chosen = named_components(fields, "components", components, document, findings)
        window = window_of(name, fields, chosen, zone, findings)
        if window is not None:
            windows[name] = window
    return windows


def _service(fields: Fields, site: str) -> Service:
    return Service(
        name=fields["name"],
        url=fields["url"],
        timezone=fields["timezone"],
        target=fields["target"],
        site=site,
        outside_url=fields["outside_url"],
    )


def _section(document: Fields, key: str, record: Record) -> Fields:
    """A section's fields; the defaults when it is missing or was refused."""
    fields = document[key]
    return fields if fields is not None else record.fields_of(document.node, {}, Findings())


def _components(written: composition.Written, site: str) -> dict[str, Component]:
    return {
        key: Component(
            key=key,
            name=fields["name"] or key,
            members=composition.members(key, fields),
            group=fields["group"],
            description=fields["description"],
            needs=fields["needs"].k if fields["needs"] else None,
            site=fields["site"] or site,
            public=fields["public"],
            show_redundancy_loss=fields["show_redundancy_loss"],
            was=fields["was"],
            depends_on=composition.needed(fields),
            runbook=fields["runbook"],
        )
        for key, (fields, _) in written.items()
    }


def _checks(written: composition.Written, defaults: Fields) -> dict[str, Check]:
    return {
        f"{key}/{name}": check_of(check, f"{key}/{name}", key, defaults)
        for key, (fields, _) in written.items()
        for name, (check, _) in (fields["checks"] or {}).items()
    }


def _page(document: Fields, service: str) -> PageSettings:
    fields = _section(document, "status_page", PAGE)
    title = fields["title"] or (service if "status" in service.lower() else f"{service} status")
    return PageSettings(
        title=title, support=fields["support"], terms=fields["terms"], privacy=fields["privacy"]
    )


def _node_at(document: Fields, path: str) -> Node:
    """The key at *path* (see `watch.config.cautions.Places`), or the nearest key above it."""
    words: list[Any] = path.split("/", 2)  # an item's name may contain `/`
    if words[0] == "checks":
        words = ["components", words[1], "checks", words[2]]
    node, place = document.node, document.node
    for word in words:
        entries: Mapping[str, tuple[Scalar, Node]] = node.entries if isinstance(node, Table) else {}
        if word not in entries:
            break
        place, node = entries[word]
    return place
