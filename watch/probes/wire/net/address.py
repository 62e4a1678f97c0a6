"""Hosts and addresses: their spelling, and the cloud metadata addresses that a check must not ask.

What is written for a host is checked when the file is read. A URL, a login or a path there would be asked of a
nameserver, with its password, and shown. So it is refused, and not repeated in the message.

A cloud's metadata address returns credentials to any program on the machine. A check, a redirect or a changed
name must not make us fetch them. They are refused in every spelling unless a check opts in.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache

from watch.core.reading import OurFault, ProbeFailure, Reason

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fd20:ce::254")
)
_ALONE = "write only the host, like db.example.org or 192.0.2.7"
_ASCII = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_host(text: str, alone: str = _ALONE) -> None:
    """Raise ValueError unless *text* can be a host: an address, or a name of letters, digits, - and _.

    Args:
        alone: What to write instead, for the message.
    """
    if "://" in text:
        raise ValueError(f"is a URL, not a host: {alone}")
    if "@" in text:
        raise ValueError(f"has a login in it: {alone}; a login has options of its own")
    if any(sign in text for sign in "/?#"):
        raise ValueError(f"has a path in it: {alone}")
    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if literal(bare, "any") is not None:
        return
    labels = bare.removesuffix(".").split(".")
    if len(bare) > 254 or not all(map(_is_label, labels)):
        raise ValueError(f"{text!r} is not a host: {alone}")
    if labels[-1].isdecimal():  # no domain is a number
        raise ValueError(f"{text!r} is not an IP address: {alone}")


def _is_label(text: str) -> bool:
    # Letters of other alphabets, with their marks, are checked when the name is encoded.
    return 0 < len(text) < 64 and all(
        char in _ASCII or (char > "\x7f" and char.isprintable()) for char in text
    )


@lru_cache(maxsize=8192)
def literal(host: str, family: str) -> str | None:
    """Return *host* as a canonical address, None if it is a name; `OurFault` if *family* forbids it."""
    try:
        found = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    if family not in ("any", str(found.version)):
        raise OurFault(f"family is {family}, but {found} is an IPv{found.version} address")
    return str(found)


@lru_cache(maxsize=8192)
def is_metadata(ip: str) -> bool:
    """Return whether *ip* is a cloud's metadata service, also when written as an IPv6 address."""
    found = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        else:
            found = found.ipv4_mapped or found.sixtofour or found
    return found in _METADATA


def family_of(ip: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def written(ip: str, port: int) -> str:
    """Return ``ip:port``, with brackets around an IPv6 address."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def admit(host: str, ip: str, *, first: bool) -> None:
    """Raise when *ip* is a metadata address. It is the operator's fault if the check names it, else the target's."""
    if not is_metadata(ip):
        return
    if not first:
        raise ProbeFailure(Reason.PROTOCOL, f"redirects to {ip}, a cloud metadata address")
    if literal(host, "any"):
        raise OurFault(f"{ip} is a cloud metadata address: set `metadata: true` to ask it")
    raise ProbeFailure(Reason.DNS, f"the name {host} resolves to {ip}, a cloud metadata address")
