"""Binds an address, and explains why it cannot be bound."""

from __future__ import annotations

import errno
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from watch.errors import ListenError
from watch.web.quiet_server import Malformed, QuietServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)
_BACKLOG = 1024  # many visitors may connect at the same moment
_ALL_FAMILIES = "::"
_KEEP_ALIVE_S = 15.0
_DRAIN_S = 2.0  # for answers in flight at SIGTERM; the whole stop may take 5 s
_LISTENING = "0A"


Bound = tuple[str, int]


async def serve(
    app: web.Application | web.Server, host: str, port: int, *, setting: str = "listen.page"
) -> tuple[web.BaseRunner, Bound]:
    """Like `serve_all`, on one address."""
    runner, (bound,) = await serve_all(app, [(host, port)], setting=setting)
    return runner, bound


async def serve_all(
    app: web.Application | web.Server, addresses: Sequence[Bound], *, setting: str = "listen.page"
) -> tuple[web.BaseRunner, list[Bound]]:
    """Serve *app* on every (host, port) (0: any free port); return the runner and what each was bound to.

    The host ``::`` serves IPv4 as well as IPv6.

    Args:
        setting: The key in checks.yaml that names the addresses, for the error.

    Raises `ListenError`. Stop with ``await runner.cleanup()``.
    """
    runner, bound = _runner(app), []
    await runner.setup()
    for host, port in addresses:
        before = len(runner.addresses)
        try:
            await _site(runner, host, port).start()
        except (OSError, OverflowError) as trouble:
            await runner.cleanup()
            raise ListenError(_explained(trouble, host, port, setting)) from trouble
        address = runner.addresses[before]
        bound.append((str(address[0]), int(address[1])))
    return runner, bound


def _site(runner: web.BaseRunner, host: str, port: int) -> web.BaseSite:
    if host != _ALL_FAMILIES:
        return web.TCPSite(runner, host, port, reuse_address=True, backlog=_BACKLOG)
    # The event loop would make the socket serve IPv6 only, whatever the system's default is.
    both = socket.create_server(
        (host, port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=socket.has_dualstack_ipv6()
    )
    return web.SockSite(runner, both, backlog=_BACKLOG)


def _runner(app: web.Application | web.Server) -> web.BaseRunner:
    if isinstance(app, web.Application):
        return operators_runner(app)
    return web.ServerRunner(app, shutdown_timeout=_DRAIN_S)


def operators_runner(app: web.Application, keep_alive_s: float = _KEEP_ALIVE_S) -> web.AppRunner:
    """A runner of *app* that closes a connection idle or unread for *keep_alive_s*."""
    return _Operators(app, shutdown_timeout=_DRAIN_S, keepalive_timeout=keep_alive_s)


class _Operators(web.AppRunner):
    """Runs an application with our answers to malformed requests."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return QuietServer(
            made.request_handler,
            Malformed(log, "operators' listener", logging.WARNING),
            request_factory=made.request_factory,
            access_log=None,
            keepalive_timeout=self._kwargs["keepalive_timeout"],
            lingering_time=1.0,
            auto_decompress=False,
        )


def unavailable(host: str, port: int, setting: str) -> tuple[str, str] | None:
    """Why *host*:*port* cannot be listened on now, and what to do; None when it can. It is bound for a moment."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as there:
                there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family is socket.AF_INET6:
                    there.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                there.bind(address)
                there.listen(1)  # without it, an address that another program listens on may be bound
    except (OSError, OverflowError) as trouble:
        return _why(trouble, host, port, setting)
    return None


def _explained(trouble: Exception, host: str, port: int, setting: str) -> str:
    """The error message: what is wrong with the address, and what to do."""
    return "; ".join(_why(trouble, host, port, setting)) + "."


def _why(trouble: Exception, host: str, port: int, setting: str) -> tuple[str, str]:
    """What is wrong with the address, and what to do."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    code = trouble.errno if isinstance(trouble, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"{where} is taken by another program{_owner(port)}",
            f"stop it or set {setting} to a free address",
        )
    if code == errno.EACCES:
        wrong = f"{where} needs a privilege, as ports below 1024 do"
        return wrong, f"set {setting} to a higher port, such as 8080"
    if code == errno.EADDRNOTAVAIL:
        wrong = f"{where} is not an address of this machine"
        return wrong, f"set {setting} to one of its addresses, such as 127.0.0.1"
    if isinstance(trouble, socket.gaierror):
        wrong = f"{where}: the name {host!r} has no address"
        return wrong, f"set {setting} to an IP address, such as 127.0.0.1"
    return f"{where} cannot be bound ({trouble})", f"set {setting} to another address"


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
