"""chronyd, which serves this machine's time and leaves its clock alone."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time

from tests.ports import free_port
from tests.probes.daemons import USER, folder, running
from tests.probes.servers import Asked, Stood, debian
from tests.yardstick import PATIENCE

AGAINST = debian("chrony")
# -x: it never touches this machine's clock.
CONF = """
port {port}
cmdport 0
bindcmdaddress /
bindaddress 127.0.0.1
allow 127.0.0.1
user {user}
pidfile {dir}/pid
{local}
"""
PACKET = struct.Struct("!BBbbII4sQQQQ")


@contextlib.contextmanager
def chrony(local):
    port = free_port()
    with folder() as path:
        (path / "conf").write_text(CONF.format(port=port, user=USER.pw_name, dir=path, local=local))
        (path / "conf").chmod(0o644)
        program = ["/usr/sbin/chronyd", "-n", "-x", "-U", "-d", "-f", path / "conf"]
        with running(*program, places=[]) as process:
            until_answering(process, port)
            yield process, f"127.0.0.1:{port}"


def until_answering(process, port):
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.connect(("127.0.0.1", port))
            sock.send(PACKET.pack(0x23, 0, 0, 0, 0, 0, b"", 0, 0, 0, 1))
            if select.select([sock], [], [], 0.05)[0] and sock.recv(100):
                return
        assert process.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it does not answer"


@contextlib.contextmanager
def stand(site):
    with chrony("local stratum 3") as (process, address):
        question = PACKET.pack(0x23, 0, 0, 0, 0, 0, b"", 0, 0, 0, 1).hex()
        yield Stood(
            process,
            {"ntp": Asked(address), "udp": Asked({"address": address, "hexadecimal": question})},
        )
