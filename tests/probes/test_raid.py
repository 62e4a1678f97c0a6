"""The raid probe on recordings written from md(4), the kernel's md.rst and StorCLI's reference manual."""

from __future__ import annotations

import json

import pytest

from tests.probes.recordings import says
from tests.probes.servers.recorded import ARRAYS
from tests.probes.wires import ask, assumed, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.raid import RaidProbe
from watch.probes.wire.storage.mdstat import arrays

__all__ = ["says"]

FAILED = """\
Personalities : [raid1]
md0 : active raid1 sdb2[1](F) sda2[0]
      104320 blocks [2/1] [U_]

unused devices: <none>
"""
RECOVERING = """\
Personalities : [raid1] [raid10]
md1 : active raid10 sdd1[4] sdc1[2] sdb1[1] sda1[0]
      39060480 blocks super 1.2 512K chunks 2 near-copies [4/3] [UUU_]
      [=>...................]  recovery =  8.1% (251596/3068288) finish=6.7min speed=6963K/sec

md0 : active raid1 sdb2[1] sda2[0]
      104320 blocks [2/2] [UU]
        resync=DELAYED

unused devices: <none>
"""
CHECKING = """\
Personalities : [raid1]
md0 : active (auto-read-only) raid1 sdb2[1] sda2[0]
      104320 blocks [2/2] [UU]
      [==========>..........]  check = 50.0% (52160/104320) finish=0.5min speed=1000K/sec

unused devices: <none>
"""
INACTIVE = """\
Personalities : [raid1]
md127 : inactive sdb1[1](S)
      1048576 blocks super 1.2

unused devices: <none>
"""


@pytest.fixture
def machine(tmp_path):
    """Write a machine's files; returns the options that point the probe at it."""

    def machine(mdstat, **sysfs):
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "mdstat").write_text(mdstat)
        for name, files in sysfs.items():
            folder = tmp_path / "sys" / "block" / name / "md"
            folder.mkdir(parents=True)
            for file, value in files.items():
                (folder / file).write_text(f"{value}\n")
        return {"root": tmp_path, "judge": assumed("raid")}

    return machine


def healthy(**more):
    return {"degraded": 0, "mismatch_cnt": 0, "array_state": "clean"} | more


async def test_whole_arrays_are_up(machine):
    reading = await ask(
        "raid", array="all", **machine(ARRAYS, md0=healthy(), md1=healthy(array_state="active"))
    )
    assert said(reading) == ("up", "ok")
    assert reading.facts == {
        "arrays": 2,
        "active": True,
        "degraded": 0,
        "failed": 0,
        "failed.names": "",
        "spares": 1,
        "busy": "",
        "mismatches": 0,
        "state": "active, clean",
    }


async def test_a_failed_member_is_degraded_and_named(machine):
    reading = await ask("raid", array="md0", **machine(FAILED, md0=healthy(degraded=1)))
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["failed.names"], reading.facts["degraded"]) == ("md0: sdb2", 1)


async def test_a_member_that_failed_and_is_missed_by_nobody_is_degraded(machine):
    spare = FAILED.replace("[2/1] [U_]", "[1/1] [U]")
    reading = await ask("raid", array="md0", **machine(spare, md0=healthy()))
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["failed"], reading.facts["degraded"]) == (1, 0)


@pytest.mark.parametrize(
    ("level", "standing", "verdict"),
    [
        ("raid1", "[3/1] [__U]", "degraded"),
        ("raid1", "[2/0] [__]", "down"),
        ("raid4", "[3/2] [UU_]", "degraded"),
        ("raid4", "[3/1] [U__]", "down"),
        ("raid5", "level 5, 512k chunk, algorithm 2 [4/3] [UUU_]", "degraded"),
        ("raid5", "level 5, 512k chunk, algorithm 2 [4/2] [U_U_]", "down"),
        ("raid6", "level 6, 512k chunk, algorithm 2 [5/3] [UU_U_]", "degraded"),
        ("raid6", "level 6, 512k chunk, algorithm 2 [5/2] [U__U_]", "down"),
        ("raid10", "512K chunks 2 near-copies [4/2] [U_U_]", "degraded"),
        ("raid10", "512K chunks 2 near-copies [4/2] [__UU]", "down"),
        ("raid10", "512K chunks 3 near-copies [3/1] [__U]", "degraded"),
        ("raid10", "512K chunks 2 far-copies [2/1] [U_]", "degraded"),
        ("raid10", "512K chunks 2 far-copies [2/0] [__]", "down"),
    ],
)
async def test_an_array_is_degraded_while_its_level_bears_what_is_missing_and_then_down(
    machine, level, standing, verdict
):
    text = f"Personalities : [{level}]\nmd0 : active {level} sda1[0] sdb1[1](F)\n      9000 blocks {standing}\n\n"
    reading = await ask("raid", array="md0", **machine(text, md0=healthy(degraded=1)))
    assert said(reading) == (verdict, "expectation")
    assert reading.facts["active"] is (verdict == "degraded")


