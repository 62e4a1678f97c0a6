"""The etcd probe against etcd, and against what only looks like one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import urllib.request

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.ports import free_port
from tests.probes.databases import eventually
from tests.probes.servers.etcd import member
from tests.probes.wires import ask, said
from tests.yardstick import PATIENCE
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.etcd import EtcdProbe

pytestmark = pytest.mark.xdist_group("etcd")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("etcd")


@pytest.fixture(scope="module")
def etcd(folder):
    port = free_port()
    with member(folder, "only", port, {"only": free_port()}):
        yield port


def asked(port, *judge, scheme="http", **options):
    judge = compile_judge(
        *(judge or ([], [])), reference(EtcdProbe).facts, EtcdProbe.ASSUMED, EtcdProbe.WARNED
    )
    return ask("etcd", url=f"{scheme}://127.0.0.1:{port}", judge=judge, seconds=5, **options)


def post(port, path, **body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read()


async def test_a_member_is_up_with_its_facts(etcd):
    reading = await eventually(lambda: asked(etcd), lambda it: it.verdict.value == "up")
    facts = reading.facts
    assert facts["healthy"] is True
    assert facts["role"] == "leader"
    assert facts["version"].startswith("3.4")
    assert (facts["alarms"], facts["alarm"]) == (0, "")
    assert facts["size"] >= facts["size.used"] > 0
    assert facts["behind"] >= 0
    assert facts["term"] >= 1
    assert facts["latency"] == sum(reading.phases.values())


async def test_a_database_that_grows_is_degraded(etcd):
    await eventually(lambda: asked(etcd), lambda it: it.verdict.value == "up")
    assert said(await asked(etcd, [], ["size < 1kB"])) == ("degraded", "limit")


async def test_an_alarm_is_down_and_says_what_it_is(etcd):
    await eventually(lambda: asked(etcd), lambda it: it.verdict.value == "up")
    post(etcd, "/v3/maintenance/alarm", action="ACTIVATE", alarm="NOSPACE")
    try:
        reading = await asked(etcd)
    finally:
        post(etcd, "/v3/maintenance/alarm", action="DEACTIVATE", alarm="NOSPACE")
    assert said(reading) == ("down", "limit")
    assert reading.facts["alarms"] == 1
    assert "NOSPACE" in reading.facts["alarm"]
    assert reading.facts["healthy"] is False


async def test_a_cluster_without_a_majority_has_no_leader(folder):
    first, second = free_port(), free_port()
    peers = {"a": free_port(), "b": free_port()}
    with member(folder, "a", first, peers), contextlib.ExitStack() as other:
        process = other.enter_context(member(folder, "b", second, peers))
        both = [
            await eventually(lambda at=at: asked(at), lambda it: it.verdict.value == "up")
            for at in (first, second)
        ]
        assert {it.facts["role"] for it in both} == {"leader", "follower"}
        os.killpg(process.pid, signal.SIGKILL)
        reading = await eventually(lambda: asked(first), lambda it: it.reason.value == "missing")
    assert said(reading) == ("down", "missing")
    assert reading.detail == "the cluster has no leader"
    assert "role" not in reading.facts


async def test_tls_proves_the_name_and_the_client_proves_itself(folder, pem, ca_file):
    port = free_port()
    mutual = ["--cert-file", pem / "cert.pem", "--key-file", pem / "key.pem", "--client-cert-auth"]
    with member(
        folder, "tls", port, {"tls": free_port()}, *mutual, "--trusted-ca-file", ca_file, scheme="https"
    ):
        mine = {"certificate": pem / "cert.pem", "key": pem / "key.pem", "scheme": "https"}
        good = lambda: asked(port, ca_file=ca_file, **mine)  # noqa: E731 - asked twice
        assert said(await eventually(good, lambda it: it.verdict.value == "up")) == ("up", "ok")
        assert said(await asked(port, **mine)) == ("down", "certificate")
        nobody = await asked(port, ca_file=ca_file, scheme="https")
        assert nobody.verdict.value == "down"
        assert "certificate" in nobody.detail  # TLS 1.3 tells whom it does not let in after the handshake


@contextlib.asynccontextmanager
async def answering(status, body):
    async def answer(request):
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server.port


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, b"{}", ("down", "auth")),
        (404, b"404 page not found", ("down", "status")),
        (404, b"{}", ("down", "status")),
        (200, b"<html>", ("down", "protocol")),
        (200, b"[" * 100_000, ("down", "protocol")),
        (200, b"[1]", ("down", "status")),
        (200, b'{"version": "3.4"}', ("down", "missing")),
        (200, b'{"version": "3.4", "leader": "7", "header": 1, "errors": "x", "dbSize": true}', ("down", "status")),
        (503, b'{"version": 1, "error": "etcdserver: not ready"}', ("down", "status")),
    ],
)  # fmt: skip
async def test_a_server_that_talks_nonsense_is_told_apart(status, body, told):
    async with answering(status, body) as port:
        assert said(await asked(port)) == told


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"url": "etcd.example.org:2379"}, "url: "),
        ({"url": "https://mon:pw@etcd.example.org"}, "url: write only scheme"),
        ({"url": "https://x", "key": "k"}, "key: needs its certificate"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        EtcdProbe(**options)


def test_the_peer_is_the_host():
    assert EtcdProbe(url="https://etcd1.example.org:2379").peer() == "etcd1.example.org"
