"""Why an HTTP transfer failed: curl's error codes become reasons.

Only what the other end did is its fault: the codes of `_REASONS`, and the errors of the operating system that
`blame` knows as a target's. Whatever else curl says is ours: it ran out of descriptors, memory or ports, could
not read a file of ours, or gives no cause at all.

The text of a timeout names the phase, because that is what an on-call engineer asks first: a connection that is
not accepted, a handshake that stalls and an application that does not answer have different causes.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pycurl

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.http.engine import SHUT
from watch.probes.wire.net.blame import CERTIFICATE_FAULTS, of_errno, shortage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.probes.wire.http.handle import Handle
    from watch.probes.wire.http.transfer import Transfer

# pycurl has no names for these.
_E_HTTP2, _E_HTTP2_STREAM, _E_HTTP3, _E_QUIC, _E_CLIENT_CERTIFICATE, _E_TOO_LARGE = 16, 92, 95, 96, 98, 100
# What the other end did, or did not do. Any other code is curl's own trouble or ours.
_REASONS = {
    pycurl.E_GOT_NOTHING: (Reason.RESET, "closed without an answer"),
    pycurl.E_PARTIAL_FILE: (Reason.RESET, "closed in the middle of the answer"),
    pycurl.E_SEND_ERROR: (Reason.RESET, "connection lost while sending"),
    pycurl.E_RECV_ERROR: (Reason.PROTOCOL, ""),
    pycurl.E_OPERATION_TIMEDOUT: (Reason.TIMEOUT, "no answer in time"),
    pycurl.E_SSL_CONNECT_ERROR: (Reason.TLS, "the TLS handshake failed"),
    _E_CLIENT_CERTIFICATE: (Reason.TLS, "it wants a client certificate"),
    pycurl.E_UNSUPPORTED_PROTOCOL: (Reason.PROTOCOL, "the answer is not HTTP"),
    pycurl.E_FTP_WEIRD_SERVER_REPLY: (Reason.PROTOCOL, ""),
    pycurl.E_BAD_CONTENT_ENCODING: (Reason.PROTOCOL, ""),
    _E_HTTP2: (Reason.PROTOCOL, ""),
    _E_HTTP2_STREAM: (Reason.PROTOCOL, ""),
    _E_HTTP3: (Reason.PROTOCOL, ""),
    _E_QUIC: (Reason.PROTOCOL, ""),
    _E_TOO_LARGE: (Reason.LIMIT, "a header larger than 8 KiB"),
}
_OURS = {
    pycurl.E_INTERFACE_FAILED: "this machine cannot ask from the source, or through the interface, that `via` names",
    pycurl.E_SSL_CERTPROBLEM: "our client certificate or key cannot be used",
    pycurl.E_SSL_CACERT_BADFILE: "the file of certificate authorities (ca_file) cannot be read",
    pycurl.E_SSL_CIPHER: "our TLS library refuses the ciphers",
}
# How curl's text for a handshake begins that the other end has answered, or ended.
_SHAKEN = ("TLS connect error", "SSL_connect", "unexpected eof", "SSL peer", "QUIC", "ossl")
_USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)
_WITH_A_KEY = (pycurl.E_SSL_CERTPROBLEM, pycurl.E_SSL_CONNECT_ERROR, pycurl.E_BAD_FUNCTION_ARGUMENT)
_ENCRYPTED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")


def times(curl: pycurl.Curl) -> tuple[float, float, float, float]:
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
    connect, tls, first, _ = times(handle.curl)
    answered = first - max(connect, tls) if handle.lines else 0.0
    steps = {"connect": connect, "tls": tls - connect, "first_byte": answered}
    return {name: seconds for name, seconds in steps.items() if seconds > 0}


def _stage(handle: Handle, transfer: Transfer) -> str:
    """Return what a run that was cut short waited for."""
    connect, tls, first, _ = times(handle.curl)
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


def late(handle: Handle, transfer: Transfer) -> ProbeFailure | OurFault:
    """Return the failure of a transfer that was cut short."""
    if transfer.proxied and not handle.lines:
        return OurFault(f"our proxy {transfer.where} does not answer")
    return ProbeFailure(Reason.TIMEOUT, _stage(handle, transfer), phases=_phases(handle))


def fault(  # noqa: C901, PLR0911, PLR0912 - a table in code
    handle: Handle, transfer: Transfer, code: int, words: str
) -> ProbeFailure | OurFault:
    """Return the failure of a transfer that ended with curl's *code* and *words*."""
    curl, where = handle.curl, transfer.where
    phases = _phases(handle)
    if code == SHUT:
        return OurFault(words)
    if handle.fault:
        return ProbeFailure(Reason.LIMIT, f"{where} sent {handle.fault}", phases=phases)
    number = curl.getinfo(pycurl.OS_ERRNO) or handle.number
    if code == pycurl.E_WRITE_ERROR and _packed(handle):
        return ProbeFailure(
            Reason.PROTOCOL, f"{where}: its compressed body cannot be unpacked", phases=phases
        )
    if code in _OURS or code not in (*_REASONS, pycurl.E_COULDNT_CONNECT, pycurl.E_PEER_FAILED_VERIFICATION):
        return _our_fault(transfer, code, number)
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        known = shortage()  # without a descriptor, curl cannot read the authorities
        return known or ProbeFailure(Reason.CERTIFICATE, _distrust(handle, words), phases=phases)
    if transfer.proxied and curl.getinfo(pycurl.HTTP_CONNECTCODE) != 200:
        return _proxy_fault(curl, where, words)
    if handle.fd < 0 or number in _USED_UP:  # no socket was opened, or it could not be used
        return _our_fault(transfer, code, number)
    if transfer.quic:
        return _quic_fault(number, where, code, phases)
    if code == pycurl.E_COULDNT_CONNECT:
        return of_errno(number, where, phases) if number else _our_fault(transfer, code, number)
    # curl reports a connection that is closed during the handshake as a TLS error.
    cut = "SYSCALL" in words or "unexpected eof" in words
    if number == errno.ECONNRESET or (code == pycurl.E_SSL_CONNECT_ERROR and cut):
        return of_errno(errno.ECONNRESET, where, phases)
    if code == pycurl.E_RECV_ERROR and (number or "failure" in words or "eof" in words):
        return ProbeFailure(Reason.RESET, f"{where}: connection lost while receiving", phases=phases)
    if code == pycurl.E_SSL_CONNECT_ERROR and not any(sign in words for sign in _SHAKEN):
        return _our_fault(transfer, code, number)
    reason, text = _REASONS[code]
    text = text or words or pycurl.easy_strerror(code)
    if code == pycurl.E_SSL_CONNECT_ERROR:
        text = f"{text}: {words.rpartition(':')[2].strip()}"
    return ProbeFailure(reason, f"{where}: {text}", phases=phases)


