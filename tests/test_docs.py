"""The documentation is under test: the reference is what the code says, examples are valid, links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from docs.build import REFERENCE, pages
from tests.cli.stores import Desk, filled
from watch.config import load
from watch.config.schema import schema
from watch.core.ledger import verified
from watch.probes import kinds, of_kind
from watch.probes.base import reference
from watch.stores.sqlite import SqliteReads

ROOT = Path(__file__).parent.parent
BY_HAND = [p for p in (ROOT / "docs").rglob("*.md") if "parts" not in p.parts]
PAGES = sorted([*BY_HAND, *ROOT.glob("*.md")])
SOMETHING = {"components": {"web": {"checks": {"home": {"tcp": "127.0.0.1:9"}}}}}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def examples():
    return [
        pytest.param(text, id=f"{name(path)}-{n}")
        for path in PAGES
        for n, text in enumerate(blocks(path, "yaml"), 1)
    ]


def test_the_reference_is_what_the_code_says_of_itself():
    committed = {str(p.relative_to(REFERENCE)): p.read_text("utf-8") for p in REFERENCE.rglob("*.md")}
    assert committed == pages(), "run `make docs` and commit docs/reference"


def test_the_reference_tells_of_every_key_of_the_schema():
    text = (REFERENCE / "configuration.md").read_text("utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(schema()["properties"])


def test_every_kind_was_measured_and_the_page_says_what_the_bench_found():
    rows = json.loads((ROOT / "bench" / "kinds.json").read_text("utf-8"))["kinds"]
    missing = sorted(set(kinds()) - set(rows))
    assert set(rows) == set(kinds()), f"run `python -m bench kinds {' '.join(missing)}`, then `make docs`"
    lines = (REFERENCE / "kinds.md").read_text("utf-8").splitlines()
    cells = {
        line.split("]")[0][3:]: line.strip("| ").split(" | ") for line in lines if line.startswith("| [")
    }
    assert list(cells) == sorted(kinds())
    for kind, (_, against, facts, cost) in cells.items():
        assert (against, cost) == (rows[kind]["against"], f"{rows[kind]['cpu_us']:,}")
        assert re.findall(r"`([^`]+)`", facts) == list(reference(of_kind(kind)).facts)


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_that_was_never_run_against_the_real_thing_says_so_in_both_places(kind):
    row = json.loads((ROOT / "bench" / "kinds.json").read_text("utf-8"))["kinds"][kind]
    said = re.sub(r"\s+", " ", reference(of_kind(kind)).summary).lower()
    assert ("never run against" in row["against"]) is ("never run against" in said)


@pytest.mark.parametrize("text", examples())
def test_an_example_is_a_valid_configuration_or_a_valid_check(text, tmp_path):
    written = yaml.safe_load(text)
    if not set(written) <= set(schema()["properties"]):  # what stands under a check's name
        whole = {"components": {"web": {"checks": {"home": written}}}}
    else:
        whole = SOMETHING | written
    path = tmp_path / "checks.yaml"
    path.write_text(text if whole == written else yaml.safe_dump(whole, sort_keys=False), "utf-8")
    load(path, secrets=False, environ={})


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(path):
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(link)
    assert not lost


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_every_page_can_be_reached_from_the_first():
    reached, todo = set(), [ROOT / "docs" / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = re.findall(r"\]\(([^)\s#:]+)", page.read_text("utf-8"))
            todo += [(page.parent / link).resolve() for link in links]
    assert set(BY_HAND) <= reached


def test_the_ten_lines_of_python_verify_a_ledger_and_find_an_edit(tmp_path, capsys):
    (program,) = blocks(ROOT / "docs" / "how-to" / "verify-the-ledger.md", "python")
    desk = Desk(tmp_path, capsys)
    desk.keep(filled())
    reads = SqliteReads(desk.store)
    held, digest, _ = verified(reads.entries())
    reads.shut()
    desk.store.rename(tmp_path / "threenines.db")
    assert run(program, tmp_path).stdout == f"{held} entries hold; the last hash is {digest}\n"
    edit = "import sqlite3; c = sqlite3.connect('threenines.db'); c.execute('UPDATE ledger SET effective_ms = 1 WHERE seq = 3'); c.commit()"
    run(edit, tmp_path)
    assert "entry 3 is not what was hashed" in run(program, tmp_path).stderr


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
