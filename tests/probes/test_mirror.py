"""The mirror probe on two LUNs of tgtd, on files, and on one of each."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.probes.servers.tgtd import CANARY, CLOSED, OPEN, SIZE, array
from tests.probes.wires import ask, closed_port, said
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.mirror import MirrorProbe
from watch.probes.wire.storage.mirrored import behind

pytestmark = pytest.mark.xdist_group("tgtd")

NOISE = random.Random(3).randbytes(1 << 20)
SOON = timedelta(milliseconds=300)


@pytest.fixture(scope="session")
def san(tmp_path_factory):
    """Two targets of one array, and the folder where their disks lie."""
    folder = tmp_path_factory.mktemp("tgt")
    with array(folder) as (_, portals):
        yield portals[0], folder


@pytest.fixture
def halves(tmp_path):
    paths = tmp_path / "first", tmp_path / "second"
    for path in paths:
        path.write_bytes(NOISE)
    return paths


def judged(expect=(), warn=()):
    return compile_judge(
        list(expect), list(warn), reference(MirrorProbe).facts, MirrorProbe.ASSUMED, MirrorProbe.WARNED
    )


async def compare(first, second, expect=(), warn=(), seconds=5.0, **more):
    judge = judged(expect, warn)
    return await ask("mirror", first=str(first), second=str(second), judge=judge, seconds=seconds, **more)


def lun(san, target, number=1):
    return f"iscsi://{san[0]}/{target}/{number}"


async def test_two_luns_that_hold_the_same_are_in_sync(san):
    for disk in ("disk11", "disk12"):
        with (san[1] / disk).open("r+b") as file:
            file.write(NOISE)
    reading = await compare(lun(san, OPEN), lun(san, OPEN, 2), places=100)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["in_sync"] is True
    assert reading.facts["compared"] == 100
    assert reading.facts["behind"] == reading.facts["differing"] == 0
    assert reading.facts["size"] == SIZE


async def test_two_luns_that_differ_are_degraded_and_stale(san):
    with (san[1] / "disk12").open("r+b") as file:
        file.write(b"another beginning")
    reading = await compare(lun(san, OPEN), lun(san, OPEN, 2), wait=SOON)
    assert said(reading) == ("degraded", "stale"), reading
    assert reading.facts["differing"] == 1
    assert reading.facts["behind"] >= 0.3


async def test_a_second_half_that_is_smaller_is_degraded_for_it_is_no_mirror_of_all(san):
    with (san[1] / "disk11").open("r+b") as file, (san[1] / "disk12").open("r+b") as other:
        file.write(NOISE)
        other.write(NOISE)
    reading = await compare(lun(san, OPEN, 2), lun(san, OPEN))
    assert said(reading) == ("degraded", "expectation")
    assert reading.facts["smaller"] == SIZE


async def test_a_lun_behind_a_password_and_a_file_can_be_halves_of_one(san):
    more = {"username": "mon", "password": Secret(CANARY)}
    reading = await compare(lun(san, CLOSED), san[1] / "disk21", **more)
    assert said(reading) == ("up", "ok"), reading
    wrong = await compare(lun(san, CLOSED), san[1] / "disk21")
    assert said(wrong) == ("down", "auth")
    assert "canary" not in repr(reading) + repr(wrong)


async def test_two_files_that_hold_the_same_are_in_sync(halves):
    assert said(await compare(*halves)) == ("up", "ok")


class Half:
    """A half of one place, which shows one thing after the other."""

    size = 4096

    def __init__(self, *shown):
        self._shown = iter(shown)

    async def digests(self, places, length):
        return [next(self._shown) for _ in places]


@pytest.mark.parametrize(
    "first", [Half("new", "new"), Half("new", "newer")], ids=["at rest", "written to meanwhile"]
)
async def test_a_second_half_that_catches_up_is_behind_by_what_that_took(first):
    found = await behind(first, Half("old", "new"), [0], 4096, 4)
    assert found.differing == 0
    assert 0.1 <= found.took < 4


async def test_a_second_half_that_shows_something_else_again_is_not_in_sync():
    found = await behind(Half("1", "2", "3"), Half("a", "b", "c"), [0], 4096, 0.15)
    assert found.differing == 1


async def test_a_comparison_that_takes_long_is_degraded_where_the_check_says_so(halves):
    assert said(await compare(*halves, warn=["latency < 0.001ms"])) == ("degraded", "slow")


async def test_a_second_half_that_stands_still_is_degraded_and_stale(halves):
    halves[0].write_bytes(NOISE[::-1])
    reading = await compare(*halves, places=8, wait=SOON)
    assert said(reading) == ("degraded", "stale")
    assert reading.facts["differing"] == reading.facts["compared"] == 8


async def test_a_second_half_that_stands_still_is_down_where_the_check_says_so(halves):
    halves[0].write_bytes(NOISE[::-1])
    assert said(await compare(*halves, ["in_sync == true"], wait=SOON)) == ("down", "stale")
    assert said(await compare(*halves, ["differing == 0"], wait=SOON)) == ("down", "stale")


async def test_the_last_block_is_always_compared(halves):
    with halves[1].open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!" if NOISE[-1:] != b"!" else b"?")
    reading = await compare(*halves, places=2, wait=SOON)
    assert said(reading) == ("degraded", "stale")
    assert reading.facts["differing"] == 1


async def test_small_files_are_compared_and_empty_ones_are_no_mirror_at_all(tmp_path):
    for name, content in (("a", b"12"), ("b", b"12"), ("c", b"34"), ("d", b""), ("e", b"")):
        (tmp_path / name).write_bytes(content)
    assert said(await compare(tmp_path / "a", tmp_path / "b")) == ("up", "ok")
    assert said(await compare(tmp_path / "a", tmp_path / "c", wait=SOON)) == ("degraded", "stale")
    assert said(await compare(tmp_path / "d", tmp_path / "e")) == ("down", "missing")


async def test_a_half_that_is_not_there_has_its_own_reason(san, halves):
    assert said(await compare(halves[0], f"{halves[1]}.gone")) == ("down", "missing")
    assert said(await compare(lun(san, OPEN, 9), halves[1])) == ("down", "missing")
    gone = f"iscsi://127.0.0.1:{closed_port()}/{OPEN}/1"
    assert said(await compare(halves[0], gone)) == ("down", "refused")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"first": "/a"}, "second: "),
        ({"first": "relative", "second": "/b"}, "first: "),
        ({"first": "/a", "second": "/a"}, "second: "),
        ({"first": "/a", "second": "iscsi://host/iqn/x"}, "second: "),
        ({"first": "/a", "second": "iscsi://host:0/iqn/1"}, "second: "),
        ({"first": "/a", "second": "/b", "places": 1}, "places: "),
        ({"first": "/a", "second": "/b", "username": "u"}, "username: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        MirrorProbe(**options)
