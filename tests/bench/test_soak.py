"""`make soak` is told of where it is looked for, and a wrong name is refused. What it does is tried by the tests of its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import soak

README = Path(soak.__file__).with_name("README.md")


@pytest.mark.parametrize("name", soak.SOAKS)
def test_every_soak_stands_in_its_help_and_in_the_readme(name):
    assert f"\n{name}" in soak.__doc__
    assert f"\n| `{name}` |" in README.read_text("utf-8")


def test_a_soak_that_does_not_exist_is_refused_by_its_name(capsys):
    with pytest.raises(SystemExit) as ended:
        soak.main(["kills", "naps"])
    assert ended.value.code == 2
    assert "there is no soak called naps" in capsys.readouterr().err
