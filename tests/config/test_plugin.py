"""A kind from a plug-in package is configured like our own, whatever types its options have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from watch.ports import ConfigError

ROOT = Path(__file__).parents[2]
PLUGIN = '''
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Literal

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.probes.base import Described, probe


@probe("oven", main="name")
@dataclass(frozen=True, slots=True, kw_only=True)
class OvenProbe(Described):
    """Feel how warm an oven is.

    Options:
        name: Which oven.
        shelves: Which shelves.
        limit: How warm.
        share: How full.
        soak: How long to wait.
        pin: The code of its door.
        manual: Its manual.
        labels: What to call it.
        fan: How the fan runs.
        slots: A number of slots, or all.
        notes: Words.

    Facts:
        warmth (count): How warm it is.

    Reasons:
        ok, timeout

    Example:
        oven: kitchen
    """

    name: str
    shelves: tuple[int, ...] = (1,)
    limit: float = 180.5
    share: Fraction = Fraction(1, 2)
    soak: timedelta = timedelta(seconds=5)
    pin: Secret | None = None
    manual: Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    fan: Literal["on", "off"] = "off"
    slots: int | Literal["all"] = "all"
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.pin is not None and not self.pin.reveal().isdigit():
            raise ValueError(f"pin: {self.pin.reveal()!r} is no code; write digits")
        if self.limit > 300:
            raise ValueError("no oven gets that warm, choose another limit")

    async def run(self, *, now):
        return Reading(Verdict.UP, facts={"warmth": 1})
'''


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A shell in which a plug-in package is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "ovens.py").write_text(PLUGIN)
    (folder / "kilns.py").write_text("import a_library_that_nobody_has\n")
    info = folder / "ovens-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ovens\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[watch.probes]\noven = ovens:OvenProbe\nkiln = kilns:KilnProbe\n")

    def run(*words, text=""):
        (folder / "checks.yaml").write_text(dedent(text))
        environ = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}", "OVEN_PIN": "hunter2"}
        command = [sys.executable, "-c", "from watch.cli import main; main()", *words]
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    return run


def check(text):
    return f"components: {{k: {{checks: {{c: {text}}}}}}}\n"


def test_options_of_every_type_are_read(shell):
    options = """name: kitchen, shelves: [1, 2], limit: 200, share: 12.5%, soak: 1m, pin: 1234, manual: m.pdf,
      labels: {room: 010}, fan: on, slots: 3, notes: hot"""
    done = shell("validate", text=check(f"{{oven: {{{options}}}, expect: [warmth > 0]}}"))
    assert "1 component, 1 check: no mistakes" in done.stdout
    assert (
        shell("validate", text=check("{oven: {name: a, slots: all, shelves: [], notes: [a, b]}}")).returncode
        == 0
    )


def test_mistakes_in_them_are_told_at_their_places(shell):
    options = "name: k, shelves: [1, x], limit: hot, share: 200%, soak: 5, labels: [], fan: yes, slots: some, notse: a"
    done = shell("validate", text=check(f"{{oven: {{{options}}}}}"))
    told = [line.partition(": ")[2] for line in done.stderr.splitlines() if line.startswith("checks.yaml:")]
    assert told == [
        "`x` is not a whole number",
        "`hot` is not a number",
        "`200%` is more than 100%",
        "5 has no unit",
        "a list is not allowed here",
        "`yes` is not `on` or `off`",
        "this is not a whole number or `all`",
        "`oven` has no `notse`",
    ]


def test_a_probes_own_objection_is_told_at_its_option_without_the_secret(shell):
    done = shell("validate", text=check('{oven: {name: k, pin: "${env:OVEN_PIN}"}}'))
    assert done.stderr.startswith("checks.yaml:1:52: `pin`: `***` is no code\n")
    assert "hunter2" not in done.stderr
    done = shell("validate", text=check("{oven: {name: k, pin: hunter2}}"))
    assert "hunter2" not in done.stderr
    done = shell("validate", text=check("{oven: {name: k, limit: 301}}"))
    assert done.stderr.startswith("checks.yaml:1:54: no oven gets that warm, choose another limit\n")


def test_a_kind_whose_library_is_missing_is_listed_and_named(shell):
    done = shell("probes")
    assert [line.split()[0] for line in done.stdout.splitlines()].count("kiln") == 1
    assert "the kind `kiln` needs `a_library_that_nobody_has`, which is not installed" in done.stdout
    done = shell("validate", text=check("{kiln: x}"))
    assert "needs `a_library_that_nobody_has`" in done.stderr
    assert done.returncode == 2
    assert shell("probes", "kiln").returncode == 2


def test_the_schema_has_the_plug_ins_kind(shell):
    kinds = json.loads(shell("schema").stdout)["$defs"]
    assert kinds["oven"]["anyOf"][1]["required"] == ["name"]
    assert kinds["oven"]["anyOf"][1]["properties"]["soak"]["default"] == "5s"
    assert "not installed" in kinds["kiln"]["description"]


def test_a_kind_whose_library_is_missing_says_how_to_install_it(desk):
    from watch.probes import of_kind

    cls = of_kind("ssh")
    known, cls.LIBRARY = cls.LIBRARY, "a_library_that_nobody_has"
    try:
        with pytest.raises(ConfigError) as caught:
            desk.read("components: {web: {checks: {shell: {ssh: 'a.example:22'}}}}\n")
    finally:
        cls.LIBRARY = known
    text = str(caught.value)
    assert "checks.yaml:1:" in text
    assert "`ssh` needs `a_library_that_nobody_has`, which is not installed" in text
    assert "pip install 'threenines[ssh]'" in text
