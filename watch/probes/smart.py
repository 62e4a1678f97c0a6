"""SMART: the health of a disk, as the disk reports it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from watch.core.reading import OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import Described, probe

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.child import Said

_NOT_OPENED = 1 << 1
_NOT_OURS = (
    "permission denied",
    "operation not permitted",
    "requires root",
    "must be root",
    "unable to detect",
)
# What smartctl says of a device that is there and does not answer as one.
_OF_THE_DEVICE = (
    *(
        "input/output error",
        "i/o error",
        "inquiry",
        "identify",
        "identity",
        "medium",
        "not ready",
        "timed out",
    ),
    *("timeout", "aborted", "no response", "not connected", "busy", "unit attention", "hardware error"),
)
# Attributes of ATA disks whose raw value has the same meaning with all makers.
_ATTRIBUTES = {5: "reallocated", 197: "pending", 198: "uncorrectable", 199: "cable_errors"}
_NVME = {"media_errors": "uncorrectable", "critical_warning": "warnings", "num_err_log_entries": "log"}


@probe("smart", main="device")
@dataclass(frozen=True, slots=True, kw_only=True)
class SmartProbe(Described):
    """Ask a disk of this machine for its health, by smartctl. Never run against a real device.

    Half of the disks that fail still report their health as passed: watch `pending` and `reallocated`, too, and
    with NVMe `spare` and `worn`. smartctl (7.0 or newer; Debian: smartmontools) must run as root, or through a
    `program` that does so; else the reading is unknown. A sleeping disk is woken.

    Options:
        device: The disk: /dev/sda, /dev/nvme0, /dev/disk/by-id/….
        type: How to reach it behind a controller, in the words of smartctl -d: megaraid,5 or sat.
        program: What to run instead of smartctl, with the same arguments: a script that calls it through sudo.

    Facts:
        passed (bool, status): Whether the disk reports itself healthy.
        temperature (count): In Celsius.
        age (duration): For how long it has been powered in total.
        reallocated (count): Sectors replaced by spare ones; with SAS the list of grown defects.
        pending (count): Sectors that could not be read and wait to be written.
        uncorrectable (count): Errors that could not be corrected.
        cable_errors (count): Bad checksums on the way to the disk: mostly a bad cable.
        worn (ratio): How much of an SSD's life is used; may exceed 100%.
        spare (ratio): NVMe: the share of spare blocks that is left.
        warnings (count): NVMe: the bits of its critical warning; 0 for none.
        log (count): Entries in its error log.
        tested (bool): Whether its last self-test passed; only if there was one.
        model (text): Its model.

    Reasons:
        ok, status, expectation, missing, timeout, limit

    Example:
        smart: /dev/sda
        expect: [passed == true, not pending > 0]
        warn: [not reallocated > 0, temperature < 55]
    """

    ASSUMED: ClassVar[Mapping[str, str]] = {"passed": "passed == true"}

    device: str
    type: str | None = None
    program: str = "smartctl"

    def __post_init__(self) -> None:
        if not self.device.startswith("/"):
            raise ValueError("device: write the absolute path, like /dev/sda")
        if self.type is not None and self.type.startswith("-"):
            raise ValueError("type: write what smartctl -d accepts, like megaraid,5")

    def peer(self) -> str:
        return ""

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.child import said_by  # noqa: PLC0415 - when a check needs it

        how = ("-d", self.type) if self.type else ()
        said = await said_by(self.program, "-j", "-a", *how, self.device, package="smartmontools")
        return Reading(Verdict.UP, facts=self._facts(self._told(said)))

    def _told(self, said: Said) -> dict[str, Any]:
        """Return the JSON of smartctl; raise what it could not do."""
        try:
            told: Any = json.loads(said.out)
        except (ValueError, RecursionError):
            raise OurFault(f"{self.program} did not write JSON: {said.words}") from None
        if not isinstance(told, dict):
            raise OurFault(f"{self.program} did not write a JSON object")
        if said.code & _NOT_OPENED or said.code & 1:
            words = [str(one.get("string", "")) for one in _list(_table(told, "smartctl").get("messages"))]
            raise self._unopened(one_line("; ".join(words), 120) or said.words)
        return told

    def _unopened(self, words: str) -> ProbeFailure | OurFault:
        if any(sign in words.lower() for sign in _NOT_OURS):
            return OurFault(f"we may not ask {self.device}: {words}")
        if "no such" in words.lower():
            return ProbeFailure(Reason.MISSING, f"{self.device} does not exist: {words}")
        if any(sign in words.lower() for sign in _OF_THE_DEVICE):
            return ProbeFailure(Reason.STATUS, f"{self.device} cannot be opened: {words}")
        return OurFault(f"{self.program} could not ask {self.device}: {words}")

    def _facts(self, told: dict[str, Any]) -> dict[str, FactValue]:
        passed = _table(told, "smart_status").get("passed")
        if not isinstance(passed, bool):
            raise ProbeFailure(Reason.MISSING, f"{self.device} does not report its health")
        facts: dict[str, FactValue] = {"passed": passed}
        hours = _number(_table(told, "power_on_time").get("hours"))
        named = {
            "temperature": _number(_table(told, "temperature").get("current")),
            "age": None if hours is None else 3600 * hours,
            "log": _number(_table(told, "ata_smart_error_log", "summary").get("count")),
        }
        facts |= {name: value for name, value in named.items() if value is not None}
        if model := told.get("model_name") or told.get("scsi_model_name"):
            facts["model"] = one_line(str(model), 80)
        return facts | _ata(told) | _nvme(told) | _scsi(told)


def _ata(told: dict[str, Any]) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    for row in _list(_table(told, "ata_smart_attributes").get("table")):
        name = _ATTRIBUTES.get(row.get("id", 0))
        raw = _number(_table(row, "raw").get("value"))
        if name and raw is not None:
            facts[name] = raw
    tests = _list(_table(told, "ata_smart_self_test_log", "standard").get("table"))
    if tests and isinstance(passed := _table(tests[0], "status").get("passed"), bool):
        facts["tested"] = passed
    used = _number(_table(told, "endurance_used").get("current_percent"))
    return facts if used is None else facts | {"worn": used / 100}


def _nvme(told: dict[str, Any]) -> dict[str, FactValue]:
    log = _table(told, "nvme_smart_health_information_log")
    facts: dict[str, FactValue] = {
        name: value for key, name in _NVME.items() if (value := _number(log.get(key))) is not None
    }
    for key, name in (("percentage_used", "worn"), ("available_spare", "spare")):
        if (share := _number(log.get(key))) is not None:
            facts[name] = share / 100
    return facts


def _scsi(told: dict[str, Any]) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    grown = _number(told.get("scsi_grown_defect_list"))
    if grown is not None:
        facts["reallocated"] = grown
    counters = [_table(told, "scsi_error_counter_log", way) for way in ("read", "write", "verify")]
    # Up to smartctl 7.3, a SAS SSD has it under another name.
    used = _number(told.get("scsi_percentage_used_endurance_indicator"))
    if used is not None:
        facts["worn"] = used / 100
    lost = [n for one in counters if (n := _number(one.get("total_uncorrected_errors"))) is not None]
    return facts | ({"uncorrectable": sum(lost)} if lost else {})


def _table(told: Any, *names: str) -> dict[str, Any]:
    """The object under *names*, empty without one."""
    for name in names:
        told = told.get(name) if isinstance(told, dict) else None
    return told if isinstance(told, dict) else {}


def _list(told: Any) -> list[dict[str, Any]]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _number(told: Any) -> float | int | None:
    return told if isinstance(told, (int, float)) and not isinstance(told, bool) else None
