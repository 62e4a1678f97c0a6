"""ZFS replication: the newest snapshot that both sides have, and how far it is behind the first side's newest.

A snapshot keeps its guid when it is sent; its name, and even the time of its receipt, may change. ``zfs list
-Hp`` with name, guid and creation writes a line for each, the oldest first, with times in seconds since the
epoch (zfs-list(8)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.child import said_by

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASKED = ("list", "-Hp", "-d", "1", "-t", "snapshot", "-o", "name,guid,creation", "-s", "creation")
_LATEST = 1 << 40  # seconds since the epoch


class Snapshot(NamedTuple):
    """A snapshot; *created* in seconds since the epoch."""

    name: str
    guid: str
    created: int


class Standing(NamedTuple):
    """The comparison: the *newest* of the first side, the newest common one, and how many are common."""

    newest: Snapshot | None
    common: Snapshot | None
    shared: int


async def snapshots(program: str, dataset: str) -> list[Snapshot]:
    """Return the snapshots of *dataset*, oldest first."""
    said = await said_by(program, *_ASKED, dataset, package="zfsutils-linux")
    if "does not exist" in said.err:
        raise ProbeFailure(Reason.MISSING, f"{program} finds no dataset {dataset}")
    if said.code != 0:
        raise OurFault(f"zfs list does not work here: {said.words}")
    return [_snapshot(line, program) for line in said.out.splitlines()]


async def written_since(program: str, dataset: str, snapshot: Snapshot) -> int | None:
    """Return how many bytes were written to *dataset* since one of its snapshots; None when ZFS does not say."""
    asked = f"written@{snapshot.name.partition('@')[2]}"
    said = await said_by(program, "get", "-Hp", "-o", "value", asked, dataset, package="zfsutils-linux")
    told = said.out.strip()
    return min(int(told), 1 << 62) if said.code == 0 and told.isdecimal() and len(told) < 20 else None


def standing(first: Sequence[Snapshot], second: Sequence[Snapshot]) -> Standing:
    theirs = {one.guid for one in second}
    both = [one for one in first if one.guid in theirs]
    return Standing(first[-1] if first else None, both[-1] if both else None, len(both))


def _snapshot(line: str, program: str) -> Snapshot:
    name, *rest = line.split("\t")
    if len(rest) != 2 or "@" not in name or not all(one.isdecimal() and len(one) < 21 for one in rest):
        raise OurFault(f"{program}: its list of snapshots cannot be read")
    return Snapshot(name, str(int(rest[0])), min(int(rest[1]), _LATEST))
