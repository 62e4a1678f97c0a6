"""SCRAM (RFC 5802, 7677): a login that does not send the password, and in which the server proves to know it.

With SHA-256, or SHA-1 for servers without it.

The server chooses how many rounds of hashing this costs us. The number is limited: a hostile server could block
all other checks for a minute.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from functools import lru_cache

MOST_ROUNDS = 100_000  # some 40 ms; PostgreSQL's default is 4,096


class Scram:
    """One login. `first`, then `last` from the server's first answer, then `proves` its last.

    Args:
        digest: ``sha256`` or ``sha1``.

    Raises:
        ValueError: The server's message is not valid, or asks for too many rounds.
    """

    __slots__ = ("_bare", "_digest", "_password", "_proof")

    def __init__(self, user: str, password: str, nonce: str | None = None, *, digest: str = "sha256") -> None:
        self._digest = digest
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._password = unicodedata.normalize("NFKC", password).encode()
        self._bare = f"n={name},r={nonce or secrets.token_urlsafe(18)}"
        self._proof = b""

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def last(self, server: bytes) -> bytes:
        said = _fields(server)
        nonce, rounds = said.get("r", ""), said.get("i", "")
        if not nonce.startswith(self._bare.partition("r=")[2]) or not rounds.isdecimal() or "s" not in said:
            raise ValueError("its challenge does not contain ours")
        if not 0 < int(rounds) <= MOST_ROUNDS:
            raise ValueError(f"it asks for {rounds[:12]} rounds of hashing; our limit is {MOST_ROUNDS}")
        salted = _salted(self._digest, self._password, _decoded(said["s"]), int(rounds))
        final = f"c=biws,r={nonce}"
        signed = f"{self._bare},{server.decode()},{final}".encode()
        client = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._digest, client).digest(), signed)
        self._proof = self._hmac(self._hmac(salted, b"Server Key"), signed)
        mine = bytes(a ^ b for a, b in zip(client, signature, strict=True))
        return f"{final},p={base64.b64encode(mine).decode()}".encode()

    def proves(self, server: bytes) -> bool:
        """Return whether *server*'s last message proves that it knows the password."""
        return bool(self._proof) and hmac.compare_digest(_decoded(_fields(server).get("v", "")), self._proof)

    def _hmac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._digest)


def _fields(message: bytes) -> dict[str, str]:
    parts = message.decode("ascii", "strict").split(",")
    return {part[0]: part[2:] for part in parts if part[1:2] == "="}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("its challenge is not base64") from error


@lru_cache(maxsize=256)  # a server's salt stays the same; hashing is two thirds of the cost of a check
def _salted(digest: str, password: bytes, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac(digest, password, salt, rounds)
