"""AWS Signature Version 4: a request proves that we know the secret key without sending it.

Pure: the time is an argument. Only requests without a body are signed here.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watch.core.settings import Secret

_NOTHING = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"


class Key(NamedTuple):
    """An access key. *token*: the session token of temporary credentials."""

    name: str
    secret: Secret
    token: Secret | None
    region: str


def path(segments: str) -> str:
    """Return *segments*, joined by slashes, in the form of URLs and signatures."""
    return quote(segments, safe="/-._~")


def query(fields: Mapping[str, str]) -> str:
    """Return *fields* in the form of URLs and signatures: sorted, and a blank as %20."""
    pairs = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in fields.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def headers(
    key: Key, method: str, host: str, where: str, asked: str, now: datetime, service: str = "s3"
) -> dict[str, str]:
    """Return the headers that sign a request.

    Args:
        host: The value of the header Host, with the port if it is not the scheme's default.
        where: The path, as `path` writes it.
        asked: The query, as `query` writes it.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    sent = {"x-amz-content-sha256": _NOTHING, "x-amz-date": stamp}
    if key.token is not None:
        sent["x-amz-security-token"] = key.token.reveal()
    signed = {"host": host, **sent}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
    request = f"{method}\n{where}\n{asked}\n{lines}\n{names}\n{_NOTHING}"
    scope = f"{stamp[:8]}/{key.region}/{service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    derived = b"AWS4" + key.secret.reveal().encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    proof = f"{_ALGORITHM} Credential={key.name}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": proof}
