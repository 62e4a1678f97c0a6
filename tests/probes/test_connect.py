"""Connecting a socket: it ends with a connection or an errno, and leaves nothing with the loop."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from watch.probes.wire.net.connect import connect


def bound(family: socket.AddressFamily, host: str, backlog: int | None) -> socket.socket:
    """A socket at a port of its own; it listens unless *backlog* is None."""
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((host, 0))
    if backlog is not None:
        server.listen(backlog)
    return server


def caller(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_a_listening_port_is_connected_to(family, host):
    with bound(family, host, 8) as server, caller(family) as sock:
        port = server.getsockname()[1]
        await connect(sock, host, port)
        assert sock.getpeername()[:2] == (host, port)


async def test_a_refused_connection_has_the_errno_of_the_refusal():
    with bound(socket.AF_INET, "127.0.0.1", None) as server, caller() as sock:
        with pytest.raises(OSError, match="refused") as failure:
            await connect(sock, "127.0.0.1", server.getsockname()[1])
        assert failure.value.errno == errno.ECONNREFUSED


async def test_what_cannot_be_tried_fails_with_its_errno():
    with caller() as sock:
        with pytest.raises(OSError, match=r"Network is unreachable|Permission denied") as failure:
            await connect(sock, "255.255.255.255", 9)
        assert failure.value.errno in (errno.ENETUNREACH, errno.EACCES)


async def test_a_connection_that_is_cancelled_leaves_nothing_with_the_loop():
    loop = asyncio.get_running_loop()
    with bound(socket.AF_INET, "127.0.0.1", 0) as server, caller() as sock, caller() as before:
        port = server.getsockname()[1]
        await connect(before, "127.0.0.1", port)  # nobody accepts it, so there is no room for another
        waiting = asyncio.create_task(connect(sock, "127.0.0.1", port))
        await asyncio.wait([waiting], timeout=0.05)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert not loop.remove_writer(sock.fileno())


async def test_hundreds_at_once_all_connect():
    with bound(socket.AF_INET, "127.0.0.1", 512) as server:
        port, callers = server.getsockname()[1], [caller() for _ in range(300)]
        await asyncio.gather(*(connect(sock, "127.0.0.1", port) for sock in callers))
        assert {sock.getpeername() for sock in callers} == {("127.0.0.1", port)}
        for sock in callers:
            sock.close()
