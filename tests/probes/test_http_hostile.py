"""Servers that mean harm: each gets a typed reading in time, little memory, and never the event loop."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib

import pytest

from tests.probes.wires import (
    Meter,
    ask,
    drip,
    enough,
    garbage,
    hang_up,
    reset,
    said,
    saying,
    serving,
    silence,
)
from tests.yardstick import HOLD

LIMIT = 0.6  # seconds a run may take
OK = b"HTTP/1.1 200 OK\r\n"
ZEROS = b"\0" * (1 << 20)


def bomb(pack, mebibytes):
    return b"".join([pack.compress(ZEROS) for _ in range(mebibytes)] + [pack.flush()])


GZIP = bomb(zlib.compressobj(9, zlib.DEFLATED, 31), 100)


async def endless(reader, writer, head, chunk):
    await reader.read(65536)
    writer.write(head)
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(0)  # the villain shares our loop: its own work must not count as ours


def forever(head, chunk):
    return lambda reader, writer: endless(reader, writer, head, chunk)


async def drip_body(reader, writer):
    await reader.read(65536)
    writer.write(OK + b"Content-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


def whole(body, *headers):
    return OK + b"".join(h + b"\r\n" for h in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


HOSTILE = {
    "a gzip bomb": (saying(whole(GZIP, b"Content-Encoding: gzip")), ("up", "ok")),
    "stacked gzip bombs": (
        saying(whole(gzip.compress(GZIP), b"Content-Encoding: gzip, gzip")),
        ("up", "ok"),
    ),
    "gzip members one after another": (
        saying(whole(gzip.compress(b"a" * 1000) * 500, b"Content-Encoding: gzip")),
        ("down", "protocol"),
    ),
    "broken gzip": (saying(whole(b"\x1f\x8b" + b"x" * 100, b"Content-Encoding: gzip")), ("down", "protocol")),
    "a gigabyte of body": (forever(OK + b"Content-Length: 1073741824\r\n\r\n", ZEROS[:65536]), ("up", "ok")),
    "an endless chunked body": (
        forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"y" * 0x4000 + b"\r\n"),
        ("up", "ok"),
    ),
    "endless headers": (forever(OK, b"X-A: b\r\n" * 100), ("down", "limit")),
    "an endless header": (forever(OK + b"X-A: ", b"a" * 4096), ("down", "limit")),
    "an endless status line": (forever(b"HTTP/1.1 200 ", b"O" * 4096), ("down", "limit")),
    "endless 100s": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10), ("down", "limit")),
    "endless chunk extensions": (
        forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;a=b\r\nx\r\n" * 50),
        None,
    ),
    "headers that drip": (drip, ("down", "timeout")),
    "a body that drips": (drip_body, ("down", "timeout")),
    "silence": (silence, ("down", "timeout")),
    "garbage": (garbage, ("down", "protocol")),
    "HTTP/0.9": (saying(b"<html>hello</html>"), ("down", "protocol")),
    "an unknown version": (saying(b"HTTP/7.3 200 OK\r\n\r\n"), ("down", "protocol")),
    "a status of two digits": (saying(b"HTTP/1.1 20 OK\r\n\r\nhello"), None),
    "too few bytes": (saying(OK + b"Content-Length: 100\r\n\r\nten bytes!"), ("down", "reset")),
    "too many bytes": (saying(OK + b"Content-Length: 5\r\n\r\nhello, more"), ("up", "ok")),
    "a negative length": (saying(OK + b"Content-Length: -1\r\n\r\nhello"), None),
    "a length beyond numbers": (saying(OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhello"), None),
    "two lengths": (saying(OK + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"), None),
    "both length and chunks": (
        saying(OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("up", "ok"),
    ),
    "a broken chunk": (saying(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello"), ("down", "protocol")),
    "a null in a header": (saying(OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n"), None),
    "an early end": (hang_up, ("down", "reset")),
    "a reset": (reset, ("down", "reset")),
    "no end at all": (saying(OK + b"\r\nhello"), ("up", "ok")),
    "an upgrade nobody asked for": (
        saying(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
        None,
    ),
    "a redirect to nowhere": (saying(b"HTTP/1.1 302 F\r\nLocation: \r\nContent-Length: 0\r\n\r\n"), None),
    "a redirect of 60 KiB": (
        saying(b"HTTP/1.1 302 F\r\nLocation: /" + b"a" * 60_000 + b"\r\n\r\n"),
        ("down", "limit"),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_server_gets_its_reading_in_time_and_little_else(name):
    talk, told = HOSTILE[name]
    async with serving(talk) as port:
        url = f"http://127.0.0.1:{port}/"
        await ask("http", url=url, seconds=0.2)  # the first run pays for the engine
        async with Meter() as meter:
            reading = await ask("http", url=url, seconds=enough(told or ("timeout",), LIMIT))
    assert reading.verdict.value in ("up", "down"), reading
    assert told is None or said(reading) == told, reading
    assert meter.ticked < 2 * LIMIT
    assert meter.grown < 2 << 20
    assert meter.held < HOLD
    assert len(reading.detail) <= 200


@pytest.mark.parametrize("name", ["a gzip bomb", "a gigabyte of body", "an endless chunked body"])
async def test_a_body_without_end_is_cut_at_the_limit(name):
    async with serving(HOSTILE[name][0]) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/", max_body="64KiB")
    assert reading.facts["truncated"]
    assert len(reading.material["body"]) == 64 << 10


async def test_bad_servers_by_the_dozen_do_not_slow_down_a_good_one():
    async with (
        serving(silence) as mute,
        serving(forever(OK, b"X-A: b\r\n" * 100)) as endless_headers,
        serving(saying(whole(GZIP, b"Content-Encoding: gzip"))) as gzips,
        serving(saying(whole(b"fine"))) as good,
    ):
        await ask("http", url=f"http://127.0.0.1:{good}/")  # the first run pays for the engine
        bad = [
            asyncio.ensure_future(ask("http", url=f"http://127.0.0.1:{port}/", seconds=1))
            for port in (mute, endless_headers, gzips) * 12
        ]
        async with Meter() as meter:
            reading = await ask("http", url=f"http://127.0.0.1:{good}/", seconds=30)
        readings = await asyncio.gather(*bad)
    assert said(reading) == ("up", "ok")
    assert meter.held < HOLD
    assert {said(reading) for reading in readings} == {("down", "timeout"), ("down", "limit"), ("up", "ok")}


async def test_http2_that_is_none_is_a_protocol_error(pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem / "cert.pem", pem / "key.pem")
    context.set_alpn_protocols(["h2"])
    async with serving(saying(b"not http two at all" * 10), tls=context) as port:
        reading = await ask("http", url=f"https://localhost:{port}/", verify=False, version="2")
    assert said(reading) in {("down", "protocol"), ("down", "reset")}


async def test_words_of_the_server_reach_the_detail_without_control_characters():
    async with serving(saying(b"HTTP/1.1 302 F\r\nLocation: http://a\x1b[2Jb/\r\n\r\n")) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/")
    assert all(char.isprintable() for char in reading.detail)
