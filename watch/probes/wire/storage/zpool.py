"""The state of a pool, from ``zpool status -p``.

The text is parsed, because every version of ZFS writes it::

      pool: tank
     state: DEGRADED
      scan: scrub repaired 0B in 00:12:08 with 0 errors on Sun Nov  8 00:36:09 2026
    config:

            NAME        STATE     READ WRITE CKSUM
            tank        DEGRADED     0     0     0
              mirror-0  DEGRADED     0     0     0
                sda     ONLINE       0     0     0
                sdb     FAULTED      3     0     0  too many errors
            spares
              sdc       AVAIL

    errors: No known data errors

The JSON output is recent (2.3), and most machines do not have it. Times are in the time zone of the process:
run it in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_GOOD = frozenset(("ONLINE", "AVAIL", "INUSE"))
_FIELD = re.compile(r"^ *(pool|state|status|action|see|scan|config|errors|remove|checkpoint): ?(.*)$")
_ROW = re.compile(r"^(?P<indent>[\t ]+)(?P<name>\S+)(?:\s+(?P<state>[A-Z]+)(?P<rest>.*))?$")
_ENDED = re.compile(
    r"(?P<what>scrub repaired|resilvered) .*? with (?P<errors>\d+) errors on "
    r"\w{3} (?P<on>\w{3} +\d+ \d\d:\d\d:\d\d \d{4})"
)
_DONE = re.compile(r"([\d.]+)% done")
_LOST = re.compile(r"(\d+) data errors")
_GROUP = re.compile(r"(mirror|raidz\d?|draid\S*|replacing|spare|indirect)-\d+$")


class Device(NamedTuple):
    """A row of the configuration: a disk, or a group. *errors*: read, write and checksum, in total."""

    name: str
    state: str
    errors: int
    group: bool


class Pool(NamedTuple):
    """A pool. *scrubbed*: when its last scrub ended; *progress*: of the running scrub or resilver."""

    name: str
    state: str
    devices: tuple[Device, ...]
    data_errors: int
    scrubbed: datetime | None
    scrub_errors: int | None
    action: str
    progress: float | None

    @property
    def failed(self) -> list[str]:
        """The disks that do not work."""
        return [one.name for one in self.devices if not one.group and one.state not in _GOOD]


def pools(status: str) -> list[Pool]:
    """The pools in the text of ``zpool status -p``."""
    return [_pool(section) for section in re.split(r"^(?= *pool: )", status, flags=re.MULTILINE)[1:]]


def _pool(section: str) -> Pool:
    fields = _fields(section)
    scan = fields.get("scan", "")
    ended, done, lost = _ENDED.search(scan), _DONE.search(scan), _LOST.search(fields.get("errors", ""))
    scrub = ended if ended and ended["what"].startswith("scrub") else None
    busy = re.match(r"(scrub|resilver) in progress", scan)
    nothing = fields.get("errors", "").startswith("No known") or not fields.get("errors")
    name = fields.get("pool", "")
    return Pool(
        name=name,
        state=fields.get("state", ""),
        devices=tuple(_devices(name, fields.get("config", ""))),
        # "Permanent errors have been detected in the following files": a line each.
        data_errors=int(lost[1]) if lost else 0 if nothing else max(1, fields["errors"].count("\n")),
        scrubbed=_instant(scrub["on"]) if scrub else None,
        scrub_errors=int(scrub["errors"]) if scrub else None,
        action=busy[1] if busy else "",
        progress=float(done[1]) / 100 if busy and done else None,
    )


def _fields(section: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if (match := _FIELD.match(line)) and match[1] not in fields:
            name = match[1]
            fields[name] = match[2]
        elif name and line.strip():
            fields[name] += "\n" + line
    return fields


def _devices(pool: str, config: str) -> Iterator[Device]:
    for line in config.splitlines():
        row = _ROW.match(line)
        if row is None or row["state"] is None or row["name"] in ("NAME", pool):
            continue  # a heading: logs, cache, spares
        counts = [int(word) for word in row["rest"].split()[:3] if word.isdecimal()]
        yield Device(row["name"], row["state"], sum(counts), bool(_GROUP.match(row["name"])))


def _instant(text: str) -> datetime:
    return datetime.strptime(" ".join(text.split()), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
