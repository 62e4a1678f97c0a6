"""Where an http check goes: redirects, origins, forbidden addresses, proxies."""

from __future__ import annotations

import pytest

from tests.probes.names import name_server
from tests.probes.wires import ask, assumed, closed_port, said, saying, serving, silence
from watch.core.settings import Secret


async def test_redirects_are_followed_and_counted(nginx):
    reading = await ask("http", url=f"{nginx.url}/moved")
    assert (reading.facts["status"], reading.facts["redirects"]) == (200, 1)
    reading = await ask("http", url=f"{nginx.url}/moved", redirects="none")
    assert (reading.facts["status"], reading.facts["redirects"]) == (301, 0)


async def test_a_redirect_loop_reaches_the_limit(nginx):
    assert said(await ask("http", url=f"{nginx.url}/loop")) == ("down", "limit")


async def test_credentials_do_not_follow_a_redirect_to_another_origin(nginx, pem):
    private = {"token": Secret("t0ken"), "headers": {"X-Key": "k", "Cookie": "c", "Accept": "text/plain"}}
    home = f"{nginx.url}/away?to={nginx.url}/echo"
    reading = await ask("http", url=home, **private)
    assert reading.material["headers"]["x-seen"] == "Bearer t0ken|k|c"
    async with name_server({"other.test": "127.0.0.1"}):
        away = f"{nginx.url}/away?to=http://other.test:{nginx.http}/echo"
        reading = await ask("http", url=away, **private)
        assert reading.material["headers"]["x-seen"] == "||"
        # Nor do they come back once we have been away.
        back = f"{nginx.url}/away?to=http://other.test:{nginx.http}/away?to={nginx.url}/echo"
        assert (await ask("http", url=back, **private)).material["headers"]["x-seen"] == "||"


async def test_a_body_is_not_shown_to_another_origin():
    async with serving(saying(b"HTTP/1.1 307 T\r\nLocation: http://localhost:1/\r\n\r\n")) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/", method="POST", body=Secret("x"))
    assert said(reading) == ("down", "protocol")
    assert "another origin" in reading.detail


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://"])
async def test_a_redirect_to_what_is_not_http_is_not_followed(location):
    async with serving(
        saying(f"HTTP/1.1 302 F\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    ) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/", judge=assumed("http"))
    assert reading.verdict.value == "down"
    assert reading.reason.value in ("protocol", "status")


@pytest.mark.parametrize(
    "ip", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]"]
)
async def test_metadata_addresses_are_never_dialled(ip):
    reading = await ask("http", url=f"http://{ip}/latest/")
    assert said(reading) == ("unknown", "internal")
    assert "metadata: true" in reading.detail
    async with serving(
        saying(f"HTTP/1.1 302 F\r\nLocation: http://{ip}/\r\nContent-Length: 0\r\n\r\n".encode())
    ) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/")
    assert said(reading) == ("down", "protocol")


async def test_a_name_that_was_rebound_to_a_metadata_address_is_not_dialled():
    async with name_server({"rebound.test": "169.254.169.254"}):
        reading = await ask("http", url="http://rebound.test/")
    assert said(reading) == ("down", "dns")
    assert "metadata" in reading.detail


async def test_a_proxy_is_gone_through_and_the_environments_is_not(nginx, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert said(await ask("http", url=f"{nginx.url}/")) == ("up", "ok")
    asked = []

    async def talk(reader, writer):
        asked.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()

    async with serving(talk) as port:
        proxy = Secret(f"http://bob:pass@localhost:{port}")
        reading = await ask("http", url="http://nowhere.test/x", proxy=proxy)
    assert reading.material["body"] == b"hi"
    assert asked[0].startswith(b"GET http://nowhere.test/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic Ym9iOnBhc3M=" in asked[0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", ("down", "unreachable")),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", ("unknown", "internal")),
        (b"HTTP/1.1 407 Who\r\n\r\n", ("unknown", "internal")),
    ],
)
async def test_a_tunnel_that_does_not_come_about_says_whose_fault_it_is(answer, told):
    async with serving(saying(answer)) as port:
        reading = await ask(
            "http", url="https://nowhere.test/", proxy=Secret(f"http://u:hunter2@127.0.0.1:{port}")
        )
    assert said(reading) == told
    assert "hunter2" not in reading.detail


async def test_a_dead_proxy_is_our_fault():
    reading = await ask(
        "http", url="https://nowhere.test/", proxy=Secret(f"http://127.0.0.1:{closed_port()}")
    )
    assert said(reading) == ("unknown", "internal")
    async with serving(silence) as port:
        reading = await ask(
            "http", url="https://nowhere.test/", proxy=Secret(f"http://127.0.0.1:{port}"), seconds=0.2
        )
    assert said(reading) == ("unknown", "internal")
