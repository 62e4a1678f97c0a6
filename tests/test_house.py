"""House rules that no linter knows. A failure says what to do about it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
SOURCES = sorted(p for d in ("watch", "statuspage", "bench", "docs") for p in (HOUSE / d).rglob("*.py"))
TESTS = sorted((HOUSE / "tests").rglob("*.py"))
CORE = sorted((HOUSE / "watch" / "core").rglob("*.py"))
IMPURE = {
    "asyncio",
    "io",
    "logging",
    "os",
    "random",
    "select",
    "socket",
    "sqlite3",
    "subprocess",
    "sys",
    "threading",
    "time",
}
PURE_OUTSIDERS = {"dateutil", "jmespath", "orjson", "re2"}


def name(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def calls(path: Path) -> set[str]:
    return {ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)}


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_imports_only_what_cannot_do_io(path):
    tops = {m.split(".")[0] for m in imports(path)}
    foreign = {t for t in tops if t not in sys.stdlib_module_names | PURE_OUTSIDERS | {"watch"}}
    outer = {m for m in imports(path) if m.startswith("watch.") and not m.startswith("watch.core")}
    assert not foreign | outer | (tops & IMPURE), "pass the value in from a service, or add a port"


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_never_asks_what_time_it_is(path):
    asking = {
        c for c in calls(path) if c.split(".")[-1] in {"now", "today", "utcnow", "monotonic", "time_ns"}
    }
    assert not asking, "take the instant as an argument"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_holds_one_idea(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300, "split it by idea, not by length"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_says_what_it_is_for(path):
    assert ast.get_docstring(tree(path)), "open the module with the idea and its rules"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_left_for_later(path):
    left = re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text("utf-8"))
    assert not left, "build it, or refuse it by name"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_names_say_what_a_thing_is_and_not_that_it_is_handled(path):
    named = [
        n.name
        for n in ast.walk(tree(path))
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    # Exceptions are names that libraries call us by.
    vague = [
        n for n in named if re.match(r"_?(get|do|handle)_", n) or re.search(r"(Manager|Helper|Utils?)$", n)
    ]
    assert [n for n in vague if n not in {"get_command", "handle_error"}] == []


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_a_test_neither_skips_itself_nor_sleeps_nor_patches(path):
    if path == Path(__file__):
        return
    text = path.read_text("utf-8")
    assert not re.search(r"pytest\.(skip|mark\.(skip|xfail))|importorskip", text), (
        "a test that cannot run must fail"
    )
    assert "time.sleep(" not in text, "wait for what you wait for"
    # What a shell gives a process (argv, stdin) may be set; code of ours may not.
    patched = re.search(r"unittest\.mock|\bMagicMock\b|monkeypatch\.setattr\((?!sys, \"(argv|stdin)\")", text)
    assert not patched, "put a fake behind the port"


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=True,
    )
    return [HOUSE / line for line in listed.stdout.splitlines() if (HOUSE / line).is_file()]


def test_no_file_names_a_package_registry_or_a_path_of_one_machine():
    registries = ("pypi" + ".org", "pythonhost" + "ed.org", "npmjs" + ".org", "deb." + "debian")
    places = ("/" + "work/", "/" + "root/", "/" + "farm/")
    found = []
    for path in committed():
        text = path.read_bytes().decode("utf-8", "ignore")
        found += [f"{name(path)}: {word}" for word in (*registries, *places) if word in text]
    assert not found


def test_every_room_has_tests():
    rooms = {p.name for p in (HOUSE / "watch").iterdir() if p.is_dir() and p.name != "__pycache__"}
    missing = {room for room in rooms if not list((HOUSE / "tests" / room).glob("test_*.py"))}
    assert not missing


def module(path: Path) -> str:
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    module(path): path for path in SOURCES if path.relative_to(HOUSE).parts[0] in ("watch", "statuspage")
}


def imported(path: Path) -> set[str]:
    """The modules of ours that *path* imports, anywhere: in functions and for the type checker, too."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name(path)}: write imports in full"
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {part if part in MODULES else str(node.module) for part in parts}
    return (found & MODULES.keys()) - {module(path)}


def test_no_module_imports_itself_by_way_of_others():
    graph = {each: imported(path) for each, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        pytest.fail(f"{circle}: move what they share below both, or pass the value in")


def test_what_kinds_share_imports_no_kind():
    shared = {each: path for each, path in MODULES.items() if each.startswith("watch.probes.wire")}
    found = [
        f"{each} imports {it}"
        for each, path in shared.items()
        for it in imported(path)
        if it.startswith("watch.probes") and not it.startswith("watch.probes.wire")
    ]
    assert not found, "hand over a value, not the probe"
