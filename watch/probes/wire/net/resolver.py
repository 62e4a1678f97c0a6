"""Our own name lookup: asynchronous, timed, and able to tell a missing name from a dead resolver.

`getaddrinfo` blocks a thread, hides TTLs and gives the same error for a name that does not exist and for a
resolver that is dead. For us these are opposites (semantics §1): a name that does not exist is *down*; a
resolver of ours that does not answer is *unknown*. The rules:

1. Addresses, `localhost` and /etc/hosts need no lookup. Answers are cached for their TTL.
2. Otherwise the nameservers of /etc/resolv.conf are asked in order, twice, each time from a new random port.
3. NXDOMAIN, or no record of the family asked for: the target's fault.
4. Silence or SERVFAIL from all: if a nameserver answered anything within the last minute, or answers a question
   about the root now, it works, and the fault is the name's. If not, it is ours.
5. A question that we could not send (no descriptor, no port) proves nothing: then the fault is ours.

Only one address is dialled: the first of the answer. With `family: any` it is an IPv4 address if there is one,
because a machine without IPv6 would call every dual-stack target unreachable.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net.address import admit, family_of, written
from watch.probes.wire.net.blame import cut_short, of_errno
from watch.probes.wire.net.connect import connect
from watch.probes.wire.net.engines import shared
from watch.probes.wire.net.question import (
    AAAA,
    NO_SUCH_NAME,
    NS,
    OK,
    SERVER_FAILURE,
    A,
    Answer,
    answer,
    question,
)
from watch.probes.wire.net.system_names import Hosts, Servers
from watch.probes.wire.net.way import current, depart, given, narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watch.core.settings import Way

_KEPT = 4096  # names; the oldest is dropped first
_WAITS = (1.0, 2.0)  # seconds for an answer, in the first and the second round
_LATELY = 60.0
_KINDS = {"any": (A, AAAA), "4": (A,), "6": (AAAA,)}


async def address(host: str, family: str = "any") -> str:
    """The one address to dial for *host*.

    Raises:
        ProbeFailure: The DNS says that there is none.
        OurFault: Our own resolver does not work.
    """
    known = given(host, family)
    if known is not None:
        return known
    way = current()
    resolver = shared(Resolver) if way is None or way.resolver is None else shared(ByWay).of(way)
    return await resolver.address(host, narrowed(family))


async def located(host: str, *, family: str, metadata: bool, phases: dict[str, float]) -> str:
    """Like `address`; records the lookup time in *phases*, and refuses a cloud's metadata address."""
    ip = given(host, family)
    if ip is None:
        clock = asyncio.get_running_loop().time
        began = clock()
        ip = await address(host, family)
        phases["resolve"] = phases.get("resolve", 0.0) + clock() - began
    if not metadata:
        admit(host, ip, first=True)
    return ip


class ByWay:
    """The resolvers of checks with a `via` of their own."""

    def __init__(self) -> None:
        self._resolvers: dict[Way, Resolver] = {}

    def of(self, way: Way) -> Resolver:
        # Only the keys that matter for a lookup: a hundred pinned addresses share one nameserver.
        lookup = replace(way, proxy=None, address=None)
        if lookup not in self._resolvers:
            assert lookup.resolver is not None
            self._resolvers[lookup] = Resolver([lookup.resolver], leave=depart)
        return self._resolvers[lookup]

    def close(self) -> None:
        for one in self._resolvers.values():
            one.close()


