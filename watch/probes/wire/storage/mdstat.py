"""The kernel's md arrays, from /proc/mdstat and /sys/block/*/md.

In mdstat each array has a paragraph (`md(4)`)::

    md0 : active raid1 sdb1[1](F) sda1[0]
          104320 blocks [2/1] [U_]
          [=>...................]  recovery =  8.1% (251596/3068288) finish=6.7min speed=6963K/sec
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# broken: no redundancy, and a member is lost
_HEAD = re.compile(r"^(?P<name>\S+) : (?P<state>active|broken|inactive)(?P<rest>.*)$")
# A container of BIOS RAID (imsm, ddf); for an array in it, a slash follows.
_CONTAINER = re.compile(r"\bsuper external:[^/\s]")
_MEMBER = re.compile(r"(?P<name>\S+?)\[\d+\](?P<flags>(?:\([A-Z]\))*)")
_WANTED = re.compile(r"\[(\d+)/(\d+)\]")
_BUSY = re.compile(r"\b(?P<action>resync|recovery|check|reshape|repair)\s*=\s*(?P<rest>\S+)")
_FINISH = re.compile(r"finish=([\d.]+)min")
_FILES = ("degraded", "mismatch_cnt", "array_state")
_LEVEL = re.compile(r"\b(raid(?:1|4|5|6|10))\b")
_BEARS = {"raid4": 1, "raid5": 1, "raid6": 2}
_MAP = re.compile(r"\[([U_]+)\]")
_NEAR = re.compile(r"\b(\d{1,3}) near-copies\b")


class Array(NamedTuple):
    """One array. *active*: it runs, and its level tolerates the missing members.

    *missing* counts members that are not in sync; *left* is in seconds.
    """

    name: str
    active: bool
    failed: tuple[str, ...]
    spares: int
    missing: int
    action: str
    progress: float | None
    left: float | None


class Sums(NamedTuple):
    """The sums of sysfs, over all arrays."""

    degraded: int
    mismatches: int
    states: frozenset[str]


def arrays(mdstat: str) -> list[Array]:
    """The arrays in the text of /proc/mdstat, without containers, which only hold the disks of other arrays."""
    found = list(_paragraphs(mdstat))
    return [_array(paragraph) for paragraph in found if not _CONTAINER.search("\n".join(paragraph[1:]))]


def _paragraphs(mdstat: str) -> Iterator[list[str]]:
    paragraph: list[str] = []
    for line in mdstat.splitlines():
        if _HEAD.match(line):
            if paragraph:
                yield paragraph
            paragraph = [line]
        elif paragraph and line[:1].isspace():
            paragraph.append(line)
        elif line and paragraph:  # "unused devices: <none>" ends the last
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _array(paragraph: list[str]) -> Array:
    head = _HEAD.match(paragraph[0])
    assert head is not None
    body = "\n".join(paragraph[1:])
    members = [(m["name"], m["flags"]) for m in _MEMBER.finditer(head["rest"])]
    wanted = _WANTED.search(body)
    busy, finish = _BUSY.search(body), _FINISH.search(body)
    share = busy["rest"].rstrip("%") if busy else ""
    return Array(
        name=head["name"],
        active=head["state"] == "active" and not _lost(head["rest"], body),
        failed=tuple(name for name, flags in members if "(F)" in flags),
        spares=sum("(S)" in flags for _, flags in members),
        missing=max(0, int(wanted[1]) - int(wanted[2])) if wanted else 0,
        action=busy["action"] if busy else "",
        progress=float(share) / 100 if re.fullmatch(r"\d+(\.\d+)?", share) else None,  # or DELAYED, PENDING
        left=60 * float(finish[1]) if finish else None,
    )


def _lost(rest: str, body: str) -> bool:
    """Whether more members are missing than the level tolerates; older kernels still call such an array active."""
    level, wanted = _LEVEL.search(rest), _WANTED.search(body)
    if not level or not wanted:
        return False
    whole, there = int(wanted[1]), int(wanted[2])
    if level[1] == "raid10":  # the copies of a block are on neighbours: they must not all be lost
        near, standing = _NEAR.search(body), _MAP.search(body)
        copies = int(near[1]) if near else 0
        if copies and standing and whole % copies == 0:
            groups = (standing[1][at : at + copies] for at in range(0, len(standing[1]), copies))
            return any("U" not in group for group in groups)
    return there < max(1, whole - _BEARS.get(level[1], whole))


def settings(root: Path, names: Sequence[str]) -> list[str]:
    """The files of sysfs that `sums` reads; some do not exist for arrays without redundancy."""
    return [str(root / "sys/block" / name / "md" / file) for name in names for file in _FILES]


def sums(lines: str) -> Sums:
    """The sums, from the output of ``grep -H`` for those files: ``/sys/block/md0/md/degraded:1``."""
    told = [line.rpartition("/")[2].partition(":")[::2] for line in lines.splitlines()]

    def total(file: str) -> int:
        return sum(int(value) for name, value in told if name == file and value.strip().isdecimal())

    states = frozenset(value.strip() for name, value in told if name == "array_state" and value.strip())
    return Sums(total("degraded"), total("mismatch_cnt"), states)
