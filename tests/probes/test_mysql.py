"""The mysql probe against MariaDB with and without TLS and with a replica, and against what only looks like one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.ports import free_port
from tests.probes.databases import eventually, until
from tests.probes.servers import mysql
from tests.probes.servers.mysql import CANARY, server, sql
from tests.probes.wires import ask, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.mysql import MysqlProbe
from watch.probes.wire.databases.mysql_login import CACHING, proof

pytestmark = pytest.mark.xdist_group("mysql")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mysql")


@pytest.fixture(scope="module")
def primary(folder, pem):
    """With TLS."""
    with mysql.primary(folder, pem) as (_, port):
        yield port


@pytest.fixture(scope="module")
def replica(folder, primary):
    """Without TLS."""
    port = free_port()
    with server(folder, "two", port, "--server-id=2", "--read-only=1"):
        until(lambda: sql(port, "select 1"))
        source = f"master_host='127.0.0.1', master_port={primary}, master_user='copier', master_password='{CANARY}'"
        sql(port, f"change master to {source}, master_use_gtid=slave_pos; start slave")
        until(lambda: sql(port, "select count(*) from mysql.user where user = 'copier'") == "1")
        yield port


def asked(port, *, judge=None, **options):
    options = {"address": f"localhost:{port}", "password": Secret(CANARY)} | options
    if judge is not None:
        options["judge"] = compile_judge(*judge, reference(MysqlProbe).facts, {})
    return ask("mysql", seconds=5, **options)


async def test_a_primary_is_up_with_its_facts(primary):
    reading = await asked(primary)
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert facts["role"] == "primary"
    assert facts["version"].startswith("10.11")
    assert facts["writable"] is True
    assert facts["uptime"] >= 0
    assert facts["connections"] >= 1
    assert facts["connections.used"] == pytest.approx(facts["connections"] / 20)
    assert facts["latency"] == sum(reading.phases.values())
    assert "replication.lag" not in facts
    assert CANARY not in repr(reading)


async def test_a_replica_that_follows_is_up(replica):
    reading = await eventually(lambda: asked(replica), lambda it: it.facts.get("replication.lag") == 0)
    assert said(reading) == ("up", "ok")
    assert reading.facts["role"] == "replica"
    assert reading.facts["writable"] is False
    assert reading.facts["replication.connected"] is True
    assert reading.facts["replication.applying"] is True


async def test_a_replica_that_stops_applying_is_stale(replica):
    sql(replica, "stop slave sql_thread")
    try:
        judge = (["replication.connected == true"], ["replication.applying == true"])
        reading = await asked(replica, judge=judge)
        without = await asked(replica, judge=(["replication.lag < 10s"], []))
    finally:
        sql(replica, "start slave sql_thread")
    assert said(reading) == ("degraded", "stale")
    assert "replication.lag" not in reading.facts
    assert said(without) == ("down", "stale")


async def test_a_replica_cut_off_is_down_when_it_must_be_connected(replica):
    sql(replica, "stop slave io_thread")
    try:
        reading = await asked(replica, judge=(["replication.connected == true"], []))
    finally:
        sql(replica, "start slave io_thread")
    assert said(reading) == ("down", "stale")


async def test_a_user_who_may_not_see_replication_gets_the_rest(primary):
    reading = await asked(primary, user="clerk")
    assert said(reading) == ("up", "ok")
    assert "role" not in reading.facts
    assert "connections.used" in reading.facts


async def test_a_check_leaves_as_one_should(primary):
    def aborted():
        return sql(primary, "show global status like 'Aborted_clients'")

    before = aborted()
    await asked(primary)
    await asked(primary, query="select id from shop.orders")
    await asked(primary, query="select * from shop.nothing")
    until(lambda: sql(primary, "show processlist").count("threenines") == 0)
    assert aborted() == before


@pytest.mark.parametrize(
    ("query", "facts"),
    [
        ("select count(*) from orders where id <= 5000", {"rows": 1, "value": 5000, "answer": "5000"}),
        ("select 2.5, 'x'", {"rows": 1, "value": 2.5, "answer": "2.5"}),
        ("select what from orders where id < 4 order by id", {"rows": 3, "answer": "order 1"}),
        ("select null", {"rows": 1}),
        ("select 1 from dual where false", {"rows": 0}),
        ("select id from orders order by id", {"rows": 1000, "value": 1, "answer": "1"}),
        ("show variables like 'max_connections'", {"rows": 1, "answer": "max_connections"}),
        ("select repeat('x', 1000)", {"rows": 1, "answer": "x" * 200}),
        ("select repeat('x', 70000)", {"rows": 1, "answer": "x" * 200}),
        ("select 'é' as a, 2 as a", {"rows": 1, "answer": "é"}),
    ],
)
async def test_a_query_gives_its_rows_and_its_first_value(primary, query, facts):
    reading = await asked(primary, query=query, database="shop")
    assert said(reading) == ("up", "ok")
    assert {
        name: reading.facts[name] for name in ("rows", "value", "answer") if name in reading.facts
    } == facts


async def test_a_value_that_is_too_small_is_degraded(primary):
    judge = (["value > 0"], ["value > 10000"])
    reading = await asked(primary, query="select count(*) from shop.orders", judge=judge)
    assert said(reading) == ("degraded", "expectation")


@pytest.mark.parametrize(
    ("options", "told", "words"),
    [
        ({"password": Secret("wrong")}, ("down", "auth"), "Access denied"),
        ({"password": None}, ("down", "auth"), "Access denied"),
        ({"user": "strict"}, ("down", "auth"), "Access denied"),
        ({"database": "cellar"}, ("down", "auth"), "Access denied"),
        ({"user": "root", "password": None, "database": "cellar"}, ("down", "missing"), "Unknown database"),
        ({"query": "select * from shop.nothing"}, ("down", "missing"), "doesn't exist"),
        ({"query": "select * from mysql.user"}, ("down", "auth"), "denied"),
        ({"query": "select from from"}, ("unknown", "internal"), "the query is wrong"),
        ({"query": "select 1; drop table shop.orders"}, ("unknown", "internal"), "the query is wrong"),
        ({"query": "select sleep(9)", "statement_timeout": timedelta(seconds=0.1)}, ("down", "timeout"), "max_statement_time"),
        ({"query": "select repeat('x', 100000) from shop.orders"}, ("down", "limit"), "more than we take"),
    ],
)  # fmt: skip
async def test_what_the_server_refuses_says_why(primary, options, told, words):
    reading = await asked(primary, **options)
    assert said(reading) == told, reading
    assert words in reading.detail
    assert CANARY not in repr(reading)


async def test_a_transaction_of_ours_cannot_write(primary):
    from watch.probes.mysql import MysqlProbe
    from watch.probes.wire.databases.mysql import Session
    from watch.probes.wire.net.dial import dial
    from watch.probes.wire.net.line import place

    check = MysqlProbe(address=f"127.0.0.1:{primary}")
    with await dial(place(check.address), family="any", metadata=False) as line:
        session = Session(line)
        await session.greet()
        await session.log_in("threenines", Secret(CANARY), "shop")
        await check._begin(session)
        with pytest.raises(Exception, match="READ ONLY transaction"):
            await session.run("insert into orders values (0, 'no')")


async def test_no_password_is_a_password_too(primary):
    assert said(await asked(primary, user="nameless", password=None)) == ("up", "ok")


async def test_tls_proves_the_name_and_never_falls_back(primary, replica, ca_file):
    reading = await asked(primary, tls=True, ca_file=ca_file)
    assert said(reading) == ("up", "ok")
    assert reading.phases["tls"] > 0
    assert said(await asked(primary, user="strict", tls=True, ca_file=ca_file)) == ("up", "ok")
    assert said(await asked(primary, tls=True)) == ("down", "certificate")
    assert said(await asked(primary, tls=True, verify=False)) == ("up", "ok")
    other = await asked(primary, tls=True, ca_file=ca_file, server_name="db.example.org")
    assert said(other) == ("down", "certificate")
    without = await asked(replica, tls=True, ca_file=ca_file)
    assert said(without) == ("down", "tls")
    assert "offers no TLS" in without.detail


async def test_a_server_that_is_full_is_a_limit(primary):
    sql(primary, "alter user clerk with max_user_connections -1")
    try:
        reading = await asked(primary, user="clerk")
    finally:
        sql(primary, "alter user clerk with max_user_connections 0")
    assert said(reading) == ("down", "limit")


def packet(number, body):
    return len(body).to_bytes(3, "little") + bytes((number,)) + body


NONCE = b"abcdefghijklmnopqrst"
GREETING = packet(
    0,
    b"\x0a8.0.36\0"
    + bytes(4)
    + NONCE[:8]
    + b"\0\xff\xff\x2d\x02\0\xff\xff\x15"
    + bytes(10)
    + NONCE[8:]
    + b"\0"
    b"caching_sha2_password\0",
)
OK = b"\0\0\0\2\0\0\0"


@pytest.mark.parametrize(
    ("answers", "told", "words"),
    [
        ([packet(0, b"\xff\x10\x04Too many connections")], ("down", "limit"), "Too many"),
        ([packet(0, b"\xff\x6a\x04Host '10.0.0.9' is not allowed")], ("down", "auth"), "not allowed"),
        ([packet(0, b"\x09old")], ("down", "protocol"), "does not speak"),
        ([packet(0, b"\x0aold\0short")], ("down", "protocol"), "ends too early"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], ("down", "protocol"), "does not speak"),
        ([GREETING, packet(2, b"\xfedialog\0what is it?")], ("unknown", "internal"), "dialog"),
        ([GREETING, packet(2, b"\xfemysql_clear_password\0")], ("down", "auth"), "in the clear"),
        ([GREETING, packet(2, b"\x01\x04")], ("down", "auth"), "in the clear"),
        ([GREETING, packet(7, OK)], ("down", "protocol"), "out of order"),
        ([GREETING, b"\0\0\0\2"], ("down", "protocol"), "out of order"),
        ([GREETING, packet(2, OK), packet(1, b"\xfb/etc/passwd")], ("down", "protocol"), "is not valid"),
        ([GREETING, packet(2, OK), packet(1, OK), packet(1, OK), packet(1, OK)], ("down", "protocol"), "does not fit the question"),
        ([GREETING, b"\xff\xff\xff\2" + bytes(10)], ("down", "limit"), "more than we take"),
        ([GREETING, b"".join(packet(n, b"\x01\x03") for n in range(2, 9))], ("down", "protocol"), "does not end"),
    ],
)  # fmt: skip
async def test_a_server_that_talks_nonsense_is_told_apart(answers, told, words):
    async def talk(reader, writer):
        for n, answer in enumerate(answers):
            await saying(answer, first=n > 0)(reader, writer)
        await silence(reader, writer)

    async with serving(talk) as port:
        reading = await ask(
            "mysql", address=f"127.0.0.1:{port}", password=Secret(CANARY), seconds=enough(told)
        )
    assert said(reading) == told, reading
    assert words in reading.detail
    assert CANARY not in repr(reading)


def strings(*texts):
    return b"".join(bytes((len(text),)) + text for text in texts)


def rows(names, values):
    """The packets of an answer with one row."""
    bodies = [bytes((len(names),)), *(strings(b"def", b"", b"", b"", name) for name in names)]
    bodies += [b"\xfe\0\0\2\0", strings(*values), b"\xfe\0\0\2\0"]
    return b"".join(packet(number, body) for number, body in enumerate(bodies, 1))


@pytest.mark.parametrize(
    ("version", "word"),
    [(b"5.7.44-log", "slave"), (b"8.0.21", "slave"), (b"8.0.36", "replica"), (b"8.4.3", "replica")],
)
async def test_a_mysql_is_asked_for_its_replication_in_the_word_that_it_knows(version, word):
    asked_for = []

    async def talk(reader, writer):
        body = GREETING[4:].replace(b"8.0.36", version)
        writer.write(packet(0, body))
        for number in (2, 1, 1):  # the login, the limits, the transaction
            await reader.readexactly(int.from_bytes((await reader.readexactly(4))[:3], "little"))
            writer.write(packet(number, OK))
        answers = [
            rows((b"most", b"closed"), (b"151", b"0")),
            rows((b"Variable_name", b"Value"), (b"Uptime", b"7")),
            rows((b"Replica_IO_Running", b"Replica_SQL_Running"), (b"Yes", b"Yes")),
        ]
        for answer in answers:
            size = int.from_bytes((await reader.readexactly(4))[:3], "little")
            asked_for.append((await reader.readexactly(size))[1:].decode())
            writer.write(answer)
        await reader.read()

    async with serving(talk) as port:
        reading = await ask("mysql", address=f"127.0.0.1:{port}")
    assert said(reading) == ("up", "ok"), reading
    assert asked_for[-1] == f"show {word} status"
    assert (reading.facts["role"], reading.facts["replication.connected"]) == ("replica", True)


async def test_words_before_the_encryption_are_not_believed():
    async with serving(saying(GREETING + packet(2, OK), first=False)) as port:
        reading = await ask("mysql", address=f"127.0.0.1:{port}", tls=True, verify=False)
    assert said(reading) == ("down", "tls")


def test_the_short_proof_of_mysql_8_is_that_of_its_manual():
    # XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce)), undone by whoever keeps the double hash.
    import hashlib

    shown = proof(CACHING, "secret", NONCE, None)
    twice = hashlib.sha256(hashlib.sha256(b"secret").digest()).digest()
    once = bytes(a ^ b for a, b in zip(shown, hashlib.sha256(twice + NONCE).digest(), strict=True))
    assert hashlib.sha256(once).digest() == twice


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"address": "x:y"}, "address: "),
        ({"address": "x", "query": "set global read_only = 0"}, "query: a check only reads"),
        ({"address": "x", "query": "select 1 into outfile '/tmp/x'"}, "leave out INTO OUTFILE"),
        ({"address": "x", "statement_timeout": timedelta(days=1)}, "statement_timeout: "),
        ({"address": "x", "user": "a\0b"}, "NUL"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        MysqlProbe(**options)


def test_the_peer_is_the_host():
    assert MysqlProbe(address="db.example.org").peer() == "db.example.org"
