"""CHAP in iSCSI (RFC 7143, 12.1.3): a secret is proven by a digest and never sent.

MD5 is offered before SHA-256: the RFC requires every target to support it, and tgt takes the number of SHA-256
for SHA-1, so an initiator that offers that first is refused. With mutual CHAP the target proves a secret of its
own with a challenge of ours; a target that sends our challenge back, to have us answer it, is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode
from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.settings import Secret

_DIGESTS = {"5": "md5", "7": "sha256"}  # in the order in which they are offered
_LONGEST = 1024  # bytes of a challenge


class Chap:
    """The proof of one conversation. *theirs*: the secret that the target must prove, None for none."""

    __slots__ = ("_challenge", "_digest", "_identifier", "_name", "_ours", "_theirs")

    def __init__(self, name: str, ours: Secret, theirs: Secret | None) -> None:
        self._name, self._ours, self._theirs = name, ours, theirs
        self._challenge, self._identifier = secrets.token_bytes(16), secrets.randbelow(256)
        self._digest = ""

    def offer(self) -> dict[str, str]:
        return {"CHAP_A": ",".join(_DIGESTS)}

    def reply(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Return our answer to the target's challenge; with mutual CHAP, also a challenge of ours."""
        self._digest = _DIGESTS.get(asked.get("CHAP_A", ""), "")
        identifier, challenge = asked.get("CHAP_I", ""), _bytes(asked.get("CHAP_C", ""))
        if not self._digest or not identifier.isdecimal() or int(identifier) > 255 or not challenge:
            raise ProbeFailure(Reason.PROTOCOL, "the target asks for a CHAP digest that we do not know")
        if challenge == self._challenge:
            raise ProbeFailure(Reason.AUTH, "the target sends our own challenge back")
        proof = self._proof(int(identifier), self._ours, challenge)
        answer = {"CHAP_N": self._name, "CHAP_R": f"0x{proof.hex()}"}
        if self._theirs is not None:
            answer |= {"CHAP_I": str(self._identifier), "CHAP_C": f"0x{self._challenge.hex()}"}
        return answer

    def confirm(self, answer: Mapping[str, str]) -> None:
        """Raise when the target did not prove its secret."""
        if self._theirs is None:
            return
        wanted = self._proof(self._identifier, self._theirs, self._challenge)
        if not hmac.compare_digest(_bytes(answer.get("CHAP_R", "")), wanted):
            raise ProbeFailure(Reason.AUTH, "the target does not prove its secret")

    def _proof(self, identifier: int, secret: Secret, challenge: bytes) -> bytes:
        digest = hashlib.new(self._digest, usedforsecurity=False)  # the protocol prescribes MD5
        digest.update(bytes((identifier,)) + secret.reveal().encode() + challenge)
        return digest.digest()


def _bytes(text: str) -> bytes:
    """Return the bytes of 0x… (hex) or 0b… (base64); empty when it is neither."""
    try:
        if text[:2].lower() == "0x" and len(text) <= 2 + 2 * _LONGEST:
            return bytes.fromhex(text[2:].rjust(len(text[2:]) + len(text) % 2, "0"))
        if text[:2].lower() == "0b" and len(text) <= 2 + 2 * _LONGEST:
            return b64decode(text[2:], validate=True)
    except ValueError:
        return b""
    return b""
