"""No server: what tools say of hardware that cannot be had, replayed by programs of a line."""

from __future__ import annotations

import contextlib
import json
import re

from tests.probes.fibre import Machine
from tests.probes.recordings import program
from tests.probes.servers import Asked, Stood, words

AGAINST = words("recorded output; never run against a real device")


PATHS = """\
mpatha|sdb|active|running|ready
mpatha|sdc|active|running|ghost
mpathb|sdd|active|running|ready
mpathb|sde|active|running|ready
mpathb|sdf|active|running|ready
[orphan]|sda|undef|running|undef
"""
MAPS = "mpatha|2\nmpathb|3\n"
ARRAYS = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0]
md1 : active raid5 sdd1[3](S) sdc1[2] sdb1[1] sda1[0]
      39060480 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/3] [UUU]
      bitmap: 0/1 pages [0KB], 65536KB chunk

md0 : active raid1 sdb2[1] sda2[0]
      104320 blocks [2/2] [UU]

unused devices: <none>
"""


def indented(text):
    """*text* with the tabs that zpool indents by."""
    return re.sub(r"^ {8}", "\t", text, flags=re.MULTILINE)


POOL = indented("""\
  pool: tank
 state: ONLINE
  scan: scrub repaired 0B in 00:12:08 with 0 errors on Sun Nov  8 00:36:09 2026
config:

        NAME                        STATE     READ WRITE CKSUM
        tank                        ONLINE       0     0     0
          mirror-0                  ONLINE       0     0     0
            ata-WDC_WD40EFRX-1      ONLINE       0     0     0
            ata-WDC_WD40EFRX-2      ONLINE       0     0     2
        logs
          nvme0n1p4                 ONLINE       0     0     0
        spares
          ata-WDC_WD40EFRX-3        AVAIL

errors: No known data errors
""")


def ata(*, passed=True, pending=0, reallocated=0, tested=True):
    rows = [(5, "Reallocated_Sector_Ct", reallocated), (9, "Power_On_Hours", 26_000)]
    rows += [
        (197, "Current_Pending_Sector", pending),
        (198, "Offline_Uncorrectable", 1),
        (199, "UDMA_CRC", 7),
    ]
    return json.dumps(
        {
            "smartctl": {"version": [7, 3], "exit_status": 0},
            "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"},
            "model_name": "WDC WD40EFRX-68N32N0",
            "smart_status": {"passed": passed},
            "ata_smart_attributes": {
                "table": [
                    {"id": n, "name": name, "value": 100, "raw": {"value": raw, "string": str(raw)}}
                    for n, name, raw in rows
                ]
            },
            "power_on_time": {"hours": 26_000},
            "temperature": {"current": 34},
            "ata_smart_error_log": {"summary": {"revision": 1, "count": 3}},
            "ata_smart_self_test_log": {
                "standard": {
                    "table": [{"status": {"value": 0, "passed": tested}}, {"status": {"passed": False}}]
                }
            },
        }
    )


def multipathd(folder, paths, maps=MAPS):
    """The path of a program that answers both questions, and notes what it was asked."""
    for name, out in (("paths", paths), ("maps", maps)):
        (folder / name).write_text(out)
    path = folder / "multipathd"
    path.write_text(f'#!/bin/sh\necho "$@" >> {folder}/arguments\nexec cat "{folder}/$2"\n')
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def stand(site):
    folder = site.folder
    (folder / "proc").mkdir()
    (folder / "proc" / "mdstat").write_text(ARRAYS)
    (folder / "list").write_text("tank\t1000\t250\t7\tONLINE\n")
    (folder / "status").write_text(POOL)
    zpool = folder / "zpool"
    zpool.write_text(f'#!/bin/sh\nexec cat "{folder}/$1"\n')
    zpool.chmod(0o755)
    smartctl = program(folder / "smartctl", ata())
    Machine(folder / "fc").port(0).port(1).seen(0, 0).seen(1, 0)
    yield Stood(
        None,
        {
            "fibrechannel": Asked({"port": "all", "root": str(folder / "fc")}),
            "multipath": Asked({"map": "all", "program": str(multipathd(folder, PATHS))}),
            "raid": Asked({"array": "all", "root": str(folder)}),
            "smart": Asked({"device": "/dev/sda", "program": smartctl}),
            "zfs": Asked({"pool": "tank", "program": str(zpool)}),
        },
    )
