"""The multipath probe on recordings written from multipathd(8) and its wildcards."""

from __future__ import annotations

import pytest

from tests.probes.recordings import hangs, program
from tests.probes.servers.recorded import MAPS, PATHS, multipathd
from tests.probes.wires import ask, assumed, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.multipath import MultipathProbe

__all__ = ["hangs"]

ASSUMED = assumed("multipath")
ONE_LOST = PATHS.replace("sdc|active|running|ghost", "sdc|failed|running|faulty")


@pytest.fixture
def says(tmp_path):
    """``says(paths, maps)`` is the path of a program that answers both questions like multipathd."""
    return lambda paths, maps=MAPS: str(multipathd(tmp_path, paths, maps))


async def test_whole_maps_are_up_and_disks_without_one_do_not_count(says, tmp_path):
    reading = await ask("multipath", map="all", program=says(PATHS), judge=ASSUMED)
    assert said(reading) == ("up", "ok")
    assert reading.facts == {
        "maps": 2,
        "paths": 5,
        "working": 5,
        "failed": 0,
        "failed.names": "",
        "least": 2,
        "worst": "mpatha",
    }
    assert (tmp_path / "arguments").read_text().splitlines() == [
        "show paths raw format %m|%d|%t|%o|%T",
        "show maps raw format %n|%N",
    ]


@pytest.mark.parametrize("name", ["all", "mpathc"])
async def test_a_map_without_any_path_is_down_though_no_path_tells_of_it(says, name):
    reading = await ask("multipath", map=name, program=says(PATHS, MAPS + "mpathc|0\n"), judge=ASSUMED)
    assert said(reading) == ("down", "expectation"), reading
    assert (reading.facts["least"], reading.facts["worst"]) == (0, "mpathc")


async def test_a_lost_path_is_degraded_and_named(says):
    reading = await ask("multipath", map="all", program=says(ONE_LOST), judge=ASSUMED)
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["failed.names"], reading.facts["least"]) == ("mpatha: sdc", 1)


@pytest.mark.parametrize(
    "state", ["active|offline|ready", "active|running|i/o pending", "active|running|shaky"]
)
async def test_a_path_is_good_only_if_all_three_say_so(says, state):
    out = PATHS.replace("sdb|active|running|ready", f"sdb|{state}")
    reading = await ask("multipath", map="mpatha", program=says(out), judge=ASSUMED)
    assert said(reading) == ("degraded", "expectation")
    assert reading.facts["failed.names"] == "mpatha: sdb"


@pytest.mark.parametrize("name", ["all", "mpatha"])
async def test_a_map_whose_last_path_is_lost_is_down(says, name):
    out = ONE_LOST.replace("sdb|active|running|ready", "sdb|failed|offline|faulty")
    reading = await ask("multipath", map=name, program=says(out), judge=ASSUMED)
    assert said(reading) == ("down", "expectation")
    facts = reading.facts
    assert (facts["least"], facts["worst"], facts["failed"]) == (0, "mpatha", 2)


async def test_only_the_map_that_was_asked_for_is_judged(says):
    reading = await ask("multipath", map="mpathb", program=says(ONE_LOST), judge=ASSUMED)
    assert said(reading) == ("up", "ok")


async def test_few_paths_are_degraded_if_so_told(says):
    facts = reference(MultipathProbe).facts
    judge = compile_judge([], ["least >= 3"], facts, MultipathProbe.ASSUMED, MultipathProbe.WARNED)
    reading = await ask("multipath", map="all", program=says(PATHS), judge=judge)
    assert said(reading) == ("degraded", "expectation")


@pytest.mark.parametrize("out", [PATHS, "", "[orphan]|sda|undef|running|undef\n"])
async def test_a_map_that_is_not_there_is_missing(says, out):
    assert said(await ask("multipath", map="mpathz", program=says(out, ""))) == ("down", "missing")


@pytest.mark.parametrize(
    ("out", "code", "err"),
    [
        ("fail\n", 0, ""),
        ("timeout\n", 1, ""),
        ("", 1, "need to be root\n"),
        ("", 1, "error -1 receiving packet\n"),
    ],
)
async def test_a_multipathd_that_does_not_answer_is_our_fault(tmp_path, out, code, err):
    reading = await ask(
        "multipath", map="all", program=program(tmp_path / "multipathd", out, code=code, err=err)
    )
    assert said(reading) == ("unknown", "internal")
    assert (out or err).strip() in reading.detail


async def test_a_multipathd_that_tells_no_maps_is_our_fault(says):
    reading = await ask("multipath", map="all", program=says(PATHS, "timeout\n"))
    assert said(reading) == ("unknown", "internal")


async def test_a_daemon_that_hangs_is_a_timeout_in_time(hangs):
    assert said(await ask("multipath", map="all", program=hangs, seconds=0.2)) == ("down", "timeout")


@pytest.mark.parametrize("name", ["", "/dev/mapper/mpatha"])
def test_a_map_is_given_by_its_name(name):
    with pytest.raises(ValueError, match=r"^map: "):
        MultipathProbe(map=name)
