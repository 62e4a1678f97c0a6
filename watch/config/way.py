"""The network path of a check, ``via: {source: 198.51.100.7}``. Several named paths make one check each."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.config.excerpt import masked
from watch.config.findings import Findings, quoted
from watch.config.mapping import Field, Fields, Record
from watch.config.node import Table, nothing
from watch.config.shape import Schema, Word
from watch.core.settings import Secret, Way

if TYPE_CHECKING:
    from watch.config.node import Node

_INTERFACE = re.compile(r"[^\s/\0]{1,15}")


def _ip(word: str) -> str:
    try:
        return str(ipaddress.ip_address(word.strip("[]")))
    except ValueError:
        raise ValueError(f"{masked(word)!r} is not an IP address: write one like 192.0.2.7") from None


def _interface(word: str) -> str:
    if not _INTERFACE.fullmatch(word):
        raise ValueError(f"{masked(word)!r} is not a network interface: write its name, like eth1")
    return word


def _nameserver(word: str) -> tuple[str, int]:
    from watch.probes.wire.net.line import place  # noqa: PLC0415 - few configurations name one

    try:
        found = place(word if word.count(":") < 2 or "[" in word else f"[{word}]", 53)
        return str(ipaddress.ip_address(found.host)), found.port
    except ValueError:
        raise ValueError(
            f"{masked(word)!r} is not the address of a nameserver: write its IP address, like 192.0.2.53"
        ) from None


def _proxy(word: str) -> Secret:
    from watch.probes.wire.net.proxied import parts  # noqa: PLC0415 - few configurations use a proxy

    parts(Secret(word))
    return Secret(word)


_TEXT: Schema = {"type": "string"}
WAY = Record(
    "`via`",
    {
        "source": Field(
            Word("an IP address like 192.0.2.7", _ip, "192.0.2.7", _TEXT),
            "The source address, one of this machine's.",
        ),
        "interface": Field(
            Word("a network interface like eth1", _interface, "eth1", _TEXT),
            "The network interface that packets leave by.",
        ),
        "resolver": Field(
            Word("a nameserver like 192.0.2.53", _nameserver, "192.0.2.53", _TEXT),
            "The nameserver that looks names up, instead of this machine's own.",
        ),
        "proxy": Field(
            Word("a proxy like socks5://192.0.2.9", _proxy, "http://192.0.2.9", _TEXT, secret=True),
            "The proxy to connect through, http:// or socks5://. If it fails, the reading is unknown.",
        ),
        "address": Field(
            Word("an IP address like 203.0.113.80", _ip, "203.0.113.80", _TEXT),
            "The target's address, instead of what DNS says: a CDN edge, or the origin.",
        ),
    },
    {
        "from": "write `source` for an address of this machine; `from` names vantage points and belongs beside `via`",
        "ip": "write `source` for an address of this machine, `address` for one of the target",
        "edge": "write `address`",
        "origin": "write `address`",
    },
    like="`{source: 192.0.2.7}`",
)


@dataclass(frozen=True, slots=True)
class WayShape:
    """One network path. Named paths were made into one check each before (see `watch.config.expansion`)."""

    what: str = "a network path like `{source: 192.0.2.7}`"

    def read(self, node: Node, findings: Findings) -> Fields | None:
        fields = WAY.read(node, findings)
        if nothing(node) or (isinstance(node, Table) and not node.entries):
            findings.mistake(node, "`via` is empty", f"write {self.what}, or remove `via`")
        return fields

    def schema(self) -> Schema:
        one = WAY.schema() | {"minProperties": 1}
        return {"anyOf": [one, {"type": "object", "minProperties": 1, "additionalProperties": one}]}


def way_of(fields: Fields) -> Way:
    return Way(**{name: fields[name] for name in WAY.fields})


def refuse(fields: Fields, kind: str, ways: frozenset[str], findings: Findings) -> None:
    """Record each part of `via` that the kind does not support: the check would take another path than intended."""
    for name, (key, _) in fields.keys.items():
        if name in ways:
            continue
        supported = ", ".join(quoted(way) for way in WAY.fields if way in ways)
        cure = f"it supports {supported}" if ways else "remove `via`: this check asks no other machine"
        findings.mistake(key, f"{quoted(kind)} does not support {quoted(name)} in `via`", cure, cut=True)
