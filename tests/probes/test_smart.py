"""The smart probe on recordings written from smartctl(8) and the JSON of smartmontools 7."""

from __future__ import annotations

import json

import pytest

from tests.probes.recordings import hangs, says
from tests.probes.servers.recorded import ata
from tests.probes.wires import ask, assumed, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.smart import SmartProbe

__all__ = ["hangs", "says"]

ASSUMED = assumed("smart")


NVME = json.dumps(
    {
        "smartctl": {"version": [7, 3], "exit_status": 0},
        "model_name": "SAMSUNG MZVL2512HCJQ-00B00",
        "smart_status": {"passed": True, "nvme": {"value": 0}},
        "nvme_smart_health_information_log": {
            "critical_warning": 0,
            "temperature": 41,
            "available_spare": 97,
            "available_spare_threshold": 10,
            "percentage_used": 12,
            "media_errors": 2,
            "num_err_log_entries": 40,
        },
        "temperature": {"current": 41},
        "power_on_time": {"hours": 870},
    }
)
SAS = json.dumps(
    {
        "smartctl": {"version": [7, 3], "exit_status": 0},
        "scsi_model_name": "SEAGATE ST4000NM0023",
        "smart_status": {"passed": True},
        "temperature": {"current": 29, "drive_trip": 60},
        "power_on_time": {"hours": 40_000, "minutes": 12},
        "scsi_grown_defect_list": 4,
        "scsi_percentage_used_endurance_indicator": 3,
        "scsi_error_counter_log": {
            "read": {"total_uncorrected_errors": 1},
            "write": {"total_uncorrected_errors": 2},
        },
    }
)


def unopened(*words):
    messages = [{"string": text, "severity": "error"} for text in words]
    return json.dumps({"smartctl": {"exit_status": 2, "messages": messages}})


async def test_a_healthy_disk_is_up_with_its_facts(says, tmp_path):
    reading = await ask("smart", device="/dev/sda", program=says(ata()), judge=ASSUMED)
    assert said(reading) == ("up", "ok")
    assert reading.facts == {
        "passed": True,
        "temperature": 34,
        "age": 26_000 * 3600,
        "log": 3,
        "model": "WDC WD40EFRX-68N32N0",
        "reallocated": 0,
        "pending": 0,
        "uncorrectable": 1,
        "cable_errors": 7,
        "tested": True,
    }
    assert (tmp_path / "arguments").read_text().split() == ["-j", "-a", "/dev/sda"]


async def test_a_disk_behind_a_controller_is_reached_by_its_type(says, tmp_path):
    await ask("smart", device="/dev/sda", type="megaraid,5", program=says(ata()))
    assert (tmp_path / "arguments").read_text().split() == ["-j", "-a", "-d", "megaraid,5", "/dev/sda"]


async def test_a_disk_that_says_it_fails_is_down(says):
    # Bit 3 of smartctl's exit code says the same: it could be asked, and so the answer counts.
    reading = await ask("smart", device="/dev/sda", program=says(ata(passed=False), code=8), judge=ASSUMED)
    assert said(reading) == ("down", "status")


async def test_a_disk_that_passes_and_loses_sectors_is_degraded_if_so_told(says):
    judge = compile_judge(
        [], ["not pending > 0"], reference(SmartProbe).facts, SmartProbe.ASSUMED, SmartProbe.WARNED
    )
    reading = await ask("smart", device="/dev/sda", program=says(ata(pending=8), code=64), judge=judge)
    assert said(reading) == ("degraded", "expectation")


async def test_an_nvme_disk_tells_of_wear_and_spares(says):
    facts = (await ask("smart", device="/dev/nvme0", program=says(NVME), judge=ASSUMED)).facts
    wanted = {"worn": 0.12, "spare": 0.97, "uncorrectable": 2, "warnings": 0, "log": 40, "temperature": 41}
    assert {name: facts[name] for name in wanted} == wanted


async def test_a_sas_disk_tells_of_its_grown_defects(says):
    facts = (await ask("smart", device="/dev/sdb", program=says(SAS), judge=ASSUMED)).facts
    assert (facts["reallocated"], facts["uncorrectable"], facts["model"]) == (4, 3, "SEAGATE ST4000NM0023")
    assert facts["worn"] == 0.03


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Smartctl open device: /dev/sdx failed: No such device", ("down", "missing")),
        ("Smartctl open device: /dev/sdx failed: Input/output error", ("down", "status")),
        ("Smartctl open device: /dev/sdx failed: Permission denied", ("unknown", "internal")),
    ],
)
async def test_whose_fault_a_disk_that_cannot_be_opened_is(says, words, told):
    reading = await ask("smart", device="/dev/sdx", program=says(unopened(words), code=2))
    assert said(reading) == told
    assert words.rpartition(": ")[2] in reading.detail


async def test_a_disk_without_smart_is_missing_it(says):
    out = json.dumps({"smartctl": {"exit_status": 4}, "model_name": "QEMU HARDDISK"})
    assert said(await ask("smart", device="/dev/sda", program=says(out, code=4))) == ("down", "missing")


@pytest.mark.parametrize(
    "out", ["", "[" * 100_000, "=======> INVALID ARGUMENT TO -j", "[]", '{"smart_status": ']
)
async def test_a_smartctl_too_old_for_json_is_our_fault(says, out):
    assert said(await ask("smart", device="/dev/sda", program=says(out, code=1))) == ("unknown", "internal")


@pytest.mark.parametrize(
    "odd", [{"smart_status": {"passed": True}, "temperature": [], "power_on_time": {"hours": "x"}}]
)
async def test_odd_values_are_left_out(says, odd):
    reading = await ask("smart", device="/dev/sda", program=says(json.dumps(odd)))
    assert dict(reading.facts) == {"passed": True}


async def test_a_disk_that_hangs_is_a_timeout_in_time(hangs):
    reading = await ask("smart", device="/dev/sda", program=hangs, seconds=0.2)
    assert said(reading) == ("down", "timeout")


async def test_without_the_program_it_is_our_fault_and_the_package_named():
    reading = await ask("smart", device="/dev/sda", program="/nonexistent/smartctl")
    assert said(reading) == ("unknown", "internal")
    assert "smartmontools" in reading.detail


@pytest.mark.parametrize("options", [{"device": "sda"}, {"type": "-x"}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))}: "):
        SmartProbe(**({"device": "/dev/sda"} | options))
