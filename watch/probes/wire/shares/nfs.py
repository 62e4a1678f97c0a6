"""NFS version 4.0 as far as `df` goes: walk to a folder, and ask how much room its file system has.

All of it fits into one COMPOUND (RFC 7530, 16.2) of operations that only look: no client id, no lease, no open
file, so nothing of ours stays behind on the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.shares.rpc import Malformed, Xdr, number, opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM, VERSION = 100003, 4
MOST = 1 << 62  # what servers without a limit say is more than any store of ours keeps
NULL, COMPOUND = 0, 1
_GETATTR, _LOOKUP, _PUTROOTFH = 9, 15, 24
# Attributes by number: files available, total; bytes available, free, total.
_WANTED = (21, 23, 42, 43, 44)
_INSECURE = "; perhaps it wants us to come from a port below 1024: export it with `insecure`"
_STATUS = {
    1: (Reason.AUTH, "is not for us" + _INSECURE),
    2: (Reason.MISSING, "does not exist"),
    5: (Reason.STATUS, "cannot be read: an input or output error"),
    13: (Reason.AUTH, "is not for us: permission denied" + _INSECURE),
    20: (Reason.MISSING, "is no folder"),
    70: (Reason.STATUS, "is stale"),
    10008: (Reason.STATUS, "is not ready: the server says to come later"),
    10013: (Reason.STATUS, "is not ready: the server is in its grace period"),
    10016: (Reason.AUTH, "wants more than our word (Kerberos)"),
    10019: (Reason.MISSING, "has moved to another server"),
    10021: (Reason.PROTOCOL, "is served by NFS 4.1 and newer only"),
}


class Room(NamedTuple):
    """How much room a file system has; None where the server does not say."""

    available: int | None
    free: int | None
    total: int | None
    files_available: int | None
    files_total: int | None


def question(parts: Sequence[str]) -> bytes:
    """Return the COMPOUND that asks for the room below the folder *parts*, from the server's root on."""
    steps = [number(_PUTROOTFH), *(number(_LOOKUP) + opaque(part.encode()) for part in parts)]
    words = [0, 0]
    for attribute in _WANTED:
        words[attribute // 32] |= 1 << attribute % 32
    steps.append(number(_GETATTR, len(words), *words))
    return opaque(b"") + number(0, len(steps)) + b"".join(steps)


def answer(reply: Xdr, parts: Sequence[str]) -> Room:
    """Return the room that *reply* tells of; `ProbeFailure` says which part of the way does not go."""
    try:
        return _answer(reply, parts)
    except Malformed:
        raise ProbeFailure(Reason.PROTOCOL, "the answer is cut off") from None


def _answer(reply: Xdr, parts: Sequence[str]) -> Room:
    status = reply.number()
    reply.opaque()
    steps = reply.number()
    if status:
        # The last step is the one that failed: the root, a part each, and the question itself.
        raise refusal(status, visible("/" + "/".join(parts[: max(0, steps - 1)])))
    if steps != len(parts) + 2:
        raise ProbeFailure(Reason.PROTOCOL, "the answer is to another question")
    for _ in range(steps):
        reply.number(), reply.number()  # which operation, and that it went well
    return _room(reply)


def refusal(status: int, what: str) -> ProbeFailure:
    """Return what a status says of the folder *what*; versions 3 and 4 share the lower ones."""
    reason, words = _STATUS.get(status, (Reason.STATUS, f"cannot be asked (NFS status {status})"))
    return ProbeFailure(reason, f"{what} {words}")


def _room(reply: Xdr) -> Room:
    words, values = reply.numbers(), Xdr(reply.opaque())
    given = [32 * at + bit for at, word in enumerate(words) for bit in range(32) if word >> bit & 1]
    if not set(given) <= set(_WANTED):
        raise ProbeFailure(Reason.PROTOCOL, "answers what was not asked")
    found = {attribute: min(values.long(), MOST) for attribute in given}
    return Room(found.get(42), found.get(43), found.get(44), found.get(21), found.get(23))
