"""Ports for servers that must be told theirs.

Below the system's ephemeral range (32768 and up), or the port of a server that a test has killed could become the
near end of somebody's connection before the server is back. Free means free for TCP and UDP: a DNS server wants both.
"""

from __future__ import annotations

import os
import random
import socket

_RANGE = range(15_000, 32_000)
_WORKERS = 17
_mine: list[int] = []


def free_port() -> int:
    """A port of the loopback that nothing holds, and that this process has not lately given to somebody else.

    Each worker of the suite has a share of the range, so that two of them never give the same one either.
    """
    while True:
        if not _mine:
            _mine.extend(_shuffled())
        port = _mine.pop()
        if _free(port, socket.SOCK_STREAM) and _free(port, socket.SOCK_DGRAM):
            return port


def _shuffled() -> list[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    ours = list(_RANGE[worker % _WORKERS :: _WORKERS])
    random.shuffle(ours)
    return ours


def _free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
