"""The Statuspage public API, v2, as its clients expect it: every key is present, even when null.

The API has no status for *unknown*: it becomes the last published status for 10 minutes, then degraded performance.
A component that was never observed is left out. Ids never change: they are derived from keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from statuspage.clock_text import at, stamp
from statuspage.document import Document
from statuspage.page import Component, Group, Incident, Maintenance, Page, Status, public_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]
TRUST_MS = 10 * 60_000  # how long the last published status is used for a component without data
_MOST = 50

_DESCRIPTIONS = {
    Status.PARTIAL: ("minor", "Minor Service Outage"),
    Status.DEGRADED: ("minor", "Partially Degraded Service"),
    Status.MAINTENANCE: ("none", "Service Under Maintenance"),
    Status.OPERATIONAL: ("none", "All Systems Operational"),
}
_IMPACTS = {Status.MAJOR: "major", Status.PARTIAL: "minor", Status.DEGRADED: "minor"}


def documents(page: Page) -> Mapping[str, Document]:
    """The API's documents: path → document."""
    answers = _Answers(page)
    head, components, status = answers.page(), answers.rows, answers.status()
    replies: dict[str, Row] = {
        "status": {"page": head, "status": status},
        "components": {"page": head, "components": components},
        "summary": {
            "page": head,
            "components": components,
            "incidents": answers.incidents(),
            "scheduled_maintenances": answers.maintenances(),
            "status": status,
        },
    }
    return {
        f"/api/v2/{name}.json": Document(orjson.dumps(reply), "application/json; charset=utf-8", shared=True)
        for name, reply in replies.items()
    }


def published(component: Component, as_of_ms: int) -> Status | None:
    """The public status of *component*, one of five; None when it was never observed."""
    if component.status is not Status.UNKNOWN:
        return component.status
    if component.before is None or component.before is Status.UNKNOWN:
        return None
    since = component.since_ms if component.since_ms is not None else as_of_ms
    return component.before if as_of_ms - since <= TRUST_MS else Status.DEGRADED


def overall(statuses: Iterable[Status]) -> tuple[str, str]:
    """The page's indicator and description for components with *statuses*."""
    seen = list(statuses)
    if not seen:  # nothing is known at all
        return "minor", "Status Unknown"
    if all(status is Status.MAJOR for status in seen):
        return "critical", "Major System Outage"
    if Status.MAJOR in seen:
        return "major", "Partial System Outage"
    return _DESCRIPTIONS[max(seen, key=lambda s: s.severity)]


