"""How `via:` is obeyed: source address, interface, resolver, proxy and pinned address of a run.

`via:` holds for everything that a run does, wherever in the kinds a socket is opened. So it is set around the
run (`by`), and the code that opens sockets looks it up: `located` for the address, `depart` for the socket,
`proxy` for the proxy. It is carried by a context variable: each run is a task of its own, and the tasks that it
starts inherit it. Checks without `via` pay nothing.

A pinned address holds only for the target; other hosts, after a redirect, and a proxy are looked up as usual.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
from contextvars import ContextVar
from typing import TYPE_CHECKING

from watch.core.reading import OurFault
from watch.probes.wire.net.address import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.settings import Secret, Way

_BIND_ADDRESS_NO_PORT = (
    24  # Python has no name for it: the kernel picks the port when it knows the peer, so few ports suffice
)
_UNDER_WAY: ContextVar[tuple[Way, str] | None] = ContextVar("way", default=None)


@contextlib.contextmanager
def by(way: Way | None, host: str) -> Iterator[None]:
    """Obey *way* in here; *host* is the target, whose address it may pin."""
    if way is None:
        yield
        return
    token = _UNDER_WAY.set((way, host.strip("[]")))
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)


def current() -> Way | None:
    found = _UNDER_WAY.get()
    return None if found is None else found[0]


def proxy() -> Secret | None:
    """The proxy to use."""
    way = current()
    return None if way is None else way.proxy


def given(host: str, family: str) -> str | None:
    """The address of *host* without a lookup: the pinned one, or *host* itself; None for a name."""
    found = _UNDER_WAY.get()
    if found is not None and found[0].address is not None and host.strip("[]") == found[1]:
        return literal(found[0].address, family)
    return literal(host, family)


def narrowed(family: str) -> str:
    """*family*, or the family of our source address."""
    way = current()
    if family != "any" or way is None or way.source is None:
        return family
    return str(ipaddress.ip_address(way.source).version)


def depart(sock: socket.socket) -> None:
    """Bind *sock* to the source address and the interface of the way.

    Raises:
        OurFault: This machine has no such address or interface, or does not let us use it.
    """
    way = current()
    if way is None or (way.source is None and way.interface is None):
        return
    if way.source is not None and (":" in way.source) is not (sock.family == socket.AF_INET6):
        raise refused(way, errno.EAFNOSUPPORT)
    try:
        if way.interface is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, way.interface.encode() + b"\0")
        if way.source is not None:
            if sock.type & socket.SOCK_STREAM:
                sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            sock.bind((way.source, 0))
    except OSError as error:
        raise refused(way, error.errno or 0) from error


def refused(way: Way, code: int) -> OurFault:
    """The failure to bind as *way* says."""
    ends = [f"source {way.source}"] * (way.source is not None) + [f"interface {way.interface}"] * (
        way.interface is not None
    )
    why = {
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.ENODEV: "this machine has no such interface",
        errno.EPERM: "binding to an interface needs CAP_NET_RAW",
        errno.EAFNOSUPPORT: "the target's address is of the other family",
    }.get(code, os.strerror(code))
    return OurFault(f"cannot ask from {' and '.join(ends)}: {why}")
