"""The few SCSI commands that only read: readiness, identity, capacity and one block.

No command here writes, reserves or resets, so hosts that use the LUN are not disturbed.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import one_line

CONDITION = 0x02
_NO_LUN = 0x25
_RECOVERED, _ATTENTION = 0x01, 0x06
_STANDBY = (2, 4, 11)  # asymmetric access: this port waits for the other controller to fail
_STATUS = {0x08: "is busy", 0x18: "is reserved by another host", 0x28: "has its queue full"}
_KEYS = {
    2: "is not ready",
    3: "cannot read the medium",
    4: "has a hardware fault",
    5: "refuses the command",
    7: "is protected",
    11: "aborted the command",
}

READY = bytes(6)  # TEST UNIT READY
INQUIRY = b"\x12\0\0\0\x24\0"
IDENTITY = b"\x12\1\x83\0\xff\0"  # INQUIRY, page 83h
LUNS = b"\xa0" + bytes(5) + struct.pack("!I", 4096) + bytes(2)
CAPACITY_10 = b"\x25" + bytes(9)
CAPACITY_16 = b"\x9e\x10" + bytes(8) + struct.pack("!I", 32) + bytes(2)


class Standby(ProbeFailure):
    """The LUN exists, but is served by the other controller."""


class Sense(NamedTuple):
    """Why a command failed: the key, the code and its qualifier."""

    key: int
    code: int
    qualifier: int

    @property
    def passing(self) -> bool:
        """Whether it only reports an event (a reset, a change): the command must be sent again."""
        return self.key == _ATTENTION

    @property
    def recovered(self) -> bool:
        """Whether the command succeeded after all."""
        return self.key == _RECOVERED


def sense(data: bytes) -> Sense:
    """Return the sense in *data* (SPC-4, 4.5), in the fixed or the descriptor format."""
    body = data.ljust(14, b"\0")
    if body[0] & 0x7E == 0x72:
        return Sense(body[1] & 15, body[2], body[3])
    return Sense(body[2] & 15, body[12], body[13])


def failure(lun: int, status: int, why: Sense | None) -> ProbeFailure:
    """Return the failure of a command."""
    if why is None:
        words = _STATUS.get(status, f"answers with status {status:#04x}")
        return ProbeFailure(Reason.STATUS, f"LUN {lun} {words}")
    if why.code == _NO_LUN:
        return ProbeFailure(Reason.MISSING, f"there is no LUN {lun}")
    if why == _STANDBY:
        return Standby(Reason.STATUS, f"LUN {lun} is standby: it is served by the other controller")
    words = _KEYS.get(why.key, "does not answer")
    where = f"{why.key:x}/{why.code:02x}/{why.qualifier:02x}"
    return ProbeFailure(Reason.STATUS, f"LUN {lun} {words} (sense {where})")


def wire(lun: int) -> bytes:
    """Return *lun* in the form of commands (SAM-5, 4.7): one byte below 256, flat above."""
    return struct.pack("!H", lun if lun < 256 else 0x4000 | lun) + bytes(6)


def read(block: int, count: int = 1) -> bytes:
    """Return the command that reads *count* blocks from *block* on: READ(10), or READ(16) if that is too small."""
    if block >= 1 << 32:
        return struct.pack("!BBQIBB", 0x88, 0, block, count, 0, 0)
    return struct.pack("!BBIBHB", 0x28, 0, block, 0, count, 0)


def device(data: bytes) -> str:
    """Return vendor and product from the answer to INQUIRY; empty when there is no device."""
    if len(data) < 32 or data[0] >> 5:
        return ""
    return one_line(data[8:32].decode("latin-1"), 40)


def identity(data: bytes) -> str:
    """Return the name of the LUN that is the same on every path (SPC-4, 7.8.6); empty without one.

    NAA comes before EUI-64, and that before the vendor's own format. Names of ports and targets do not count.
    """
    left, found = data[4 : 4 + int.from_bytes(data[2:4], "big")], dict[int, str]()
    while len(left) >= 4:
        kind, association, name = left[1] & 15, left[1] >> 4 & 3, left[4 : 4 + left[3]]
        if association == 0 and name:
            text = name.hex() if left[0] & 15 == 1 else name.decode("latin-1").strip("\0 ")
            found[kind] = max(
                found.get(kind, ""), one_line(text, 80), key=len
            )  # the longer NAA is unique worldwide
        left = left[4 + left[3] :]
    return next((found[kind] for kind in (3, 2, 1) if found.get(kind)), "")


def capacity(data: bytes) -> tuple[int, int]:
    """Return blocks and bytes a block from either READ CAPACITY; in the short one, the number may be too large."""
    wanted = "!QI" if len(data) >= 12 else "!II"
    if len(data) < struct.calcsize(wanted):
        raise ProbeFailure(Reason.PROTOCOL, "the answer about the capacity is too short")
    last, size = struct.unpack_from(wanted, data)
    if not 0 < (last + 1) * size < 1 << 62:  # our stores cannot keep a larger number
        raise ProbeFailure(Reason.PROTOCOL, f"reports {last + 1} blocks of {size} bytes")
    return last + 1, size


def luns(data: bytes) -> int:
    """Return the number of LUNs in the answer to REPORT LUNS."""
    return int.from_bytes(data[:4], "big") // 8
