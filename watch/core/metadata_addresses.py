"""The addresses at which clouds hand out credentials: no check and no channel may reach them unasked.

A cloud's metadata service answers any program on the machine with the machine's own credentials. A check, a channel, a
redirect or a name that changed must not make us fetch them. This is the one list, for probes and for the sender.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_SERVICES = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # nearly all clouds
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
    )
)
_LINK_LOCAL = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))  # services for containers are here too
_NAT64 = ip_network("64:ff9b::/96")


@lru_cache(maxsize=8192)
def denied(ip: str) -> str:
    """What *ip* is, for a message, if it must not be reached: also when it is written as an IPv6 address; else empty.

    Args:
        ip: An address as text, with or without a scope (`fe80::1%eth0`).
    """
    found = _inner(ip_address(ip.partition("%")[0]))
    if found in _SERVICES:
        return "a cloud metadata address"
    return "a link-local address" if any(found in network for network in _LINK_LOCAL) else ""


def _inner(found: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for; itself if it stands for none."""
    if isinstance(found, IPv4Address):
        return found
    if found in _NAT64:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or found
