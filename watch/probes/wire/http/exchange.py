"""One HTTP transfer, and its answer or failure.

Here curl's error codes become reasons. The text of a timeout names the phase, because that is what an on-call
engineer asks first: a connection that is not accepted, a handshake that stalls and an application that does not
answer have different causes.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any, NamedTuple

import pycurl

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.http.engine import SHUT, Engine
from watch.probes.wire.net.blame import CERTIFICATE_FAULTS, cut_short, of_errno
from watch.probes.wire.net.engines import shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.probes.wire.http.handle import Handle

_E_TOO_LARGE = 100  # pycurl has no name for it
_VERSIONS = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}
_REASONS = {
    pycurl.E_GOT_NOTHING: (Reason.RESET, "closed without an answer"),
    pycurl.E_PARTIAL_FILE: (Reason.RESET, "closed in the middle of the answer"),
    pycurl.E_SEND_ERROR: (Reason.RESET, "connection lost while sending"),
    pycurl.E_OPERATION_TIMEDOUT: (Reason.TIMEOUT, "no answer in time"),
    pycurl.E_SSL_CONNECT_ERROR: (Reason.TLS, "the TLS handshake failed"),
    pycurl.E_SSL_CIPHER: (Reason.TLS, "no common TLS cipher"),
    pycurl.E_UNSUPPORTED_PROTOCOL: (Reason.PROTOCOL, "the answer is not HTTP"),
    _E_TOO_LARGE: (Reason.LIMIT, "a header larger than 8 KiB"),
    pycurl.E_OUT_OF_MEMORY: (Reason.LIMIT, "a header larger than 8 KiB"),
}
_OURS = {
    pycurl.E_INTERFACE_FAILED: "this machine cannot ask from the source, or through the interface, that `via` names",
    pycurl.E_SSL_CERTPROBLEM: "our client certificate or key cannot be used",
    pycurl.E_SSL_CACERT_BADFILE: "the file of certificate authorities (ca_file) cannot be read",
}


class Transfer(NamedTuple):
    """One request to one address, as curl needs it.

    Args:
        url: The URL; never shown.
        where: The ``ip:port`` that is dialled, for messages.
        dial: Where curl connects instead of the URL's host; None when that is an address.
        room: The limit of the body, in bytes.
        extra: Curl's options beyond the constant ones.
    """

    url: str
    where: str
    dial: str | None
    room: int
    extra: tuple[tuple[int, Any], ...] = ()

    @property
    def proxied(self) -> bool:
        return any(option == pycurl.PROXY for option, _ in self.extra)

    @property
    def quic(self) -> bool:
        return (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_3ONLY) in self.extra


class Answer(NamedTuple):
    """The answer. *took*: seconds to connect, for TLS, to the first byte, and for the rest."""

    status: int
    version: str
    lines: list[bytes]
    body: bytes
    size: int
    cut: bool
    redirect: str | None
    certificate: tuple[tuple[str, str], ...] | None
    took: tuple[float, float, float, float]


async def ask(transfer: Transfer) -> Answer:
    """Return the answer to *transfer*; any status is one.

    Raises:
        ProbeFailure: The target gave no valid answer.
        OurFault: We could not ask.
    """
    engine = shared(Engine)
    handle = engine.borrow(transfer.room)
    _dress(handle, transfer)
    try:
        code, words = await engine.perform(handle)
    except asyncio.CancelledError as stop:
        late = _late(handle, transfer)
        engine.give_back(handle)
        raise cut_short(stop, late) from stop
    except pycurl.error as error:
        handle.curl.close()
        raise OurFault(f"curl refuses the request: {error.args[-1]}") from error
    if code and not (code == pycurl.E_WRITE_ERROR and handle.cut):
        failure = _fault(handle, transfer, code, words)
        engine.give_back(handle)
        raise failure
    answer = _answer(handle)
    engine.give_back(handle)
    return answer


def _dress(handle: Handle, transfer: Transfer) -> None:
    curl = handle.curl
    curl.setopt(pycurl.URL, transfer.url)
    if transfer.dial is None and not transfer.extra:
        return
    handle.plain = False
    if transfer.dial is not None:
        curl.setopt(pycurl.CONNECT_TO, [transfer.dial])
    for option, value in transfer.extra:
        curl.setopt(option, value)
    if transfer.quic:
        handle.watch()


def _answer(handle: Handle) -> Answer:
    curl = handle.curl
    know = curl.getinfo
    body = bytes(handle.body[: handle.room])
    connect, tls, first, total = _times(curl)
    chain = know(pycurl.INFO_CERTINFO) if tls else ()
    return Answer(
        know(pycurl.RESPONSE_CODE),
        _VERSIONS.get(know(pycurl.INFO_HTTP_VERSION), "?"),
        handle.lines,
        body,
        handle.size,
        handle.cut,
        know(pycurl.REDIRECT_URL),
        chain[0] if chain else None,
        (
            connect,
            tls - connect if tls else 0.0,
            max(0.0, first - max(connect, tls)),
            max(0.0, total - first),
        ),
    )


def _times(curl: pycurl.Curl) -> tuple[float, float, float, float]:
    """Return the instants, in seconds since the start, of connect, TLS, first byte and end; 0 for never."""
    know = curl.getinfo
    return (
        know(pycurl.CONNECT_TIME),
        know(pycurl.APPCONNECT_TIME),
        know(pycurl.STARTTRANSFER_TIME),
        know(pycurl.TOTAL_TIME),
    )


def _phases(handle: Handle) -> dict[str, float]:
    """Return the phases that were complete when it failed."""
    connect, tls, first, _ = _times(handle.curl)
    answered = first - max(connect, tls) if handle.lines else 0.0
    steps = {"connect": connect, "tls": tls - connect, "first_byte": answered}
    return {name: seconds for name, seconds in steps.items() if seconds > 0}


def _stage(handle: Handle, transfer: Transfer) -> str:
    """Return what a run that was cut short waited for."""
    connect, tls, first, _ = _times(handle.curl)
    if transfer.quic and not tls:
        return (
            f"the QUIC handshake with {transfer.where} did not end"
            if connect
            else f"no QUIC from {transfer.where}"
        )
    if not connect and not handle.connected:
        return f"no connection to {transfer.where}"
    if not tls and transfer.url[:6].lower() == "https:":
        return f"the TLS handshake with {transfer.where} did not end"
    if not handle.lines and not first:
        return f"connected to {transfer.where}, no answer"
    if not handle.size:
        return f"the headers from {transfer.where} did not end" if handle.lines else "no answer"
    return f"the body from {transfer.where} did not end: {handle.size} bytes came"


def _late(handle: Handle, transfer: Transfer) -> ProbeFailure | OurFault:
    if transfer.proxied and not handle.lines:
        return OurFault(f"our proxy {transfer.where} does not answer")
    return ProbeFailure(Reason.TIMEOUT, _stage(handle, transfer), phases=_phases(handle))


def _fault(  # noqa: C901, PLR0911 - a table in code
    handle: Handle, transfer: Transfer, code: int, words: str
) -> ProbeFailure | OurFault:
    curl, where = handle.curl, transfer.where
    phases = _phases(handle)
    if code == SHUT:
        return OurFault(words)
    if handle.fault:
        return ProbeFailure(Reason.LIMIT, f"{where} sent {handle.fault}", phases=phases)
    if code in _OURS:
        return OurFault(_OURS[code])
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return ProbeFailure(Reason.CERTIFICATE, _distrust(handle, words), phases=phases)
    if transfer.proxied and curl.getinfo(pycurl.HTTP_CONNECTCODE) != 200:
        return _proxy_fault(curl, where, words)
    number = curl.getinfo(pycurl.OS_ERRNO) or handle.number
    if transfer.quic:
        return _quic_fault(number, where, code, phases)
    if code == pycurl.E_COULDNT_CONNECT:
        return of_errno(number or errno.EHOSTUNREACH, where, phases)
    # curl reports a connection that is closed during the handshake as a TLS error.
    cut = "SYSCALL" in words or "unexpected eof" in words
    if number == errno.ECONNRESET or (code == pycurl.E_SSL_CONNECT_ERROR and cut):
        return of_errno(errno.ECONNRESET, where, phases)
    if code == pycurl.E_RECV_ERROR and (number or "failure" in words or "eof" in words):
        return ProbeFailure(Reason.RESET, f"{where}: connection lost while receiving", phases=phases)
    reason, text = _REASONS.get(code, (Reason.PROTOCOL, words or pycurl.easy_strerror(code)))
    if reason is Reason.TLS:
        text = f"{text}: {words.rpartition(':')[2].strip()}"
    return ProbeFailure(reason, f"{where}: {text}", phases=phases)


def _quic_fault(number: int, where: str, code: int, phases: Mapping[str, float]) -> ProbeFailure | OurFault:
    """Return the failure of a QUIC connection; curl uses the same text for many causes."""
    if "tls" in phases and code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_COULDNT_CONNECT):
        return ProbeFailure(Reason.RESET, f"{where}: QUIC connection lost", phases=phases)
    if number:
        return of_errno(number, where, phases)
    if code == pycurl.E_COULDNT_CONNECT:  # so does a server without a certificate for the name
        return ProbeFailure(Reason.TLS, f"{where} ended the QUIC handshake", phases=phases)
    if code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR):
        return ProbeFailure(
            Reason.PROTOCOL, f"{where} does not speak a version of QUIC that we know", phases=phases
        )
    reason, text = _REASONS.get(code, (Reason.PROTOCOL, pycurl.easy_strerror(code)))
    return ProbeFailure(reason, f"{where}: {text}", phases=phases)


def _distrust(handle: Handle, words: str) -> str:
    known = CERTIFICATE_FAULTS.get(handle.curl.getinfo(pycurl.SSL_VERIFYRESULT))
    if known is None and (handle.misnamed or "subject name" in words):
        known = CERTIFICATE_FAULTS[62]
    return f"the certificate {known or f'is refused: {words}'}"


def _proxy_fault(curl: pycurl.Curl, where: str, words: str) -> ProbeFailure | OurFault:
    """Return the failure of a tunnel. The proxy's own faults are ours; what it reports about the target is not."""
    status = curl.getinfo(pycurl.HTTP_CONNECTCODE)
    if status in (502, 503, 504):
        return ProbeFailure(Reason.UNREACHABLE, f"the proxy {where} cannot reach the target ({status})")
    if status:
        return OurFault(f"our proxy {where} refuses the tunnel ({status})")
    return OurFault(f"our proxy {where} cannot be used: {words}")
