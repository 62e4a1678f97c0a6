"""`threenines check` against sockets of the loopback interface, and how quick `--help` is."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from typing import NamedTuple

import click
import pytest

from tests.cli.stores import Desk
from tests.terminal import on_a_terminal
from watch.cli.check import _Table
from watch.core.reading import Reading, Reason, Verdict


class Named(NamedTuple):
    name: str


CONFIG = """
service: {{name: Acme, timezone: UTC, target: 99.9%, site: here}}
components:
  web: {{checks: {{home: {{tcp: "127.0.0.1:{good}", timeout: 5s}}}}}}
  db: {{checks: {{q: {{tcp: "127.0.0.1:{bad}", timeout: 5s}}}}}}
store: sqlite:///t.db
"""


@pytest.fixture
def desk(tmp_path, capsys):
    """`web` listens; nothing listens where `db` should."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        made = Desk(tmp_path, capsys)
        made.configure(CONFIG.format(good=server.getsockname()[1], bad=closed.getsockname()[1]))
        yield made


def test_a_good_check_is_a_line_and_exit_0(desk):
    said = desk.run("check", "web")
    assert said.code == 0
    heading, line = said.out.splitlines()
    assert heading.split() == ["check", "verdict", "took", "reason", "detail"]
    assert line.split()[:2] == ["web/home", "up"]


def test_bad_news_is_exit_1_and_says_why(desk):
    said = desk.run("check")
    assert said.code == 1
    heading, good, bad = said.out.splitlines()
    assert good.split()[:2] == ["web/home", "up"]
    assert bad.split()[:2] == ["db/q", "down"]
    assert bad[heading.index("reason") :].split()[0] == "refused"
    assert bad[heading.index("detail") :].startswith("connection refused: 127.0.0.1:")


def test_as_json_it_is_one_object_a_line(desk):
    said = desk.run("check", "db/q", "--json")
    answer = json.loads(said.out)
    assert {k: answer[k] for k in ("check", "kind", "verdict", "reason")} == {
        "check": "db/q", "kind": "tcp", "verdict": "down", "reason": "refused",
    }  # fmt: skip


def test_the_name_in_the_file_means_all_that_it_stands_for(desk):
    (desk.folder / "checks.yaml").write_text(
        'components: {web: {checks: {n: {for_each: {a: 127.0.0.1, b: 127.0.0.2}, tcp: "${item}:1"}, m: {tcp: "127.0.0.1:1"}}}}'
    )
    asked = [json.loads(line)["check"] for line in desk.run("check", "web/n", "--json").out.splitlines()]
    assert sorted(asked) == ["web/n[a]", "web/n[b]"]
    (line,) = desk.run("check", "web/n[b]", "--json").out.splitlines()
    assert json.loads(line)["check"] == "web/n[b]"


def test_a_check_is_recorded_nowhere(desk):
    desk.run("check")
    assert [p.name for p in desk.folder.iterdir()] == ["checks.yaml"]


def test_a_name_that_is_none_is_refused_before_anything_is_asked(desk):
    said = desk.run("check", "web", "web/hom")
    assert (said.code, said.out) == (2, "")
    assert "there is no check or component 'web/hom'; did you mean 'web/home'?" in said.err


# ---- how it reads


def reading(verdict, reason="ok", detail=""):
    return Reading(Verdict(verdict), Reason(reason), detail)


def table(capsys, names, *said, columns=None):
    """What a table of checks of those *names* prints when the readings of *said* come in, one after another."""
    shown = _Table([Named(name) for name in names], columns)
    for name, read in said:
        shown.say(Named(name), read, 0.25)
    return capsys.readouterr().out.splitlines()


def test_rows_are_in_the_files_order_whoever_answers_first(capsys):
    up = reading("up")
    assert [line.split()[0] for line in table(capsys, "abc", ("b", up), ("c", up))] == ["check"]
    lines = table(capsys, "abc", ("b", up), ("a", up), ("c", up))
    assert [line.split()[0] for line in lines] == ["check", "a", "b", "c"]


def test_a_long_detail_goes_on_below_itself_on_a_terminal_and_is_one_line_elsewhere(capsys):
    detail = "the certificate is for one.example.org, two.example.org, three.example.org, not www.example.org"
    bad = reading("down", "certificate", detail)
    heading, *lines = table(capsys, ["web/home"], ("web/home", bad), columns=100)
    begin = heading.index("detail")
    assert len(lines) > 1
    assert " ".join(click.unstyle(line)[begin:] for line in lines) == detail
    assert all(len(click.unstyle(line)) <= 100 for line in lines)
    _, line = table(capsys, ["web/home"], ("web/home", bad))
    assert line.endswith(detail)


def test_where_a_detail_has_no_room_beside_its_row_it_stands_below(capsys):
    name, detail = (
        "storage-of-the-second-site/multipath",
        "multipathd is not installed here or may not be run",
    )
    row, *below = table(capsys, [name], (name, reading("unknown", "internal", detail)), columns=80)[1:]
    assert click.unstyle(row).split() == [name, "unknown", "250.0", "ms", "internal"]
    assert below == [f"    {detail}"]


def test_on_a_terminal_bad_news_is_red(desk):
    # A pseudo-terminal of its own, since what stands in a pipe is never coloured.
    program = [sys.executable, "-m", "watch", "--config", str(desk.folder / "checks.yaml"), "check"]
    code, said = on_a_terminal(program, columns=80)
    assert code == 1
    rows = {click.unstyle(line).split()[0]: line for line in said.splitlines() if "/" in line}
    assert "\x1b[31m" in rows["db/q"]
    assert "\x1b[31m" not in rows["web/home"]
    assert "Up or degraded: 1 of 2 checks." in said
    assert all(len(click.unstyle(line)) <= 80 for line in said.splitlines())


# ---- how quick it is

HEAVY = (
    "aiohttp",
    "pydantic",
    "apprise",
    "pycurl",
    "apsw",
    "jinja2",
    "yaml",
    "orjson",
    "cryptography",
    "asyncio",
)


USUAL = "import argparse, dataclasses, datetime, json, pathlib, re"  # any program of its kind imports these


def test_help_imports_nothing_that_it_does_not_need():
    program = f"import sys, watch.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_help_costs_at_most_five_times_what_any_program_costs():
    program = "import sys; sys.argv = ['threenines', '--help']; from watch.cli import main; main()"

    def cost(program: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "uptime" in ran.stdout or program == USUAL
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    help_, usual = (
        min(costs) for costs in zip(*((cost(program), cost(USUAL)) for _ in range(5)), strict=True)
    )
    assert help_ < 5 * usual
