"""The JSON of a MegaRAID controller's tool (storcli and storcli2, Dell's perccli and perccli2).

``/call show J`` returns ``Response Data`` for each controller, with a ``VD LIST`` (arrays, by ``DG/VD`` and
``Name``), a ``PD LIST`` (disks, by ``EID:Slt``) and the battery under one of three names. The older tools give
a disk's state in ``State`` (Onln, Failed, GHS). The newer ones give its purpose there (Conf, GHS), and its
state in ``Status`` (Online, Failed).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.reading import FactValue
    from watch.probes.wire.child import Said

_OPTIMAL, _OFFLINE = "Optl", "OfLn"
_FAILED = frozenset(("Failed", "UBad", "UBUnsp", "Offln", "Msng", "Offline", "Missing", "Bad", "Unusable"))
_SPARE = frozenset(("GHS", "DHS"))
_BUSY = {"Rbld": "rebuild", "Cpybck": "copyback", "Rebuild": "rebuild", "Replace": "copyback"}
# The battery or capacitor, and the key of its state.
_BATTERIES = {"BBU_Info": "State", "Cachevault_Info": "State", "Energy Pack Info": "Status"}


def facts(said: Said, array: str) -> dict[str, FactValue]:
    """The facts about *array* (its name or number, or all), and about the disks of the whole controller."""
    told = list(_responses(said))
    if not told:
        raise OurFault("the controller's tool reports no controller")
    arrays = [row for one in told for row in _rows(one, "VD LIST")]
    if array != "all":
        arrays = [row for row in arrays if array in (row.get("DG/VD"), row.get("Name"))]
    if not arrays:
        raise ProbeFailure(Reason.MISSING, f"the controller has no array {array}")
    states = [str(row.get("State", "")) for row in arrays]
    disks = [row for one in told for row in _rows(one, "PD LIST")]
    failed = [f"disk {row.get('EID:Slt')}" for row in disks if _words(row) & _FAILED]
    found: dict[str, FactValue] = {
        "arrays": len(arrays),
        "active": _OFFLINE not in states,
        "degraded": sum(state != _OPTIMAL for state in states),
        "failed": len(failed),
        "failed.names": one_line(", ".join(failed)),
        "spares": sum(bool(_words(row) & _SPARE) and not _words(row) & _FAILED for row in disks),
        "busy": ", ".join(sorted({_BUSY[word] for row in disks for word in _words(row) if word in _BUSY})),
        "state": one_line(", ".join(sorted(set(states)))),
    }
    batteries = [
        str(row.get(state, "unknown"))
        for one in told
        for name, state in _BATTERIES.items()
        for row in _rows(one, name)
    ]
    return found | ({"battery": one_line(", ".join(sorted(set(batteries))), 80)} if batteries else {})


def _words(disk: dict[str, Any]) -> set[str]:
    return {str(disk.get(key)) for key in ("State", "Status")}


def _responses(said: Said) -> Iterator[dict[str, Any]]:
    try:
        told: Any = json.loads(said.out)
    except (ValueError, RecursionError):
        raise OurFault(f"the controller's tool did not write JSON: {said.words}") from None
    for one in _rows(told, "Controllers"):
        status, response = one.get("Command Status"), one.get("Response Data")
        if (
            not isinstance(response, dict)
            or not isinstance(status, dict)
            or status.get("Status") != "Success"
        ):
            why = one_line(str(status.get("Description", "")) if isinstance(status, dict) else "", 120)
            raise OurFault(f"the controller's tool could not ask the controller: {why or said.words}")
        yield response


def _rows(told: Any, name: str) -> list[dict[str, Any]]:
    rows = told.get(name) if isinstance(told, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
