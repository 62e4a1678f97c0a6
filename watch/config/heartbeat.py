"""`heartbeat_to`: a URL that holds a secret. No message repeats any part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from watch.config.node import Node, Scalar, nothing
from watch.config.shape import Schema, kind_of
from watch.core.metadata_addresses import denied
from watch.core.settings import Secret

if TYPE_CHECKING:
    from watch.config.findings import Findings

_LONGEST = 8_192  # characters
_HIDDEN = "the value is not shown, because it may be secret"


class _WrongError(ValueError):
    """What is wrong, and the cure."""

    def __init__(self, wrong: str, cure: str) -> None:
        super().__init__(wrong)
        self.wrong, self.cure = wrong, cure


@dataclass(frozen=True, slots=True)
class HeartbeatTo:
    """The URL of a service that waits for beats."""

    what: str = "a web address like https://hc-ping.com/UUID"

    def read(self, node: Node, findings: Findings) -> Secret | None:
        findings.hide(node)
        if not isinstance(node, Scalar):
            findings.mistake(node, f"{kind_of(node)} is not allowed here", f"write {self.what}")
        elif nothing(node):
            findings.mistake(node, "the value is missing", f"write {self.what}, or remove the key")
        elif node.placeholder:
            return Secret("https://placeholder.example/")
        else:
            try:
                _admit(node.text)
            except _WrongError as found:
                name = f"the value of `{node.origin}`" if node.origin else "this"
                findings.mistake(node, f"{name} {found.wrong}", f"{found.cure}; {_HIDDEN}")
            else:
                return Secret(node.text)
        return None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^https?://"}


def _admit(text: str) -> None:
    """Raise `_WrongError` unless *text* can be asked for a beat."""
    from watch.probes.wire.http.journey import target  # noqa: PLC0415 - few configurations have one
    from watch.probes.wire.net.address import literal  # noqa: PLC0415 - likewise

    like = "write it like https://hc-ping.com/UUID"
    if len(text) > _LONGEST:
        raise _WrongError(f"is longer than {_LONGEST:,} characters", "write less")
    if any(char <= " " or char == "\x7f" for char in text):
        raise _WrongError("has a blank or a control character in it", "write blanks as %20")
    try:
        there = target(text)
    except ValueError:
        raise _WrongError(*_why(text, like)) from None
    ip = literal(there.host, "any")
    if ip is not None and (what := denied(ip)):
        raise _WrongError(f"leads to {what}, which must not be asked", "write the address of the service")


def _why(text: str, like: str) -> tuple[str, str]:
    """Why *text* is no target: what is wrong, and the cure."""
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme.lower() not in ("http", "https"):
        return "does not begin with https:// or http://", like
    try:
        host = urlsplit(text).hostname
    except ValueError:
        return "has an IPv6 address that is none", "write it like https://[2001:db8::1]/"
    try:
        urlsplit(text).port  # noqa: B018 - it raises
    except ValueError:
        return "has a port that is none", "write one from 1 to 65535"
    return ("has no host", like) if not host else ("has a host that is none", like)
