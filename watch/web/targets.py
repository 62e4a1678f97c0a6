"""What a request is addressed to: its target, and the host that it names."""

from __future__ import annotations

import ipaddress
import re

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::[0-9]*)?")


def origin_form(target: str) -> str:
    """*target* without the scheme and the host that a request to a proxy has (RFC 9112 §3.2.2)."""
    if target.startswith("/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target
    rest = absolute["rest"]
    return rest if rest.startswith("/") else f"/{rest}"


def absolute_host(target: str) -> str | None:
    """The host and port in *target*; None when it names none."""
    absolute = None if target.startswith("/") else _ABSOLUTE.fullmatch(target)
    return None if absolute is None else absolute["host"]


def same_name(host: str, url: str) -> bool:
    """Whether *host*, perhaps with a port, is the name in *url*."""
    match, there = _HOST.fullmatch(host), absolute_host(url)
    named = None if there is None else _HOST.fullmatch(there.rpartition("@")[2])
    if match is None or named is None:
        return False
    return (match["v6"] or match["name"]).lower() == (named["v6"] or named["name"]).lower()


def loopback_name(host: str) -> bool:
    """Whether *host*, perhaps with a port, is ``localhost`` or an address of loopback."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    word = match["v6"] or match["name"].removesuffix(".")
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return word.lower() == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
