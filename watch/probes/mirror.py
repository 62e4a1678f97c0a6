"""Mirrors: do two LUNs, files or devices hold the same, and how far is the second behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.probes.base import DIALS, Described, probe

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue

_UNIT = 4096  # bytes that are compared at a place


@probe("mirror", main="first")
@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorProbe(Described):
    """Compare the two halves of a mirror at places chosen at random, by reading only.

    The first and the last 4 KiB are always among the places. One that differs is looked at again until the
    second shows what the first showed, or `wait` is over: blocks on their way are lag, and no fault. A sample
    finds a mirror that stands still or was split, not a single rotten block.

    Options:
        first: The half that is written to: iscsi://host/iqn.…/1, or the absolute path of a file or device.
        second: The half that follows it, written alike.
        places: How many places to compare, 2 to 1000.
        wait: For the second to catch up; the check's timeout must be longer.
        username: For CHAP, at both LUNs.
        password: With it.
        initiator: The name we come by, which targets may have to be told.
        family: any, or only IPv4 (4) or IPv6 (6).
        metadata: Allow cloud metadata addresses (169.254.169.254), which hand out credentials.

    Facts:
        in_sync (bool, stale): Whether the second holds what the first does, or did while we looked.
        behind (duration, stale): How long the second took to catch up; 0 when nothing differed. When it is not in
            sync, how long we waited.
        differing (count, stale): How many places still differ.
        compared (count, missing): How many places were compared.
        size (bytes): How large the first is.
        smaller (bytes): By how much the second is smaller; what lies there is not mirrored.
        latency (duration, slow): How long it all took.

    Reasons:
        ok, stale, missing, auth, status, slow, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        mirror:
          first: iscsi://192.0.2.10/iqn.2026-11.org.example:array1/1
          second: iscsi://192.0.2.20/iqn.2026-11.org.example:array2/1
        expect: [in_sync == true]
        warn: [behind < 500ms]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {
        "in_sync": "in_sync == true",
        "smaller": "smaller == 0B",
        "compared": "compared > 0",
    }

    first: str
    second: str = ""
    places: int = 32
    wait: timedelta = timedelta(seconds=2)
    username: str | None = None
    password: Secret | None = None
    initiator: str = "iqn.2026-11.app.threenines:probe"
    family: Literal["any", "4", "6"] = "any"
    metadata: bool = False

    def __post_init__(self) -> None:
        from watch.probes.wire.mirrored import way  # noqa: PLC0415 - when a check needs it

        for option, text in (("first", self.first), ("second", self.second)):
            try:
                way(text)
            except ValueError as error:
                raise ValueError(f"{option}: {error}") from None
        if self.first == self.second:
            raise ValueError("second: a mirror has two halves, and this is the first again")
        if not 2 <= self.places <= 1000:
            raise ValueError("places: from 2 to 1000")
        if (self.username is None) != (self.password is None):
            raise ValueError("username: CHAP needs both username and password")

    def peer(self) -> str:
        from watch.probes.wire.mirrored import way  # noqa: PLC0415 - as above

        first = way(self.first)
        return "" if isinstance(first, str) else first.portal.host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.mirrored import Access, behind, opened, way  # noqa: PLC0415 - as above

        access = Access(self.initiator, self.username, self.password, self.family, self.metadata)
        clock = asyncio.get_running_loop().time
        began = clock()
        async with opened(way(self.first), access) as first, opened(way(self.second), access) as second:
            places = self._places(min(first.size, second.size))
            found = await behind(first, second, places, _UNIT, self.wait.total_seconds())
            facts: dict[str, FactValue] = {
                "in_sync": not found.differing,
                "behind": found.took,
                "differing": found.differing,
                "compared": len(places),
                "size": first.size,
                "smaller": max(0, first.size - second.size),
            }
        took = clock() - began
        return Reading(Verdict.UP, facts=facts | {"latency": took}, phases={"transfer": took})

    def _places(self, size: int) -> list[int]:
        units = size // _UNIT or min(size, 1)  # a file may be small
        if units <= self.places:
            return [_UNIT * at for at in range(units)]
        some = random.sample(range(1, units - 1), self.places - 2)
        return [_UNIT * at for at in sorted((0, units - 1, *some))]
