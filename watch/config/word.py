"""The words of checks.yaml: amounts, names, addresses, zones; each with its pattern and its cure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from watch.config.shape import Schema, Word
from watch.core.quantity import duration, duration_text, percentage, zone_named
from watch.core.settings import Network, Secret

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from watch.config.findings import Findings
    from watch.config.node import Node

_UNIT = r"(ms|s|m|h|d|w|milliseconds?|sec|seconds?|min|minutes?|hr|hours?|days?|weeks?)"
_DURATION = rf"^\s*([0-9]+(\.[0-9]+)?\s*{_UNIT}\s*)+$"
_NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
_NAME_RULE = "at most 64 of a-z, 0-9, `-`, `_` and `.`, beginning with a letter or digit"
_JOINERS = {0x200C: None, 0x200D: None}  # invisible, but Persian and many emoji need them
_LARGE = 65_536  # characters of a text that is not parsed, such as a body: as many as a file of `${file:…}` may hold
_TEXT_SCHEMA = {"type": ["string", "number"]}


def lasting(low: timedelta, high: timedelta | None = None, like: str = "30s") -> Word[timedelta]:
    """A duration of at least *low* and at most *high*."""

    @lru_cache(256)  # a large file may contain `30s` two thousand times
    def parse(text: str) -> timedelta:
        time = duration(text)
        if time < low:
            raise ValueError(f"{text!r} is too short: write {duration_text(low)} or more")
        if high is not None and time > high:
            raise ValueError(f"{text!r} is too long: write {duration_text(high)} or less")
        return time

    return Word(f"a duration like {like}", parse, like, {"type": "string", "pattern": _DURATION})


PERCENTAGE = Word("a percentage like 99.9%", percentage, "99.9%",
                  {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%$"})  # fmt: skip
ZONE = Word("a time zone like America/New_York", zone_named, "UTC", {"type": "string"})


def text(what: str, longest: int = 200, *, lines: bool = False) -> Word[str]:
    """Text for people: not empty, not too long, without characters that could forge a line of a page or mail.

    Args:
        longest: The most characters.
        lines: It may have several lines.
    """

    def parse(word: str) -> str:
        line = word.strip()
        if not line:
            raise ValueError(f"the value is empty: write {what}")
        if len(line) > longest:
            raise ValueError(f"the text is longer than {longest} characters: write less")
        if not line.translate(_JOINERS).replace("\n", " " if lines else "\n").isprintable():
            raise ValueError("the text contains an invisible or control character: remove it")
        return line

    return Word(what, parse, "placeholder", _TEXT_SCHEMA)


def raw(what: str) -> Word[str]:
    """Text exactly as written, which may be empty: a body or a pattern."""
    return Word(what, str, "placeholder", _TEXT_SCHEMA, longest=_LARGE)


def secret(what: str) -> Word[Secret]:
    """Secret text, never shown."""
    return Word(what, Secret, "placeholder", _TEXT_SCHEMA, secret=True, longest=_LARGE)


def name(what: str) -> Word[str]:
    """A name that users choose once: it is the identity, and part of URLs."""

    def parse(word: str) -> str:
        if not re.fullmatch(_NAME.strip("^$"), word):
            slug = re.sub(r"[^a-z0-9_.-]+", "-", word.lower()).strip("-._")[:64]
            fits = re.fullmatch(_NAME.strip("^$"), slug or "-")
            cure = f"write {slug} ({_NAME_RULE})" if fits else f"use {_NAME_RULE}"
            raise ValueError(f"{word!r} is not a valid name: {cure}")
        return word

    return Word(what, parse, "placeholder", {"type": "string", "pattern": _NAME})


def _web(word: str) -> str:
    try:
        parts = urlsplit(word)
        port_is_a_number = parts.port != 0
    except ValueError as error:
        raise ValueError(f"{word!r} is not a web address: {error}") from None
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not port_is_a_number
        or re.search(r"\s", word)
    ):
        raise ValueError(f"{word!r} is not a web address: write it with https:// and a host")
    return word


URL = Word("a web address like https://status.example.org", _web, "https://status.example.org",
           {"type": "string", "pattern": "^https?://"})  # fmt: skip


def _contact(word: str) -> str:
    if re.fullmatch(r"[^@\s:/]+@[^@\s:/]+", word):
        return word
    try:
        return _web(word)
    except ValueError:
        raise ValueError(
            f"{word!r} is neither a mail address nor a web address: write one like support@example.org"
        ) from None


CONTACT = Word("a mail or web address", _contact, "support@example.org", {"type": "string"})


class Address(NamedTuple):
    host: str
    port: int


def _address(word: str) -> Address:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/]+)):([0-9]{1,5})", word)
    if match is None:
        raise ValueError(f"{word!r} is not an address: write host:port, like 127.0.0.1:8080 or [::1]:8080")
    if int(match[3]) > 65_535:
        raise ValueError(f"{word!r} has a port above 65535: write a lower one")
    host = match[1] or match[2]
    if match[1] or re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(
                f"{word!r} is not an address: write one like 127.0.0.1:8080 or [::1]:8080"
            ) from None
    return Address(host, int(match[3]))


def loopback(host: str) -> bool:
    """Whether only this machine can reach *host*."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


