"""Nothing of one run's session reaches another run: no cookie, no login, no connection, no TLS session."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.probes import peers
from tests.probes.wires import ask, said, serving
from watch.core.settings import Secret
from watch.probes import kinds

OVER_HTTP = [
    kind for kind in kinds() if "url" in (peers.ALL[kind].at(1) if peers.ALL[kind].TRANSPORT else {})
]


class Web:
    """A web server that gives each visitor a cookie, and notes the headers of every request."""

    def __init__(self, *answers):
        self.seen, self.answers, self.connections = [], list(answers), 0

    async def __call__(self, reader, writer):
        self.connections += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            self.seen.append(dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line))
            body = int(self.seen[-1].get("content-length", 0))
            await reader.readexactly(body)
            path = lines[0].split()[1]
            where = self.answers[0] if self.answers and path == "/begin" else ""
            status = f"302 Found\r\nLocation: {where}" if where else "200 OK"
            writer.write(
                f"HTTP/1.1 {status}\r\nSet-Cookie: session=1; Path=/\r\nContent-Type: application/json\r\n"
                "Content-Length: 2\r\n\r\n{}".encode()
            )
            await writer.drain()


@pytest.mark.parametrize("kind", OVER_HTTP)
async def test_a_run_begins_without_the_cookies_of_another(kind):
    web = Web()
    async with serving(web) as port:
        for _ in range(3):
            await ask(kind, **peers.ALL[kind].at(port))
        await ask("http", url=f"http://127.0.0.1:{port}/", headers={"X-Other": "1"})
    assert len(web.seen) >= 4
    assert not [it for it in web.seen if "cookie" in it]
    assert web.connections == len(web.seen)


async def test_dns_over_https_begins_without_cookies(tls, ca_file):
    web = Web()
    async with serving(web, tls=tls) as port:
        for _ in range(3):
            await ask("dns", name="web.test", over="https", resolver=f"localhost:{port}", ca_file=ca_file)
    assert len(web.seen) == 3
    assert not [it for it in web.seen if "cookie" in it]


async def test_the_redirect_of_a_run_brings_back_its_cookie_and_the_next_run_does_not():
    web = Web("/end")
    async with serving(web) as port:
        for _ in range(2):
            assert said(await ask("http", url=f"http://127.0.0.1:{port}/begin")) == ("up", "ok")
    assert [it.get("cookie") for it in web.seen] == [None, "session=1", None, "session=1"]


async def test_a_redirect_carries_no_cookie_to_another_host():
    there = Web()
    async with serving(there) as port:
        here = Web(f"http://localhost:{port}/")
        async with serving(here) as other:
            assert said(await ask("http", url=f"http://127.0.0.1:{other}/begin")) == ("up", "ok")
    assert [it.get("cookie") for it in there.seen] == [None]


async def test_a_run_that_is_cut_short_leaves_no_cookie_either():
    async def halfway(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 9\r\n\r\n")
        await writer.drain()
        await reader.read()

    web = Web()
    async with serving(halfway) as port, serving(web) as other:
        assert said(await ask("http", url=f"http://127.0.0.1:{port}/", seconds=0.2)) == ("down", "timeout")
        await ask("http", url=f"http://127.0.0.1:{other}/")
    assert "cookie" not in web.seen[0]


async def test_a_login_in_a_url_is_not_sent_by_the_next_run():
    web = Web()
    async with serving(web) as port:
        await ask("http", url=f"http://u:secret@127.0.0.1:{port}/")
        await ask("http", url=f"http://127.0.0.1:{port}/")
        await ask("http", url=f"http://127.0.0.1:{port}/", username="u", password=Secret("p"))
        await ask("http", url=f"http://127.0.0.1:{port}/")
    assert ["authorization" in it for it in web.seen] == [True, False, True, False]


OVER_TLS = {
    "http": lambda port: {"url": f"https://localhost:{port}/"},
    "tls": lambda port: {"address": f"localhost:{port}"},
    "tcp": lambda port: {"address": f"localhost:{port}", "tls": True},
    "redis": lambda port: {"address": f"localhost:{port}", "tls": True},
    "imap": lambda port: {"address": f"localhost:{port}", "tls": "implicit"},
    "dns": lambda port: {"name": "web.test", "resolver": f"localhost:{port}", "over": "tls"},
}


@pytest.mark.parametrize("kind", OVER_TLS)
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_a_run_resumes_no_tls_session(kind, version, tls, pem, ca_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem / "cert.pem", pem / "key.pem")
    context.maximum_version = getattr(ssl.TLSVersion, version)

    async def talk(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(talk, tls=context) as port:
        for _ in range(3):
            # Of the mail store both sides wait for the first word.
            await ask(kind, **OVER_TLS[kind](port), ca_file=ca_file, seconds=3)
        while context.session_stats()["accept_good"] < 3:
            await asyncio.sleep(0)
    assert context.session_stats()["hits"] == 0
