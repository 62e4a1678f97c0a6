"""What we lack is no outage of anybody: with healthy servers, no kind of check reads down or degraded.

Every kind asks its real server on the loopback from a process that has used up its descriptors, that may start no
process and no thread, or that has no local port left.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.probes import peers
from tests.probes.rack import rack
from watch.probes import kinds

pytestmark = pytest.mark.timeout(600)  # a process for each kind, which imports what the kind needs
ROOT = Path(__file__).parents[2]
CHILDREN = {"fibrechannel", "file", "multipath", "raid", "smart", "smb", "zfs"}
"""The kinds that start a process or a thread for each run."""


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    """Readings by what was lacking, and kind: (how, free descriptors, verdict, reason, detail)."""
    path = tmp_path_factory.mktemp("starved") / "checks.yaml"
    found = {}
    with rack() as standing:
        path.write_text(yaml.safe_dump(standing.checks(), sort_keys=False, allow_unicode=True))
        path.chmod(0o644)
        for lacks in ("descriptors", "children"):
            found[lacks] = told = defaultdict(list)
            for kind, *rest in starved(lacks, str(path)):
                told[kind].append(rest)
    return found


def starved(*words, program=(sys.executable,)):
    ask = [*program, "-m", "tests.probes.starved", *words]
    done = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", kinds())
def test_without_descriptors_no_check_is_down_and_with_enough_it_is_up(readings, kind):
    told = readings["descriptors"][kind]
    blamed = [it for it in told if it[2] not in ("up", "unknown")]
    assert not blamed
    assert {it[3] for it in told if it[2] == "unknown"} == {"overloaded"}, told
    assert all("file descriptors" in it[4] for it in told if it[2] == "unknown"), told
    assert {it[2] for it in told if it[1] > 100} == {"up"}


@pytest.mark.parametrize("kind", sorted(CHILDREN))
def test_without_a_process_or_a_thread_to_start_no_check_is_down(readings, kind):
    told = readings["children"][kind]
    lacked = [it for it in told if it[1] == 0]
    assert {it[2] for it in lacked} == {"unknown"}, told
    assert "overloaded" in {it[3] for it in lacked}, told


def test_without_a_process_or_a_thread_to_start_no_other_check_notices(readings):
    for kind, told in readings["children"].items():
        assert all(it[2] in ("up", "unknown") for it in told), (kind, told)


def test_without_a_local_port_no_check_is_down():
    told = starved("ports", program=("/usr/bin/unshare", "-n", sys.executable))
    assert [kind for kind, *_ in told] == peers.speaking("tcp", "udp")
    assert {tuple(it[3:5]) for it in told} == {("unknown", "overloaded")}, told
    assert all("local port" in it[5] for it in told), told
