"""One of curl's easy handles, and what its transfer has received so far, within limits.

`PARTS` are the options that no check may change. Proxies from the environment, name lookup and redirects are
not left to curl: it is given an address and makes one request. Cookies last for one run: `pursue` carries them
from one request of its redirects to the next, and a handle forgets them when it is given back.
"""

from __future__ import annotations

import errno
import re

import pycurl

_LINE, _LINES, _INTERIM = 8 << 10, 64 << 10, 10  # limits: a header line, all of them, 1xx answers
_ABORT = -1
# curl gives the cause of a failed QUIC connection only in its log. Anchored: the log has names of certificates, too.
_SENT = re.compile(rb"sendmsg\(\) returned -1 \(errno (\d+)\)")
_REFUSED = re.compile(rb"QUIC: connection to \S+ port \d+ refused")
_MISNAMED = re.compile(rb"SSL: (no alternative )?certificate subject name ")

PARTS = (
    (pycurl.NOSIGNAL, 1),
    # Curl reads a hundred buffers at once, and a body in chunks of one byte costs a callback for each.
    # That blocked the loop for 120 ms with curl's default of 16 KiB, and for 30 ms with this.
    (pycurl.BUFFERSIZE, 4096),
    (pycurl.FRESH_CONNECT, 1),
    (pycurl.FORBID_REUSE, 1),
    (pycurl.SSL_SESSIONID_CACHE, 0),
    (pycurl.COOKIEFILE, ""),
    (pycurl.PROXY, ""),  # an empty one: the environment's proxies are ignored
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.OPT_CERTINFO, 1),
    # We ask for identity; compressed answers are unpacked 16 KiB at a time, up to the limit.
    (pycurl.ENCODING, "identity"),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.USERAGENT, "threenines"),
    # X25519 alone makes a handshake a tenth cheaper than offering a post-quantum share first.
    (pycurl.SSL_EC_CURVES, "X25519:P-256:P-384:P-521"),
)


class Handle:
    """An easy handle, and what its transfer has received so far."""

    __slots__ = (
        "body",
        "connected",
        "curl",
        "cut",
        "fault",
        "fd",
        "held",
        "interim",
        "lines",
        "misnamed",
        "number",
        "plain",
        "room",
        "size",
    )

    def __init__(self, cafile: str | None) -> None:
        self.curl = pycurl.Curl()
        self.plain = True
        self._dress(cafile)
        self.clear(0)

    def _dress(self, cafile: str | None) -> None:
        for option, value in PARTS:
            self.curl.setopt(option, value)
        if cafile is not None:
            self.curl.setopt(pycurl.CAINFO, cafile)
        self.curl.setopt(pycurl.SOCKOPTFUNCTION, self._opened)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._hear)

    def reset(self, cafile: str | None) -> None:
        """Reset the options of the last transfer."""
        if not self.plain:
            self.curl.reset()
            self._dress(cafile)
            self.plain = True

    def forget(self) -> None:
        """Forget the cookies: curl keeps them in the handle, even when its options are reset."""
        self.curl.setopt(pycurl.COOKIELIST, "ALL")

    def clear(self, room: int) -> None:
        """Prepare for an answer with at most *room* bytes of body."""
        self.body = bytearray()
        self.lines: list[bytes] = []
        self.room, self.size, self.held, self.interim = room, 0, 0, 0
        self.fd = -1
        self.connected = self.cut = self.misnamed = False
        self.number = 0
        self.fault = ""

    def drop(self) -> None:
        """Let go of the answer: whoever has it keeps its own."""
        self.body, self.lines = bytearray(), []

    def watch(self) -> None:
        """Read errno, and whether the certificate is for another name, from curl's log of a QUIC connection."""
        self.plain = False
        self.curl.setopt(pycurl.VERBOSE, 1)
        self.curl.setopt(pycurl.DEBUGFUNCTION, self._logged)

    def _logged(self, kind: int, text: bytes) -> None:
        if kind != pycurl.INFOTYPE_TEXT:
            return
        if sent := _SENT.match(text):
            self.number = int(sent[1])
        elif _REFUSED.match(text):
            self.number = errno.ECONNREFUSED
        elif _MISNAMED.match(text):
            self.misnamed = True

    def _opened(self, fd: int, _purpose: int) -> int:
        self.fd = fd
        return 0  # SOCKOPT_OK

    def _take(self, chunk: bytes) -> int | None:
        self.body += chunk
        self.size += len(chunk)
        if self.size > self.room:
            self.cut = True
            return _ABORT
        return None

    def _hear(self, line: bytes) -> int | None:
        self.held = held = self.held + len(line)
        if line.startswith(b"HTTP/"):
            self.interim += 1
            self.lines.clear()  # of an interim answer, or of a proxy
        self.lines.append(line)
        if held <= _LINE and self.interim <= _INTERIM:
            return None
        if len(line) > _LINE or self.held > _LINES:
            self.fault = "headers larger than 8 KiB a line or 64 KiB in total"
        elif self.interim > _INTERIM + 1:
            self.fault = f"more than {_INTERIM} interim (1xx) answers"
        return _ABORT if self.fault else None
