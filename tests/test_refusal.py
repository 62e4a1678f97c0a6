"""A configuration that is not taken over: one line where lists are shown, and its mistakes where there is room."""

from __future__ import annotations

import pytest

from tests.config.conftest import Desk
from watch.alerts.letter import letters
from watch.changes import changes
from watch.config import load
from watch.core.alert import Alert, Event
from watch.core.settings import When
from watch.errors import ConfigError
from watch.hub.troubles import Troubles
from watch.refusal import refusal

START_MS = 1_764_000_000_000
GOOD = 'components: {web: {checks: {home: {tcp: "127.0.0.1:9"}}}}\n'


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def refused(desk: Desk, text: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        desk.read(text)
    return refusal(caught.value, desk.path)


def test_mistakes_are_counted_in_one_line_and_listed_in_the_cure(desk):
    text, cure = refused(desk, f"{GOOD}poeple: {{bob: {{channels: [ntfy://a]}}}}\nalerts: [{{when: dwn}}]\n")
    assert text == "checks.yaml has 2 mistakes, the first in line 2; the old configuration runs on"
    assert cure.splitlines() == [
        "Correct this; the hub loads the file when you save it:",
        "- line 2: a configuration has no `poeple`; did you mean `people`?",
        cure.splitlines()[2],
    ]
    assert cure.splitlines()[2].startswith("- line 3: `dwn` is not `down`, ")


def test_one_mistake_is_one_and_of_many_five_are_listed(desk):
    text, _ = refused(desk, f"{GOOD}poeple: {{}}\n")
    assert text == "checks.yaml has a mistake in line 2; the old configuration runs on"
    _, cure = refused(desk, GOOD + "".join(f"wrong{n}: {n}\n" for n in range(9)))
    assert len(cure.splitlines()) == 7
    assert cure.endswith("\nand 4 more: `threenines validate` lists all")


def test_a_mistake_in_a_folder_names_its_file(desk):
    desk.write(GOOD, "conf/10-web.yaml")
    desk.write("poeple: {}\n", "conf/20-people.yaml")
    with pytest.raises(ConfigError) as caught:
        load(desk.folder / "conf", environ={})
    text, cure = refusal(caught.value, desk.folder / "conf")
    assert text == "conf/20-people.yaml has a mistake in line 1; the old configuration runs on"
    assert "- 20-people.yaml: line 1: " in cure


def test_what_needs_a_restart_is_named_with_its_own_cure(desk):
    old, new = desk.settings(GOOD), desk.settings(f"{GOOD}listen: {{page: 127.0.0.1:9999}}\n")
    with pytest.raises(ConfigError) as caught:
        changes(old, new)
    text, cure = refusal(caught.value, desk.path)
    assert text == "listen changed in checks.yaml, which needs a restart; the old configuration runs on"
    assert cure == "Stop the hub and start it again to take it over, or undo that change."


def test_a_file_that_is_gone_is_said_in_one_line(desk):
    with pytest.raises(ConfigError) as caught:
        load(desk.path, environ={})
    text, cure = refusal(caught.value, desk.path)
    assert text == "checks.yaml cannot be taken over; the old configuration runs on"
    assert "does not exist" in cure


def test_it_is_said_at_once_and_pages_only_after_five_minutes_from_the_first_refusal():
    troubles = Troubles(START_MS)
    troubles.refused("it is refused", "Correct it.", START_MS)
    troubles.refused("it is refused again", "Correct it.", START_MS + 60_000)
    (told,) = troubles.current()
    assert (told.text, told.cure) == ("it is refused again", "Correct it.")
    assert (told.since_ms, told.pages_ms) == (START_MS, START_MS + 300_000)


def test_a_letter_has_the_mistakes_as_a_list_and_a_short_one_still_has_the_line(desk):
    text, cure = refused(desk, GOOD + "".join(f"wrong{n}: {n}\n" for n in range(9)))
    alert = Alert(
        id=1, when=When.MONITOR, subject="config_reload", name=text, n=1, opened_ms=START_MS, since_ms=START_MS,
        recipients=(), policies=(), dedup_key="k", detail=cure,
    )  # fmt: skip
    found = letters([(Event.TRIGGERED, alert)], desk.settings(GOOD))
    assert found[0].title == f"[Status] MONITORING TROUBLE: {text}"
    assert "\n- line 2: a configuration has no `wrong0`" in found[0].body
    assert all("\n" not in it.title for it in found)
    assert "checks.yaml has 9 mistakes" in found[-2].title