async def test_an_array_that_the_kernel_calls_broken_is_down(machine):
    reading = await ask("raid", array="md0", **machine(FAILED, md0=healthy(array_state="broken")))
    assert said(reading) == ("down", "expectation")
    assert reading.facts["active"] is False


async def test_a_recovery_is_told_with_its_progress(machine):
    reading = await ask("raid", array="all", **machine(RECOVERING))
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["degraded"], facts["busy"]) == (1, "recovery, resync")
    assert (facts["progress"], facts["left"]) == (pytest.approx(0.081), pytest.approx(402))


async def test_a_check_is_degraded_if_so_told_and_mismatches_are_counted(machine):
    options = machine(CHECKING, md0=healthy(mismatch_cnt=128))
    options["judge"] = compile_judge(
        [], ["mismatches == 0"], reference(RaidProbe).facts, RaidProbe.ASSUMED, RaidProbe.WARNED
    )
    reading = await ask("raid", array="md0", **options)
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["busy"], reading.facts["progress"], reading.facts["active"]) == ("check", 0.5, True)


async def test_an_array_that_does_not_run_is_down(machine):
    reading = await ask("raid", array="md127", **machine(INACTIVE))
    assert said(reading) == ("down", "expectation")
    assert reading.facts["state"] == "inactive"


async def test_an_array_without_redundancy_that_lost_a_member_is_down(machine):
    broken = (
        "Personalities : [raid0]\nmd2 : broken raid0 sda1[0]\n      208640 blocks super 1.2 512k chunks\n\n"
    )
    reading = await ask("raid", array="all", **machine(broken, md2={"array_state": "broken"}))
    assert said(reading) == ("down", "expectation")
    assert (reading.facts["active"], reading.facts["state"]) == (False, "broken")


async def test_a_container_of_the_bios_raid_is_no_array_that_stands_still(machine):
    imsm = """\
Personalities : [raid1]
md126 : active raid1 sda[1] sdb[0]
      976759808 blocks super external:/md127/0 [2/2] [UU]

md127 : inactive sdb[1](S) sda[0](S)
      6306 blocks super external:imsm

unused devices: <none>
"""
    reading = await ask("raid", array="all", **machine(imsm))
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["arrays"], reading.facts["spares"]) == (1, 0)


async def test_an_array_that_is_not_there_is_missing(machine):
    assert said(await ask("raid", array="md9", **machine(ARRAYS))) == ("down", "missing")


async def test_a_machine_without_md_is_missing_it(tmp_path):
    assert said(await ask("raid", array="md0", root=tmp_path)) == ("down", "missing")


@pytest.mark.parametrize(
    "text", ["", "\n", "garbage\x00\n : active\n", "md0 : active\n", "Personalities :\n"]
)
def test_what_is_no_mdstat_has_no_members(text):
    assert [one for one in arrays(text) if one.failed or one.missing or one.action] == []


@pytest.mark.parametrize("array", ["", "/dev/md0"])
def test_an_array_is_given_by_its_name(array):
    with pytest.raises(ValueError, match=r"^array: "):
        RaidProbe(array=array)


def megaraid(state="Optl", *disks, battery="Optimal"):
    slots = [
        {"EID:Slt": f"252:{n}", "State": disk} for n, disk in enumerate(disks or ("Onln", "Onln", "GHS"))
    ]
    arrays = [
        {"DG/VD": "0/0", "TYPE": "RAID1", "State": "Optl", "Name": "os"},
        {"DG/VD": "1/1", "TYPE": "RAID10", "State": state, "Name": "data"},
    ]
    response = {
        "VD LIST": arrays,
        "PD LIST": slots,
        "Cachevault_Info": [{"Model": "CVPM02", "State": battery}],
    }
    one = {"Command Status": {"Controller": 0, "Status": "Success"}, "Response Data": response}
    return json.dumps({"Controllers": [one]})


def through(says, *said, **more):
    return {"controller": "storcli", "program": says(*said, **more), "judge": assumed("raid")}


async def test_a_controller_with_whole_arrays_is_up(says, tmp_path):
    reading = await ask("raid", array="all", **through(says, megaraid()))
    assert said(reading) == ("up", "ok")
    assert reading.facts == {
        "arrays": 2,
        "active": True,
        "degraded": 0,
        "failed": 0,
        "failed.names": "",
        "spares": 1,
        "busy": "",
        "state": "Optl",
        "battery": "Optimal",
    }
    assert (tmp_path / "arguments").read_text().split() == ["/call", "show", "J", "nolog"]


