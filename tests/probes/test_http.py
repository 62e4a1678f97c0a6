"""The http probe against nginx and other real servers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.probes.names import name_server
from tests.probes.wires import ask, assumed, closed_port, said, serving, silence, timed
from watch.core.settings import Secret
from watch.probes.http import HttpProbe


async def test_an_answer_is_up_with_its_facts(nginx):
    reading, took = await timed(ask("http", url=f"{nginx.url}/"))
    assert said(reading) == ("up", "ok")
    facts = dict(reading.facts)
    assert 0 < facts.pop("latency") < took
    assert facts == {
        "status": 200,
        "size": 5,
        "truncated": False,
        "redirects": 0,
        "version": "1.1",
        "address": f"127.0.0.1:{nginx.http}",
    }
    assert reading.material["body"] == b"hello"
    assert reading.material["headers"]["content-type"] == "text/plain"


async def test_phases_add_up_to_the_latency(nginx, ca_file):
    reading = await ask("http", url=f"https://localhost:{nginx.https}/", ca_file=ca_file)
    assert set(reading.phases) == {"resolve", "connect", "tls", "first_byte", "transfer"}
    assert sum(reading.phases.values()) == pytest.approx(reading.facts["latency"])
    assert reading.phases["tls"] > 0


@pytest.mark.parametrize(
    ("path", "expect", "told"),
    [
        ("/", [], ("up", "ok")),
        ("/missing", [], ("down", "status")),
        ("/missing", ["status == 404"], ("up", "ok")),
        ("/", ['body contains "hello"'], ("up", "ok")),
        ("/", ['body contains "bye"'], ("down", "expectation")),
        ("/", ['header(Content-Type) == "text/plain"'], ("up", "ok")),
        ("/echo", ['json(method) == "GET"'], ("up", "ok")),
        ("/", ["latency < 1ms or latency >= 0ms"], ("up", "ok")),
        ("/", ["latency > 1h"], ("down", "slow")),
    ],
)
async def test_the_judge_says_whether_the_answer_is_good_enough(nginx, path, expect, told):
    assert said(await ask("http", url=nginx.url + path, judge=assumed("http", *expect))) == told


async def test_nobody_listening_is_refused():
    port = closed_port()
    reading = await ask("http", url=f"http://127.0.0.1:{port}/")
    assert said(reading) == ("down", "refused")
    assert f"127.0.0.1:{port}" in reading.detail


async def test_a_silent_server_times_out_and_the_detail_says_in_which_phase():
    async with serving(silence) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/", seconds=0.2)
    assert said(reading) == ("down", "timeout")
    assert reading.detail == f"connected to 127.0.0.1:{port}, no answer (limit 0.2 s)"
    assert set(reading.phases) == {"connect"}


async def test_a_handshake_that_stalls_times_out_and_says_so():
    async with serving(silence) as port:
        reading = await ask("http", url=f"https://127.0.0.1:{port}/", seconds=0.2)
    assert said(reading) == ("down", "timeout")
    assert "TLS handshake" in reading.detail


async def test_http2_is_spoken_when_asked_for(nginx, ca_file):
    url = f"https://localhost:{nginx.https}/"
    assert (await ask("http", url=url, ca_file=ca_file, version="2")).facts["version"] == "2"
    assert (await ask("http", url=url, ca_file=ca_file)).facts["version"] == "1.1"


async def test_the_certificate_is_a_fact(nginx, ca_file):
    now = datetime.now(UTC)
    reading = await ask("http", url=f"https://localhost:{nginx.https}/", ca_file=ca_file, now=now)
    assert reading.facts["certificate.subject"] == "localhost"
    left = reading.facts["certificate.expires"] - now.timestamp()
    assert reading.facts["certificate.left"] == pytest.approx(left)


async def test_a_certificate_about_to_expire_is_degraded(nginx, ca_file):
    from watch.core.expect import compile_judge
    from watch.probes.base import reference

    judge = compile_judge(
        [], ["certificate.left > 21d"], reference(HttpProbe).facts, HttpProbe.ASSUMED, HttpProbe.WARNED
    )
    url = f"https://localhost:{nginx.https}/"
    end = (await ask("http", url=url, ca_file=ca_file)).facts["certificate.expires"]
    late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
    assert said(await ask("http", url=url, ca_file=ca_file, judge=judge, now=late)) == (
        "degraded",
        "certificate",
    )


async def test_an_untrusted_certificate_is_down_unless_the_check_says_so(nginx):
    url = f"https://localhost:{nginx.https}/"
    reading = await ask("http", url=url)
    assert said(reading) == ("down", "certificate")
    assert "not trusted" in reading.detail
    assert said(await ask("http", url=url, verify=False)) == ("up", "ok")


async def test_a_certificate_for_another_name_is_down(nginx, ca_file):
    async with name_server({"other.test": "127.0.0.1"}):
        reading = await ask("http", url=f"https://other.test:{nginx.https}/", ca_file=ca_file)
    assert said(reading) == ("down", "certificate")
    assert reading.detail == "the certificate is for another name"


async def test_a_client_certificate_opens_the_door(nginx, ca_file, pem):
    url = f"https://localhost:{nginx.mutual}/"
    assert (await ask("http", url=url, ca_file=ca_file)).facts["status"] == 400
    reading = await ask("http", url=url, ca_file=ca_file, certificate=pem / "client.pem")
    assert reading.material["body"] == b"SUCCESS"


async def test_files_of_ours_that_cannot_be_read_are_our_fault(nginx, tmp_path):
    url = f"https://localhost:{nginx.https}/"
    for option in ("ca_file", "certificate"):
        reading = await ask("http", url=url, **{option: tmp_path / "none.pem"})
        assert said(reading) == ("unknown", "internal"), option


async def test_credentials_and_headers_are_sent(nginx):
    basic = await ask("http", url=f"{nginx.url}/echo", username="alice", password=Secret("s3cret"))
    assert b'"auth": "Basic YWxpY2U6czNjcmV0"' in basic.material["body"]
    bearer = await ask(
        "http", url=f"{nginx.url}/echo", token=Secret("t0ken"), headers={"X-Key": "k", "Host": "web"}
    )
    assert b'"auth": "Bearer t0ken", "key": "k", "host": "web"' in bearer.material["body"]


async def test_any_method_and_a_body_can_be_sent(nginx):
    asked = []

    async def talk(reader, writer):
        asked.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with serving(talk) as port:
        reading = await ask("http", url=f"http://127.0.0.1:{port}/x", method="POST", body=Secret('{"a": 1}'))
        await ask("http", url=f"http://127.0.0.1:{port}/x", method="HEAD")
        await ask("http", url=f"http://127.0.0.1:{port}/x", method="PURGE")
    assert reading.facts["status"] == 204
    assert asked[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert asked[0].endswith(b'\r\n\r\n{"a": 1}')
    assert [line.split()[0] for line in asked[1:]] == [b"HEAD", b"PURGE"]


async def test_handles_are_reused_without_leaking_options_from_check_to_check(nginx):
    await ask("http", url=f"{nginx.url}/echo", method="POST", body=Secret("x"), token=Secret("t0ken"))
    reading = await ask("http", url=f"{nginx.url}/echo")
    assert b'"method": "GET", "auth": ""' in reading.material["body"]


async def test_the_family_chooses_the_address(nginx):
    for family, host in (("4", "127.0.0.1"), ("6", "[::1]")):
        port = nginx.http if family == "4" else nginx.http6
        reading = await ask("http", url=f"http://localhost:{port}/", family=family)
        assert reading.facts["address"] == f"{host}:{port}"
    assert said(await ask("http", url=f"{nginx.url}/", family="6")) == ("unknown", "internal")


async def test_the_name_stays_in_the_request_though_an_address_is_dialled(nginx):
    async with name_server({"web.test": "127.0.0.1"}):
        reading = await ask("http", url=f"http://web.test:{nginx.http}/echo")
    assert b'"host": "web.test"' in reading.material["body"]
    assert reading.facts["address"] == f"127.0.0.1:{nginx.http}"


async def test_a_body_is_read_up_to_its_limit(nginx):
    reading = await ask("http", url=f"{nginx.url}/big", max_body="64KiB")
    assert said(reading) == ("up", "ok")
    assert reading.facts["truncated"]
    assert len(reading.material["body"]) == 64 << 10


async def test_no_secret_is_in_any_detail_or_repr(nginx):
    secrets = {"token": Secret("hunter2"), "headers": {"X-Key": "hunter2"}, "body": Secret("hunter2")}
    url = f"http://127.0.0.1:{closed_port()}/?key=hunter2"
    assert "hunter2" not in (await ask("http", url=url, **secrets)).detail
    assert "hunter2" not in repr(HttpProbe(url=f"{nginx.url}/", **secrets))


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"url": "ftp://x/"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "http://x:99999/"}, "url"),
        ({"url": "http://x/ y"}, "url"),
        ({"url": "http://x/", "method": "GET /"}, "method"),
        ({"url": "http://x/", "headers": {"A": "b\r\nC: d"}}, "headers"),
        ({"url": "http://x/", "headers": {"A b": "c"}}, "headers"),
        ({"url": "http://x/", "username": "u"}, "username"),
        ({"url": "http://x/", "username": "u", "password": Secret("p"), "token": Secret("t")}, "token"),
        ({"url": "http://x/", "max_body": "3MiB"}, "max_body"),
        ({"url": "http://x/", "proxy": Secret("ftp://x")}, "proxy"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_their_name(options, place):
    with pytest.raises(ValueError, match=place):
        HttpProbe(**options)


async def test_many_at_once_share_one_engine(nginx):
    readings = await asyncio.gather(*(ask("http", url=f"{nginx.url}/", seconds=10) for _ in range(200)))
    assert {said(reading) for reading in readings} == {("up", "ok")}