ADDRESS = Word("an address like 127.0.0.1:8080", _address, "127.0.0.1:8080",
               {"type": "string", "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):[0-9]{1,5}$"})  # fmt: skip


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        pass
    try:
        wide = ipaddress.ip_network(word, strict=False)
    except ValueError:
        raise ValueError(f"{word!r} is not a network: write it like 10.0.0.0/8, or an address") from None
    raise ValueError(f"{word!r} is an address within a network: write {wide}")


NETWORK = Word(
    "a network like 10.0.0.0/8",
    _network,
    "192.0.2.0/24",
    {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"},
)


def _database(word: str) -> str:
    """The path in ``sqlite:///name`` (relative) or ``sqlite:////name`` (absolute)."""
    if re.match(r"postgres(ql)?(\+\w+)?://", word):
        raise ValueError("`postgresql://` is not built yet: write sqlite:///threenines.db")
    if word.startswith("/"):
        raise ValueError(f"{word!r} is not a store: write sqlite:///{word}")
    match = re.fullmatch(r"sqlite:///([^\x00?#]+)", word)
    if match is None or match[1].endswith("/") or match[1] == ":memory:":
        raise ValueError(
            f"{word!r} is not a store: write sqlite:///threenines.db, or sqlite:////… for an absolute path"
        )
    return match[1]


STORE = Word("a store like sqlite:///threenines.db", _database, "sqlite:///threenines.db",
             {"type": "string", "pattern": "^sqlite:///"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class FilePath:
    """A path. A relative one starts in the folder of the configuration file."""

    what: str = "a path"

    def read(self, node: Node, findings: Findings) -> Path | None:
        written = text(self.what, 4096).read(node, findings)
        return None if written is None else node.source.path.parent / written

    def schema(self) -> Schema:
        return {"type": "string"}


def _number(word: str) -> float:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", word):
        raise ValueError(f"{word!r} is not a number: write it like 200 or 0.5")
    return float(word)


NUMBER = Word("a number like 0.5", _number, "0", {"type": "number"})


class KofN(NamedTuple):
    k: int
    n: int


def _k_of_n(word: str) -> KofN:
    match = re.fullmatch(r"\s*([0-9]{1,4})\s+of\s+([0-9]{1,4})\s*", word)
    if match is None:
        raise ValueError(f"{word!r} is not of the form `k of n`: write it like 2 of 3")
    k, n = int(match[1]), int(match[2])
    if k > n:
        raise ValueError(f"{word!r} needs more than {n}: write at most {n} of {n}")
    if k == 0:
        raise ValueError(f"{word!r} needs none: write at least 1 of {n}")
    return KofN(k, n)


K_OF_N = Word("how many must be up, like 2 of 3", _k_of_n, "1 of 1",
              {"type": "string", "pattern": r"^\s*[0-9]+\s+of\s+[0-9]+\s*$"})  # fmt: skip
