"""By which way a check is asked, ``via: {source: 198.51.100.7}``; several ways by name are as many checks."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        raise ValueError(f"{word!r} is no address: write it in numbers, like 192.0.2.7") from None


def _interface(word: str) -> str:
    if not _INTERFACE.fullmatch(word):
        raise ValueError(f"{word!r} is no network interface: write its name, like eth1")
    return word


def _nameserver(word: str) -> tuple[str, int]:
    from watch.probes.wire.net.line import place  # noqa: PLC0415 - few name one

    try:
        found = place(word if word.count(":") < 2 or "[" in word else f"[{word}]", 53)
        return str(ipaddress.ip_address(found.host)), found.port
    except ValueError:
        raise ValueError(f"{word!r} is no nameserver: write its address, like 192.0.2.53") from None


def _proxy(word: str) -> Secret:
    from watch.probes.wire.net.proxied import parts  # noqa: PLC0415 - few ask through one

    parts(Secret(word))
    return Secret(word)


_TEXT: Schema = {"type": "string"}
WAY = Record(
    "`via`",
    {
        "source": Field(
            Word("an address like 192.0.2.7", _ip, "192.0.2.7", _TEXT),
            "The address of this machine that it is asked from.",
        ),
        "interface": Field(
            Word("a network interface like eth1", _interface, "eth1", _TEXT),
            "The network interface that it is asked through.",
        ),
        "resolver": Field(
            Word("a nameserver like 192.0.2.53", _nameserver, "192.0.2.53", _TEXT),
            "The nameserver that names are looked up with, instead of this machine's.",
        ),
        "proxy": Field(
            Word("a proxy like socks5://192.0.2.9", _proxy, "http://192.0.2.9", _TEXT, secret=True),
            "Who dials in our place, http:// or socks5://; its faults are ours.",
        ),
        "address": Field(
            Word("an address like 203.0.113.80", _ip, "203.0.113.80", _TEXT),
            "Which of the target's addresses is asked, whatever the DNS says: an edge, or the origin.",
        ),
    },
    {
        "from": "`from` names vantage points and stands beside `via`; an address of ours is `source`",
        "ip": "write `source` for an address of ours, `address` for one of the target's",
        "edge": "write `address`",
        "origin": "write `address`",
    },
    like="`{source: 192.0.2.7}`",
)


@dataclass(frozen=True, slots=True)
class WayShape:
    """One way; those with names are one check each by now (see `watch.config.expansion`)."""

    what: str = "a way like `{source: 192.0.2.7}`"

    def read(self, node: Node, findings: Findings) -> Fields | None:
        fields = WAY.read(node, findings)
        if nothing(node) or (isinstance(node, Table) and not node.entries):
            findings.mistake(node, "this says no way", f"write {self.what}, or remove the key")
        return fields

    def schema(self) -> Schema:
        one = WAY.schema() | {"minProperties": 1}
        return {"anyOf": [one, {"type": "object", "minProperties": 1, "additionalProperties": one}]}


def way_of(fields: Fields) -> Way:
    return Way(**{name: fields[name] for name in WAY.fields})


def refuse(fields: Fields, kind: str, ways: frozenset[str], findings: Findings) -> None:
    """Record what of a way a kind of probe does not obey: it would be asked by another than was meant."""
    for name, (key, _) in fields.keys.items():
        if name in ways:
            continue
        can = f"it obeys {', '.join(quoted(way) for way in WAY.fields if way in ways)}"
        can = can if ways else "this check asks no other machine"
        findings.mistake(key, f"{quoted(kind)} cannot obey {quoted(name)} in `via`", can, cut=True)
