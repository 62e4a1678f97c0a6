"""`listen`: the addresses of our listeners, which must not need the same port of the same address."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from watch.config.findings import Findings, quoted
from watch.config.node import guessed
from watch.config.word import Address, loopback
from watch.core.settings import Listen

if TYPE_CHECKING:
    from watch.config.mapping import Fields

_ALL_FAMILIES = "::"  # serves IPv4 and IPv6
_ALL_OF_IPV4 = "0.0.0.0"  # noqa: S104 - compared, not bound


def listen_of(fields: Fields, findings: Findings) -> Listen:
    """The addresses in *fields*, and the mistakes between them."""
    operators = Address(*fields["operators"])
    pages = [(Address(*address), node) for address, node in fields["page"] or ()]
    pages = pages or [(Address(*address), fields.at("page")) for address in Listen().page]
    if not loopback(operators.host):
        findings.mistake(
            fields.at("operators"),
            "other machines can reach this address, and there is no sign-in yet",
            f"write 127.0.0.1:{operators.port}",
        )
    for (one, first), (other, node) in combinations(pages, 2):
        if _overlap(one, other) and not guessed(first) and not guessed(node):
            same = "is written twice" if one == other else f"and {quoted(_spelled(one))} need the same port"
            findings.mistake(node, f"{quoted(_spelled(other))} {same}", "remove one of the two")
    for page, node in pages:
        if _overlap(page, operators) and not guessed(node) and not guessed(fields.at("operators")):
            moved, at = (operators, fields.at("operators")) if fields.wrote("operators") else (page, node)
            same = "`page` and `operators` have the same address"
            covers = f"{quoted(_spelled(page))} also takes the address of `operators`, {_spelled(operators)}"
            free = Address(page.host if page == operators else moved.host, (moved.port + 1) % 65_536)
            findings.mistake(
                at, same if page == operators else covers, f"write another port, like {_spelled(free)}"
            )
    return Listen(
        page=tuple((page.host, page.port) for page, _ in pages),
        operators=(operators.host, operators.port),
        trusted_proxies=tuple(network for network, _ in fields["trusted_proxies"] or ()),
    )


def _overlap(one: Address, other: Address) -> bool:
    """Whether the system would refuse to bind both: the same port, and the same host or all of them."""
    if one.port != other.port or not one.port:
        return False
    return one.host == other.host or _covers(one.host, other.host) or _covers(other.host, one.host)


def _covers(wide: str, host: str) -> bool:
    """Whether *wide* means all addresses, *host* among them."""
    return wide == _ALL_FAMILIES or (wide == _ALL_OF_IPV4 and ":" not in host)


def _spelled(address: Address) -> str:
    """As the file has it: ``[::]:8080``."""
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