async def test_a_controller_that_lost_a_disk_is_degraded_and_rebuilds(says):
    reading = await ask("raid", array="data", **through(says, megaraid("Dgrd", "Onln", "Failed", "Rbld")))
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["arrays"], facts["degraded"], facts["failed.names"]) == (1, 1, "disk 252:1")
    assert (facts["busy"], facts["active"]) == ("rebuild", True)


async def test_an_array_that_is_offline_is_not_active(says):
    reading = await ask("raid", array="1/1", **through(says, megaraid("OfLn")))
    assert said(reading) == ("down", "expectation")
    assert reading.facts["active"] is False


async def test_a_bad_battery_is_degraded_if_so_told(says):
    judge = compile_judge(
        [], ['battery == "Optimal"'], reference(RaidProbe).facts, RaidProbe.ASSUMED, RaidProbe.WARNED
    )
    reading = await ask("raid", array="all", **(through(says, megaraid(battery="Failed")) | {"judge": judge}))
    assert said(reading) == ("degraded", "expectation")


async def test_an_array_that_a_controller_has_not_is_missing(says):
    assert said(await ask("raid", array="9/9", **through(says, megaraid()))) == ("down", "missing")


def newer(*disks, state="Optl", pack="Optimal"):
    """What storcli2 and perccli2 say: a disk's purpose in State, and how it is in Status."""
    response = {
        "Product Name": "MegaRAID 9660-16i",
        "VD LIST": [{"DG/VD": "0/1", "TYPE": "RAID1", "State": state, "Access": "RW", "Name": "os"}],
        "PD LIST": [
            {"EID:Slt": f"322:{n}", "PID": 312 + n, "State": purpose, "Status": status, "DG": 0}
            for n, (purpose, status) in enumerate(disks or (("Conf", "Online"), ("GHS", "Good")))
        ],
        "Energy Pack Info": [{"Type": "Supercap", "SubType": "FBU345", "Status": pack}],
    }
    one = {"Command Status": {"Status Code": 0, "Status": "Success"}, "Response Data": response}
    return json.dumps({"Controllers": [one]})


@pytest.mark.parametrize("tool", ["storcli2", "perccli2"])
async def test_the_newer_tools_are_read_as_well(says, tool):
    reading = await ask("raid", array="all", **through(says, newer()) | {"controller": tool})
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert (facts["spares"], facts["failed"], facts["battery"], facts["state"]) == (1, 0, "Optimal", "Optl")


async def test_a_disk_that_the_newer_tools_call_failed_is_degraded_and_a_spare_that_failed_is_none(says):
    disks = [("Conf", "Failed"), ("Conf", "Rebuild"), ("GHS", "Missing")]
    out = newer(*disks, state="Dgrd", pack="Failed")
    reading = await ask("raid", array="os", **through(says, out) | {"controller": "storcli2"})
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["failed.names"], facts["busy"], facts["spares"]) == ("disk 322:0, disk 322:2", "rebuild", 0)
    assert (facts["degraded"], facts["battery"]) == (1, "Failed")


async def test_an_array_that_the_newer_tools_call_offline_is_down(says):
    out = newer(("Conf", "Failed"), ("Conf", "Failed"), state="OfLn")
    reading = await ask("raid", array="os", **through(says, out) | {"controller": "perccli2"})
    assert said(reading) == ("down", "expectation")
    assert (reading.facts["active"], reading.facts["failed"]) == (False, 2)


async def test_the_tool_of_a_controller_is_the_makers_by_its_own_name():
    for tool, program in (("perccli", "perccli64"), ("perccli2", "perccli2"), ("storcli2", "storcli2")):
        reading = await ask("raid", array="all", controller=tool)
        assert said(reading) == ("unknown", "internal")
        assert reading.detail.startswith(f"{program} is not installed")


@pytest.mark.parametrize(
    "out",
    [
        "",
        "[" * 100_000,
        "This utility must be run as root",
        "{}",
        '{"Controllers": [{"Command Status": {"Status": "Failure", "Description": "No Controller found"}}]}',
    ],
)
async def test_a_controller_that_we_cannot_ask_is_our_fault(says, out):
    reading = await ask("raid", array="all", **through(says, out, code=1))
    assert said(reading) == ("unknown", "internal")


async def test_a_machine_without_the_tool_says_so():
    reading = await ask("raid", array="all", controller="perccli", program="/nonexistent/perccli64")
    assert said(reading) == ("unknown", "internal")