def _packed(handle: Handle) -> bool:
    """Return whether the answer says that its body is compressed; then unpacking it is what may fail."""
    return any(line[:17].lower() == b"content-encoding:" for line in handle.lines)


def _our_fault(transfer: Transfer, code: int, number: int) -> OurFault:  # noqa: PLR0911 - as above
    """Return the fault of ours behind *code*: what is used up, our client's key, or what curl calls it."""
    used_up = shortage()
    if used_up is not None:
        return used_up
    if code == pycurl.E_INTERFACE_FAILED:
        return OurFault(_OURS[code])
    if number and isinstance(ours := of_errno(number, transfer.where), OurFault):
        return ours
    if code == pycurl.E_OUT_OF_MEMORY:
        return of_errno(errno.ENOMEM)  # type: ignore[return-value] # it is ours
    dressed = dict(transfer.extra)
    if pycurl.SSLKEY in dressed and code in _WITH_A_KEY:
        return _of_key(dressed)
    if code == pycurl.E_COULDNT_CONNECT:
        return OurFault(f"curl could not begin to connect to {transfer.where}, and gives no cause")
    return OurFault(_OURS.get(code) or f"curl cannot ask {transfer.where}: {pycurl.easy_strerror(code)}")


def _of_key(dressed: Mapping[int, Any]) -> OurFault:
    """Return why our client's key cannot be used."""
    path = str(dressed[pycurl.SSLKEY])
    try:
        kept = Path(path).read_bytes()
    except OSError as error:
        return OurFault(f"our client key {path} cannot be read: {error.strerror}")
    if not any(sign in kept for sign in _ENCRYPTED):
        return OurFault(_OURS[pycurl.E_SSL_CERTPROBLEM])
    if not dressed.get(pycurl.KEYPASSWD):
        return OurFault(f"our client key wants a passphrase: give it by `key_password` ({path})")
    return OurFault(f"our client key is not opened by its passphrase, `key_password` ({path})")


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
    reason, text = _REASONS[code]
    return ProbeFailure(reason, f"{where}: {text or pycurl.easy_strerror(code)}", phases=phases)


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
