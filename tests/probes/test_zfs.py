"""The zfs probe on recordings written from zpool-status(8), zpool-list(8) and zpoolconcepts(7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.probes.recordings import hangs, says
from tests.probes.servers.recorded import POOL, indented
from tests.probes.wires import ask, assumed, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.wire.storage.zpool import pools
from watch.probes.zfs import ZfsProbe

__all__ = ["hangs", "says"]

ASSUMED = assumed("zfs")


NOW = datetime(2026, 11, 9, 0, 36, 9, tzinfo=UTC)
DEGRADED = indented("""\
  pool: tank
 state: DEGRADED
status: One or more devices are faulted in response to persistent errors.
        Sufficient replicas exist for the pool to continue functioning in a
        degraded state.
action: Replace the faulted device, or use 'zpool clear' to mark the device
        repaired.
  scan: resilver in progress since Sun Nov  8 00:24:01 2026
        1234567890 scanned at 104857600/s, 123456789 issued at 10485760/s, 9876543210 total
        123456789 resilvered, 12.34% done, 00:10:00 to go
config:

        NAME             STATE     READ WRITE CKSUM
        tank             DEGRADED     0     0     0
          raidz1-0       DEGRADED     0     0     0
            sda          ONLINE       0     0     0
            replacing-1  DEGRADED     0     0     0
              sdb        FAULTED      3    12     0  too many errors
              sdd        ONLINE       0     0     0  (resilvering)
            sdc          ONLINE       0     0     0

errors: 2 data errors, use '-v' for a list
""")
UNAVAILABLE = indented("""\
  pool: tank
 state: UNAVAIL
status: One or more devices could not be opened.  There are insufficient
        replicas for the pool to continue functioning.
action: Attach the missing device and online it using 'zpool online'.
   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-3C
config:

        NAME        STATE     READ WRITE CKSUM
        tank        UNAVAIL      0     0     0  insufficient replicas
          sda       UNAVAIL      0     0     0
""")


@pytest.fixture
def zpool(tmp_path):
    """``zpool(status, health)`` is the path of a program that answers list and status like zpool."""

    def zpool(status, health="ONLINE", *, free=250, size=1000, fragmentation=7):
        (tmp_path / "status").write_text(status)
        (tmp_path / "list").write_text(f"tank\t{size}\t{free}\t{fragmentation}\t{health}\n")
        path = tmp_path / "zpool"
        path.write_text(f'#!/bin/sh\nexec cat "{tmp_path}/$1"\n')
        path.chmod(0o755)
        return {"pool": "tank", "program": str(path), "now": NOW, "judge": ASSUMED}

    return zpool


async def test_a_whole_pool_is_up_with_its_facts(zpool):
    reading = await ask("zfs", **zpool(POOL))
    assert said(reading) == ("up", "ok")
    assert reading.facts == {
        "state": "ONLINE",
        "failed": 0,
        "failed.names": "",
        "errors": 2,
        "data_errors": 0,
        "busy": "",
        "size": 1000,
        "space": 250,
        "free": 0.25,
        "fragmentation": 0.07,
        "scrub.age": 86_400,
        "scrub.errors": 0,
    }


async def test_a_pool_that_lost_a_disk_is_degraded_and_the_disk_named(zpool):
    whole = DEGRADED.replace("2 data errors, use '-v' for a list", "No known data errors")
    reading = await ask("zfs", **zpool(whole, "DEGRADED"))
    assert said(reading) == ("degraded", "status")
    facts = reading.facts
    assert (facts["failed"], facts["failed.names"], facts["errors"], facts["data_errors"]) == (
        1,
        "sdb",
        15,
        0,
    )
    assert (facts["busy"], facts["progress"]) == ("resilver", pytest.approx(0.1234))


async def test_a_pool_that_lost_a_disk_and_data_with_it_is_down(zpool):
    reading = await ask("zfs", **zpool(DEGRADED, "DEGRADED"))
    assert said(reading) == ("down", "expectation")
    assert reading.facts["data_errors"] == 2


@pytest.mark.parametrize("health", ["FAULTED", "OFFLINE", "SUSPENDED", "REMOVED"])
async def test_a_pool_that_serves_no_more_is_down(zpool, health):
    assert said(await ask("zfs", **zpool(POOL, health))) == ("down", "status")


async def test_data_that_is_lost_is_down_even_if_the_pool_is_online(zpool):
    lost = POOL.replace(
        "No known data errors",
        "Permanent errors have been detected in the following files:\n\n  /tank/a\n  /tank/b",
    )
    reading = await ask("zfs", **zpool(lost))
    assert said(reading) == ("down", "expectation")
    assert reading.facts["data_errors"] == 2


async def test_a_pool_that_is_full_or_long_not_scrubbed_is_degraded_if_so_told(zpool):
    for sentence, reason in (("free > 30%", "expectation"), ("not scrub.age > 12h", "stale")):
        judge = compile_judge([], [sentence], reference(ZfsProbe).facts, ZfsProbe.ASSUMED, ZfsProbe.WARNED)
        reading = await ask("zfs", **(zpool(POOL) | {"judge": judge}))
        assert said(reading) == ("degraded", reason)


async def test_a_pool_that_cannot_be_opened_is_down_without_figures(zpool):
    reading = await ask("zfs", **zpool(UNAVAILABLE, "UNAVAIL", free="-", size="-", fragmentation="-"))
    assert said(reading) == ("down", "status")
    assert "free" not in reading.facts
    assert reading.facts["failed.names"] == "sda"


async def test_a_pool_that_is_not_there_is_missing(says):
    program = says("", code=1, err="cannot open 'tank': no such pool\n")
    assert said(await ask("zfs", pool="tank", program=program)) == ("down", "missing")


@pytest.mark.parametrize(
    "words", ["Permission denied the ZFS utilities must be run as root.", "The ZFS modules are not loaded."]
)
async def test_what_this_machine_does_not_let_us_ask_is_our_fault(says, words):
    reading = await ask("zfs", pool="tank", program=says("", code=1, err=words))
    assert said(reading) == ("unknown", "internal")
    assert words in reading.detail


async def test_words_that_we_do_not_know_are_our_fault(says):
    assert said(await ask("zfs", pool="tank", program=says("something else"))) == ("unknown", "internal")


async def test_a_pool_that_hangs_is_a_timeout_in_time(hangs):
    assert said(await ask("zfs", pool="tank", program=hangs, seconds=0.2)) == ("down", "timeout")


def test_several_pools_are_told_apart():
    assert [(pool.name, pool.state) for pool in pools(POOL + "\n" + DEGRADED.replace("tank", "pond"))] == [
        ("tank", "ONLINE"),
        ("pond", "DEGRADED"),
    ]


@pytest.mark.parametrize("pool", ["", "-a", "a b"])
def test_a_pool_is_given_by_its_name(pool):
    with pytest.raises(ValueError, match=r"^pool: "):
        ZfsProbe(pool=pool)
