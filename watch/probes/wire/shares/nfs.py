"""NFS version 4.0, the part that `df` needs: walk to a folder, and ask how much space its file system has.

It is one COMPOUND (RFC 7530, 16.2) of operations that only read: no client id, no lease, no open file, so
nothing stays on the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.shares.rpc import Malformed, Xdr, number, opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM, VERSION = 100003, 4
MOST = 1 << 62  # servers without a limit send more, which our stores cannot keep
NULL, COMPOUND = 0, 1
_GETATTR, _LOOKUP, _PUTROOTFH = 9, 15, 24
# Attributes by number: files available, total; bytes available, free, total.
_WANTED = (21, 23, 42, 43, 44)
_INSECURE = "; perhaps the server accepts only ports below 1024: add `insecure` to the export"
_STATUS = {
    1: (Reason.AUTH, "is denied to us" + _INSECURE),
    2: (Reason.MISSING, "does not exist"),
    5: (Reason.STATUS, "cannot be read: an input or output error"),
    13: (Reason.AUTH, "is denied to us: permission denied" + _INSECURE),
    20: (Reason.MISSING, "is not a folder"),
    70: (Reason.STATUS, "is stale"),
    10008: (Reason.STATUS, "is not ready: the server asks for a later try"),
    10013: (Reason.STATUS, "is not ready: the server is in its grace period"),
    10016: (Reason.AUTH, "requires stronger authentication (Kerberos)"),
    10019: (Reason.MISSING, "has moved to another server"),
    10021: (Reason.PROTOCOL, "is served by NFS 4.1 and newer only"),
}


class Room(NamedTuple):
    """The space of a file system; None where the server does not say."""

    available: int | None
    free: int | None
    total: int | None
    files_available: int | None
    files_total: int | None


def question(parts: Sequence[str]) -> bytes:
    """Return the COMPOUND that asks for the space of the folder *parts*, from the server's root on."""
    steps = [number(_PUTROOTFH), *(number(_LOOKUP) + opaque(part.encode()) for part in parts)]
    words = [0, 0]
    for attribute in _WANTED:
        words[attribute // 32] |= 1 << attribute % 32
    steps.append(number(_GETATTR, len(words), *words))
    return opaque(b"") + number(0, len(steps)) + b"".join(steps)


def answer(reply: Xdr, parts: Sequence[str]) -> Room:
    """Return the space in *reply*; `ProbeFailure` names the part of the path that fails."""
    try:
        return _answer(reply, parts)
    except Malformed:
        raise ProbeFailure(Reason.PROTOCOL, "the answer is cut off") from None


def _answer(reply: Xdr, parts: Sequence[str]) -> Room:
    status = reply.number()
    reply.opaque()
    steps = reply.number()
    if status:
        # The last operation failed: the root, one of the parts, or the question itself.
        raise refusal(status, visible("/" + "/".join(parts[: max(0, steps - 1)])))
    if steps != len(parts) + 2:
        raise ProbeFailure(Reason.PROTOCOL, "the answer does not fit the question")
    for _ in range(steps):
        reply.number(), reply.number()  # the operation, and its status OK
    return _room(reply)


def refusal(status: int, what: str) -> ProbeFailure:
    """Return the failure of a status for the folder *what*; versions 3 and 4 share the lower numbers."""
    reason, words = _STATUS.get(status, (Reason.STATUS, f"cannot be asked (NFS status {status})"))
    return ProbeFailure(reason, f"{what} {words}")


def _room(reply: Xdr) -> Room:
    words, values = reply.numbers(), Xdr(reply.opaque())
    given = [32 * at + bit for at, word in enumerate(words) for bit in range(32) if word >> bit & 1]
    if not set(given) <= set(_WANTED):
        raise ProbeFailure(Reason.PROTOCOL, "sends an attribute that was not asked for")
    found = {attribute: min(values.long(), MOST) for attribute in given}
    return Room(found.get(42), found.get(43), found.get(44), found.get(21), found.get(23))
