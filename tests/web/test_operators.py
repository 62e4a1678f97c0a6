"""The operators' listener: what a supervisor and Prometheus ask it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from aiohttp import web
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from tests.yardstick import PATIENCE
from watch.web.metrics import Metrics
from watch.web.operators import Beat, Health, Readiness, Sources, operators_app
from watch.web.series import CheckSample, Samples


class Hub:
    """What a hub would say, changeable by the test."""

    def __init__(self):
        self.beats = (Beat("scheduler", 12, 5_000), Beat("sender", 900, 30_000))
        self.waiting = ()

    def sources(self):
        return Sources(
            samples=lambda: Samples([CheckSample("web/home", "web", "up", {"total": 0.1})]),
            health=lambda: Health(self.beats, {"checks": 7, "version": "0.1.0"}),
            readiness=lambda: Readiness(self.waiting),
        )


@pytest.fixture
def hub():
    return Hub()


@pytest.fixture
async def client(aiohttp_client, hub):
    return await aiohttp_client(operators_app(Metrics(), hub.sources()))


async def test_metrics_are_prometheus_text_unless_asked_for_more(client):
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'threenines_check_state{check="web/home",component="web",state="up"} 1\n' in await answer.text()


async def test_openmetrics_is_given_to_who_prefers_it(client):
    answer = await client.get(
        "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"}
    )
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    text = await answer.text()
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    assert list(openmetrics(text))


async def test_a_turning_pipeline_is_alive(client):
    answer = await client.get("/healthz")
    assert (answer.status, await answer.json()) == (
        200,
        {
            "status": "alive",
            "stuck": [],
            "loops": {
                "scheduler": {"ago_ms": 12, "limit_ms": 5_000},
                "sender": {"ago_ms": 900, "limit_ms": 30_000},
            },
            "facts": {"checks": 7, "version": "0.1.0"},
        },
    )


async def test_a_stuck_loop_is_named(client, hub):
    hub.beats = (Beat("scheduler", 5_001, 5_000), Beat("sender", 30_000, 30_000))
    answer = await client.get("/healthz")
    said = await answer.json()
    assert (answer.status, said["status"], said["stuck"]) == (503, "stuck", ["scheduler"])


async def test_it_is_ready_when_nothing_is_awaited(client, hub):
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (200, {"ready": True, "waiting": [], "troubles": []})
    hub.waiting = ("first readings of 3 checks",)
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (
        503,
        {"ready": False, "waiting": ["first readings of 3 checks"], "troubles": []},
    )


@pytest.mark.parametrize("path", ["/", "/metrics/", "/debug", "/<script>alert(1)</script>"])
async def test_nothing_else_is_there(client, path):
    answer = await client.get(path)
    assert (answer.status, await answer.text()) == (404, "404 Not Found\n")


async def test_it_can_only_be_read(client):
    answer = await client.post("/metrics")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nowhere"])
async def test_answers_are_neither_kept_nor_sniffed_nor_framed(client, path):
    for method in ("GET", "HEAD"):
        answer = await client.request(method, path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Server" not in answer.headers


@pytest.fixture
async def operators(served, hub):
    return await served(operators_app(Metrics(), hub.sources()), setting="listen.operators")


async def answer(address, *lines, version="1.1"):
    """All that comes back for a request of these lines."""
    reader, writer = await asyncio.open_connection(*address)
    first, *rest = lines
    writer.write(
        "\r\n".join([f"{first} HTTP/{version}", *rest, "Connection: close", "", ""]).encode("latin-1")
    )
    try:
        return (await asyncio.wait_for(reader.read(), PATIENCE)).decode()
    finally:
        writer.transport.abort()


LOOPBACK = [
    "localhost", "LOCALHOST:8081", "localhost.", "127.0.0.1", "127.0.0.1:1", "127.1.2.3:65535", "[::1]", "[::1]:80",
    "[::ffff:127.0.0.1]", "localhost:",
]  # fmt: skip
OTHERS = [
    "attacker.example", "attacker.example:8081", "127.0.0.1.attacker.example", "localhost.attacker.example",
    "127.0.0.1@attacker.example", "attacker.example@127.0.0.1", "10.0.0.1", "0.0.0.0", "[::]", "[fe80::1]", "127.1",
    "2130706433", "0x7f000001", "notlocalhost", "localhost evil", "", "[::1", "::1", "127.0.0.1, evil", "localhost#evil",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
async def test_names_of_loopback_are_answered(operators, host):
    assert (await answer(operators, "GET /healthz", f"Host: {host}")).startswith("HTTP/1.1 200 OK")
    assert (await answer(operators, f"GET http://{host}/healthz", f"Host: {host}")).startswith(
        "HTTP/1.1 200 OK"
    )


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nowhere"])
@pytest.mark.parametrize("host", OTHERS)
async def test_no_other_name_is_so_that_no_web_page_of_others_reads_us(operators, host, path):
    said = await answer(operators, f"GET {path}", f"Host: {host}")
    assert said.startswith("HTTP/1.1 421 Misdirected Request\r\n")
    assert "answers only to the names localhost, 127.0.0.1 and [::1]" in said
    assert "X-Content-Type-Options: nosniff" in said
    assert "threenines_" not in said
    assert not host or f"{host}\n" not in said


async def test_the_host_in_an_absolute_target_counts_too(operators):
    for target, host in (("http://attacker.example", "127.0.0.1"), ("http://127.0.0.1", "attacker.example")):
        said = await answer(operators, f"GET {target}/metrics", f"Host: {host}")
        assert said.startswith("HTTP/1.1 421 ")


async def test_a_request_without_a_host_is_answered_only_in_the_old_version_which_no_browser_speaks(
    operators,
):
    assert (await answer(operators, "GET /healthz", version="1.0")).startswith("HTTP/1.0 200 OK")
    assert (await answer(operators, "GET /healthz")).startswith("HTTP/1.1 400 ")
    assert (await answer(operators, "GET /healthz", "Host: localhost", "Host: x")).startswith("HTTP/1.1 400 ")


async def test_malformed_requests_get_a_plain_answer_and_cost_one_line_of_the_log(operators, caplog):
    with caplog.at_level(logging.DEBUG):
        for line in ("Host : x", "<script>: 1", "X: " + "y" * 9000, "Content-Length: x"):
            said = await answer(operators, "GET /metrics", "Host: localhost", line)
            assert said.startswith("HTTP/1.1 400 Bad Request\r\n")
            assert "X-Content-Type-Options: nosniff\r\n" in said
            assert "Server:" not in said
            assert "script" not in said
    told = [
        (it.levelno, it.getMessage(), it.exc_info) for it in caplog.records if it.name.startswith("watch")
    ]
    assert told == [
        (logging.WARNING, "the operators' listener got a malformed request, the latest from 127.0.0.1", None)
    ]


async def test_a_bug_of_ours_is_logged_whole_and_told_without_its_words(served, hub, caplog):
    def broken():
        raise LookupError("hunter2")

    sources = replace(hub.sources(), readiness=broken)
    said = await answer(await served(operators_app(Metrics(), sources)), "GET /readyz", "Host: localhost")
    assert said.startswith("HTTP/1.1 500 Internal Server Error\r\n")
    assert "nosniff" in said
    assert "hunter2" not in said + "Server:"
    assert [it.exc_info[0] for it in caplog.records if it.exc_info] == [LookupError]


async def test_who_reads_no_answers_is_cut_off(hub):
    from watch.web.listen import operators_runner

    many = [CheckSample(f"web/{n}", "web", "up", {"total": 0.1}) for n in range(20_000)]
    sources = replace(hub.sources(), samples=lambda: Samples(many))
    runner = operators_runner(operators_app(Metrics(), sources), keep_alive_s=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        _, writer = await asyncio.open_connection(*runner.addresses[0], limit=1024)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        writer.transport.pause_reading()
        async with asyncio.timeout(20):
            while not runner.server.connections:
                await asyncio.sleep(0)
            while runner.server.connections:
                await asyncio.sleep(0.01)
        writer.transport.abort()
    finally:
        await runner.cleanup()
