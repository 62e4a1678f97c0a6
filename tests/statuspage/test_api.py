"""The Statuspage API, as strict clients read it: every key, every enum, every id."""

from __future__ import annotations

import re
from dataclasses import replace

import orjson
import pytest

from statuspage.api import TRUST_MS, overall, published
from statuspage.page import Group, Status, public_id
from statuspage.render import rendered
from tests.statuspage.samples import MIN, NOW_MS, STATES, UPGRADE, component, page, trouble, work

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ID = re.compile(r"[0-9a-z]{12}")
PAGE = {"id", "name", "url", "time_zone", "updated_at"}
COMPONENT = {
    "id", "name", "status", "created_at", "updated_at", "position", "description", "showcase", "start_date",
    "group_id", "page_id", "group", "only_show_if_degraded",
}  # fmt: skip
INCIDENT = {
    "id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact", "shortlink",
    "started_at", "page_id", "incident_updates", "components",
}  # fmt: skip
UPDATE = {
    "id", "status", "body", "incident_id", "created_at", "updated_at", "display_at", "affected_components",
    "deliver_notifications", "custom_tweet", "tweet_id",
}  # fmt: skip
STATUSES = {"operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"}


def answer(of, name="summary"):
    return orjson.loads(rendered(of)[f"/api/v2/{name}.json"].body)


def only(*components):
    return page((Group(name=None, components=components),))


@pytest.mark.parametrize("state", STATES)
def test_every_key_is_there_even_when_null(state):
    said = answer(STATES[state]())
    assert set(said) == {"page", "components", "incidents", "scheduled_maintenances", "status"}
    assert set(said["page"]) == PAGE
    assert set(said["status"]) == {"indicator", "description"}
    for row in said["components"]:
        assert set(row) == COMPONENT | ({"components"} if row["group"] else set())
    for story in (*said["incidents"], *said["scheduled_maintenances"]):
        planned = {"scheduled_for", "scheduled_until"} if story["impact"] == "maintenance" else set()
        assert set(story) == INCIDENT | planned
        assert story["incident_updates"]
        assert all(set(update) == UPDATE for update in story["incident_updates"])
        assert all(set(row) == COMPONENT for row in story["components"])


@pytest.mark.parametrize("state", STATES)
def test_ids_times_and_words_have_the_forms_that_strict_clients_demand(state):
    def walk(value, key=""):
        if isinstance(value, dict):
            for name, part in value.items():
                walk(part, name)
        elif isinstance(value, list):
            for part in value:
                walk(part, "id" if key == "components" and isinstance(part, str) else key)
        elif value is not None and (key == "id" or key.endswith("_id")):
            assert ID.fullmatch(value), (key, value)
        elif value is not None and (key.endswith("_at") or key in {"scheduled_for", "scheduled_until"}):
            assert STAMP.fullmatch(value), (key, value)

    said = answer(STATES[state]())
    walk(said)
    assert {row["status"] for row in said["components"]} <= STATUSES
    assert said["status"]["indicator"] in {"none", "minor", "major", "critical"}


def test_the_three_answers_agree():
    of = STATES["major"]()
    summary = answer(of)
    assert answer(of, "status") == {"page": summary["page"], "status": summary["status"]}
    assert answer(of, "components") == {"page": summary["page"], "components": summary["components"]}


def test_staleness_can_be_computed_from_updated_at():
    assert answer(STATES["fine"]())["page"]["updated_at"] == "2026-11-23T17:46:12.000Z"


def test_a_group_is_a_row_before_its_members_and_carries_the_worst_of_them():
    rows = answer(STATES["major"]())["components"]
    group = rows[0]
    assert (group["group"], group["name"], group["status"]) == (True, "Product", "major_outage")
    assert group["components"] == [row["id"] for row in rows[1:4]]
    assert {row["group_id"] for row in rows[1:4]} == {group["id"]}
    assert [row["position"] for row in rows if row["group"]] == [1, 2]
    assert [row["position"] for row in rows[1:4]] == [1, 2, 3]


def test_components_without_a_group_stand_by_themselves():
    rows = answer(only(component("a", "A"), component("b", "B")))["components"]
    assert [(row["name"], row["group_id"], row["position"]) for row in rows] == [
        ("A", None, 1),
        ("B", None, 2),
    ]


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (["major_outage", "major_outage"], ("critical", "Major System Outage")),
        (["major_outage", "operational"], ("major", "Partial System Outage")),
        (["major_outage", "partial_outage"], ("major", "Partial System Outage")),
        (["partial_outage", "degraded_performance"], ("minor", "Minor Service Outage")),
        (["degraded_performance", "under_maintenance"], ("minor", "Partially Degraded Service")),
        (["under_maintenance", "operational"], ("none", "Service Under Maintenance")),
        (["operational"], ("none", "All Systems Operational")),
        ([], ("minor", "Status Unknown")),
    ],
)
def test_the_overall_status_follows_the_table(statuses, said):
    assert overall(map(Status, statuses)) == said


@pytest.mark.parametrize(
    ("ago_ms", "status"),
    [(0, Status.PARTIAL), (TRUST_MS, Status.PARTIAL), (TRUST_MS + 1, Status.DEGRADED)],
)
def test_unknown_is_the_last_published_status_for_ten_minutes(ago_ms, status):
    lost = component("a", "A", Status.UNKNOWN, since_ms=NOW_MS - ago_ms, before=Status.PARTIAL)
    assert published(lost, NOW_MS) is status


def test_a_component_never_observed_is_left_out_with_its_empty_group():
    said = answer(STATES["unseen"]())
    assert said["components"] == []
    assert said["status"]["indicator"] == "minor"


def test_trouble_that_lasts_is_an_unresolved_incident():
    (first, second) = answer(STATES["major"]())["incidents"]
    assert (first["name"], first["status"], first["impact"]) == (
        "Web application is down",
        "investigating",
        "major",
    )
    assert first["incident_updates"][0]["body"] == "It did not answer our checks: connections were refused."
    assert first["incident_updates"][0]["affected_components"] == [
        {
            "code": public_id("component", "web"),
            "name": "Web application",
            "old_status": "operational",
            "new_status": "major_outage",
        }
    ]
    assert first["shortlink"] == "https://status.acme.example/components/web"
    assert (second["name"], second["impact"]) == ("API has problems", "minor")


def test_maintenance_in_progress_comes_before_what_is_planned():
    active, coming = answer(STATES["partial"]())["scheduled_maintenances"]
    assert (active["status"], coming["status"]) == ("in_progress", "scheduled")
    assert (active["impact"], active["components"][0]["status"]) == ("maintenance", "under_maintenance")
    assert coming["scheduled_for"] == "2026-12-06T05:46:12.000Z"
    assert (coming["created_at"], coming["id"]) == ("2026-11-18T17:46:12.000Z", UPGRADE.id)


def test_maintenance_that_is_over_is_not_listed():
    over = work("old", "Old work", ("api",), NOW_MS - 200 * MIN, 1)
    assert answer(replace(STATES["fine"](), maintenance=(over,)))["scheduled_maintenances"] == []


def test_what_touches_no_public_component_is_not_told():
    hidden = trouble("secret", Status.MAJOR, MIN, why="Do not tell.")
    for document in rendered(replace(STATES["fine"](), incidents=(hidden,))).values():
        assert b"Do not tell." not in document.body
        assert b"Happening now" not in document.body


def test_ids_are_stable_for_ever():
    assert public_id("component", "web") == "v7nljw72ebkx"
