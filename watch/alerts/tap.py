"""Puts a `Wire` under all plug-ins: into `socket`, `ssl`, `http.client` and `smtplib`. Only for a sending child.

No plug-in, redirect or name may reach a metadata address. An audit hook sees every socket of the process, also those of
libraries that we do not know. A name is looked up before its socket is used, and the socket gets the address that was
found, so that it cannot change in between.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import smtplib
import socket
import ssl
import sys
from typing import TYPE_CHECKING, Any

from watch.alerts.wire import DeniedError

if TYPE_CHECKING:
    from watch.alerts.wire import Wire

# Their methods are replaced here, which no type allows.
_SOCKET: Any = socket.socket
_TLS: Any = ssl.SSLSocket
_HTTP: Any = http.client.HTTPConnection
_SMTP: Any = smtplib.SMTP
_NAMES: Any = socket


def tap(wire: Wire) -> None:
    """Let *wire* watch this process from now on; it cannot be undone."""
    _tap_names(wire)
    _tap_sockets(wire)
    _tap_tls(wire)
    _tap_http(wire)
    _tap_mail(wire)


def _tap_names(wire: Wire) -> None:
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            found = look_up(host, *args, **kwargs)
        except OSError:
            wire.unresolved(_text(host))
            raise
        wire.resolved(_text(host), [str(row[4][0]) for row in found])
        return found

    _NAMES.getaddrinfo = getaddrinfo


def _tap_sockets(wire: Wire) -> None:
    connect, connect_ex, sendto = _SOCKET.connect, _SOCKET.connect_ex, _SOCKET.sendto

    def connected(sock: socket.socket, address: Any) -> None:
        try:
            connect(sock, _numeric(address))
        except BlockingIOError:
            wire.connected = True
            raise
        except OSError as error:
            wire.cause = wire.cause or _cause(error)
            raise
        wire.connected = True

    def connected_ex(sock: socket.socket, address: Any) -> Any:
        wire.connected = True
        return connect_ex(sock, _numeric(address))

    def sent_to(sock: socket.socket, data: Any, *rest: Any) -> Any:
        wire.connected = True
        return sendto(sock, data, *rest[:-1], _numeric(rest[-1]))

    def audited(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            _audit(wire, arguments[1])

    _SOCKET.connect, _SOCKET.connect_ex, _SOCKET.sendto = connected, connected_ex, sent_to
    sys.addaudithook(audited)


def _numeric(address: Any) -> Any:
    """*address* with an IP address for its host; itself if it is no host and port."""
    if not isinstance(address, tuple) or len(address) < 2 or _is_ip(_text(address[0])):
        return address
    return (socket.getaddrinfo(address[0], address[1])[0][4][0], *address[1:])


def _audit(wire: Wire, address: Any) -> None:
    if not isinstance(address, tuple) or len(address) < 2:
        return
    ip = _text(address[0])
    if not _is_ip(ip):  # the library below looks it up itself: it may lead anywhere
        raise DeniedError(f"{ip} was not looked up")
    wire.admit(ip)
    wire.connecting(ip, int(address[1]))


def _tap_tls(wire: Wire) -> None:
    handshake = _TLS.do_handshake

    def shaken(sock: ssl.SSLSocket, *args: Any) -> None:
        try:
            handshake(sock, *args)
        except ssl.SSLCertVerificationError as error:
            wire.cause = f"its certificate is not accepted: {error.verify_message}"
            raise
        except OSError as error:
            wire.cause = f"TLS failed: {_cause(error)}"
            raise

    _TLS.do_handshake = shaken


def _tap_http(wire: Wire) -> None:
    put, receive, tunnel = _HTTP.putrequest, _HTTP.getresponse, _HTTP.set_tunnel

    def putrequest(line: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if "://" in url:
            _admit_behind_proxy(wire, url.partition("://")[2].partition("/")[0].rpartition("@")[2])
        wire.asking(method, url)
        put(line, method, url, *args, **kwargs)

    def getresponse(line: Any, *args: Any, **kwargs: Any) -> Any:
        wire.sending()
        try:
            response = receive(line, *args, **kwargs)
        except http.client.RemoteDisconnected:
            raise
        except http.client.HTTPException:
            wire.failed("its answer is not HTTP")
            raise
        wire.responded(response)
        return response

    def set_tunnel(line: Any, host: str, *args: Any, **kwargs: Any) -> None:
        _admit_behind_proxy(wire, host)
        tunnel(line, host, *args, **kwargs)

    _HTTP.putrequest, _HTTP.getresponse, _HTTP.set_tunnel = putrequest, getresponse, set_tunnel


def _admit_behind_proxy(wire: Wire, host: str) -> None:
    """Raise `DeniedError` if a proxy is told to reach *host*, with or without a port, as far as we can tell."""
    bare = host if _is_ip(host) else host.rpartition(":")[0] or host
    if bare.startswith("["):
        bare = bare.strip("[]")
    if _is_ip(bare):
        wire.admit(bare)
        return
    place, cause = wire.place, wire.cause
    with contextlib.suppress(socket.gaierror, UnicodeError):
        socket.getaddrinfo(bare, None)
    wire.place, wire.cause = place, cause


def _tap_mail(wire: Wire) -> None:
    reply = _SMTP.getreply

    def getreply(session: Any) -> Any:
        code, text = reply(session)
        wire.answered(code, mail=True)
        if code == 354:  # "go on": the mail itself goes out now
            wire.sending()
        return code, text

    _SMTP.getreply = getreply


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _cause(error: OSError) -> str:
    text = (isinstance(error, ssl.SSLError) and error.reason) or error.strerror
    return text.lower().replace("_", " ") if text else "no answer in time"
