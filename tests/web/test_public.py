"""The public listener, spoken to in HTTP."""

from __future__ import annotations

import asyncio
import logging
import re

import brotli
import pytest
from aiohttp import http_parser

from statuspage.render import rendered
from tests.statuspage.samples import STATES
from tests.yardstick import PATIENCE
from watch.errors import ListenError
from watch.web.public import public_server, refuse_slow_parser
from watch.web.rendered_pages import RenderedPages

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture
def site():
    return rendered(STATES["partial"]())


@pytest.fixture
async def base(served, site):
    pages = RenderedPages()
    pages.put(site)
    return "http://{}:{}".format(*await served(public_server(pages)))


async def talk(address, raw, *, until=b""):
    """Send *raw* on a fresh connection and return all that comes back."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(raw)
        return await asyncio.wait_for(reader.readuntil(until) if until else reader.read(), PATIENCE)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_every_document_is_handed_out_as_it_was_rendered(http, base, site):
    for path, document in site.items():
        async with http.get(base + path, headers={"Accept-Encoding": "identity"}) as answer:
            assert (answer.status, await answer.read()) == (document.status, document.body)
            assert answer.headers["Content-Type"] == document.content_type


async def test_every_answer_carries_the_security_headers_and_no_cookie(http, base, site):
    for method, path in [("GET", p) for p in (*site, "/nowhere")] + [("POST", "/"), ("OPTIONS", "/")]:
        async with http.request(method, base + path) as answer:
            assert {name: answer.headers[name] for name in SECURITY} == SECURITY
            assert not {"Set-Cookie", "Server"} & set(answer.headers)


async def test_pages_are_kept_for_seconds_and_assets_for_ever(http, base, site):
    for path in site:
        async with http.get(base + path) as answer:
            kept = answer.headers["Cache-Control"]
            assert ("immutable" in kept) == path.startswith("/assets/")
            assert "immutable" in kept or kept == "max-age=15, stale-if-error=86400"


async def test_only_the_api_may_be_read_by_other_sites(http, base, site):
    for path in site:
        async with http.get(base + path) as answer:
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            assert allowed == ("*" if path.startswith("/api/v2/") else None)


async def test_the_best_coding_is_sent_and_caches_are_told_that_it_varies(http, base, site):
    async with http.get(base + "/", headers={"Accept-Encoding": "gzip, br"}) as answer:
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("br", "Accept-Encoding")
        assert brotli.decompress(await answer.read()) == site["/"].body
    async with http.get(base + "/", headers={"Accept-Encoding": "identity"}) as answer:
        assert ("Content-Encoding" in answer.headers, answer.headers["Vary"]) == (False, "Accept-Encoding")


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_an_unchanged_page_is_not_sent_again(http, base, form):
    async with http.get(base + "/") as first:
        tag = first.headers["ETag"]
    async with http.get(base + "/", headers={"If-None-Match": form.format(tag)}) as again:
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
        assert {"Cache-Control", "Vary", "Date"} <= set(again.headers)
    async with http.get(base + "/", headers={"If-None-Match": '"other"'}) as other:
        assert other.status == 200


async def test_a_tag_of_another_coding_does_not_match(http, base):
    async with http.get(base + "/", headers={"Accept-Encoding": "br"}) as first:
        tag = first.headers["ETag"]
    async with http.get(base + "/", headers={"Accept-Encoding": "identity", "If-None-Match": tag}) as other:
        assert other.status == 200


@pytest.mark.parametrize("path", ["/", "/api/v2/components.json", "/nowhere"])
async def test_head_is_a_get_without_its_body(http, base, path):
    async with http.get(base + path) as whole, http.head(base + path) as bare:
        assert (bare.status, await bare.read()) == (whole.status, b"")
        differ = {"Date"}
        assert {k: v for k, v in bare.headers.items() if k not in differ} == {
            k: v for k, v in whole.headers.items() if k not in differ
        }


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1/status.json",
        "/index.html",
        "//",
        "/../etc/passwd",
        "/%2e%2e/",
        "/components/",
        "/%00",
    ],
)
async def test_what_is_not_there_is_a_real_404_that_leads_home(served, site, path):
    pages = RenderedPages()
    pages.put(site)
    address = await served(public_server(pages))
    said = await talk(address, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b'<a href="/">' in said


async def test_a_query_does_not_miss_the_page(http, base):
    async with http.get(base + "/?utm=1&x=%2F") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
async def test_the_page_can_only_be_read(http, base, method):
    async with http.request(method, base + "/") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    async with http.request(method, base + "/nowhere") as answer:
        assert answer.status == 404


async def test_a_preflight_is_answered_for_the_api_only(http, base):
    async with http.options(base + "/api/v2/status.json") as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    async with http.options(base + "/") as answer:
        assert (answer.status, "Access-Control-Allow-Origin" in answer.headers) == (204, False)


async def test_before_the_first_render_it_asks_to_come_back(http, served):
    pages = RenderedPages()
    base = "http://{}:{}".format(*await served(public_server(pages)))
    async with http.get(base + "/") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Please come back" in await answer.text()
    pages.put(rendered(STATES["fine"]()))
    async with http.get(base + "/") as answer:
        assert answer.status == 200


async def test_the_site_changes_between_two_requests_of_one_connection(served, site):
    pages = RenderedPages()
    pages.put(site)
    address = await served(public_server(pages))
    reader, writer = await asyncio.open_connection(*address)
    ask = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(ask)
    first = await reader.readuntil(b"\r\n\r\n")
    pages.put(rendered(STATES["major"]()))
    writer.write(ask)
    second = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert first != second


@pytest.mark.parametrize(
    ("ask", "connection"),
    [
        (b"GET /robots.txt HTTP/1.0\r\n\r\n", b""),
        (b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"Connection: close\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", b"Connection: close\r\n"),
    ],
)
async def test_the_connection_ends_where_it_should(served, site, ask, connection):
    pages = RenderedPages()
    pages.put(site)
    said = await talk(await served(public_server(pages)), ask)
    assert connection in said
    assert (b"Connection:" in said) == bool(connection)


async def test_an_old_client_may_keep_its_connection(served, site):
    pages = RenderedPages()
    pages.put(site)
    ask = b"GET /robots.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    said = await talk(await served(public_server(pages)), ask, until=b"\r\n\r\n")
    assert b"Connection: keep-alive\r\n" in said


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_does_not_finish_a_question_is_cut_off(served, site, sent):
    pages = RenderedPages()
    pages.put(site)
    address = await served(public_server(pages, keep_alive_s=0.2))
    assert await talk(address, sent) == b""


async def test_who_asks_much_and_reads_nothing_is_cut_off(served, site):
    pages = RenderedPages()
    pages.put(site)
    address = await served(public_server(pages, keep_alive_s=0.3))
    _, writer = await asyncio.open_connection(*address, limit=1024)
    ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    async with asyncio.timeout(PATIENCE):
        try:
            while not writer.transport.is_closing():
                writer.write(ask * 1000)
                await writer.drain()
        except ConnectionError:
            pass
        writer.transport.abort()


NOISE = [
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 9000,
    b"GET / HTTP/1.1\r\nHost: x\r\n<script>: 1\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
]


async def test_malformed_requests_get_a_plain_answer_and_cost_one_line_of_the_log(served, site, caplog):
    pages = RenderedPages()
    pages.put(site)
    address = await served(public_server(pages))
    with caplog.at_level(logging.DEBUG):
        for noise in NOISE * 3:
            said = await talk(address, noise + b"\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert b"\r\nX-Content-Type-Options: nosniff\r\n" in said
            assert b"\r\nServer:" not in said
            assert said.endswith(b"\r\n\r\nThis is not a valid HTTP request.\n")
    told = [
        (it.levelno, it.getMessage(), it.exc_info) for it in caplog.records if it.name.startswith("watch")
    ]
    assert told == [
        (logging.INFO, "the page's listener got a malformed request, the latest from 127.0.0.1", None)
    ]


@pytest.mark.parametrize(
    "authority", ["status.example", "status.example:80", "[::1]:80", "user@status.example", ""]
)
@pytest.mark.parametrize("scheme", ["http", "HTTPS"])
@pytest.mark.parametrize(
    "target", ["/", "/api/v2/status.json?x=1", "/nowhere", "/%2F", "/a//b", "/http://x/", ""]
)
async def test_a_request_as_to_a_proxy_is_answered_as_any_other(served, site, authority, scheme, target):
    pages = RenderedPages()
    pages.put(site)
    address = await served(public_server(pages))
    rest = b" HTTP/1.1\r\nHost: status.example\r\nConnection: close\r\n\r\n"
    answers = [
        re.sub(rb"Date: [^\r]+\r\n", b"", await talk(address, b"GET " + asked.encode() + rest))
        for asked in (target or "/", f"{scheme}://{authority}{target}")
    ]
    if authority:
        assert answers[0] == answers[1]
    assert b"X-Content-Type-Options: nosniff" in answers[1]


def test_it_refuses_to_start_on_the_slow_parser():
    with pytest.raises(ListenError, match="AIOHTTP_NO_EXTENSIONS"):
        refuse_slow_parser(http_parser.HttpRequestParserPy)
