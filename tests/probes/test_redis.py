"""The redis probe against Redis with a replica, and against what only looks like one."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from tests.ports import free_port
from tests.probes.databases import eventually, until
from tests.probes.servers.redis import CANARY, command, server
from tests.probes.wires import ask, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.redis import RedisProbe

pytestmark = pytest.mark.xdist_group("redis")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("redis")


@pytest.fixture(scope="module")
def primary(folder, pem, ca_file):
    port, tls = free_port(), free_port()
    secured = ["--tls-port", tls, "--tls-cert-file", pem / "cert.pem", "--tls-key-file", pem / "key.pem"]
    more = ["--tls-auth-clients", "no", "--tls-ca-cert-file", ca_file, "--requirepass", CANARY]
    with server(folder, port, *secured, *more, "--repl-ping-replica-period", 1):
        assert command(port, "acl", "setuser", "mon", "on", f">{CANARY}x", "+ping", "+info") == "OK"
        assert command(port, "acl", "setuser", "few", "on", f">{CANARY}x", "+ping") == "OK"
        assert command(port, "mset", "a", "1", "b", "2") == "OK"
        yield port, tls


@pytest.fixture(scope="module")
def replica(folder, primary):
    port = free_port()
    follow = ["--replicaof", "127.0.0.1", primary[0], "--masterauth", CANARY, "--requirepass", CANARY]
    with server(folder, port, *follow) as process:
        until(lambda: "master_link_status:up" in command(port, "info", "replication"))
        yield port, process


def asked(port, *, judge=None, **options):
    options = {"address": f"localhost:{port}", "password": Secret(CANARY)} | options
    if judge is not None:
        options["judge"] = compile_judge(*judge, reference(RedisProbe).facts, {})
    return ask("redis", seconds=5, **options)


async def test_a_primary_is_up_with_its_facts(primary, replica):
    reading = await eventually(lambda: asked(primary[0]), lambda it: it.facts.get("replication.behind") == 0)
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert facts["role"] == "primary"
    assert facts["version"].startswith("7.")
    assert facts["replication.replicas"] == 1
    assert 0 <= facts["replication.lag"] < 10
    assert facts["memory"] > 100_000
    assert "memory.used" not in facts
    assert 0 < facts["clients.used"] < 0.01
    assert facts["keys"] == 2
    assert facts["saved"] is True
    assert 0 < facts["ping"] < facts["latency"] == sum(reading.phases.values())
    assert CANARY not in repr(reading)


async def test_a_replica_is_up_and_follows(replica):
    reading = await asked(replica[0])
    assert said(reading) == ("up", "ok")
    assert reading.facts["role"] == "replica"
    assert reading.facts["replication.connected"] is True
    assert 0 <= reading.facts["replication.lag"] <= 10
    assert "replication.replicas" not in reading.facts


async def test_a_replica_that_hangs_is_seen_behind_by_its_primary(primary, replica):
    # The server is the child of the one that made its namespace, or that one itself.
    os.killpg(replica[1].pid, signal.SIGSTOP)
    try:
        command(primary[0], "set", "c", "x" * 1000)
        judge = ([], ["replication.behind < 1000B"])
        reading = await asked(primary[0], judge=judge)
    finally:
        os.killpg(replica[1].pid, signal.SIGCONT)
        command(primary[0], "del", "c")
    assert said(reading) == ("degraded", "stale")
    assert reading.facts["replication.behind"] > 1000


async def test_a_replica_without_its_primary_is_stale(folder):
    port = free_port()
    with server(folder, port, "--replicaof", "127.0.0.1", free_port()):
        here = {"password": None, "judge": (["replication.connected == true"], [])}
        reading = await asked(port, **here)
        assert said(reading) == ("down", "stale")
        assert reading.facts["role"] == "replica"
        command(port, "config", "set", "replica-serve-stale-data", "no")
        reading = await asked(port, **here)
    assert said(reading) == ("down", "status")
    assert "MASTERDOWN" in reading.detail


async def test_memory_that_runs_out_is_degraded_then_down(primary):
    command(primary[0], "config", "set", "maxmemory", "100mb")
    try:
        fine = await asked(primary[0], judge=([], ["memory.used < 90%"]))
        tight = await asked(primary[0], judge=([], ["memory.used < 0.001%"]))
        full = await asked(primary[0], judge=(["memory.used < 0.001%"], []))
    finally:
        command(primary[0], "config", "set", "maxmemory", "0")
    assert said(fine) == ("up", "ok")
    assert said(tight) == ("degraded", "limit")
    assert said(full) == ("down", "limit")


@pytest.mark.parametrize(
    ("options", "told", "words"),
    [
        ({"password": None}, ("down", "auth"), "NOAUTH"),
        ({"password": Secret("wrong")}, ("down", "auth"), "WRONGPASS"),
        ({"user": "ghost"}, ("down", "auth"), "WRONGPASS"),
        ({"user": "few", "password": Secret(f"{CANARY}x")}, ("down", "auth"), "NOPERM"),
    ],
)
async def test_whoever_may_not_ask_is_told_so(primary, options, told, words):
    reading = await asked(primary[0], **options)
    assert said(reading) == told
    assert words in reading.detail
    assert CANARY not in repr(reading)


async def test_a_user_who_may_only_ping_and_look_is_enough(primary):
    assert said(await asked(primary[0], user="mon", password=Secret(f"{CANARY}x"))) == ("up", "ok")


async def test_a_password_that_nobody_asked_for_is_told_so(folder):
    port = free_port()
    with server(folder, port):
        assert said(await asked(port)) == ("down", "auth")


async def test_tls_proves_the_name(primary, ca_file):
    reading = await asked(primary[1], tls=True, ca_file=ca_file)
    assert said(reading) == ("up", "ok")
    assert reading.phases["tls"] > 0
    assert said(await asked(primary[1], tls=True)) == ("down", "certificate")
    assert said(await asked(primary[1], tls=True, verify=False)) == ("up", "ok")
    assert said(await asked(primary[1], tls=True, ca_file=ca_file, server_name="x.org")) == (
        "down",
        "certificate",
    )


async def test_neither_tls_nor_plain_text_falls_back_to_the_other(primary):
    plain = await ask("redis", address=f"localhost:{primary[0]}", tls=True, verify=False, seconds=0.5)
    assert plain.verdict.value == "down"
    assert plain.reason.value in {"timeout", "tls", "reset"}
    assert said(await asked(primary[1])) == ("down", "reset")


def seated(port):
    """A connection that the server took, None when it was full."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(b"PING\r\n")
    if sock.recv(16) == b"+PONG\r\n":
        return sock
    return sock.close()


