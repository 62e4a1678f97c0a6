"""How a MySQL or MariaDB client proves that it knows the password, by the name of the server's plug-in.

The password itself is sent only over TLS, and only if a plug-in needs it: without TLS, an attacker could answer
instead of the server and ask for it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from watch.core.reading import OurFault, ProbeFailure, Reason

if TYPE_CHECKING:
    from watch.probes.wire.net.line import Line

NATIVE, CACHING, CLEAR = "mysql_native_password", "caching_sha2_password", "mysql_clear_password"


def proof(plugin: str, password: str, nonce: bytes, line: Line) -> bytes:
    """Return the answer to *nonce* for *plugin*.

    Raises:
        ProbeFailure: It needs the password itself, and there is no TLS.
        OurFault: We do not know the plug-in.
    """
    raw = password.encode()
    if plugin == CLEAR:
        return bare(password, line)
    if plugin not in (NATIVE, CACHING):
        raise OurFault(f"{line.where} wants a login method that we do not support: {plugin[:40]}")
    if not raw:
        return b""
    if plugin == NATIVE:
        once = _sha1(raw)
        return _mixed(once, _sha1(nonce + _sha1(once)))
    once = _sha256(raw)
    return _mixed(once, _sha256(_sha256(once) + nonce))


def bare(password: str, line: Line) -> bytes:
    """Return the password itself, for a plug-in that needs it."""
    if line.tls is None:
        words = f"{line.where} wants the password in the clear: set `tls: true`"
        raise ProbeFailure(Reason.AUTH, words, phases=line.phases)
    return password.encode() + b"\0"


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()  # the protocol prescribes SHA-1


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
