"""Opens connections: directly to one address, or through the proxy in `via`."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net import proxied, way
from watch.probes.wire.net.address import admit, family_of, written
from watch.probes.wire.net.blame import cut_short, fault, of_errno
from watch.probes.wire.net.connect import connect
from watch.probes.wire.net.line import Line, Place
from watch.probes.wire.net.resolver import located

if TYPE_CHECKING:
    from watch.core.settings import Secret


async def dial(there: Place, *, family: str, metadata: bool) -> Line:
    """Return a connection to the one address that the name resolves to, as `via` says.

    Raises:
        ProbeFailure: The target did not accept it.
        OurFault: We could not try.
    """
    between = way.proxy()
    if between is not None:
        return await _through(between, there, family, metadata=metadata)
    phases = dict[str, float]()
    ip = await located(there.host, family=family, metadata=metadata, phases=phases)
    return await _dialled(ip, there.port, phases)


async def _dialled(ip: str, port: int, phases: dict[str, float]) -> Line:
    loop, where = asyncio.get_running_loop(), written(ip, port)
    began, sock = loop.time(), None
    try:
        sock = socket.socket(family_of(ip), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # Otherwise a command after a handshake waits 40 ms for the peer's delayed ACK.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        way.depart(sock)
        await connect(sock, ip, port)
    except BaseException as error:
        if sock is not None:
            sock.close()
        raise _unanswered(error, where, phases) from error
    phases["connect"] = loop.time() - began
    return Line(sock, where, phases)


async def _through(between: Secret, there: Place, family: str, *, metadata: bool) -> Line:
    """A connection through a proxy. A fault of the proxy is ours."""
    known = way.given(there.host, family)
    if known is not None and not metadata:
        admit(there.host, known, first=True)
    parts, phases = proxied.parts(between), dict[str, float]()
    loop = asyncio.get_running_loop()
    try:
        ip = await located(parts.hostname or "", family="any", metadata=True, phases=phases)
        line = await _dialled(ip, parts.port or proxied.PORTS[parts.scheme], phases)
    except asyncio.CancelledError as stop:
        raise cut_short(stop, OurFault("our proxy does not answer")) from stop
    except ProbeFailure as failure:
        raise OurFault(f"our proxy cannot be reached: {failure.detail}") from failure
    try:
        began = loop.time()
        await proxied.through(line, parts, Place(known or there.host, there.port))
    except BaseException:
        line.__exit__(None, None, None)
        raise
    line.where = written(there.host, there.port)
    phases["connect"] += loop.time() - began
    return line


def _unanswered(error: BaseException, where: str, phases: dict[str, float]) -> BaseException:
    if isinstance(error, asyncio.CancelledError):
        return cut_short(error, ProbeFailure(Reason.TIMEOUT, f"no connection to {where}", phases=phases))
    if isinstance(error, OSError) and error.errno:
        return of_errno(error.errno, where, phases)
    return fault(error) or error
