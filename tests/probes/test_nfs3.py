"""The nfs probe in version 3, which needs a portmapper on port 111: nfs-ganesha and rpcbind in a network of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.probes.test_nfs import server, words
from tests.probes.wires import ask, said, serving
from watch.core.reading import ProbeFailure
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import Place
from watch.probes.wire.shares.nfs3 import _mounted, _port_of_mounts
from watch.probes.wire.shares.rpc import Calls

pytestmark = pytest.mark.xdist_group("ganesha")

# Ganesha wants an address that is not of the loopback before it believes in IPv4; rpcbind wants its folder in /run.
# Now and then Ganesha hangs in its start for ever: then it is started anew.
SERVE = """
mount -t tmpfs none /run && mkdir /run/rpcbind && ip link set lo up && ip address add 10.9.9.9/32 dev lo || exit 1
rpcbind -f &
until (echo > /dev/tcp/127.0.0.1/111) 2>&-; do sleep 0.1; done
for try in 1 2 3 4 5; do
  /usr/bin/ganesha.nfsd -F -f "$0/conf" -L "$0/log" -p "$0/pid" & server=$!
  for n in $(seq 200); do (echo > /dev/tcp/127.0.0.1/2049) 2>&- && echo ready && wait; kill -0 $server || break; sleep 0.1; done
  kill -9 $server; rm -f "$0/pid"
done
exit 1
"""
CONFIG = """
NFS_CORE_PARAM {{ NFS_Port=2049; MNT_Port=20048; Bind_addr=127.0.0.1; Protocols=3,4; Enable_NLM=false;
  Enable_RQUOTA=false; Enable_UDP=false; }}
NFSV4 {{ Graceless=true; RecoveryRoot={folder}; }}
EXPORT {{ Export_Id=1; Path={folder}/exp; Pseudo=/exp; Access_Type=RO; Squash=No_Root_Squash; SecType=sys;
  Protocols=3; Transports=TCP; FSAL {{ Name=VFS; }} }}
"""
ASK = """
import asyncio, json, sys
from tests.probes.wires import ask
reading = asyncio.run(ask("nfs", **json.loads(sys.argv[1])))
print(json.dumps([reading.verdict, reading.reason, reading.detail, dict(reading.facts)]))
"""


@pytest.fixture(scope="session")
def nas(tmp_path_factory):
    """A function that asks the server from inside its network, and the folder that is served."""
    folder = tmp_path_factory.mktemp("nfs3")
    (folder / "exp" / "inner").mkdir(parents=True)
    (folder / "conf").write_text(CONFIG.format(folder=folder))
    program = ["/usr/bin/unshare", "-nm", "/bin/bash", "-c", SERVE, str(folder)]
    process = subprocess.Popen(program, start_new_session=True, stdout=subprocess.PIPE, text=True)

    def asked(**options):
        enter = ["/usr/bin/nsenter", "--target", str(process.pid), "--net", sys.executable, "-c", ASK]
        told = subprocess.run(
            [*enter, json.dumps(options)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        return json.loads(told.stdout)

    try:
        assert process.stdout.readline() == "ready\n", "the server did not start"
        yield asked, folder / "exp"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("below", ["", "/inner"])
def test_a_folder_that_is_served_is_up_with_its_room(nas, below):
    asked, folder = nas
    verdict, reason, detail, facts = asked(server="127.0.0.1", path=f"{folder}{below}", version="3")
    assert (verdict, reason) == ("up", "ok"), detail
    room = shutil.disk_usage(folder)
    assert facts["total"] == room.total
    assert facts["available"] == pytest.approx(room.free, rel=0.05)
    assert 0 < facts["inodes.free"] <= 1
    assert facts["address"] == "127.0.0.1:2049"


def test_a_folder_that_is_not_served_is_not_for_us(nas):
    verdict, reason, detail, _ = nas[0](server="127.0.0.1", path="/nowhere", version="3")
    assert (verdict, reason) == ("down", "auth")
    assert detail.startswith("/nowhere is denied to us")


async def test_a_server_without_a_mount_service_is_down_and_says_where_it_asked():
    async with serving(server(words(1, 0, 0, 0, 0))) as port:
        reading = await ask("nfs", server=f"127.0.0.1:{port}", version="3")
    # The machine of whoever runs this may have a portmapper.
    assert said(reading) in (("down", "refused"), ("down", "missing"))
    assert "127.0.0.1:111" in reading.detail


async def told(step, *replies):
    """Return what *step* makes of a service that answers so."""
    async with serving(server(*replies)) as port:
        with await dial(Place("127.0.0.1", port), family="any", metadata=False) as line:
            try:
                return await step(line)
            except ProbeFailure as failure:
                return failure.reason.value


async def mounted(line):
    return await _mounted(Calls(line, 100005, 3), "/exp", words(0, 0))


OK = words(1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        (_port_of_mounts, OK + words(20048), 20048),
        (_port_of_mounts, OK + words(0), "missing"),
        (_port_of_mounts, OK + words(70000), "missing"),
        (_port_of_mounts, OK, "protocol"),
        (mounted, OK + words(0, 4) + b"hand", b"hand"),
        (mounted, OK + words(2), "missing"),
        (mounted, OK + words(13), "auth"),
        (mounted, OK + words(0, 0), "protocol"),
        (mounted, OK + words(0, 99) + bytes(100), "protocol"),
        (mounted, OK + words(0, 4), "protocol"),
    ],
)
async def test_what_the_services_on_the_way_say_has_its_reason(step, reply, expected):
    assert await told(step, reply) == expected
