"""Ports for servers that must be told theirs.

Below the system's ephemeral range (32768 and up), or the port of a server that a test has killed could become the
near end of somebody's connection before the server is back. Free means free for TCP and UDP: a DNS server wants both.
"""

from __future__ import annotations

import random
import socket

_RANGE = range(15_000, 32_000)


def free_port() -> int:
    """A port of the loopback that nothing holds."""
    while True:
        port = random.choice(_RANGE)
        if _free(port, socket.SOCK_STREAM) and _free(port, socket.SOCK_DGRAM):
            return port


def _free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
