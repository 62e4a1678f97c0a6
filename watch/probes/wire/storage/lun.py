"""A LUN that can be read: its device, size and blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.storage import scsi

if TYPE_CHECKING:
    from watch.probes.wire.storage.iscsi import Session


class Lun(NamedTuple):
    """A LUN that is ready. *device*: vendor and product; *block*: bytes in one."""

    session: Session
    number: int
    device: str
    blocks: int
    block: int

    @property
    def size(self) -> int:
        return self.blocks * self.block

    async def read(self, first: int, count: int = 1) -> bytes:
        """Return *count* blocks from the block *first* on."""
        data = await self.session.command(self.number, scsi.read(first, count), count * self.block)
        if len(data) != count * self.block:
            words = f"LUN {self.number} sends {len(data)} of {count * self.block} bytes"
            raise ProbeFailure(Reason.PROTOCOL, words)
        return data


async def identity(session: Session, number: int) -> str:
    """Return the name of the LUN, which is the same on every path; empty without one."""
    try:
        return scsi.identity(await session.command(number, scsi.IDENTITY, 255))
    except ProbeFailure as refused:
        if refused.reason is Reason.STATUS:
            return ""
        raise


async def ready(session: Session, number: int) -> Lun:
    """Return the LUN *number* if it exists and is ready; else `ProbeFailure`."""
    device = scsi.device(await session.command(number, scsi.INQUIRY, 36))
    if not device:
        raise ProbeFailure(Reason.MISSING, f"there is no LUN {number}")
    await session.command(number, scsi.READY, 0)
    blocks, block = scsi.capacity(await session.command(number, scsi.CAPACITY_10, 8))
    if blocks == 1 << 32:  # that many or more: the short command has no room for the number
        blocks, block = scsi.capacity(await session.command(number, scsi.CAPACITY_16, 32))
    return Lun(session, number, device, blocks, block)
