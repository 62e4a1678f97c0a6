"""Binds an address, and explains why it cannot be bound."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from watch.ports import ListenError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BACKLOG = 1024  # many visitors may connect at the same moment
_DRAIN_S = 2.0  # for answers in flight at SIGTERM; the whole stop may take 5 s
_LISTENING = "0A"


async def serve(
    app: web.Application | web.Server, host: str, port: int, *, setting: str = "listen.page"
) -> tuple[web.BaseRunner, tuple[str, int]]:
    """Serve *app* on *host*:*port* (0: any free port) and return the runner and the bound address.

    Args:
        setting: The key in checks.yaml that names the address, for the error.

    Raises `ListenError`. Stop with ``await runner.cleanup()``.
    """
    runner = _runner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True, backlog=_BACKLOG).start()
    except (OSError, OverflowError) as trouble:
        await runner.cleanup()
        raise ListenError(_explained(trouble, host, port, setting)) from trouble
    address = runner.addresses[0]
    return runner, (str(address[0]), int(address[1]))


def _runner(app: web.Application | web.Server) -> web.BaseRunner:
    if isinstance(app, web.Application):
        return web.AppRunner(app, access_log=None, keepalive_timeout=15.0, shutdown_timeout=_DRAIN_S)
    return web.ServerRunner(app, shutdown_timeout=_DRAIN_S)


def _explained(trouble: Exception, host: str, port: int, setting: str) -> str:
    """The error message: what is wrong with the address, and what to do."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    code = trouble.errno if isinstance(trouble, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"{where} is taken by another program{_owner(port)}; stop it or set {setting} to a free address."
        )
    if code == errno.EACCES:
        return f"{where} needs a privilege, as ports below 1024 do; set {setting} to a higher port, such as 8080."
    if code == errno.EADDRNOTAVAIL:
        return f"{where} is not an address of this machine; set {setting} to one of its addresses, such as 127.0.0.1."
    if isinstance(trouble, socket.gaierror):
        return (
            f"{where}: the name {host!r} has no address; set {setting} to an IP address, such as 127.0.0.1."
        )
    return f"{where} cannot be bound ({trouble}); set {setting} to another address."


def _owner(port: int) -> str:
    """`` (pid 4242, nginx)`` where the system shows it, else empty."""
    sockets = set(_listeners(port))
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(fd.readlink()) in sockets:
                process = fd.parent.parent
                return f" (pid {process.name}, {(process / 'comm').read_text().strip()})"
        except OSError:  # the process has ended, or we may not look at it
            continue
    return ""


def _listeners(port: int) -> Iterator[str]:
    """The sockets that listen on *port*, named like their links under /proc."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{row[9]}]"


def spelled(host: str, port: int) -> str:
    """An address as URLs have it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
