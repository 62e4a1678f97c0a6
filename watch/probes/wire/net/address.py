"""Hosts and addresses: their spelling, and the cloud metadata addresses that a check must not ask.

What is written for a host is checked when the file is read. A URL, a login or a path there would be asked of a
nameserver, with its password, and shown. So it is refused, and not repeated in the message.

The metadata addresses of clouds (`core.metadata_addresses`) are refused in every spelling unless a check opts in.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache

from watch.core.metadata_addresses import denied
from watch.core.reading import OurFault, ProbeFailure, Reason

_ALONE = "write only the host, like db.example.org or 192.0.2.7"
_ASCII = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


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


def family_of(ip: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def written(ip: str, port: int) -> str:
    """Return ``ip:port``, with brackets around an IPv6 address."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def admit(host: str, ip: str, *, first: bool) -> None:
    """Raise when *ip* is a metadata address. It is the operator's fault if the check names it, else the target's."""
    what = denied(ip)
    if not what:
        return
    if not first:
        raise ProbeFailure(Reason.PROTOCOL, f"redirects to {ip}, {what}")
    if literal(host, "any"):
        raise OurFault(f"{ip} is {what}: set `metadata: true` to ask it")
    raise ProbeFailure(Reason.DNS, f"the name {host} resolves to {ip}, {what}")
