"""A kind from a plug-in package is configured like our own, whatever types its options have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from watch.errors import ConfigError

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


# ---- plug-ins with mistakes of their own

FAULTS = {
    "fact": (("warmth (count): How", "warmth count: How"), "OvenProbe: a fact reads 'name (type, reason): text', not 'warmth count:"),
    "type-of-fact": (("(count)", "(kelvin)"), "'kelvin' is not a valid FactType"),
    "option": (("name: Which oven.", "name Which oven."), "OvenProbe: an option reads 'name: text', not 'name Which oven.'"),
    "reason": (("ok, timeout", "ok, burnt"), "'burnt' is not a valid Reason"),
    "main": (('main="name"', 'main="door"'), "OvenProbe: its main option 'door' is not one of its fields"),
    "annotation": (("shelves: tuple[int, ...]", "shelves: complex"), "TypeError: an option cannot be a <class 'complex'>"),
    "hint": (("name: str", "name: Nowhere"), "NameError: name 'Nowhere' is not defined"),
    "assumed": (("    name: str", '    ASSUMED = {"warmth": "heat > 1"}\n    name: str'), "there is no fact 'heat' here"),
    "described": (("(Described)", ""), "AttributeError: type object 'OvenProbe' has no attribute 'ASSUMED'"),
    "kind": (('@probe("oven"', '@probe("stove"'), "its entry point registers no kind 'FOLDED'"),
    "ours": (('@probe("oven"', '@probe("zfs"'), "it claims the kind 'zfs', which is one of Threenines' own"),
    "syntax": (("class OvenProbe", "clas OvenProbe"), "SyntaxError: invalid syntax"),
    "class": (("class OvenProbe", "class Other"), "AttributeError: module 'faulty_class' has no attribute 'OvenProbe'"),
    "exit": (("from __future__ import annotations", "raise SystemExit(1)"), "SystemExit: 1"),
    "module": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A shell in which a package for each of the faults is installed, two packages with one kind, and a good one."""
    folder = tmp_path_factory.mktemp("faulty")

    def install(package, module, kind, text):
        if text is not None:
            (folder / f"{module}.py").write_text(text)
        info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[watch.probes]\n{kind} = {module}:OvenProbe\n")

    for name, fault in FAULTS.items():
        kind, text = f"oven-{name}", None
        if fault is not None:
            (right, wrong), _ = fault
            assert right in PLUGIN
            text = PLUGIN.replace(right, wrong, 1).replace('@probe("oven"', f'@probe("{kind}"')
        install(f"ovens-{name}", f"faulty_{name.replace('-', '_')}", kind, text)
    install("good-ovens", "good", "oven", PLUGIN)
    for number in (1, 2):
        install(f"twins-{number}", f"twin_{number}", "twin", PLUGIN.replace('"oven"', '"twin"'))

    def run(*words, text=""):
        (folder / "checks.yaml").write_text(dedent(text))
        environ = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}
        command = [sys.executable, "-m", "watch", *words]
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    return run


def why(name):
    fault = FAULTS[name]
    return (
        "ModuleNotFoundError: No module named 'faulty_module'"
        if fault is None
        else fault[1].replace("FOLDED", f"oven-{name}")
    )


def test_every_faulty_plug_in_is_named_and_hides_no_other_kind(faulty):
    done = faulty("probes")
    assert (done.returncode, done.stderr) == (0, "")
    told = {line.split()[0]: line for line in done.stdout.splitlines()}
    for name in FAULTS:
        assert (
            f"the kind `oven-{name}` of the package `ovens-{name}` cannot be used: {why(name)}"
            in told[f"oven-{name}"]
        )
    assert (
        "of the package `twins-1 and twins-2` cannot be used: several packages have this kind" in told["twin"]
    )
    assert "Feel how warm an oven is" in told["oven"]
    assert "cannot be used" not in told["http"]
    kinds = json.loads(faulty("schema").stdout)["$defs"]
    assert "ovens-fact" in kinds["oven-fact"]["description"]
    assert kinds["oven"]["anyOf"]


@pytest.mark.parametrize("name", ["fact", "ours", "syntax", "module"])
def test_a_check_of_a_faulty_plug_in_is_a_mistake_at_its_place_and_of_another_is_none(faulty, name):
    both = f"components: {{k: {{checks: {{a: {{oven-{name}: x}}, b: {{oven: x}}, c: {{http: 'http://127.0.0.1/'}}}}}}}}\n"
    done = faulty("validate", text=both)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"checks.yaml:1:31: the kind `oven-{name}` of the package `ovens-{name}` cannot be used: "
    )
    assert f"tell the authors of `ovens-{name}`" in done.stderr
    assert "bug of ours" not in done.stderr
    assert done.stderr.endswith("\n1 mistake\n")
    assert faulty("validate", text=both.replace(f"oven-{name}", "oven")).returncode == 0


def test_a_kind_of_a_faulty_plug_in_has_no_page_but_a_reason(faulty):
    done = faulty("probes", "oven-fact")
    assert done.returncode == 2
    assert "of the package `ovens-fact` cannot be used" in done.stderr
