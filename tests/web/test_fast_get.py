"""The short way answers as the long way does, and leaves to it whatever is not plain."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage.document import Document
from statuspage.render import rendered
from tests.statuspage.samples import STATES
from tests.yardstick import PATIENCE
from watch.web.fast_get import FastGet, _asked
from watch.web.page_answers import PageAnswers
from watch.web.public import public_server
from watch.web.rendered_pages import RenderedPages
from watch.web.visitors import Visitors

PLAIN = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BROWSER = (
    b"GET /?a=1 HTTP/1.1\r\nHost: status.acme.example\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11)\r\n"
    b'Accept: text/html,*/*;q=0.8\r\nAccept-Encoding:  gzip, deflate, br \r\nIf-None-Match: "abc"\r\n\r\n'
)
ODD = {
    "a body": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n",
    "a chunked body": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
    "an expectation": b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
    "an end": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "two at once": PLAIN + PLAIN,
    "one and a half": PLAIN + b"GE",
    "no host": b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "bare line feeds": PLAIN.replace(b"\r\n", b"\n"),
    "a bare line feed in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\nContent-Length: 3\r\n\r\n",
    "a nul": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "the old version": b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
    "another method": b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an absolute target": b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "too long": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 9000 + b"\r\n\r\n",
}


@pytest.fixture
async def address(served):
    pages = RenderedPages()
    pages.put(rendered(STATES["partial"]()))
    return await served(public_server(pages))


@pytest.fixture
async def connect():
    """Opens connections and closes them with the test."""
    writers = []

    async def opened(address, **more):
        reader, writer = await asyncio.open_connection(*address, **more)
        writers.append(writer)
        return reader, writer

    yield opened
    for writer in writers:
        writer.transport.abort()


async def answer(reader):
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    length = re.search(rb"Content-Length: (\d+)", head)
    return head, await reader.readexactly(int(length[1]) if length else 0)


def test_a_browsers_question_is_plain():
    assert _asked(PLAIN) == ("/", "", None, "")
    assert _asked(BROWSER) == ("/?a=1", "gzip, deflate, br", '"abc"', "")


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_is_not_plain_is_left_to_aiohttp(odd):
    assert _asked(odd) is None


@given(st.binary(max_size=60), st.integers(0, len(BROWSER)))
def test_a_head_with_anything_put_into_it_is_at_most_one_question(extra, at):
    asked = BROWSER[:at] + extra + BROWSER[at:]
    if _asked(asked) is not None:
        assert asked.count(b"\r\n\r\n") == 1
        assert asked.endswith(b"\r\n\r\n")
        assert not re.search(rb"(?i)\n(content-length|transfer-encoding) *:", asked)


@pytest.mark.parametrize(
    "target", [b"/", b"/nowhere", b"/api/v2/status.json", b"/components/web?x", b"/%2F", b"/robots.txt"]
)
@pytest.mark.parametrize("more", [b"", b"Accept-Encoding: br\r\n", b"If-None-Match: *\r\n"])
async def test_both_ways_give_the_same_bytes(address, connect, target, more):
    ask = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + more
    reader, writer = await connect(address)
    writer.write(ask + b"\r\n")
    quick = await answer(reader)
    writer.write(ask)
    await writer.drain()
    writer.write(b"\r\n")  # what aiohttp gets when the pieces arrive apart, and the same when they do not
    assert without_date(await answer(reader)) == without_date(quick)
    writer.write(ask + b"\r\n" + ask + b"\r\n")
    for _ in range(2):
        assert without_date(await answer(reader)) == without_date(quick)


def without_date(said):
    return re.sub(rb"Date: [^\r]+\r\n", b"", said[0]), said[1]


async def test_after_an_odd_question_the_connection_still_answers_plain_ones(address, connect):
    reader, writer = await connect(address)
    writer.write(PLAIN.replace(b"GET", b"HEAD"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    writer.write(PLAIN)
    head, body = await answer(reader)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body.endswith(b"</html>")


async def test_an_idle_connection_is_closed(served, connect):
    pages = RenderedPages()
    pages.put(rendered(STATES["fine"]()))
    reader, writer = await connect(await served(public_server(pages, keep_alive_s=0.2)))
    writer.write(PLAIN)
    await answer(reader)
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""


async def test_who_reads_no_answers_is_cut_off(connect):
    loop = asyncio.get_running_loop()
    cut = loop.create_future()

    class Watched(FastGet):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            cut.set_result(exc)

    pages = RenderedPages()
    pages.put({"/": Document(b"x" * 8_000_000, "text/plain")})  # more than the kernel's buffers take
    here = set()
    async with await loop.create_server(
        lambda: Watched(PageAnswers(pages), None, here, Visitors(), 0.2), "127.0.0.1", 0
    ) as server:
        _, writer = await connect(server.sockets[0].getsockname(), limit=1024)
        writer.write(PLAIN)
        await asyncio.wait_for(cut, PATIENCE)
    assert here == set()


async def test_a_stopped_server_leaves_nobody_waiting(connect):
    from watch.web.listen import serve

    pages = RenderedPages()
    pages.put(rendered(STATES["fine"]()))
    runner, address = await serve(public_server(pages), "127.0.0.1", 0)
    reader, writer = await connect(address)
    writer.write(PLAIN)
    await answer(reader)
    await asyncio.wait_for(runner.cleanup(), PATIENCE)
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
