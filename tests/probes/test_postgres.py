"""The postgres probe against PostgreSQL with a streaming replica, and against what only looks like one."""

from __future__ import annotations

import struct
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ports import free_port
from tests.probes.databases import call, eventually, until
from tests.probes.servers import postgres
from tests.probes.servers.postgres import BIN, CANARY, server, sql
from tests.probes.wires import Meter, ask, enough, said, saying, serving, silence
from tests.yardstick import HOLD
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.postgres import PostgresProbe
from watch.probes.wire.databases import dsn
from watch.probes.wire.databases.scram import Scram

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="module")
def primary(folder, pem):
    with postgres.primary(folder, pem) as (_, port):
        yield port


@pytest.fixture(scope="module")
def replica(folder, primary):
    to = ["-D", folder / "two", "-R", "-X", "stream", "-c", "fast"]
    call(f"{BIN}/pg_basebackup", "-h", "127.0.0.1", "-p", primary, "-U", "mon", *to)
    port = free_port()
    with server(folder, "two", port, "-cmax_connections=20", "-cwal_retrieve_retry_interval=100"):
        until(lambda: sql(port, "select count(*) from pg_stat_wal_receiver") == "1")
        sql(primary, "create table replayed ()")
        until(lambda: sql(port, "select pg_last_xact_replay_timestamp() is not null") == "t")
        yield port


def asked(port, *, judge=None, **options):
    options = {"address": f"localhost:{port}", "password": Secret(CANARY)} | options
    if judge is not None:
        options["judge"] = compile_judge(*judge, reference(PostgresProbe).facts, {})
    return ask("postgres", seconds=5, **options)


async def test_a_primary_is_up_with_its_facts(primary, replica):
    reading = await eventually(lambda: asked(primary), lambda it: it.facts.get("replication.behind") == 0)
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert facts["role"] == "primary"
    assert facts["version"].startswith("15.")
    assert facts["uptime"] > 0
    assert facts["connections"] >= 1
    assert facts["connections.used"] == pytest.approx(facts["connections"] / 20)
    assert facts["replication.replicas"] == 1
    assert facts["replication.lag"] >= 0
    assert facts["latency"] == sum(reading.phases.values())
    assert "replication.connected" not in facts
    assert CANARY not in repr(reading)


async def test_a_replica_that_keeps_up_has_no_lag(replica):
    reading = await eventually(lambda: asked(replica), lambda it: it.facts.get("replication.lag") == 0)
    assert said(reading) == ("up", "ok")
    assert reading.facts["role"] == "replica"
    assert reading.facts["replication.connected"] is True
    assert "replication.replicas" not in reading.facts


async def test_a_replica_that_stops_replaying_is_seen_late_from_both_ends(primary, replica):
    sql(replica, "select pg_wal_replay_pause()")
    until(lambda: sql(replica, "select pg_get_wal_replay_pause_state()") == "paused")
    try:
        sql(primary, "insert into orders select n, 'late' from generate_series(10000, 10100) n")
        judge = {"judge": ([], ["replication.lag == 0s"])}
        there = await eventually(
            lambda: asked(replica, **judge), lambda it: it.facts.get("replication.lag", 0) > 0
        )
        assert said(there) == ("degraded", "stale")
        judge = {"judge": (["replication.behind == 0B"], [])}
        here = await eventually(
            lambda: asked(primary, **judge), lambda it: it.facts.get("replication.behind", 0) > 0
        )
        assert said(here) == ("down", "stale")
        assert there.facts["replication.behind"] > 0
    finally:
        sql(replica, "select pg_wal_replay_resume()")


async def test_a_replica_cut_off_is_late_although_it_replayed_all_it_has(folder, primary, replica):
    whole = sql(replica, "show primary_conninfo").replace("'", "''")
    try:
        sql(replica, "alter system set primary_conninfo = 'host=127.0.0.1 port=1'")
        sql(replica, "select pg_reload_conf()")
        reading = await eventually(
            lambda: asked(replica), lambda it: it.facts.get("replication.connected") is False
        )
        assert reading.facts["replication.lag"] > 0
    finally:
        sql(replica, f"alter system set primary_conninfo = '{whole}'")
        sql(replica, "select pg_reload_conf()")


async def test_a_role_that_may_not_see_replicas_still_counts_them(primary, replica):
    reading = await eventually(
        lambda: asked(primary, user="clerk"), lambda it: it.facts.get("replication.replicas") == 1
    )
    assert said(reading) == ("up", "ok")
    assert "replication.lag" not in reading.facts


