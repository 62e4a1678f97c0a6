"""Debian's snmpd, and how to wait for an agent that speaks nothing but UDP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time

from tests.ports import free_port
from tests.probes.servers import Asked, Stood, debian
from tests.probes.wires import ask, said
from tests.yardstick import PATIENCE
from watch.probes.wire.net.engines import close_all

AGAINST = debian("snmpd")
CANARY = "canary-privpass12"
SNMPD = """
agentaddress udp:127.0.0.1:{port},udp6:[::1]:{port}
rocommunity public 127.0.0.1
rocommunity6 public ::1
createUser des MD5 "authpass12" DES "{canary}"
createUser long SHA-512 "authpass12" AES-256 "{canary}"
createUser mid SHA-224 "authpass12" AES-192 "{canary}"
rouser des priv
rouser long priv
rouser mid priv
createUser mon SHA-256 "authpass12" AES "{canary}"
createUser plain SHA "authpass12"
rouser mon priv
rouser plain auth
"""


def wait_for(process, **options):
    """Wait until an agent answers."""

    async def answers():
        try:
            return said(await ask("snmp", **options, seconds=2))
        finally:
            await close_all()

    deadline = time.monotonic() + PATIENCE
    while asyncio.run(answers()) != ("up", "ok"):
        assert process.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it does not answer"


@contextlib.contextmanager
def running(*command, folder, env, **ready):
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, start_new_session=True, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", **env}
        )
    try:
        wait_for(process, **ready)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def snmpd(folder):
    """The agent, which tells of this machine; yields its process and its address."""
    port = free_port()
    (folder / "conf").write_text(SNMPD.format(port=port, canary=CANARY))
    command = [
        "/usr/sbin/snmpd",
        "-f",
        "-Lo",
        "-I",
        "-smux",
        "-C",
        "-c",
        folder / "conf",
        "-p",
        folder / "pid",
    ]
    env = {"SNMP_PERSISTENT_DIR": str(folder / "state"), "MIBS": ""}
    there = f"127.0.0.1:{port}"
    with running(*command, folder=folder, env=env, address=there) as process:
        yield process, there


@contextlib.contextmanager
def stand(site):
    with snmpd(site.folder) as (process, address):
        mon = {"user": "mon", "auth": "authpass12", "auth_method": "SHA-256", "privacy": CANARY}
        yield Stood(process, {"snmp": Asked({"address": address, **mon})})
