"""One HTTP request and its options: what the kind http and `json_api` hand to `pursue`.

It is a value whose maker has checked the options; the code that sends it needs to know no kind.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from watch.core.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A method, or a header's name (RFC 9110 calls it a token)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request.

    Args:
        headers: ValueError when one cannot be sent.
        authorization: The value of that header, for the first origin only.
        certificate: A PEM file with the client's certificate, with *key* where that is in another file.
        key_password: The passphrase of an encrypted key.
        room: The limit of the answer's body, in bytes.
        follow: Whether redirects are followed.
        metadata: Whether a cloud's metadata address may be asked.

    Attributes:
        plain: Whether it is a GET without any option, as most are.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Secret | None = None
    authorization: Secret | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None
    ca_file: Path | None = None
    verify: bool = True
    proxy: Secret | None = None
    family: Literal["any", "4", "6"] = "any"
    version: Literal["1.1", "2", "3"] = "1.1"
    follow: bool = True
    room: int = 256 << 10
    metadata: bool = False

    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        check_headers(self.headers)
        object.__setattr__(self, "plain", self._is_plain())

    def _is_plain(self) -> bool:
        if self.method != "GET" or self.version != "1.1" or self.headers or self.body is not None:
            return False
        ours = self.authorization is not None or self.certificate is not None
        return not ours and self.verify and self.ca_file is None


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise ValueError unless *headers* can be sent."""
    for name, value in headers.items():
        if not WORD.fullmatch(name) or any(char in value for char in "\r\n\0"):
            raise ValueError(f"headers: {name!r} cannot be sent; a name is one word and a value one line")


def authorization(
    username: str | None, password: Secret | None, token: Secret | None = None
) -> Secret | None:
    """Return the header's value for a bearer *token*, else for basic authentication; None without either."""
    if token is not None:
        return Secret(f"Bearer {token.reveal()}")
    if username is None or password is None:
        return None
    pair = f"{username}:{password.reveal()}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode()}")
