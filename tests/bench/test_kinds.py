"""What the bench says of a kind: its own arithmetic, and what it keeps of earlier runs."""

from __future__ import annotations

import resource
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bench.asker import costs
from bench.kinds import Kind, kept, machine, measured, table
from tests.probes.servers import memcached
from tests.probes.wires import serving, silence
from watch.core.expect import Judge
from watch.core.reading import Reading, Verdict
from watch.probes import of_kind

SECOND = timedelta(seconds=1)


class Busy:
    """A probe that spends *cpu* seconds, and says how often it was asked."""

    KIND = "busy"

    def __init__(self, cpu):
        self.cpu, self.asked = cpu, 0

    async def run(self, *, now):
        self.asked += 1
        end = spent() + self.cpu
        while spent() < end:
            pass
        return Reading(Verdict.UP)


def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def check(probe):
    return SimpleNamespace(name="x/up", probe=probe, judge=Judge(), timeout=SECOND)


async def test_a_check_costs_what_it_spends():
    probe = Busy(0.02)
    found = await costs(check(probe), 2)
    assert len(found) == 2
    assert all(0.95 < it / probe.cpu < 2 for it in found)
    assert probe.asked >= 5 + 5 + 2 * 5


async def test_an_answer_that_is_not_up_is_no_figure():
    async with serving(silence) as port:
        pass  # nobody listens there any more
    with pytest.raises(RuntimeError, match="x/up is down: refused"):
        await costs(check(of_kind("tcp")(address=f"127.0.0.1:{port}")), 1)


FOUND = [Kind("tcp", "a server 2", 84.6, (80.0, 90.0))]


def test_a_run_of_some_kinds_keeps_the_others():
    row = {"against": "a server 1", "cpu_us": 7, "date": "2026-01-01"}
    before = {"machine": machine(), "kinds": {"tcp": row, "udp": row}}
    after = kept(FOUND, before, "2026-01-02")
    assert after["kinds"] == {
        "tcp": {"against": "a server 2", "cpu_us": 85, "date": "2026-01-02"},
        "udp": row,
    }
    assert list(kept(FOUND, before | {"machine": "another"}, "2026-01-02")["kinds"]) == ["tcp"]
    assert list(kept(FOUND, None, "2026-01-02")["kinds"]) == ["tcp"]


def test_a_figure_stands_beside_what_was_asked():
    assert table(FOUND).splitlines()[-1].split(maxsplit=4) == ["tcp", "85", "80", "90", "a server 2"]


def test_a_kind_is_measured_against_its_server(tmp_path):
    heard = []
    (found,) = measured(tmp_path, ["memcached"], 1, heard.append, {"memcached": memcached})
    assert found.name == "memcached"
    assert found.against.startswith("memcached 1.")
    assert 10 < found.cpu < 100_000
    assert heard[-1] == "memcached"
