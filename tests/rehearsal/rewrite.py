"""Writes what is printed and sent now into docs/how-to: `python -m tests.rehearsal.rewrite`.

That is what the commands print in rehearse.md, and the letters in letters.md.

Read the pages afterwards: what they show must still be what their text says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rehearsal import letters
from tests.rehearsal.examples import COMMAND, PAGE, examples, other, replayed
from tests.rehearsal.scenes import Scene

ENVIRON = os.environ | {"PYTHONPATH": str(PAGE.parents[2])}


def printed(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "watch", *words]
    return subprocess.run(command, cwd=folder, env=ENVIRON, capture_output=True, text=True, check=True).stdout


def rewritten(text: str) -> str:
    """The page *text* with what the commands print now."""
    for config, script, before in examples():
        with TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "checks.yaml").write_text(config, "utf-8")
            (folder / "faults.yaml").write_text(script, "utf-8")
            after = printed(folder, "simulate", "checks.yaml", "--script", "faults.yaml")
        text = text.replace(COMMAND + before, COMMAND + after)
    config, script, _ = examples()[0]
    words, before = replayed()
    with TemporaryDirectory() as made:
        Scene(Path(made)).lived(script, config)
        (Path(made) / "other.yaml").write_text(other(config), "utf-8")
        after = printed(Path(made), *words)
    return text.replace(before, after[after.index("person  pages") :])


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")
    letters.PAGE.write_text(letters.rewritten(), "utf-8")
