"""Connects a socket to an address.

`loop.sock_connect` first looks its address up as if it were a name, which costs more than all the rest of a check of a
port. We have looked names up before, so we connect at once.
"""

from __future__ import annotations

import asyncio
import os
import socket


async def connect(sock: socket.socket, ip: str, port: int) -> None:
    """Connect the non-blocking *sock*; raises `OSError` with the errno of the failure."""
    try:
        sock.connect((ip, port))
    except (BlockingIOError, InterruptedError):
        pass
    else:
        return
    loop, number = asyncio.get_running_loop(), sock.fileno()
    decided: asyncio.Future[None] = loop.create_future()
    loop.add_writer(number, _decide, decided)
    try:
        await decided
    finally:
        loop.remove_writer(number)
    if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))


def _decide(decided: asyncio.Future[None]) -> None:
    if not decided.done():
        decided.set_result(None)