async def test_a_server_that_is_full_is_a_limit(folder):
    port = free_port()
    with server(folder, port, "--maxclients", "1"), until(lambda: seated(port)):
        reading = await asked(port, password=None)
    assert said(reading) == ("down", "limit")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", ("down", "status")),
        (b"-DENIED Redis is running in protected mode\r\n", ("down", "auth")),
        (b"-\x1b[2Jboo\r\n", ("down", "status")),
        (b"+PONG\r\n$999999999\r\n", ("down", "limit")),
        (b"+PONG\r\n$99999999999\r\n", ("down", "protocol")),
        (b"+PONG\r\n$-1\r\n", ("down", "protocol")),
        (b"+PONG\r\n$4\r\nnope\r\n", ("up", "ok")),
        (b"+PONG\r\n$5005\r\nrole:" + b"x" * 5000 + b"\r\n", ("up", "ok")),
        (b"+PONG\r\n$33\r\nrole:slave\r\nused_memory:a\r\ndb0:keys\r\n", ("up", "ok")),
        (b"+" + b"x" * 300_000, ("down", "limit")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ("down", "protocol")),
    ],
)
async def test_a_server_that_talks_nonsense_is_told_apart(answer, told):
    async def talk(reader, writer):
        await saying(answer)(reader, writer)
        await silence(reader, writer)

    async with serving(talk) as port:
        reading = await ask("redis", address=f"127.0.0.1:{port}", seconds=enough(told))
    assert said(reading) == told
    assert "\x1b" not in reading.detail
    assert len(str(reading.facts.get("role", ""))) <= 200


@pytest.mark.parametrize(
    ("options", "wrong"),
    [({"address": "x:y"}, "address: "), ({"address": "x", "user": "mon"}, "user: needs a password")],
)
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        RedisProbe(**options)


def test_the_peer_is_the_host():
    assert RedisProbe(address="[::1]:1").peer() == "::1"
