"""The last resort for ICMP: Debian's program ping, whose file has the capability that we lack.

A process costs two hundred times as much as a packet on our own socket, so this is for small installations that
grant no capability. Where privileges cannot be gained (NoNewPrivileges), ping is denied, too, and says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.child import run
from watch.probes.wire.net.echo import HOW_TO_GRANT, Denied
from watch.probes.wire.net.way import current

if TYPE_CHECKING:
    from watch.probes.wire.net.echo import Volley

_TRIP = re.compile(rb"time=([0-9.]+) ms")
_UNREACHABLE = re.compile(rb"[Uu]nreachable|[Pp]rohibited|No route")


async def pings(program: str, ip: str, volley: Volley) -> list[float]:
    """Return the round trips, in seconds, of the answered pings."""
    if not Path(program).is_file():  # noqa: ASYNC240 - a stat of a local file
        raise Denied(HOW_TO_GRANT)
    wait = max(1, round(volley.wait.total_seconds()))
    # Only root may use intervals under 200 ms.
    gap = max(0.2, volley.gap.total_seconds())
    way = current()
    leave = [] if way is None else [it for end in (way.source, way.interface) if end for it in ("-I", end)]
    command = (
        program,
        *leave,
        "-n",
        "-c",
        str(volley.packets),
        "-i",
        f"{gap:g}",
        "-W",
        str(wait),
        "-s",
        str(volley.size),
        ip,
    )
    late = ProbeFailure(Reason.TIMEOUT, f"the pings to {ip} were not answered when time was up")
    try:
        ended = await run(command, program, late=late)
    except OurFault as fault:
        if isinstance(
            fault.__cause__, PermissionError
        ):  # we may not have its capabilities: it is not even started
            raise Denied(HOW_TO_GRANT) from fault
        raise
    said = ended.out + ended.err
    trips = [float(text) / 1000 for text in _TRIP.findall(said)]
    if not trips and _UNREACHABLE.search(said):
        raise ProbeFailure(Reason.UNREACHABLE, f"no route to {ip}")
    if not trips and ended.err.strip() and ended.code == 1:  # it could not send
        raise OurFault(
            f"{program} could not ask: {one_line(ended.err.decode(errors='replace').strip(), 120)}"
        )
    if not trips and ended.code != 1:  # 1: no reply
        raise OurFault(f"{HOW_TO_GRANT}. {program} says: {said.decode(errors='replace').strip()}")
    return trips
