"""The examples in the documentation say what the commands print."""

from __future__ import annotations

import pytest

from tests.rehearsal.examples import PAGE, examples, other, replayed
from tests.rehearsal.scenes import Scene
from watch.rehearsal.script_keys import ACT, CHANNEL, FAULT, SCRIPT


@pytest.mark.parametrize("n", range(3))
def test_an_example_prints_what_the_page_shows(n, threenines, tmp_path):
    config, script, printed = examples()[n]
    (tmp_path / "checks.yaml").write_text(config, "utf-8")
    (tmp_path / "faults.yaml").write_text(script, "utf-8")
    said = threenines("simulate", "checks.yaml", "--script", "faults.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out == printed


def test_there_are_three_examples():
    assert len(examples()) == 3


def test_the_replay_on_the_page_ends_as_the_page_shows(threenines, tmp_path):
    config, script, _ = examples()[0]
    Scene(tmp_path).lived(script, config)
    (tmp_path / "other.yaml").write_text(other(config), "utf-8")
    words, printed = replayed()
    said = threenines(*words)
    assert (said.code, said.err) == (0, "")
    assert printed
    assert said.out.endswith(f"\n{printed}")


@pytest.mark.parametrize("record", [SCRIPT, FAULT, CHANNEL, ACT], ids=lambda record: record.what)
def test_the_page_tells_of_every_key_of_a_script(record):
    page = PAGE.read_text("utf-8")
    assert [key for key in record.fields if f"`{key}`" not in page] == []
