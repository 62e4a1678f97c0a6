"""`rotations:` as people write them: whose turn it is follows, and gaps within a week are told by `validate`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.config.conftest import WEB
from watch.changes import changes

BEFORE = f"""
service: {{timezone: America/Los_Angeles}}
{WEB}
people: {{alice: {{channels: ["ntfy://a"]}}, bob: {{channels: ["ntfy://b"]}}, carol: {{channels: ["ntfy://c"]}}}}
"""
WEEKLY = "people: [alice, bob], every: 1 week, handover: Mon 09:00 America/New_York, start: 2026-11-02"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def rotation(desk, text):
    return desk.settings(f"{BEFORE}rotations: {{primary: {{{text}}}}}\n").rotations["primary"]


def test_people_take_turns_by_the_week_in_the_zone_of_the_handover(desk):
    found = rotation(desk, WEEKLY)
    assert [found.at(ms(at)) for at in ("2026-11-02 13:59", "2026-11-02 14:00", "2026-11-09 14:00")] == [
        (), ("alice",), ("bob",)
    ]  # fmt: skip


def test_a_handover_and_an_override_without_a_zone_are_in_those_above_them(desk):
    found = rotation(desk, "people: [alice, bob], every: 1 day, handover: 09:00, start: 2026-11-02")
    assert found.zone.key == "America/Los_Angeles", "the service's"
    override = "overrides: [{from: 2026-11-03 18:00, to: 2026-11-04 06:00 UTC, person: carol}]"
    found = rotation(desk, f"{WEEKLY}, {override}")
    (shift,) = [
        it for it in found.shifts(ms("2026-11-03 00:00"), ms("2026-11-05 00:00")) if it.person == "carol"
    ]
    assert (shift.from_ms, shift.to_ms) == (ms("2026-11-03 23:00"), ms("2026-11-04 06:00"))
    assert shift.why == "override in checks.yaml"


def test_one_person_alone_needs_no_turns(desk):
    found = rotation(desk, "people: carol")
    assert [found.at(ms(at)) for at in ("1999-01-01 00:00", "2026-11-02 08:00", "2100-01-01 00:00")] == [
        ("carol",)
    ] * 3


def test_the_last_layer_that_has_somebody_wins(desk):
    found = rotation(
        desk, f"layers: [{{{WEEKLY}}}, {{people: carol, during: 'Mon-Fri 08:00-18:00 Europe/Berlin'}}]"
    )
    assert [found.at(ms(at)) for at in ("2026-11-03 06:59", "2026-11-03 07:00", "2026-11-03 17:00")] == [
        ("alice",), ("carol",), ("alice",)
    ]  # fmt: skip


def test_hours_without_a_zone_are_in_that_of_the_handover_of_their_layer(desk):
    one = "people: [carol, bob], every: 1 day, handover: 08:00 Asia/Tokyo, start: 2026-11-01, during: 'daily 08:00-09:00'"
    found = rotation(desk, f"layers: [{{{one}}}]")
    assert [found.at(ms(at)) for at in ("2026-11-02 22:59", "2026-11-02 23:00", "2026-11-03 00:00")] == [
        (), ("carol",), ()
    ]  # fmt: skip
    found = rotation(desk, "layers: [{people: carol, during: 'daily 08:00-09:00'}]")
    assert found.at(ms("2026-11-03 16:00")) == ("carol",), "the service's zone"


@pytest.mark.parametrize(
    ("every", "hours"), [("12h", 12), ("1 day", 24), ("1d12h", 36), ("2 weeks", 336), ("14d", 336)]
)
def test_turns_last_whole_hours_days_or_weeks(desk, every, hours):
    day = "" if hours % 168 else "Mon "
    found = rotation(desk, f"people: [alice, bob], every: {every}, handover: {day}09:00, start: 2026-11-02")
    assert found.layers[0].every == timedelta(hours=hours)


def test_overrides_that_touch_do_not_overlap_in_whatever_order_they_are_written(desk):
    text = "overrides: [{from: 2026-11-05 00:00, to: 2026-11-06 00:00, person: bob}, {from: 2026-11-04 00:00, to: 2026-11-05 00:00, person: carol}]"
    assert [it.person for it in rotation(desk, f"{WEEKLY}, {text}").overrides] == ["carol", "bob"]


def test_a_refused_person_is_no_second_mistake(desk):
    text = f"{WEB}\npeople: {{alice: {{}}}}\nrotations: {{primary: {{people: [alice]}}}}\n"
    (message,) = desk.mistakes(text)
    assert "`channels`" in message


def test_a_name_from_a_reference_is_not_judged_without_secrets(desk):
    text = f"{BEFORE}rotations: {{primary: {{people: ['${{env:WHO}}', bob], every: '${{env:E}}', handover: '${{env:H}}', start: '${{env:S}}'}}}}\n"
    assert desk.read(text, secrets=False).settings.rotations["primary"].people


NOW_MS = ms("2026-11-23 00:00")


def gaps(desk, text):
    found = desk.warnings(f"{BEFORE}rotations: {{primary: {{{text}}}}}\n", now_ms=NOW_MS, gaps=True)
    return [it for it in found if "on call" in it]


def test_a_time_of_the_next_seven_days_in_which_nobody_is_on_call_is_a_warning(desk):
    assert gaps(desk, WEEKLY) == []
    hours = "layers: [{people: carol, during: 'Mon-Fri 08:00-18:00'}]"
    assert gaps(desk, hours) == [
        "nobody is on call in primary until 2026-11-23 08:00 PST, and in 5 later gaps"
    ]
    late = WEEKLY.replace("2026-11-02", "2026-11-30")
    assert gaps(desk, late) == ["nobody is on call in primary until 2026-11-30 06:00 PST"]
    assert (
        gaps(desk, f"{late}, overrides: [{{from: 2026-11-01 00:00, to: 2026-12-01 00:00, person: carol}}]")
        == []
    )


def test_only_who_asks_for_gaps_is_told(desk):
    """A running hub knows more overrides than the file."""
    late = WEEKLY.replace("2026-11-02", "2026-12-30")
    found = desk.warnings(f"{BEFORE}rotations: {{primary: {{{late}}}}}\n", now_ms=NOW_MS)
    assert not [it for it in found if "on call" in it]


def test_a_reload_tells_rotations_by_name(desk):
    def read(text):
        return desk.settings(f"{BEFORE}rotations: {{{text}}}\n")

    one, other = (
        read(f"a: {{{WEEKLY}}}, b: {{people: bob}}"),
        read(f"a: {{{WEEKLY}}}, b: {{people: carol}}, c: {{people: bob}}"),
    )
    assert changes(one, one) == {"added": [], "removed": [], "renamed": [], "changed": []}
    assert changes(one, other) == {
        "added": ["rotation c"],
        "removed": [],
        "renamed": [],
        "changed": ["rotation b"],
    }
    assert changes(other, one)["removed"] == ["rotation c"]


def test_a_renamed_person_keeps_their_place(desk):
    text = f"{BEFORE}rotations: {{primary: {{{WEEKLY}}}}}\n"
    before = desk.settings(text).rotations["primary"]
    after = desk.settings(
        text.replace("bob: {", "rob: {was: bob, ").replace("[alice, bob]", "[alice, rob]")
    ).rotations["primary"]
    at = [ms("2026-11-03 00:00") + n * 7 * 86_400_000 for n in range(6)]
    named = {"alice": "alice", "bob": "rob"}
    assert [named[before.at(t)[0]] for t in at] == [after.at(t)[0] for t in at]


def test_the_zone_of_a_rotation_is_that_of_its_first_handover(desk):
    assert rotation(desk, WEEKLY).zone == ZoneInfo("America/New_York")