class _Answers:
    """The rows of one page. A component's row is the same in every document."""

    def __init__(self, page: Page) -> None:
        self.of = page
        self.rows = self._components()
        self._ids = {component.key: component.id for component in page.components}

    def page(self) -> Row:
        return {
            "id": self._page_id,
            "name": self.of.service,
            "url": self.of.page_url or "",
            "time_zone": self.of.zone,
            "updated_at": stamp(self.of.as_of_ms),
        }

    def status(self) -> Row:
        said = (published(c, self.of.as_of_ms) for c in self.of.components)
        indicator, description = overall(status for status in said if status)
        return {"indicator": indicator, "description": description}

    def _components(self) -> list[Row]:
        rows: list[Row] = []
        place = 0
        for group in self.of.groups:
            own = [row for n, c in enumerate(group.components, 1) if (row := self._component(c, group, n))]
            if group.name is None:
                rows += [row | {"position": place + i} for i, row in enumerate(own, start=1)]
                place += len(own)
            elif own:
                place += 1
                rows += [self._group(group.name, own, place), *own]
        return rows

    def incidents(self) -> list[Row]:
        rows = (self._incident(incident) for incident in self.of.ongoing)
        return [row for row in rows if row][:_MOST]

    def maintenances(self) -> list[Row]:
        active = [self._maintenance(m, "in_progress") for m in self.of.active_maintenance]
        coming = [self._maintenance(m, "scheduled") for m in self.of.upcoming_maintenance]
        return (active + coming)[:_MOST]

    @property
    def _page_id(self) -> str:
        return public_id("page", self.of.page_url or self.of.service)

    def _component(self, component: Component, group: Group, position: int) -> Row | None:
        """The component's row, with its position in the group; None when it was never observed."""
        status = published(component, self.of.as_of_ms)
        if status is None:
            return None
        born = component.created_ms
        changed = max(born, component.since_ms or born)
        return {
            "id": component.id,
            "name": component.name,
            "status": status.value,
            "created_at": stamp(born),
            "updated_at": stamp(changed),
            "position": position,
            "description": component.description,
            "showcase": True,
            "start_date": at(born, ZoneInfo(self.of.zone)).date().isoformat(),
            "group_id": None if group.name is None else public_id("group", group.name),
            "page_id": self._page_id,
            "group": False,
            "only_show_if_degraded": False,
        }

    def _group(self, name: str, own: list[Row], position: int) -> Row:
        return {
            "id": public_id("group", name),
            "name": name,
            "status": max((Status(row["status"]) for row in own), key=lambda s: s.severity).value,
            "created_at": min(row["created_at"] for row in own),
            "updated_at": max(row["updated_at"] for row in own),
            "position": position,
            "description": None,
            "showcase": False,
            "start_date": None,
            "group_id": None,
            "page_id": self._page_id,
            "group": True,
            "only_show_if_degraded": False,
            "components": [row["id"] for row in own],
        }

    def _named(self, keys: Iterable[str]) -> list[Row]:
        wanted = {self._ids[key] for key in keys if key in self._ids}
        return [row for row in self.rows if row["id"] in wanted]

    def _incident(self, incident: Incident) -> Row | None:
        touched = self._named([incident.component])
        if not touched:
            return None
        state = incident.status.value
        affected = [_affected(row, Status.OPERATIONAL.value, state) for row in touched]
        update = self._update(incident.id, "investigating", incident.why, incident.from_ms, affected)
        name = f"{touched[0]['name']} {_PREDICATES.get(incident.status, 'has problems')}"
        row = self._story(update, name, incident.from_ms, touched)
        path = f"/components/{incident.component}"
        impact = _IMPACTS.get(incident.status, "none")
        return row | {"impact": impact, "started_at": stamp(incident.from_ms), "shortlink": self._url(path)}

    def _maintenance(self, work: Maintenance, state: str) -> Row:
        touched = self._named(work.components)
        begun = state == "in_progress"
        new = Status.MAINTENANCE.value if begun else Status.OPERATIONAL.value
        affected = [_affected(row, Status.OPERATIONAL.value, new) for row in touched]
        told_ms = work.from_ms if begun else work.announced_ms
        update = self._update(work.id, state, work.name, told_ms, affected)
        row = self._story(update, work.name, work.announced_ms, touched)
        return row | {
            "impact": "maintenance",
            "started_at": stamp(work.from_ms),
            "scheduled_for": stamp(work.from_ms),
            "scheduled_until": stamp(work.to_ms),
            "shortlink": self._url("/"),
        }

    def _story(self, update: Row, name: str, at_ms: int, touched: list[Row]) -> Row:
        """The keys that incidents and maintenances share."""
        return {
            "id": update["incident_id"],
            "name": name,
            "status": update["status"],
            "created_at": stamp(at_ms),
            "updated_at": update["updated_at"],
            "monitoring_at": None,
            "resolved_at": None,
            "impact": "none",
            "shortlink": "",
            "started_at": stamp(at_ms),
            "page_id": self._page_id,
            "incident_updates": [update],
            "components": touched,
        }

    @staticmethod
    def _update(story: str, state: str, body: str, at_ms: int, affected: list[Row]) -> Row:
        return {
            "id": public_id("update", f"{story}/{state}"),
            "status": state,
            "body": body,
            "incident_id": story,
            "created_at": stamp(at_ms),
            "updated_at": stamp(at_ms),
            "display_at": stamp(at_ms),
            "affected_components": affected or None,
            "deliver_notifications": True,
            "custom_tweet": None,
            "tweet_id": None,
        }

    def _url(self, path: str) -> str:
        return f"{self.of.page_url or ''}{path}"


_PREDICATES = {Status.MAJOR: "is down", Status.PARTIAL: "is partly down"}


def _affected(row: Row, old: str, new: str) -> Row:
    return {"code": row["id"], "name": row["name"], "old_status": old, "new_status": new}
