"""The few SCSI commands that only look: is it ready, what is it, how large, one block of it.

There is no command here that writes, reserves or resets; what a host does with a LUN goes on undisturbed.
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
    """The LUN is there and would be served here, were it not served by the other controller."""


class Sense(NamedTuple):
    """Why a command did not go through: the key, the code and its qualifier."""

    key: int
    code: int
    qualifier: int

    @property
    def passing(self) -> bool:
        """Whether it only tells something new (a reset, a change): the command is to be sent again."""
        return self.key == _ATTENTION

    @property
    def recovered(self) -> bool:
        """Whether the command went through after all."""
        return self.key == _RECOVERED


def sense(data: bytes) -> Sense:
    """Return what *data* (SPC-4, 4.5) says, in its fixed or its descriptor format."""
    body = data.ljust(14, b"\0")
    if body[0] & 0x7E == 0x72:
        return Sense(body[1] & 15, body[2], body[3])
    return Sense(body[2] & 15, body[12], body[13])


def failure(lun: int, status: int, why: Sense | None) -> ProbeFailure:
    """Return what a command that went wrong says of its LUN."""
    if why is None:
        words = _STATUS.get(status, f"answers with status {status:#04x}")
        return ProbeFailure(Reason.STATUS, f"LUN {lun} {words}")
    if why.code == _NO_LUN:
        return ProbeFailure(Reason.MISSING, f"there is no LUN {lun}")
    if why == _STANDBY:
        return Standby(Reason.STATUS, f"LUN {lun} stands by: it is served by the other controller")
    words = _KEYS.get(why.key, "does not answer")
    where = f"{why.key:x}/{why.code:02x}/{why.qualifier:02x}"
    return ProbeFailure(Reason.STATUS, f"LUN {lun} {words} (sense {where})")


def wire(lun: int) -> bytes:
    """Return *lun* as commands carry it (SAM-5, 4.7): one byte below 256, flat above."""
    return struct.pack("!H", lun if lun < 256 else 0x4000 | lun) + bytes(6)


def read(block: int, count: int = 1) -> bytes:
    """Return the command for *count* blocks from *block* on: READ(10), and READ(16) where that does not reach."""
    if block >= 1 << 32:
        return struct.pack("!BBQIBB", 0x88, 0, block, count, 0, 0)
    return struct.pack("!BBIBHB", 0x28, 0, block, 0, count, 0)


def device(data: bytes) -> str:
    """Return vendor and product from the answer to INQUIRY; empty when nothing is behind the LUN."""
    if len(data) < 32 or data[0] >> 5:
        return ""
    return one_line(data[8:32].decode("latin-1"), 40)


def identity(data: bytes) -> str:
    """Return what the LUN is called by every path to it (SPC-4, 7.8.6); empty when it has no such name.

    NAA before EUI-64 before the vendor's own; names of the port or the target are none of the LUN's.
    """
    left, found = data[4 : 4 + int.from_bytes(data[2:4], "big")], dict[int, str]()
    while len(left) >= 4:
        kind, association, name = left[1] & 15, left[1] >> 4 & 3, left[4 : 4 + left[3]]
        if association == 0 and name:
            text = name.hex() if left[0] & 15 == 1 else name.decode("latin-1").strip("\0 ")
            found[kind] = max(
                found.get(kind, ""), one_line(text, 80), key=len
            )  # the longer NAA is the world's
        left = left[4 + left[3] :]
    return next((found[kind] for kind in (3, 2, 1) if found.get(kind)), "")


def capacity(data: bytes) -> tuple[int, int]:
    """Return blocks and bytes a block from either READ CAPACITY; the short one may say that it cannot tell."""
    wanted = "!QI" if len(data) >= 12 else "!II"
    if len(data) < struct.calcsize(wanted):
        raise ProbeFailure(Reason.PROTOCOL, "the answer about the capacity is too short")
    last, size = struct.unpack_from(wanted, data)
    if not 0 < (last + 1) * size < 1 << 62:  # beyond that, no store of ours keeps the number
        raise ProbeFailure(Reason.PROTOCOL, f"claims {last + 1} blocks of {size} bytes")
    return last + 1, size


def luns(data: bytes) -> int:
    """Return how many LUNs REPORT LUNS tells of."""
    return int.from_bytes(data[:4], "big") // 8
