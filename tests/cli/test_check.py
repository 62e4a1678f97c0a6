"""`threenines check` against sockets of the loopback interface, and how quick `--help` is."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys

import pytest

from tests.cli.stores import Desk

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
    (line,) = said.out.splitlines()
    assert line.split()[:2] == ["web/home", "up"]


def test_bad_news_is_exit_1_and_says_why(desk):
    said = desk.run("check")
    assert said.code == 1
    assert {line.split()[0]: line.split()[1] for line in said.out.splitlines()} == {
        "web/home": "up",
        "db/q": "down",
    }
    assert "refused" in said.out


def test_as_json_it_is_one_object_a_line(desk):
    said = desk.run("check", "db/q", "--json")
    answer = json.loads(said.out)
    assert {k: answer[k] for k in ("check", "kind", "verdict", "reason")} == {
        "check": "db/q", "kind": "tcp", "verdict": "down", "reason": "refused",
    }  # fmt: skip


def test_a_check_is_recorded_nowhere(desk):
    desk.run("check")
    assert [p.name for p in desk.folder.iterdir()] == ["checks.yaml"]


def test_a_name_that_is_none_is_refused_before_anything_is_asked(desk):
    said = desk.run("check", "web", "web/hom")
    assert (said.code, said.out) == (2, "")
    assert "there is no check or component 'web/hom'; did you mean 'web/home'?" in said.err


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


def test_help_imports_nothing_that_it_does_not_need():
    program = f"import sys, watch.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_help_costs_less_than_150_ms_of_cpu():
    program = "import sys; sys.argv = ['threenines', '--help']; from watch.cli import main; main()"

    def cost() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "uptime" in ran.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cost() for _ in range(5)) < 0.150