class Resolver:
    """The resolver of this loop's checks, with its cache.

    Args:
        servers: (address, port) of the nameservers; None for those of /etc/resolv.conf.
        leave: Binds a socket as `via` says.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] | None = None,
        *,
        hosts: Path = Path("/etc/hosts"),
        conf: Path = Path("/etc/resolv.conf"),
        waits: Sequence[float] = _WAITS,
        leave: Callable[[socket.socket], None] = lambda _: None,
    ) -> None:
        self._servers = Servers(conf, servers)
        self._hosts = Hosts(hosts)
        self._waits, self._leave = waits, leave
        self._kept: dict[tuple[str, str], tuple[float, str]] = {}
        self._heard = float("-inf")

    def close(self) -> None:
        self._kept.clear()

    def first(self) -> tuple[str, int]:
        """Return the nameserver that is asked first, (address, port); `OurFault` when none is configured."""
        servers = self._servers.now()
        if not servers:
            raise OurFault("no nameserver is configured: name one in /etc/resolv.conf")
        return servers[0]

    async def address(self, host: str, family: str) -> str:
        loop, key = asyncio.get_running_loop(), (host, family)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > loop.time():
            return kept[1]
        known = self._hosts.address(host, family)
        if known is not None:
            return known
        try:
            ip, ttl = await self._lookup(host, family)
        except asyncio.CancelledError as stop:
            raise cut_short(stop, self._silent(host, self._alive(loop.time()))) from stop
        self._keep(key, ip, loop.time() + ttl)
        return ip

    def _keep(self, key: tuple[str, str], ip: str, until: float) -> None:
        self._kept.pop(key, None)
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (until, ip)

    async def _lookup(self, host: str, family: str) -> tuple[str, int]:
        exists = False
        for name in self._spellings(host):
            for kind in _KINDS[family]:
                found = await self._ask(host, name, kind)
                exists = exists or found.rcode == OK
                if found.ips:
                    return found.ips[0], found.ttl
            if exists:
                break
        if not exists:
            raise ProbeFailure(Reason.DNS, f"the name {host} does not exist")
        kinds = {"any": "no address", "4": "no IPv4 address", "6": "no IPv6 address"}
        raise ProbeFailure(Reason.DNS, f"the name {host} has {kinds[family]}")

    def _spellings(self, host: str) -> Iterator[str]:
        """*host* as the search list of resolv.conf completes it, in the order of resolv.conf(5)."""
        search, dots = self._servers.search()
        absolute = host.endswith(".") or host.count(".") >= dots
        if absolute:
            yield host
        if not host.endswith("."):
            yield from (f"{host}.{domain}" for domain in search)
        if not absolute:
            yield host

    async def _ask(self, host: str, name: str, kind: int) -> Answer:
        """The first conclusive answer of a nameserver."""
        self.first()
        servers = self._servers.now()
        failed: Answer | None = None
        unsent: OurFault | None = None
        for wait in self._waits:
            for server in servers:
                try:
                    found = await self._one(server, name, kind, wait)
                except OurFault as ours:
                    found, unsent = None, ours
                if found is not None and found.rcode in (OK, NO_SUCH_NAME):
                    self._heard = asyncio.get_running_loop().time()
                    return found
                failed = found or failed
        if unsent is not None:
            raise unsent
        if failed is not None and failed.rcode != SERVER_FAILURE:
            raise OurFault(f"our nameserver {servers[0][0]} refuses to answer us (rcode {failed.rcode})")
        alive = self._alive(asyncio.get_running_loop().time()) or await self._answers_for_the_root(servers)
        raise self._silent(host, alive, failed=failed is not None)

    def _alive(self, now: float) -> bool:
        return now - self._heard < _LATELY

    async def _answers_for_the_root(self, servers: Sequence[tuple[str, int]]) -> bool:
        for server in servers:
            found = await self._one(server, ".", NS, self._waits[0])
            if found is not None and found.rcode == OK:
                return True
        return False

    def _silent(self, host: str, alive: bool, *, failed: bool = False) -> ProbeFailure | OurFault:
        what = "fail (SERVFAIL)" if failed else "stay silent"
        if alive:
            return ProbeFailure(Reason.DNS, f"the nameservers {what} for {host}, but answer for other names")
        who = ", ".join(written(*server) for server in self._servers.now())
        return OurFault(f"our own nameservers {what} for every name: {who}")

    async def _one(self, server: tuple[str, int], name: str, kind: int, wait: float) -> Answer | None:
        """Return the answer of *server* within *wait* seconds, or None; `OurFault` when we could not ask it."""
        try:
            asked = question(secrets.randbelow(1 << 16), name, kind)
        except ValueError as error:
            raise ProbeFailure(Reason.DNS, str(error)) from error
        try:
            async with asyncio.timeout(wait):
                found = await _datagram(server, asked, self._leave)
                return await _stream(server, asked, self._leave) if found.truncated else found
        except (TimeoutError, EOFError):
            return None
        except OSError as error:
            blamed = of_errno(error.errno or 0, f"asking the nameserver {written(*server)}")
            if isinstance(blamed, OurFault):
                raise blamed from error
            return None


async def _datagram(server: tuple[str, int], asked: bytes, leave: Callable[[socket.socket], None]) -> Answer:
    loop = asyncio.get_running_loop()
    with socket.socket(family_of(server[0]), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        leave(sock)
        sock.connect(server)
        sock.send(asked)
        while True:  # ignore forged answers and wait for the true one
            found = answer(await loop.sock_recv(sock, 4096), asked)
            if found is not None:
                return found


async def _stream(server: tuple[str, int], asked: bytes, leave: Callable[[socket.socket], None]) -> Answer:
    loop = asyncio.get_running_loop()
    with socket.socket(family_of(server[0]), socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        leave(sock)
        await connect(sock, *server)
        await loop.sock_sendall(sock, len(asked).to_bytes(2, "big") + asked)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            chunk = await loop.sock_recv(sock, 65537)
            if not chunk:
                raise EOFError
            data += chunk
        found = answer(data[2:], asked)
        if found is None:
            raise EOFError
        return found
