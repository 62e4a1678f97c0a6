"""Runs checks in a process of ours that lacks something, and prints what they read: a line of JSON each.

    python -m tests.probes.starved descriptors|children checks.yaml
    unshare -n python -m tests.probes.starved ports          (asks a listener of its own)

A check is asked in a process forked for it, so that nothing is left of another one's run: *cold* at first, with no
engine made and nothing imported by a run before, and *warm*, after a run that lacked nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from tests.probes import peers
from watch.config import load
from watch.core.expect import Judge
from watch.probes import of_kind
from watch.vantage.prober import observe

COLD, WARM = (0, 1, 2, 4), (0, 1, 2, 3, 5, 8)  # free descriptors; imports take long
ROOM = 128


def read(check, loop, name, free):
    reading = loop.run_until_complete(
        observe(check.probe, check.judge, now=datetime.now(UTC), timeout=check.timeout)
    )
    told = [check.kind, name, free, reading.verdict.value, reading.reason.value, reading.detail]
    os.write(1, (json.dumps(told) + "\n").encode())


@contextlib.contextmanager
def only(free):
    """Leave the process *free* descriptors in here."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(it.name) for it in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + ROOM, before[1]))
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    for _ in range(free):
        os.close(taken.pop())
    try:
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def without_descriptors(check):
    for free in COLD if check.component == check.kind else ():
        with forked() as child:
            if child:
                loop = asyncio.new_event_loop()
                with only(free):
                    read(check, loop, "cold", free)
    with forked() as child:
        if child:
            loop = asyncio.new_event_loop()
            read(check, loop, "warm", ROOM)
            for free in WARM:
                with only(free):
                    read(check, loop, "warm", free)


def without_children(check):
    """After a run that lacked nothing, no process and no thread can be started.

    Root is exempt from that limit, so root becomes nobody.
    """
    with forked() as child:
        if child:
            loop = asyncio.new_event_loop()
            read(check, loop, "warm", ROOM)
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            read(check, loop, "warm", 0)


@contextlib.contextmanager
def forked():
    """True in a child process, which ends with the block; the parent waits for it."""
    pid = os.fork()
    if pid:
        yield False
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        return
    try:
        yield True
    except BaseException as error:  # noqa: BLE001 - a child must not go on as its parent would
        os.write(2, repr(error).encode())
        os._exit(1)
    os._exit(0)


def without_ports():
    """No local port is left: the machine (a network namespace of its own) has two, and both are bound."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("61000 61001")
    bound = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        for port in (50000, 61000, 61001):
            sock = socket.socket(socket.AF_INET, kind)
            sock.bind(("127.0.0.1", port))
            if kind == socket.SOCK_STREAM and port == 50000:
                sock.listen()
            bound.append(sock)
    loop = asyncio.new_event_loop()
    for kind in peers.speaking("tcp", "udp"):
        probe = of_kind(kind)(**peers.ALL[kind].at(50000))
        read(
            SimpleNamespace(probe=probe, judge=Judge(), kind=kind, timeout=timedelta(seconds=5)),
            loop,
            "cold",
            ROOM,
        )


if __name__ == "__main__":
    if sys.argv[1] == "ports":
        without_ports()
    else:
        lacks = {"descriptors": without_descriptors, "children": without_children}[sys.argv[1]]
        for each in load(Path(sys.argv[2]), environ=os.environ).settings.checks.values():
            lacks(each)
