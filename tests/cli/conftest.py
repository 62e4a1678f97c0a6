"""Speaks the command line as a shell would, within this process."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from io import StringIO

import pytest

from watch.cli import main


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def threenines(monkeypatch, capsys, tmp_path):
    """A shell in an empty folder: ``threenines("validate", "--json")`` → exit code and what was printed."""
    monkeypatch.chdir(tmp_path)

    def speak(*words, stdin=""):
        monkeypatch.setattr(sys, "argv", ["threenines", *words])
        monkeypatch.setattr(sys, "stdin", StringIO(stdin))
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        return Answer(left.value.code or 0, printed.out, printed.err)

    return speak
