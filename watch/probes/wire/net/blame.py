"""Whose fault an exception is, and which of the closed list of reasons it has.

Libraries hide the error that matters behind their own: it is still in `__cause__` or `__context__`, even
where they said `from None` (which only suppresses the printing). So the whole chain is walked, outermost
first.

There is a table of what the target did (refused, reset, unreachable, …) and one of what we ran out of.
What is in neither is a bug of ours: `fault` knows nothing of it. Nor of a `KeyError` that was raised while
a refused connection was being handled: that is our bug, and the chain behind it is no excuse.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

from watch.core.reading import NOTHING, OurFault, ProbeFailure, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TARGET = {
    errno.ECONNREFUSED: (Reason.REFUSED, "connection refused"),
    errno.ECONNRESET: (Reason.RESET, "connection reset by the peer"),
    errno.EPIPE: (Reason.RESET, "connection closed by the peer"),
    errno.ECONNABORTED: (Reason.RESET, "connection aborted"),
    errno.ETIMEDOUT: (Reason.TIMEOUT, "no answer to the connection attempt"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "no route to the host"),
    errno.ENETUNREACH: (Reason.UNREACHABLE, "no route to the network"),
    errno.EHOSTDOWN: (Reason.UNREACHABLE, "the host does not answer on its network"),
    errno.ENETDOWN: (Reason.UNREACHABLE, "the network is down"),
    errno.EPROTO: (Reason.PROTOCOL, "protocol error"),
}
_OURS = {
    errno.EMFILE: (Reason.OVERLOADED, "this process has no file descriptors left: raise LimitNOFILE"),
    errno.ENFILE: (Reason.OVERLOADED, "this machine has no file descriptors left: raise fs.file-max"),
    errno.ENOBUFS: (Reason.OVERLOADED, "this machine has no network buffers left"),
    errno.ENOMEM: (Reason.OVERLOADED, "this machine has no memory left"),
    errno.EADDRNOTAVAIL: (
        Reason.OVERLOADED,
        "this machine has no free local port or lacks the address family",
    ),
    errno.EACCES: (Reason.INTERNAL, "this machine forbids it (firewall or permission)"),
    errno.EPERM: (Reason.INTERNAL, "this machine forbids it (firewall or permission)"),
    errno.EAFNOSUPPORT: (Reason.INTERNAL, "this machine does not speak that address family"),
}
_BUGS = (TypeError, AttributeError, NameError, LookupError, AssertionError, ArithmeticError, RecursionError)
# OpenSSL's X509_V_ERR_* that tell something else than "not trusted".
CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "comes from an authority that is not trusted (self-signed in chain)",
    20: "comes from an authority that is not trusted",
    21: "comes without its intermediate certificates",
    23: "was revoked",
    62: "is for another name",
    64: "is for another address",
}


def fault(error: BaseException) -> ProbeFailure | OurFault | None:
    """Return what *error* says of the target or of us; None when it is a bug."""
    if isinstance(error, _BUGS):
        return None
    for link in _chain(error):
        found = _known(link)
        if found is not None:
            return found
    return None


def of_errno(code: int, where: str = "", phases: Mapping[str, float] = NOTHING) -> ProbeFailure | OurFault:
    """Return the fault behind an errno; *where* ends the sentence."""
    tail = f": {where}" if where else ""
    if code in _OURS:
        reason, words = _OURS[code]
        return OurFault(words + tail, reason)
    reason, words = _TARGET.get(code, (Reason.UNREACHABLE, os.strerror(code)))
    return ProbeFailure(reason, words + tail, phases=phases)


def cut_short(error: asyncio.CancelledError, fault: ProbeFailure | OurFault) -> asyncio.CancelledError:
    """Return a cancellation that carries what the reading would be if it came from the run's own time limit.

    Only the code that was waiting knows for what. `watch.vantage.prober` reads it off; everyone else sees a
    cancellation as ever.
    """
    stop = asyncio.CancelledError(fault)
    stop.__cause__ = error
    return stop


def carried(error: BaseException) -> ProbeFailure | OurFault | None:
    """Return what `cut_short` put into the cancellation behind a timeout, if anything."""
    for link in _chain(error):
        if isinstance(link, asyncio.CancelledError) and link.args:
            first = link.args[0]
            return first if isinstance(first, (ProbeFailure, OurFault)) else None
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _known(error: BaseException) -> ProbeFailure | OurFault | None:  # noqa: PLR0911 - a table in code
    match error:
        case ProbeFailure() | OurFault():
            return error
        case ssl.SSLCertVerificationError():
            # Raised by the ssl module it has these; raised by somebody else it may not.
            words = CERTIFICATE_FAULTS.get(getattr(error, "verify_code", 0))
            words = words or f"is refused: {getattr(error, 'verify_message', error)}"
            return ProbeFailure(Reason.CERTIFICATE, f"the certificate {words}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | EOFError() | ConnectionResetError():
            return ProbeFailure(Reason.RESET, "connection closed by the peer")
        case ssl.SSLError():
            words = str(getattr(error, "reason", None) or error).replace("_", " ").lower()
            return ProbeFailure(Reason.TLS, f"TLS: {words}")
        case ModuleNotFoundError():
            return OurFault(f"the library {error.name} is not installed")
        case socket.gaierror():
            ours = error.errno in (socket.EAI_AGAIN, socket.EAI_SYSTEM)
            return (
                OurFault("our resolver does not answer") if ours else ProbeFailure(Reason.DNS, "no such name")
            )
        case TimeoutError() if error.errno is None:
            return ProbeFailure(Reason.TIMEOUT, "no answer in time")
        case OSError() if error.errno in _TARGET or error.errno in _OURS:
            return of_errno(error.errno)
    return None
