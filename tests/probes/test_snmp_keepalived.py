"""The table vrrp against real routers: two of keepalived's, in network namespaces of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.yardstick import PATIENCE

HERE = Path(__file__).parents[2]
# Two routers on one wire; ours has a second interface, whose wire ends nowhere.
NETWORK = """
set -e
mount -t tmpfs none /run
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
ip netns add other
ip link set lo up
ip link add wan0 type veth peer name wan1 netns other
ip link add lan0 type veth peer name lan1
ip addr add 10.8.0.1/24 dev wan0; ip addr add fd08::1/64 dev wan0 nodad; ip link set wan0 up
ip -n other addr add 10.8.0.2/24 dev wan1; ip -n other link set wan1 up; ip -n other link set lo up
ip addr add 10.8.1.1/24 dev lan0; ip link set lan0 up
exec "$@"
"""
SNMPD = """
agentaddress udp:127.0.0.1:16161
rocommunity public 127.0.0.1
master agentx
agentXSocket unix:/run/agentx
"""
# A group of version 2, one of version 3 over each kind of address; the one on lan0 has no link.
OURS = """
global_defs {
  enable_snmp_rfcv2
  enable_snmp_rfcv3
  vrrp_notify_fifo /run/fifo
}
vrrp_instance two { interface wan0
 virtual_router_id 51
 priority 100
 version 2
 virtual_ipaddress { 10.8.0.100/24 } }
vrrp_instance three { interface lan0
 virtual_router_id 52
 priority 100
 version 3
 virtual_ipaddress { 10.8.1.100/24 } }
vrrp_instance six { interface wan0
 virtual_router_id 53
 priority 100
 version 3
 virtual_ipaddress { fe80::5:53 } }
"""
THEIRS = """
vrrp_instance two { interface wan1
 virtual_router_id 51
 priority 200
 version 2
 virtual_ipaddress { 10.8.0.100/24 } }
"""
ASK = """
import asyncio, json, os, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.probes.agents import looking
from tests.probes.servers.snmpd import wait_for
from watch.probes.wire.net.engines import close_all

run, files = Path("/run"), json.loads(sys.argv[2])
for name, text in files.items():
    (run / name).write_text(text)
os.mkfifo("/run/fifo")
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

def start(*command):
    return subprocess.Popen(command, **quiet)

def keepalived(name, *more):
    config, pids = (str(run / name), (f"--pid={run / name}.pid", f"--vrrp_pid={run / name}.vrrp"))
    return ["/usr/sbin/keepalived", "--dont-fork", "--vrrp", f"--use-file={config}", *pids, *more]

async def show(expect, **options):
    reading = await looking("127.0.0.1:16161")("public", "vrrp", expect=expect, **options)
    print(json.dumps([reading.verdict, reading.reason, dict(reading.facts)]))
    await close_all()

os.environ |= {"SNMP_PERSISTENT_DIR": "/run/state", "MIBS": ""}
agent = start("/usr/sbin/snmpd", "-f", "-Lo", "-I", "-smux", "-C", "-c", "/run/snmpd", "-p", "/run/agent.pid")
wait_for(agent, address="127.0.0.1:16161")
asyncio.run(show([]))
start(*keepalived("ours", "--snmp", "--snmp-agent-socket=unix:/run/agentx"))
fifo = open("/run/fifo")

def until(*words):
    wanted = set(words)
    for line in fifo:
        wanted -= {word for word in wanted if word in line}
        if not wanted:
            return

until('"two" MASTER', '"six" MASTER')
asyncio.run(show(['role == "master"'], only=" on wan0"))
asyncio.run(show([]))
asyncio.run(show([], only="^group 52 "))
start("/usr/bin/ip", "netns", "exec", "other", *keepalived("theirs"))
until('"two" BACKUP')
asyncio.run(show(['role == "master"'], only="^group 51 "))
asyncio.run(show([], only="^group 53 .*IPv6"))
"""


def test_a_router_is_master_until_a_better_one_comes():
    shell = ["/usr/bin/unshare", "-nmpf", "--mount-proc", "--kill-child", "/bin/sh", "-c", NETWORK, "sh"]
    files = json.dumps({"snmpd": SNMPD, "ours": OURS, "theirs": THEIRS})
    done = subprocess.run(
        [*shell, sys.executable, "-c", ASK, str(HERE), files],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, working, whole, cut, waiting, other = [json.loads(line) for line in done.stdout.splitlines()]
    assert before[:2] == ["down", "missing"]
    assert working[:2] == ["up", "ok"]
    assert (working[2]["rows"], working[2]["up"], working[2]["role"]) == (2, 2, "master")
    assert whole[:2] == ["degraded", "expectation"]
    assert (whole[2]["rows"], whole[2]["failed.names"]) == (3, "group 52 on lan0")
    assert cut[:2] == ["down", "expectation"]
    assert (cut[2]["rows"], cut[2]["up"]) == (1, 0)
    assert waiting[:2] == ["down", "expectation"]
    assert (waiting[2]["role"], waiting[2]["failed"]) == ("backup", 0)
    assert other[:2] == ["up", "ok"]
