"""The whole rack in one file: `threenines check` over a server of every kind, while they stand and as they are killed.

The story is told once, by the commands themselves: everything is up; then three servers are killed, and three more,
until none is left. Each test reads one claim in what was said.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field

import click
import pytest
import yaml

from tests.acceptance.estate import ROOT
from tests.probes.rack import Rack, rack
from tests.terminal import on_a_terminal
from tests.yardstick import PATIENCE
from watch.probes import kinds

COLUMNS = 100
GONE = re.compile(r"connection refused: 127\.0\.0\.1:\d+|missing is \"\d+(, \d+)*\", expected == \"\"")


@dataclass
class Told:
    """How a command ended and what it said; *due*: the reasons there were to be red, by check; *out*: without what
    it said on standard error."""

    code: int
    text: str
    due: dict[str, str] = field(default_factory=dict)
    out: str = ""

    def rows(self) -> dict[str, list[str]]:
        """The rows of a table by check: verdict, time, reason, detail, as they stand below the heading."""
        heading, *lines = click.unstyle(self.text).splitlines()
        verdict, reason, detail = (heading.index(word) for word in ("verdict", "reason", "detail"))
        starts = [0, verdict, verdict + 8, reason, detail]
        rows: dict[str, list[str]] = {}
        for line in lines:
            cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
            if cells[0] and not line.startswith("Up or degraded:"):
                assert cells[0] not in rows, "a check has one row"
                rows[cells[0]] = cells[1:]
            elif not cells[0]:  # a detail that goes on below itself
                rows[list(rows)[-1]][-1] += f" {cells[-1]}"
        return rows


@dataclass
class Story:
    checks: dict
    validated: Told
    whole: Told
    whole_json: Told
    seen: Told
    rounds: list[Told]


def commanded(path, *words) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "watch", "--config", path, *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    return Told(done.returncode, done.stdout + done.stderr, out=done.stdout)


def watched(path, due) -> Told:
    program = [sys.executable, "-m", "watch", "--config", str(path), "check"]
    return Told(*on_a_terminal(program, columns=COLUMNS, cwd=ROOT), due)


def killed(standing: Rack, path) -> list[Told]:
    """What `check` says each time three more servers were killed, until none is left."""
    names, due, rounds = standing.killable(), {}, []
    random.Random(33).shuffle(names)
    for start in range(0, len(names), 3):
        for name in names[start : start + 3]:
            standing.kill(name)
            due |= {f"{kind}/up": it.dead for kind, it in standing.servers[name].asked.items()}
        rounds.append(watched(path, dict(due)))
    return rounds


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rack")
    path = folder / "checks.yaml"
    with rack() as standing:
        checks = standing.checks()
        path.write_text(yaml.safe_dump(checks, sort_keys=False, allow_unicode=True))
        yield Story(
            checks,
            commanded(path, "validate"),
            commanded(path, "check"),
            commanded(path, "check", "--json"),
            watched(path, {}),
            killed(standing, path),
        )


def test_the_file_has_a_check_of_every_kind_and_no_mistake(story):
    asked = [kind for part in story.checks["components"].values() for kind in part["checks"]["up"]]
    assert set(asked) & set(kinds()) == set(kinds()), "let a file of tests/probes/servers stand for it"
    assert story.validated.code == 0
    assert "no mistakes" in story.validated.text


@pytest.mark.parametrize("where", ["whole", "seen"], ids=["in a pipe", "on a terminal"])
def test_while_all_stand_every_row_is_up_and_the_table_is_readable(story, where):
    told = getattr(story, where)
    print(told.text)
    assert told.code == 0, told.text
    assert list(told.rows()) == [f"{name}/up" for name in sorted(story.checks["components"])]
    for verdict, took, *why in told.rows().values():
        assert verdict == "up"
        assert re.fullmatch(r"\d+\.\d ms", took)
        assert why == ["", ""]
    assert all(len(click.unstyle(line)) <= COLUMNS for line in told.text.splitlines())
    assert ("\x1b" in told.text) is (where == "seen")


def test_as_json_every_check_says_its_kind_and_its_facts(story):
    said = [json.loads(line) for line in story.whole_json.out.splitlines()]
    assert {it["kind"] for it in said} == set(kinds())
    assert {it["verdict"] for it in said} == {"up"}
    assert all(it["facts"] for it in said)


def test_whichever_are_killed_exactly_their_rows_turn_red_with_the_true_reason(story):
    for told in story.rounds:
        print(told.text)
        assert told.code == 1
        red = {row.split()[0] for row in told.text.splitlines() if "\x1b[31m" in row}
        assert red == set(told.due), told.text
        for check, (verdict, _, reason, detail) in told.rows().items():
            if check in told.due:
                assert (verdict, reason) == ("down", told.due[check]), told.text
                assert GONE.fullmatch(detail), detail
            else:
                assert (verdict, reason, detail) == ("up", "", ""), told.text


def test_in_the_end_every_server_was_killed_and_what_asks_nobody_still_stands(story):
    left = {check.removesuffix("/up") for check, row in story.rounds[-1].rows().items() if row[0] == "up"}
    assert left == {"fibrechannel", "file", "icmp", "multipath", "raid", "smart", "traceroute", "zfs"}
    assert len(story.rounds) >= 6
