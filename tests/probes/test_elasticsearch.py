"""The elasticsearch probe against a server of ours that speaks the documented JSON: no real one can be had."""

from __future__ import annotations

import base64
import contextlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.probes.servers.elasticsearch import GREEN
from tests.probes.wires import ask, assumed, closed_port, said
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.elasticsearch import ElasticsearchProbe

CANARY = "correct-horse-battery"
YELLOW = GREEN | {"status": "yellow", "unassigned_shards": 5, "active_shards_percent_as_number": 50.0}
NO_MASTER = {"error": {"type": "master_not_discovered_exception", "reason": None}, "status": 503}


@contextlib.asynccontextmanager
async def cluster(told, status=200, tls=None, allowed=None):
    seen = []

    async def health(request):
        seen.append(request)
        if allowed is not None and request.headers.get("Authorization") not in allowed:
            return web.json_response({"error": {"type": "security_exception"}, "status": 401}, status=401)
        if isinstance(told, bytes):
            return web.Response(body=told, status=status)
        return web.json_response(told, status=status)

    app = web.Application()
    app.router.add_get("/search/_cluster/health", health)
    server = TestServer(app, host="127.0.0.1", scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    try:
        yield server.port, seen
    finally:
        await server.close()


def asked(port, *judge, scheme="http", **options):
    cls = ElasticsearchProbe
    judge = (
        compile_judge(*judge, reference(cls).facts, cls.ASSUMED, cls.WARNED)
        if judge
        else assumed("elasticsearch")
    )
    return ask("elasticsearch", url=f"{scheme}://localhost:{port}/search/", judge=judge, **options)


async def test_a_green_cluster_is_up_with_its_facts():
    async with cluster(GREEN) as (port, seen):
        reading = await asked(port)
    assert said(reading) == ("up", "ok")
    latency, address = reading.facts["latency"], reading.facts["address"]
    assert latency == sum(reading.phases.values())
    assert reading.facts == {
        "latency": latency,
        "address": address,
        "status": "green",
        "cluster": "testcluster",
        "nodes": 3,
        "nodes.data": 2,
        "shards": 10,
        "shards.active": 1.0,
        "shards.unassigned": 0,
        "shards.initializing": 0,
        "shards.relocating": 1,
        "pending": 2,
        "pending.waited": 1.5,
    }
    assert seen[0].method == "GET"
    assert seen[0].query["master_timeout"] == "1s"


async def test_a_yellow_cluster_is_degraded_unless_yellow_is_good_enough():
    enough = 'status in ["green", "yellow"]'
    async with cluster(YELLOW) as (port, _):
        assert said(await asked(port)) == ("degraded", "status")
        assert said(await asked(port, [], [enough])) == ("up", "ok")
        assert said(await asked(port, [enough], [])) == ("up", "ok")
        assert said(await asked(port, ['status == "green"'], [])) == ("down", "status")
        assert said(await asked(port, [], [enough, "shards.active > 90%"])) == ("degraded", "missing")


async def test_a_red_cluster_is_down_unless_said_otherwise():
    async with cluster(GREEN | {"status": "red"}) as (port, _):
        assert said(await asked(port)) == ("down", "status")
        assert said(await asked(port, [], ['status in ["green", "yellow"]'])) == ("down", "status")
        assert said(await asked(port, ["status exists"], [])) == ("up", "ok")


async def test_a_node_that_is_gone_is_down_by_what_was_expected():
    async with cluster(GREEN | {"number_of_nodes": 2}) as (port, _):
        assert said(await asked(port, ["nodes >= 3"], [])) == ("down", "missing")


async def test_a_cluster_without_a_master_is_down():
    async with cluster(NO_MASTER, 503) as (port, _):
        reading = await asked(port)
    assert said(reading) == ("down", "missing")
    assert "no master" in reading.detail


async def test_nobody_listening_is_refused():
    assert said(await asked(closed_port())) == ("down", "refused")


async def test_who_asks_is_proven_by_password_or_key_and_shown_nowhere():
    basic = base64.b64encode(f"mon:{CANARY}".encode()).decode()
    async with cluster(GREEN, allowed={f"Basic {basic}", f"ApiKey {CANARY}"}) as (port, _):
        readings = [
            await asked(port, username="mon", password=Secret(CANARY)),
            await asked(port, api_key=Secret(CANARY)),
            await asked(port, username="mon", password=Secret(f"{CANARY}x")),
            await asked(port),
        ]
    assert [said(it) for it in readings] == [("up", "ok")] * 2 + [("down", "auth")] * 2
    assert CANARY not in repr(readings)
    assert CANARY not in repr(ElasticsearchProbe(url="http://x", api_key=Secret(CANARY)))


async def test_tls_proves_the_name(tls, ca_file):
    async with cluster(GREEN, tls=tls) as (port, _):
        assert said(await asked(port, scheme="https", ca_file=ca_file)) == ("up", "ok")
        assert said(await asked(port, scheme="https")) == ("down", "certificate")
        assert said(await asked(port, scheme="https", verify=False)) == ("up", "ok")


@pytest.mark.parametrize(
    ("told", "status", "expected"),
    [
        (b"<html>", 200, ("down", "protocol")),
        (b"Bad Gateway", 502, ("down", "status")),
        ({"error": {"type": "\x1b[2J"}}, 500, ("down", "status")),
        ({"error": 1}, 503, ("down", "status")),
        ([], 200, ("down", "status")),
        ({"status": 7}, 200, ("down", "status")),
        ({"status": "green", "number_of_nodes": "many", "active_shards_percent_as_number": True}, 200, ("up", "ok")),
    ],
)  # fmt: skip
async def test_a_server_that_talks_nonsense_is_told_apart(told, status, expected):
    async with cluster(told, status) as (port, _):
        reading = await asked(port)
    assert said(reading) == expected
    assert "\x1b" not in reading.detail


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"url": "search"}, "url: "),
        ({"url": "https://x?pretty"}, "url: write only scheme"),
        ({"url": "https://x", "username": "mon"}, "username: basic authentication"),
        ({"url": "https://x", "api_key": Secret("k\n")}, "api_key: a key is one line"),
        (
            {"url": "https://x", "username": "m", "password": Secret("p"), "api_key": Secret("k")},
            "api_key: give either",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        ElasticsearchProbe(**options)


def test_the_peer_is_the_host():
    assert ElasticsearchProbe(url="https://search.example.org:9200").peer() == "search.example.org"