async def test_a_check_leaves_as_one_should(folder, primary):
    await asked(primary)
    await asked(primary, query="select * from no_such_table")
    until(lambda: sql(primary, "select count(*) from pg_stat_activity where usename = 'threenines'") == "0")
    assert "unexpected EOF" not in (folder / f"{primary}.log").read_text()


@pytest.mark.parametrize(
    ("query", "facts"),
    [
        ("select count(*) from orders where id <= 5000", {"rows": 1, "value": 5000, "answer": "5000"}),
        ("select 2.5, 'x'", {"rows": 1, "value": 2.5, "answer": "2.5"}),
        ("select 'NaN'::float", {"rows": 1, "answer": "NaN"}),
        ("select what from orders where id < 4 order by 1", {"rows": 3, "answer": "order 1"}),
        ("select null", {"rows": 1}),
        ("select 1 where false", {"rows": 0}),
        ("select id from orders order by id", {"rows": 1000, "value": 1, "answer": "1"}),
        ("show max_connections", {"rows": 1, "value": 20, "answer": "20"}),
        ("select repeat('x', 1000)", {"rows": 1, "answer": "x" * 200}),
    ],
)
async def test_a_query_gives_its_rows_and_its_first_value(primary, query, facts):
    reading = await asked(primary, query=query)
    assert said(reading) == ("up", "ok")
    assert {
        name: reading.facts[name] for name in ("rows", "value", "answer") if name in reading.facts
    } == facts


async def test_a_value_that_is_too_small_is_degraded(primary):
    judge = (["value > 0"], ["value > 10000"])
    reading = await asked(primary, query="select count(*) from orders where id <= 5000", judge=judge)
    assert said(reading) == ("degraded", "expectation")


@pytest.mark.parametrize(
    ("options", "told", "words"),
    [
        ({"password": Secret("wrong")}, ("down", "auth"), "password authentication failed"),
        ({"password": None}, ("down", "auth"), "wants a password, and none is given"),
        ({"user": "plain"}, ("down", "auth"), "in the clear: set `tls: true`"),
        ({"user": "nobody"}, ("down", "auth"), "pg_hba.conf rejects"),
        ({"database": "shop"}, ("down", "missing"), "does not exist"),
        ({"query": "select * from no_such_table"}, ("down", "missing"), "does not exist"),
        ({"query": "select * from pg_authid"}, ("down", "auth"), "permission denied"),
        ({"query": "select 1/0"}, ("down", "status"), "division by zero"),
        ({"query": "select from from"}, ("unknown", "internal"), "the query is wrong"),
        ({"query": "select 1; drop table orders"}, ("unknown", "internal"), "the query is wrong"),
        ({"query": "with x as (insert into orders values (0) returning 1) select 1"}, ("unknown", "internal"), "read-only"),
        ({"query": "select pg_sleep(9)", "statement_timeout": timedelta(seconds=0.1)}, ("down", "timeout"), "statement timeout"),
        ({"query": "select repeat('x', 100000) from generate_series(1, 20)"}, ("down", "limit"), "more than we take"),
    ],
)  # fmt: skip
async def test_what_the_server_refuses_says_why(primary, options, told, words):
    reading = await asked(primary, **options)
    assert said(reading) == told
    assert words in reading.detail
    assert CANARY not in repr(reading)


async def test_every_way_of_logging_in_that_keeps_the_password_is_known(primary, ca_file):
    assert said(await asked(primary, user="old")) == ("up", "ok")
    assert said(await asked(primary, user="mon", password=None)) == ("up", "ok")
    assert said(await asked(primary, user="plain", tls=True, ca_file=ca_file)) == ("up", "ok")


async def test_tls_proves_the_name_and_never_falls_back(primary, replica, ca_file):
    reading = await asked(primary, tls=True, ca_file=ca_file)
    assert said(reading) == ("up", "ok")
    assert reading.phases["tls"] > 0
    assert said(await asked(primary, tls=True)) == ("down", "certificate")
    assert said(await asked(primary, tls=True, verify=False)) == ("up", "ok")
    other = await asked(primary, tls=True, ca_file=ca_file, server_name="db.example.org")
    assert said(other) == ("down", "certificate")
    without = await asked(replica, tls=True, ca_file=ca_file)
    assert said(without) == ("down", "tls")
    assert "offers no TLS" in without.detail


