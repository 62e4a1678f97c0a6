"""The state of a DRBD resource: ``drbdsetup status <name> --json`` of DRBD 9, and /proc/drbd of 8.4.

Both count out-of-sync data in KiB. In /proc/drbd a device (by its minor number) has some lines (DRBD User's
Guide 8.4)::

     0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
        ns:3146 nr:0 dw:0 dr:3146 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:102400
            [==>.................] sync'ed: 17.2% (100/120)M
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watch.core.reading import FactValue
    from watch.probes.wire.child import Said

_LARGEST = 1 << 52  # KiB; our stores cannot keep more, in bytes
# A verification does not change what is in sync.
_STEADY = frozenset(("Established", "Connected", "VerifyS", "VerifyT"))
_RESYNC = re.compile(r"(Paused)?Sync(Source|Target|S|T)|VerifyS|VerifyT|Ahead|Behind")
_HEAD = re.compile(
    r"^ *(?P<minor>\d+): cs:(?P<state>\w+)"
    r"(?: ro:(?P<role>\w+)/(?P<peer_role>\w+) ds:(?P<disk>\w+)/(?P<peer_disk>\w+) \S (?P<flags>\S+))?"
)
_OUT_OF_SYNC = re.compile(r"\boos:(\d+)")
_SHARE = re.compile(r"(?:sync'ed|verified): *([\d.]+)%")


class Half(NamedTuple):
    """A volume of this machine and its copy at one peer. *pending*: KiB; *share*: of a resync in progress, 0 to 1."""

    volume: int
    peer: str
    role: str
    peer_role: str
    state: str
    disk: str
    peer_disk: str
    pending: int
    share: float | None

    @property
    def in_sync(self) -> bool:
        good = self.state in _STEADY and self.disk == self.peer_disk == "UpToDate"
        return good and not self.pending

    @property
    def usable(self) -> bool:
        """Whether one of the disks has all written data."""
        return "UpToDate" in (self.disk, self.peer_disk)


def of_resource(said: Said, name: str, peer: str) -> dict[str, FactValue]:
    """The facts of the resource *name*, from drbdsetup; only of *peer* if that is not empty."""
    if "No such resource" in said.err or "no resources defined" in said.err:
        raise ProbeFailure(Reason.MISSING, f"this machine has no DRBD resource {name}")
    if said.code != 0:
        raise OurFault(f"drbdsetup does not work here: {said.words}")
    try:
        told: Any = json.loads(said.out)
    except (ValueError, RecursionError):
        raise OurFault(f"drbdsetup did not write JSON: {said.words}") from None
    found = next((one for one in _rows(told) if one.get("name") == name), None)
    if found is None:
        raise ProbeFailure(Reason.MISSING, f"this machine has no DRBD resource {name}")
    halves = list(_halves(found))
    usable = _usable(halves)  # includes all peers: any of them can serve
    if peer:
        halves = [half for half in halves if half.peer == peer]
        if not halves:
            raise ProbeFailure(Reason.MISSING, f"the DRBD resource {name} has no peer {peer}")
    # Several: suspended-quorum, suspended-no-data, …; by which, the versions differ.
    suspended = any(value is True for key, value in found.items() if key.startswith("suspended"))
    return _facts(halves) | {"suspended": suspended, "usable": usable}


def of_device(text: str, minor: str) -> dict[str, FactValue]:
    """The facts of the device *minor* in /proc/drbd."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        head = _HEAD.match(line)
        if head is None or head["minor"] != minor:
            continue
        end = next((n for n in range(at + 1, len(lines)) if _HEAD.match(lines[n])), len(lines))
        more = "\n".join(lines[at + 1 : end])
        pending, share = _OUT_OF_SYNC.search(more), _SHARE.search(more)
        words = {key: head[key] or "" for key in ("role", "peer_role", "disk", "peer_disk")}
        half = Half(
            volume=0,
            peer="",
            state=head["state"],
            pending=min(int(pending[1][:18]), _LARGEST) if pending else 0,
            share=_ratio(share[1]) if share else None,
            **words,
        )
        return _facts([half]) | {
            "suspended": (head["flags"] or "").startswith("s"),
            "usable": _usable([half]),
        }
    raise ProbeFailure(
        Reason.MISSING, f"/proc/drbd has no device {minor}; for DRBD 9 write the name of the resource"
    )


def _usable(halves: Sequence[Half]) -> bool:
    return {half.volume for half in halves} == {half.volume for half in halves if half.usable}


def _facts(halves: Sequence[Half]) -> dict[str, FactValue]:
    """The facts of several halves; role, disk and state are those of the first that is not in sync."""
    facts: dict[str, FactValue] = {"in_sync": all(half.in_sync for half in halves), "compared": len(halves)}
    if not halves:
        return facts
    worst = next((half for half in halves if not half.in_sync), halves[0])
    peers: dict[str, int] = {}
    for half in halves:
        peers[half.peer] = peers.get(half.peer, 0) + half.pending
    facts |= {
        "pending": 1024 * min(max(peers.values()), _LARGEST),
        "role": one_line(f"{worst.role}/{worst.peer_role}", 80),
        "disk": one_line(f"{worst.disk}/{worst.peer_disk}", 80),
        "state": one_line(worst.state, 80),
    }
    if facts["in_sync"]:
        facts["behind"] = 0.0
    shares = [half.share for half in halves if half.share is not None]
    return facts | ({"progress": min(shares)} if shares else {})


def _halves(resource: dict[str, Any]) -> Iterator[Half]:
    disks = {one.get("volume"): _word(one, "disk-state") for one in _rows(resource.get("devices"))}
    for peer in _rows(resource.get("connections")):
        connection = _word(peer, "connection-state")
        for volume in _rows(peer.get("peer_devices")):
            if volume.get("peer-client") is True:
                continue  # diskless on purpose: not a half of a mirror
            state = _word(volume, "replication-state") if connection == "Connected" else connection
            yield Half(
                volume=volume["volume"] if type(volume.get("volume")) is int else 0,
                peer=_word(peer, "name"),
                role=_word(resource, "role"),
                peer_role=_word(peer, "peer-role"),
                state=state,
                disk=disks.get(volume.get("volume"), ""),
                peer_disk=_word(volume, "peer-disk-state"),
                pending=_kibibytes(volume.get("out-of-sync")),
                share=_share(volume.get("percent-in-sync")) if _RESYNC.match(state) else None,
            )


def _kibibytes(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise OurFault("drbdsetup gives no number for out-of-sync data")
    return min(value, _LARGEST)


def _share(value: Any) -> float | None:
    return min(max(value / 100, 0.0), 1.0) if type(value) in (int, float) else None


def _ratio(text: str) -> float | None:
    try:
        return min(float(text) / 100, 1.0)
    except ValueError:  # 1.2.3
        return None


def _word(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _rows(told: Any) -> list[dict[str, Any]]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
