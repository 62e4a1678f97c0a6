"""Programs that say what was recorded: a shell script each, so that a real child is run, read and killed."""

from __future__ import annotations

import shlex

import pytest


def program(path, out, *, code=0, err=""):
    """Make *path* a program that says so and notes its arguments beside itself; the path as text."""
    path.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {path.parent}/arguments\n'
        f"printf %s {shlex.quote(out)}\nprintf %s {shlex.quote(err)} >&2\nexit {code}\n"
    )
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def says(tmp_path):
    """``says(out, code=0, err="")`` is the path of a program that says so and notes its arguments."""

    def says(out, **more):
        return program(tmp_path / "program", out, **more)

    return says


@pytest.fixture
def hangs(tmp_path):
    """The path of a program that never ends."""
    path = tmp_path / "hanging"
    path.write_text("#!/bin/sh\nexec sleep 1000\n")
    path.chmod(0o755)
    return str(path)
