"""A folder of broken configurations, each beside the exact text it must print.

A changed message shows here as a changed file. With THREENINES_REGENERATE=1 the texts are written anew: read every
one that changes as the person would who is to put it right at three in the morning.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watch.config import load
from watch.errors import ConfigError

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path for path in BROKEN.iterdir() if path.suffix == ".yaml" or path.is_dir())
ENVIRON = {"SECRET": "hunter2-hunter2", "SERVICE_NAME": "Acme"}


def told(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(Path(path.name), environ=ENVIRON)
    return f"{caught.value}\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_broken_configuration_says_exactly_this(path, monkeypatch):
    monkeypatch.chdir(BROKEN)
    text, golden = told(path), path.with_suffix(".txt")
    if os.environ.get("THREENINES_REGENERATE"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_no_broken_configuration_gives_a_secret_away(path, monkeypatch):
    monkeypatch.chdir(BROKEN)
    assert "hunter2" not in told(path)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_mistakes_come_in_the_order_of_the_file_and_the_text_is_all_of_them(path, monkeypatch):
    monkeypatch.chdir(BROKEN)
    with pytest.raises(ConfigError) as caught:
        load(Path(path.name), environ=ENVIRON)
    mistakes = caught.value.mistakes
    assert mistakes
    assert list(mistakes) == sorted(mistakes)
    assert all(str(mistake) in str(caught.value) for mistake in mistakes)


def test_there_are_enough_broken_configurations_and_none_without_its_text():
    assert len(CASES) >= 70
    assert {path.stem for path in CASES} == {path.stem for path in BROKEN.glob("*.txt")}
