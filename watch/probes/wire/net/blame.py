"""Whose fault an exception is, and which of the fixed reasons it has.

Libraries wrap the error that matters in their own. It is still in `__cause__` or `__context__`, even after
`from None` (which only suppresses the printing). So the whole chain is searched, from the outside in.

One table lists what the target did (refused, reset, unreachable, …), another what we lack. No classification
defaults to the target: an error of the operating system in neither table is ours, and its text says which it is.
Any other exception is a bug of ours, and `fault` returns None. So is a `KeyError` raised while a refused
connection was being handled, whatever stands behind it in the chain.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
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
    errno.EPROTO: (Reason.PROTOCOL, "protocol error"),
}
_OURS = {
    errno.EMFILE: (Reason.OVERLOADED, "this process has no file descriptors left: raise LimitNOFILE"),
    errno.ENFILE: (Reason.OVERLOADED, "this machine has no file descriptors left: raise fs.file-max"),
    errno.ENOBUFS: (Reason.OVERLOADED, "this machine has no network buffers left"),
    errno.ENOMEM: (Reason.OVERLOADED, "this machine has no memory left"),
    errno.EAGAIN: (Reason.OVERLOADED, "this machine has no free local port or no room in its send buffer"),
    errno.ENOSPC: (Reason.OVERLOADED, "this machine has no room left for what we need"),
    errno.EADDRINUSE: (Reason.OVERLOADED, "the local port that we need is in use"),
    errno.EADDRNOTAVAIL: (
        Reason.OVERLOADED,
        "this machine has no free local port or lacks the address family",
    ),
    errno.EACCES: (Reason.INTERNAL, "this machine forbids it (firewall or permission)"),
    errno.EPERM: (Reason.INTERNAL, "this machine forbids it (firewall or permission)"),
    errno.EAFNOSUPPORT: (Reason.INTERNAL, "this machine does not support that address family"),
    errno.ENETDOWN: (Reason.INTERNAL, "this machine's own network is down"),
}
_IN_WORDS = re.compile(r"\(os error (\d{1,4})\)")  # as Rust writes an errno
_SPARE = 4  # descriptors that any run needs free
_NO_SUCH_NAME = {socket.EAI_NONAME, socket.EAI_NODATA}
_NO_MEMORY = (Reason.OVERLOADED, "this process has no memory left")
# Where OpenSSL failed before or beside the handshake: in its files, its memory or its own set-up.
_OUR_TLS = {"PEM", "SYS", "CRYPTO", "BIO", "CONF", "DSO", "ENGINE", "RAND"}
_BUGS = (TypeError, AttributeError, NameError, LookupError, AssertionError, ArithmeticError, RecursionError)
# OpenSSL's codes X509_V_ERR_* with a meaning of their own.
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
    """Return the failure of the target, or of ours, behind *error*; None when it is a bug."""
    if isinstance(error, _BUGS):
        return None
    for link in _chain(error):
        found = _known(link)
        if found is not None:
            return found
    if isinstance(error, OSError):  # of a library that gives the system's errors as texts
        number = _IN_WORDS.search(str(error))
        unknown = of_errno(int(number[1]) if number else 0)
        return shortage() or unknown
    return None


def of_errno(code: int, where: str = "", phases: Mapping[str, float] = NOTHING) -> ProbeFailure | OurFault:
    """Return the failure for an errno; *where* is appended to its text."""
    tail = f": {where}" if where else ""
    if code in _TARGET:
        reason, words = _TARGET[code]
        return ProbeFailure(reason, words + tail, phases=phases)
    if code in _OURS:
        reason, words = _OURS[code]
        return OurFault(words + tail, reason)
    why = f"{os.strerror(code).lower()} (errno {code})" if code else "it gives no cause"
    return OurFault(f"this machine could not ask: {why}{tail}")


def ours(error: BaseException) -> OurFault | None:
    """Return the fault of ours behind *error*, for code that takes every other error for the target's."""
    found = fault(error)
    return found if isinstance(found, OurFault) else None


def shortage() -> OurFault | None:
    """Return what this process has used up, for an error of a library that gives no cause; None when nothing is.

    What the library had opened it has closed again, so a few descriptors must be free, not one.
    """
    held = list[int]()
    try:
        for _ in range(_SPARE):
            held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return ours(error)
    finally:
        for each in held:
            os.close(each)
    return None


def cut_short(error: asyncio.CancelledError, fault: ProbeFailure | OurFault) -> asyncio.CancelledError:
    """Return a cancellation that carries the failure to report if the run's own time limit was its cause.

    Only the code that waits knows what it waits for. `watch.vantage.prober` reads the failure; everyone else
    sees a normal cancellation.
    """
    stop = asyncio.CancelledError(fault)
    stop.__cause__ = error
    return stop


def carried(error: BaseException) -> ProbeFailure | OurFault | None:
    """Return the failure that `cut_short` put into the cancellation behind a timeout, if any."""
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


def _known(error: BaseException) -> ProbeFailure | OurFault | None:  # noqa: C901, PLR0911 - a table in code
    match error:
        case ProbeFailure() | OurFault():
            return error
        case ssl.SSLCertVerificationError():
            return _of_certificate(error)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | EOFError() | ConnectionResetError():
            return ProbeFailure(Reason.RESET, "connection closed by the peer")
        case ssl.SSLError():
            return _of_tls(error)
        case ImportError():
            return OurFault(f"the library {error.name} is not installed, or cannot be loaded")
        case socket.gaierror():
            if error.errno in _NO_SUCH_NAME:
                return ProbeFailure(Reason.DNS, "no such name")
            return OurFault("our resolver does not answer")
        case TimeoutError() if error.errno is None:
            return ProbeFailure(Reason.TIMEOUT, "no answer in time")
        case OSError() if error.errno is not None:
            return of_errno(error.errno)
        case MemoryError():
            return OurFault(_NO_MEMORY[1], _NO_MEMORY[0])
        case RuntimeError() if "start new thread" in str(error):
            words = "this machine lets us start no more threads: raise TasksMax and LimitNPROC"
            return OurFault(words, Reason.OVERLOADED)
    return None


def _of_certificate(error: ssl.SSLCertVerificationError) -> ProbeFailure | OurFault:
    """Return the failure of a certificate; ours when OpenSSL had no descriptor left to look for its authority."""
    # The ssl module sets these attributes; other code may not.
    words = CERTIFICATE_FAULTS.get(getattr(error, "verify_code", 0))
    words = words or f"is refused: {getattr(error, 'verify_message', error)}"
    return shortage() or ProbeFailure(Reason.CERTIFICATE, f"the certificate {words}")


def _of_tls(error: ssl.SSLError) -> ProbeFailure | OurFault:
    """Return the failure behind an error of OpenSSL: of the handshake, or of OpenSSL itself."""
    reason = str(getattr(error, "reason", None) or error)
    if reason == "MALLOC_FAILURE":
        return OurFault(_NO_MEMORY[1], _NO_MEMORY[0])
    words = reason.replace("_", " ").lower()
    if getattr(error, "library", None) in _OUR_TLS:
        return shortage() or OurFault(f"our TLS library cannot work: {words}")
    return ProbeFailure(Reason.TLS, f"TLS: {words}")
