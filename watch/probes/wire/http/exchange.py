"""One HTTP transfer: it gives the answer, or raises the failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pycurl

from watch.core.reading import OurFault, Reason
from watch.probes.wire.http.engine import Engine
from watch.probes.wire.http.failure import fault, late, times
from watch.probes.wire.http.transfer import Answer, Transfer
from watch.probes.wire.net.blame import cut_short, shortage
from watch.probes.wire.net.engines import shared

if TYPE_CHECKING:
    from watch.probes.wire.http.handle import Handle

_VERSIONS = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}


async def ask(transfer: Transfer) -> Answer:
    """Return the answer to *transfer*; any status is one.

    Raises:
        ProbeFailure: The target gave no valid answer.
        OurFault: We could not ask.
    """
    try:
        engine = shared(Engine)
        handle = engine.borrow(transfer.room)
    except pycurl.error as error:
        words = "curl cannot be set up: this process has no file descriptors or no memory left"
        raise shortage() or OurFault(words, Reason.OVERLOADED) from error
    try:
        _dress(handle, transfer)
        code, words = await engine.perform(handle)
    except asyncio.CancelledError as stop:
        stage = late(handle, transfer)
        engine.give_back(handle)
        raise cut_short(stop, stage) from stop
    except pycurl.error as error:
        handle.curl.close()
        raise shortage() or OurFault(f"curl refuses the request: {error.args[-1]}") from error
    if code and not (code == pycurl.E_WRITE_ERROR and handle.cut):
        failure = fault(handle, transfer, code, words)
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
    connect, tls, first, total = times(curl)
    chain = know(pycurl.INFO_CERTINFO) if tls else ()
    redirect = know(pycurl.REDIRECT_URL)
    return Answer(
        know(pycurl.RESPONSE_CODE),
        _VERSIONS.get(know(pycurl.INFO_HTTP_VERSION), "?"),
        handle.lines,
        body,
        handle.size,
        handle.cut,
        redirect,
        chain[0] if chain else None,
        (
            connect,
            tls - connect if tls else 0.0,
            max(0.0, first - max(connect, tls)),
            max(0.0, total - first),
        ),
        tuple(know(pycurl.INFO_COOKIELIST)) if redirect else (),
    )
