"""Recorded SNMP devices for the tests: how they are replayed, and asked."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from tests.ports import free_port
from tests.probes import devices
from tests.probes.servers.snmpd import running
from tests.probes.wires import ask
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.snmp import SnmpProbe

# A simulator refuses root; nobody may still read what the tests have written for it.
AS_NOBODY = [
    "/usr/bin/setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
]


@contextlib.contextmanager
def replaying(folder, recorded):
    """The address of a simulator that replays *recorded*, name → lines; the community says which."""
    port = free_port()
    (folder / "data").mkdir()
    for name, lines in recorded.items():
        (folder / "data" / f"{name}.snmprec").write_text(devices.recorded(lines))
    command = [
        *(AS_NOBODY if os.geteuid() == 0 else []),
        Path(sys.executable).parent / "snmpsim-command-responder",
        f"--data-dir={folder / 'data'}",
        f"--cache-dir={folder / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--log-level=error",
    ]
    there = f"127.0.0.1:{port}"
    env = {"HOME": str(folder), "TMPDIR": str(folder)}
    with running(*command, folder=folder, env=env, address=there, community=Secret(next(iter(recorded)))):
        yield there


def looking(there):
    """Return what asks a recorded device and judges it as a check would."""

    async def look(device, table=None, *, expect=(), warn=(), seconds=20, **options):
        judge = compile_judge(
            list(expect), list(warn), reference(SnmpProbe).facts, SnmpProbe.ASSUMED, SnmpProbe.WARNED
        )
        options |= {"community": Secret(device), "address": there}
        return await ask("snmp", table=table, judge=judge, seconds=seconds, **options)

    return look
