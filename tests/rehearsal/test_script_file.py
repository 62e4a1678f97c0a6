"""A mistake in a script is told with its line and what to write instead."""

from __future__ import annotations

import pytest

from tests.rehearsal.scenes import START
from watch.config import ConfigError
from watch.errors import Trouble
from watch.rehearsal.script_file import script_at

MISTAKES = [
    ("faults: [{component: webb, goes: down, from: 1m}]", "there is no component `webb`", "did you mean `web`?"),
    ("faults: [{check: web/hom, goes: down, from: 1m}]", "there is no check `web/hom`", "did you mean `web/home`?"),
    ("faults: [{goes: down, from: 1m}]", "this fault is of nothing",
     "write `check`, `component`, `group`, `site` or `vantage`"),
    ("faults: [{component: web, goes: blind, from: 1m}]", "only a vantage point can be blind",
     "write `vantage: …`, or `goes: unknown`"),
    ("faults: [{component: web, goes: down}]", "a fault needs `from`", "write `from: …`"),
    ("faults: [{component: web, goes: down, from: 5}]", "5 has no unit", "write 5s, 5m, 5h or 5d"),
    ("faults: [{component: web, goes: down, from: 5h}]", "this is after the end of the script",
     "write an earlier time, or a greater `length`"),
    ("faults: [{component: web, goes: down, from: 2025-11-21 10:00}]", "this is before `start`", "a later time"),
    ("faults: [{component: web, goes: down, from: 2h, to: 1h}]", "this is not after `from`", "write a later time"),
    ("faults: [{component: web, goes: down, from: 2h, to: 3h, for: 1h}]", "`for` and `to` say the same", "remove"),
    ("faults: [{component: web, goes: silent, from: 1m, reason: dns}]", "`silent` has no reason", "remove this key"),
    ("faults: [{vantage: hub, goes: down, from: 1m}]", "a vantage point goes `blind` or `silent`", "write `blind`"),
    ("channels: [{person: alise, from: 1m}]", "there is no person `alise`", "did you mean `alice`?"),
    ("channels: [{person: alice, number: 3, from: 1m}]", "`alice` has no channel 3", "they have 2"),
    ("acts: [{at: 1m, by: bob}]", "this act does nothing", "write one of `ack`, `resolve` and `silence`"),
    ("acts: [{at: 1m, by: bob, silence: all}]", "a silence needs an end", "write `for: 1h`"),
    ("monitors: []", "a script has no `monitors`", "the keys are"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "cure"), MISTAKES, ids=[text for text, *_ in MISTAKES])
def test_a_mistake_has_its_line_and_its_cure(scene, text, message, cure):
    with pytest.raises(ConfigError) as told:
        scene.script(f"{START}{text}\n")
    (mistake,) = told.value.mistakes
    assert (mistake.line, message in mistake.message, cure in mistake.cure) == (3, True, True), str(mistake)


def test_all_mistakes_are_told_at_once(scene):
    with pytest.raises(ConfigError) as told:
        scene.script("length: never\nfaults: [{component: x, goes: y, from: z}]\n")
    assert [mistake.line for mistake in told.value.mistakes] == [0, 1, 2, 2, 2]


def test_a_script_that_is_none_says_how_to_begin(scene):
    for text in ("", "[]"):
        with pytest.raises(ConfigError, match="begin with `start: 2026-12-05 01:00`"):
            scene.script(text)


def test_a_script_that_is_missing_says_so(scene):
    with pytest.raises(Trouble, match=r"nowhere\.yaml does not exist: name the file of a script"):
        script_at(scene.folder / "nowhere.yaml", scene.settings())


def test_without_a_length_the_script_ends_an_hour_after_the_last_thing(scene):
    script = scene.script(
        "start: 2025-11-22 01:00\nfaults: [{component: web, goes: down, from: 10m, for: 20m}]\n"
    )
    assert script.end_ms - script.start_ms == 90 * 60_000


def test_a_mistake_in_the_configuration_is_told_by_the_command(scene, threenines):
    scene.configure("components: {}\n")
    said = threenines("simulate", "checks.yaml", "--script", "faults.yaml")
    assert (said.code, "checks.yaml:1:1" in said.err) == (2, True)