async def test_a_server_that_is_full_is_a_limit(folder, primary):
    sql(primary, "alter role clerk connection limit 0")
    try:
        reading = await asked(primary, user="clerk")
    finally:
        sql(primary, "alter role clerk connection limit -1")
    assert said(reading) == ("down", "limit")


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"), ("down", "timeout")),
        (message(b"R", struct.pack("!i", 11) + b"r=x,s=AAAA,i=4096"), ("unknown", "internal")),
        (message(b"R", struct.pack("!i", 7)), ("unknown", "internal")),
        (message(b"E", b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"), ("down", "status")),
        (message(b"R", bytes(4)) + message(b"Z", b"I") * 3, ("down", "protocol")),
        (message(b"R", bytes(4)) + message(b"Z", b"I") * 2 + message(b"D", b"\0\5xx"), ("down", "protocol")),
        (b"S\x7f\xff\xff\xff" + bytes(2000), ("down", "limit")),
        (message(b"N", bytes(60000)) * 40, ("down", "limit")),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ("down", "protocol")),
    ],
)
async def test_a_server_that_talks_nonsense_is_told_apart(answer, told):
    async def talk(reader, writer):
        await saying(answer)(reader, writer)
        await silence(reader, writer)

    async with serving(talk) as port:
        reading = await ask(
            "postgres", address=f"127.0.0.1:{port}", password=Secret(CANARY), seconds=enough(told)
        )
    assert said(reading) == told
    assert CANARY not in repr(reading)


async def test_a_flood_of_small_messages_does_not_hold_up_others():
    async with serving(saying(message(b"N", b"") * 300_000)) as port, Meter() as meter:
        reading = await ask("postgres", address=f"127.0.0.1:{port}", seconds=5)
    assert said(reading) == ("down", "limit")
    assert meter.held < HOLD


async def test_words_before_the_encryption_are_not_believed():
    async with serving(saying(b"S" + message(b"R", bytes(4)))) as port:
        reading = await ask("postgres", address=f"127.0.0.1:{port}", tls=True, verify=False)
    assert said(reading) == ("down", "tls")


