"""How many connections each visitor of the page has: `MOST` at most, so that one cannot take all others' places.

A visitor is an IPv4 address, or the /64 network of an IPv6 address, all of which one household or machine has. Behind a
reverse proxy that is trusted, it is the last address in `X-Forwarded-For` that is no trusted proxy's: addresses before
it may be made up. A connection of a proxy belongs to the visitor of its latest request.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.settings import Network

MOST = 200
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Visitors:
    """The connections of all visitors.

    Args:
        trusted: The networks of trusted proxies.
    """

    def __init__(self, trusted: Sequence[Network] = (), most: int = MOST) -> None:
        self._trusted, self._most = tuple(trusted), most
        self._connections: Counter[str] = Counter()

    def arrived(self, host: str) -> Visit:
        """A new connection from the address *host*."""
        address = _address(host)
        if address is None:  # not TCP
            return Visit(self, None, proxy=False)
        return Visit(self, address, proxy=self.trusts(address))

    def trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def visitor(self, forwarded: str, proxy: Address) -> Address:
        """Who asks through *proxy*, by the `X-Forwarded-For` header *forwarded*."""
        found = proxy
        for hop in reversed(forwarded.split(",")):
            address = _address(_host(hop.strip()))
            if address is None:
                break
            found = address
            if not self.trusts(address):
                break
        return found

    def add(self, visitor: str) -> bool:
        """Count one more connection; False, and not counted, when *visitor* has as many as allowed."""
        if self._connections[visitor] >= self._most:
            return False
        self._connections[visitor] += 1
        return True

    def remove(self, visitor: str) -> None:
        self._connections[visitor] -= 1
        if not self._connections[visitor]:
            del self._connections[visitor]


class Visit:
    """One connection.

    Attributes:
        refused: Its visitor has too many connections.
        proxy: It comes from a trusted proxy: ask `forwarded` at each request.
    """

    __slots__ = ("_address", "_visitor", "_visitors", "proxy", "refused")

    def __init__(self, visitors: Visitors, address: Address | None, *, proxy: bool) -> None:
        self._visitors, self._address, self.proxy = visitors, address, proxy
        self._visitor: str | None = None
        self.refused = False
        if address is not None and not proxy:
            self._belong(_name(address))

    def forwarded(self, header: str) -> bool:
        """Attribute it to the visitor that *header*, `X-Forwarded-For`, names; False when that one has too many."""
        if self.proxy and self._address is not None:
            visitor = _name(self._visitors.visitor(header, self._address))
            if visitor != self._visitor:
                self.left()
                self._belong(visitor)
        return not self.refused

    def left(self) -> None:
        """The connection has ended."""
        if self._visitor is not None:
            self._visitors.remove(self._visitor)
            self._visitor = None

    def _belong(self, visitor: str) -> None:
        self.refused = not self._visitors.add(visitor)
        if not self.refused:
            self._visitor = visitor


def _address(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _host(hop: str) -> str:
    """The address in a hop such as ``192.0.2.1``, ``192.0.2.1:4711``, ``2001:db8::1`` or ``[2001:db8::1]:4711``."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _name(address: Address) -> str:
    """What counts as one visitor."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
