"""Programs that say what was recorded: a shell script each, so that a real child is run, read and killed."""

from __future__ import annotations

import shlex

import pytest


@pytest.fixture
def says(tmp_path):
    """``says(out, code=0, err="")`` is the path of a program that says so and notes its arguments."""

    def says(out, *, code=0, err=""):
        path = tmp_path / "program"
        path.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n'
            f"printf %s {shlex.quote(out)}\nprintf %s {shlex.quote(err)} >&2\nexit {code}\n"
        )
        path.chmod(0o755)
        return str(path)

    return says


@pytest.fixture
def hangs(tmp_path):
    """The path of a program that never ends."""
    path = tmp_path / "hanging"
    path.write_text("#!/bin/sh\nexec sleep 1000\n")
    path.chmod(0o755)
    return str(path)