def test_scram_is_that_of_the_rfc():
    scram = Scram("user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert scram.last(challenge) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert scram.proves(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert not scram.proves(b"v=AAAA")


@pytest.mark.parametrize(
    "challenge", [b"r=else,s=AAAA,i=4096", b"r=n,s=AAAA,i=9000000", b"e=no", b"r=n,s=!,i=1"]
)
def test_a_challenge_that_is_none_or_too_dear_is_refused(challenge):
    with pytest.raises(ValueError, match=r"challenge|rounds"):
        Scram("user", "pencil", "n").last(challenge)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"address": "x:y"}, "address: "),
        ({"address": "x", "query": "delete from orders"}, "query: a check only reads"),
        ({"address": "x", "query": "copy orders to program 'x'"}, "query: a check only reads"),
        ({"address": "x", "query": "selection"}, "query: a check only reads"),
        ({"address": "x", "statement_timeout": timedelta(0)}, "statement_timeout: "),
        ({"address": "x", "user": "a\0b"}, "NUL"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        PostgresProbe(**options)


def test_the_peer_is_the_host():
    assert PostgresProbe(address="db.example.org").peer() == "db.example.org"
    assert PostgresProbe(dsn=Secret("postgres://a:b@db.example.org/x")).peer() == "db.example.org"
    assert PostgresProbe(dsn=Secret("host=db.example.org hostaddr=10.0.0.1")).peer() == "10.0.0.1"
    assert PostgresProbe(dsn=Secret("[::1]")).peer() == "::1"


async def by_dsn(text, **options):
    return await ask("postgres", seconds=5, dsn=Secret(text), **options)


@pytest.mark.parametrize(
    "form",
    [
        "postgresql://threenines:{uri}@localhost:{port}/postgres",
        "postgres://threenines:{uri}@127.0.0.1:{port}/postgres?connect_timeout=3&application_name=x",
        "postgresql://localhost/postgres?port={port}&user=threenines&password={uri}",
        "host=localhost port={port} dbname=postgres user=threenines password='{plain}' connect_timeout=3",
        "hostaddr=127.0.0.1  port = {port} dbname=postgres user=threenines password={backslashes}\n",
    ],
)
async def test_a_dsn_logs_in_in_every_form(primary, form):
    backslashes = CANARY.replace(" ", "\\ ")
    text = form.format(uri=quote(CANARY), plain=CANARY, backslashes=backslashes, port=primary)
    reading = await by_dsn(text, query="select count(*) from orders where id <= 5000")
    assert said(reading) == ("up", "ok")
    assert reading.facts["value"] == 5000
    assert CANARY not in repr(reading)


async def test_a_dsn_without_a_user_or_a_database_has_those_of_libpq_and_ours(primary):
    reading = await by_dsn(f"postgresql://:{quote(CANARY)}@localhost:{primary}")
    assert said(reading) == ("down", "missing")
    assert 'database "threenines" does not exist' in reading.detail
    # A host alone is no DSN of libpq's: it has our defaults, and here no password.
    reading = await by_dsn(f"localhost:{primary}")
    assert said(reading) == ("down", "auth")
    assert "none is given" in reading.detail


async def test_a_wrong_password_in_a_dsn_is_down_and_not_shown(primary):
    reading = await by_dsn(f"postgresql://threenines:canary-wrong@localhost:{primary}/postgres")
    assert said(reading) == ("down", "auth")
    assert "canary-wrong" not in repr(reading)


@pytest.mark.parametrize(
    ("mode", "told", "encrypted"),
    [
        ("", ("up", "ok"), False),
        ("?sslmode=disable", ("up", "ok"), False),
        ("?sslmode=allow", ("up", "ok"), False),
        ("?sslmode=prefer", ("up", "ok"), False),
        ("?sslmode=require", ("up", "ok"), True),
        ("?ssl=true", ("up", "ok"), True),
        ("?sslmode=verify-full", ("down", "certificate"), None),
        ("?sslmode=verify-ca", ("down", "certificate"), None),
        ("?sslmode=verify-full&sslrootcert=system", ("down", "certificate"), None),
        ("?sslmode=verify-full&sslrootcert={ca}", ("up", "ok"), True),
        ("?sslmode=verify-ca&sslrootcert={ca}", ("up", "ok"), True),
        ("?sslmode=require&sslrootcert={ca}", ("up", "ok"), True),
        ("?sslrootcert={ca}", ("up", "ok"), True),
    ],
)
async def test_the_sslmode_of_a_dsn_says_how_tls_is_spoken(primary, ca_file, mode, told, encrypted):
    text = f"postgresql://threenines:{quote(CANARY)}@localhost:{primary}/postgres{mode.format(ca=ca_file)}"
    reading = await by_dsn(text, query="select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    assert said(reading) == told
    assert reading.facts.get("answer") == {True: "t", False: "f", None: None}[encrypted]
    assert ("tls" in reading.phases) is bool(encrypted)


async def test_a_mode_that_wants_tls_never_falls_back(replica):
    reading = await by_dsn(f"postgresql://threenines@localhost:{replica}/postgres?sslmode=require")
    assert said(reading) == ("down", "tls")


async def test_options_say_how_tls_is_spoken_where_the_dsn_does_not(primary, ca_file):
    text = f"postgresql://threenines:{quote(CANARY)}@127.0.0.1:{primary}/postgres"
    reading = await by_dsn(text, tls=True, ca_file=ca_file)
    assert said(reading) == ("up", "ok")
    assert reading.phases["tls"] > 0
    reading = await by_dsn(text, tls=True, ca_file=ca_file, server_name="db.example.org")
    assert said(reading) == ("down", "certificate")


async def test_the_name_beside_a_numeric_address_is_the_one_proven(primary, ca_file):
    words = f"hostaddr=127.0.0.1 port={primary} dbname=postgres user=threenines password='{CANARY}' "
    words += f"sslmode=verify-full sslrootcert={ca_file} host="
    assert said(await by_dsn(words + "localhost")) == ("up", "ok")
    assert said(await by_dsn(words + "db.example.org")) == ("down", "certificate")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("postgresql://u:hunter2@h/db?frobnicate=hunter2", "the parameter frobnicate is not supported"),
        ("host=h frobnicate=hunter2", "the parameter frobnicate is not supported"),
        ("host=h password=hunter2 target_session_attrs=hunter2", "the parameter target_session_attrs is not"),
        ("host=h service=hunter2", "the parameter service is not supported"),
        ("host=h user=a user=hunter2", "the parameter user is in it twice"),
        (
            "host=h password=my hunter2=secret",
            "the text after the password is not a parameter; write password='",
        ),
        ("host=h password=my hunter2", "its parameters cannot be told apart; write password='"),
        ("host=h password='hunter2", "its parameters cannot be told apart; write password='"),
        ("host=h password='hunter2'hunter2", "its parameters cannot be told apart; write password='"),
        ("host=h hunter2!=x", "one of its parameters is not supported"),
        ("postgresql://u:hunter2@hunter2@h/db", "its parts cannot be told apart; write @ as %40"),
        ("postgresql://u:hun/ter2@h/db", "its parts cannot be told apart; write @ as %40"),
        ("postgresql://u:12?hunter2=x@h/db?a@b", "its parts cannot be told apart; write @ as %40"),
        ("postgresql://u:hunter2%@h/db", "a percent sign in it does not encode a character; write @ as %40"),
        ("postgresql://u:hunter2%00@h/db", "a percent sign in it does not encode a character"),
        ("postgresql://u:hunter2%ff@h/db", "a percent sign in it does not encode a character"),
        (
            "postgresql://u:hunter2@h:port/db",
            "its host and port cannot be read; write db.example.org:5432",
        ),
        ("postgresql://u:hunter2@h:99999/db", "its host and port cannot be read"),
        ("postgresql://u:hunter2@[::1/db", "its host and port cannot be read"),
        ("postgresql://u:hunter2@h/db?sslmode", "a parameter after the question mark has no value"),
        ("postgresql://u:hunter2@h/db?sslmode=hunter2", "its sslmode is not valid; write one of disable"),
        ("postgresql://u:hunter2@h/db?sslmode=prefer&sslrootcert=hunter2", "sslrootcert without TLS; write"),
        ("postgresql://u:hunter2@h1,h2/db", "has several hosts; write a check for each"),
        ("host=h1,h2 password=hunter2", "has several hosts; write a check for each"),
        ("host=h port=1,2 password=hunter2", "has several hosts; write a check for each"),
        ("postgresql://u:hunter2@/db", "Unix sockets are not supported; write host="),
        ("postgresql://u:hunter2@%2Fvar%2Frun/db", "Unix sockets are not supported; write host="),
        ("postgresql:///db?host=/hunter2", "Unix sockets are not supported; write host="),
        ("host=/hunter2 user=a", "Unix sockets are not supported; write host="),
        ("user=a password=hunter2", "Unix sockets are not supported; write host="),
        ("postgresql+asyncpg://u:hunter2@h/db", "something else; write postgresql://user"),
        ("mysql://u:hunter2@h/db", "something else; write postgresql://user"),
        ("hunter2 hunter2", "its host and port cannot be read"),
        ("", "has no host"),
        ("host=h\nuser=hunter2", "one line of at most"),
        ("host=h user=" + "hunter2" * 1000, "one line of at most"),
    ],
)
def test_a_dsn_that_cannot_be_meant_is_refused_unshown(text, wrong):
    with pytest.raises(ValueError, match=r"^dsn: ") as caught:
        PostgresProbe(dsn=Secret(text))
    assert wrong in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"address": "h"}, "address: the dsn has it already; leave one"),
        ({"user": "u"}, "user: the dsn has it already; leave one"),
        ({"password": Secret("hunter2")}, "password: the dsn has it already; leave one"),
        ({"database": "d"}, "database: the dsn has it already; leave one"),
        ({"tls": True}, "tls: the dsn has an sslmode"),
        ({"verify": False}, "verify: the dsn has an sslmode"),
        ({"ca_file": Path("ca.pem")}, "ca_file: the dsn has an sslmode"),
    ],
)
def test_what_a_dsn_says_is_not_said_beside_it(options, wrong):
    with pytest.raises(ValueError, match=f"^{wrong}"):
        PostgresProbe(dsn=Secret("postgresql://h/db?sslmode=require"), **options)


def test_a_dsn_is_not_shown_and_not_taken_for_an_address():
    text = "postgresql://u:hunter2@h/db"
    assert "hunter2" not in repr(PostgresProbe(dsn=Secret(text)))
    with pytest.raises(ValueError, match=r"^address: .*; write it as `dsn`") as caught:
        PostgresProbe(address=text)
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60) | st.text("postgresql:/@?&=%'\\ hu2,[]", max_size=60).map("postgres://".__add__))
def test_whatever_stands_in_a_dsn_it_is_read_or_refused_in_our_words(text):
    try:
        login = dsn.read(text, user="u", database="d")
    except ValueError as error:
        assert str(error).startswith("dsn: ")  # noqa: PT017 - either outcome is right
    else:
        assert login.address.rpartition(":")[2].isdecimal()


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1))
def test_whatever_is_a_password_comes_through_both_forms_whole(password):
    uri = f"postgresql://u:{quote(password, safe='')}@h:1/d"
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    words = f"host=h port=1 dbname=d user=u password='{escaped}'"
    for text in (uri, words):
        login = dsn.read(text, user="x", database="x")
        assert login == dsn.Login(address="h:1", user="u", password=Secret(password), database="d")
