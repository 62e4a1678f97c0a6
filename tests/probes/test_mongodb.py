"""The mongodb probe against a scripted server whose BSON is pymongo's. Never run against a real server."""

from __future__ import annotations

from datetime import timedelta

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.probes.mongo import HELLO, NOW, SERVER, SET, Mongo, member, message, replying, status
from tests.probes.wires import Meter, ask, assumed, enough, said, serving
from tests.yardstick import HOLD
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.mongodb import MongodbProbe
from watch.probes.wire.databases.bson import (
    DEEPEST,
    MOST_VALUES,
    Date,
    Excess,
    Stamp,
    Unread,
    decoded,
    encoded,
)
from watch.probes.wire.databases.scram import Scram

CANARY = "correct horse battery"
LOGIN = {"user": "mon", "password": Secret(CANARY)}
PRIMARY, SECONDARY, DOWN, ARBITER, RECOVERING = 1, 2, 8, 7, 3


async def asked(server, **options):
    async with serving(server) as port:
        return await ask("mongodb", address=f"localhost:{port}", seconds=5, **options)


def a_set(*members, hello=None):
    return Mongo({"hello": HELLO | SET | (hello or {}), "replSetGetStatus": status(*members)})


async def test_a_standalone_server_is_up_with_its_facts():
    server = Mongo()
    reading = await asked(server, judge=assumed("mongodb"))
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert facts["role"] == "standalone"
    assert facts["writable"] is True
    assert facts["version"] == "7.0.5"
    assert facts["uptime"] == 86400
    assert facts["connections"] == 20
    assert facts["connections.used"] == 0.25
    assert facts["latency"] == sum(reading.phases.values())
    assert 0 < facts["ping"] < facts["latency"]
    assert not {name for name in facts if name.startswith("replication")} | {"set"} & set(facts)
    assert [next(iter(command)) for command in server.asked] == ["hello", "ping", "serverStatus"]


async def test_a_primary_tells_of_its_set_and_of_its_latest_secondary():
    server = a_set(
        member(0, PRIMARY, self=True),
        member(1, SECONDARY, behind=3),
        member(2, SECONDARY, behind=8),
        member(3, ARBITER),
    )
    reading = await asked(server)
    assert said(reading) == ("up", "ok")
    told = {name: value for name, value in reading.facts.items() if name.startswith(("repl", "role", "set"))}
    assert told == {
        "role": "primary",
        "set": "rs0",
        "replication.members": 4,
        "replication.unhealthy": 0,
        "replication.lag": 8,
    }


async def test_a_secondary_is_as_late_as_its_primary_is_ahead():
    hello = {"isWritablePrimary": False, "secondary": True}
    server = a_set(
        member(0, PRIMARY),
        member(1, SECONDARY, behind=42, self=True, syncSourceHost="db0:27017"),
        hello=hello,
    )
    judge = compile_judge([], ["replication.lag < 10s"], reference(MongodbProbe).facts, {})
    reading = await asked(server, judge=judge)
    assert said(reading) == ("degraded", "stale")
    assert reading.facts["role"] == "secondary"
    assert reading.facts["writable"] is False
    assert reading.facts["replication.connected"] is True
    assert reading.facts["replication.lag"] == 42


async def test_a_secondary_that_is_ahead_of_what_it_heard_is_not_late_and_without_a_source_not_connected():
    hello = {"isWritablePrimary": False, "secondary": True}
    server = a_set(
        member(0, PRIMARY, behind=2), member(1, SECONDARY, self=True, syncSourceHost=""), hello=hello
    )
    reading = await asked(server, judge=assumed("mongodb", "replication.connected == true"))
    assert said(reading) == ("down", "stale")
    assert reading.facts["replication.lag"] == 0


async def test_members_that_are_lost_or_not_serving_are_unhealthy_and_make_nobody_late():
    server = a_set(
        member(0, PRIMARY, self=True),
        member(1, DOWN, behind=9000, health=0.0),
        member(2, RECOVERING, behind=9000),
        member(3, SECONDARY, behind=1),
    )
    reading = await asked(server, judge=assumed("mongodb", "replication.unhealthy == 0"))
    assert said(reading) == ("down", "status")
    assert reading.facts["replication.unhealthy"] == 2
    assert reading.facts["replication.lag"] == 1


async def test_without_a_primary_nobody_knows_how_late():
    hello = {"isWritablePrimary": False, "secondary": True}
    reading = await asked(a_set(member(0, DOWN, health=0.0), member(1, SECONDARY, self=True), hello=hello))
    assert said(reading) == ("up", "ok")
    assert "replication.lag" not in reading.facts


@pytest.mark.parametrize(
    ("hello", "role", "told"),
    [
        ({"msg": "isdbgrid"}, "mongos", ("up", "ok")),
        (SET | {"isWritablePrimary": False, "arbiterOnly": True}, "arbiter", ("up", "ok")),
        (SET | {"isWritablePrimary": False}, "other", ("down", "status")),
        ({"isWritablePrimary": False, "isreplicaset": True}, "other", ("down", "status")),
    ],
)
async def test_every_role_is_told_and_one_that_serves_nobody_is_down(hello, role, told):
    server = Mongo({"hello": HELLO | hello, "replSetGetStatus": {"ok": 0.0, "code": 94, "errmsg": "no"}})
    reading = await asked(server, judge=assumed("mongodb"))
    assert said(reading) == told
    assert reading.facts["role"] == role


@pytest.mark.parametrize("way", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
@pytest.mark.parametrize("skips", [True, False])
async def test_a_login_shows_the_password_to_nobody(way, skips):
    server = Mongo(way=way, password=CANARY, skips=skips)
    reading = await asked(server, **LOGIN, auth_database="ops")
    assert said(reading) == ("up", "ok")
    assert reading.facts["version"] == "7.0.5"
    assert server.asked[0]["saslSupportedMechs"] == "ops.mon"
    assert {it["$db"] for it in server.asked if next(iter(it)).startswith("sasl")} == {"ops"}
    assert CANARY not in repr(server.asked) + repr(reading)


async def test_a_name_with_the_signs_of_the_protocol_is_let_in():
    server = Mongo(way="SCRAM-SHA-256", user="a=2Cb=3Dc", password=CANARY)
    reading = await asked(server, user="a,b=c", password=Secret(CANARY))
    assert reading.facts["version"] == "7.0.5"


@pytest.mark.parametrize(
    ("server", "options", "words"),
    [
        (Mongo(way="SCRAM-SHA-256", password=CANARY), {"user": "mon", "password": Secret("canary-x")}, "Authentication failed"),
        (Mongo(way="SCRAM-SHA-1", password=CANARY), {"user": "mon", "password": Secret("canary-x")}, "Authentication failed"),
        (Mongo(way="PLAIN", password=CANARY), LOGIN, "neither SCRAM-SHA-256 nor SCRAM-SHA-1"),
        (Mongo(way="SCRAM-SHA-256", password=CANARY, proof="v=AAAA"), LOGIN, "does not prove"),
        (Mongo(way="SCRAM-SHA-256", password=CANARY, proof="v=!"), LOGIN, "is not valid"),
        (Mongo(way="SCRAM-SHA-256", password=CANARY, proof="\udce4".encode("utf-8", "replace").decode()), LOGIN, "does not prove"),
    ],
)  # fmt: skip
async def test_a_login_that_fails_says_why(server, options, words):
    reading = await asked(server, **options)
    assert said(reading) == ("down", "auth")
    assert words in reading.detail
    assert CANARY not in repr(reading)
    assert "canary-x" not in repr(reading)


async def test_without_a_login_the_rest_is_left_out():
    reading = await asked(Mongo(way="SCRAM-SHA-256", password=CANARY))
    assert said(reading) == ("up", "ok")
    assert reading.facts["role"] == "standalone"
    assert "version" not in reading.facts


async def test_documents_are_counted_with_a_limit_on_the_servers_time():
    server = Mongo({"count": {"n": 4711, "ok": 1.0}})
    options = {
        "collection": "shop.orders.old",
        "filter": '{"state": {"$in": ["failed", 7, 9000000000, 1.5, null, true]}}',
    }
    judge = assumed("mongodb", "count > 5000")
    reading = await asked(server, **options, statement_timeout=timedelta(seconds=2), judge=judge)
    assert said(reading) == ("down", "expectation")
    assert reading.facts["count"] == 4711
    assert server.asked[-1] == {
        "count": "orders.old",
        "query": {"state": {"$in": ["failed", 7, 9000000000, 1.5, None, True]}},
        "maxTimeMS": 2000,
        "$readPreference": {"mode": "primaryPreferred"},
        "$db": "shop",
    }


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (13, ("down", "auth")),
        (26, ("down", "missing")),
        (50, ("down", "timeout")),
        (91, ("down", "status")),
        (2, ("unknown", "internal")),
        ("x", ("down", "status")),
    ],
)
async def test_a_count_that_is_refused_says_why(code, told):
    refusal = {"ok": 0.0, "errmsg": "no\x1b[2J way", "code": code}
    reading = await asked(Mongo({"count": refusal}), collection="shop.orders")
    assert said(reading) == told
    assert "the server refuses count: no[2J way" in reading.detail


async def test_a_server_that_shuts_down_is_down():
    server = Mongo({"hello": {"ok": 0.0, "errmsg": "The server is in quiesce mode", "code": 91}})
    reading = await asked(server)
    assert said(reading) == ("down", "status")
    assert "quiesce mode" in reading.detail


async def test_tls_is_spoken_from_the_first_byte_and_proves_the_name(tls, ca_file):
    async with serving(Mongo(), tls=tls) as port:
        there = {"address": f"localhost:{port}", "seconds": 5, "tls": True}
        reading = await ask("mongodb", **there, ca_file=ca_file)
        assert said(reading) == ("up", "ok")
        assert reading.phases["tls"] > 0
        assert said(await ask("mongodb", **there)) == ("down", "certificate")
        assert said(await ask("mongodb", **there, verify=False)) == ("up", "ok")
        other = await ask("mongodb", **there, ca_file=ca_file, server_name="db.example.org")
        assert said(other) == ("down", "certificate")


async def test_a_server_without_tls_is_down_where_tls_is_wanted():
    reading = await asked(replying(message(bson.encode(HELLO), 1)), tls=True, verify=False)
    assert said(reading) == ("down", "tls")


DEEP = b"\x05\0\0\0\0"
for _ in range(DEEPEST + 1):
    DEEP = (len(DEEP) + 8).to_bytes(4, "little") + b"\x03a\0" + DEEP + b"\0"
WIDE = bson.encode({str(n): None for n in range(MOST_VALUES + 1)})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (message(bson.encode(HELLO), 2), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, code=1), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, flags=2), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, flags=8), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, section=1), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, size=20), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, size=-1), ("down", "protocol")),
        (message(bson.encode(HELLO), 1, size=2**31 - 1), ("down", "limit")),
        (message(bson.encode(HELLO)[:-1] + b"x", 1), ("down", "protocol")),
        (message(bson.encode(HELLO) + b"x", 1), ("down", "protocol")),
        (message(DEEP, 1), ("down", "limit")),
        (message(WIDE, 1), ("down", "limit")),
        (message(bson.encode({"ok": {"ok": 1}}), 1), ("down", "status")),
        (message(bson.encode({}), 1), ("down", "status")),
        (message(bson.encode(HELLO), 1, size=4000), ("down", "timeout")),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ("down", "protocol")),
    ],
)
async def test_a_server_that_talks_nonsense_is_told_apart(answer, told):
    async with serving(replying(answer)) as port:
        reading = await ask("mongodb", address=f"127.0.0.1:{port}", **LOGIN, seconds=enough(told))
    assert said(reading) == told
    assert CANARY not in repr(reading)


async def test_odd_values_where_plain_ones_belong_are_no_facts():
    odd = {"version": 7, "uptime": "long", "connections": [1], "ok": 1}
    hello = {"setName": ["x"], "saslSupportedMechs": 5}
    for members in ("x", [1, {"state": {}, "health": []}], [{"self": True, "state": 1, "optimeDate": "x"}]):
        server = Mongo(
            {"hello": HELLO | hello, "serverStatus": odd, "replSetGetStatus": {"members": members, "ok": 1}}
        )
        reading = await asked(server)
        assert said(reading) == ("up", "ok")
        assert not {"version", "uptime", "connections", "replication.lag"} & set(reading.facts)


async def test_a_checksum_is_stepped_over():
    reading = await asked(replying(message(bson.encode({"ok": 0, "code": 5}) + b"crc!", 1, flags=1)))
    assert said(reading) == ("down", "status")


async def test_the_largest_document_that_we_read_does_not_hold_up_others():
    full = bson.encode({str(n): n for n in range(MOST_VALUES - 10)} | {"ok": 1})
    async with serving(replying(message(full, 1))) as port:
        await ask("mongodb", address=f"127.0.0.1:{port}", seconds=0.5)
        async with Meter() as meter:
            await ask("mongodb", address=f"127.0.0.1:{port}", seconds=0.5)
    assert meter.held < HOLD


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"address": "x:y"}, "address: "),
        ({"address": "x", "user": "u"}, "user: a login needs both"),
        ({"address": "x", "password": Secret(CANARY)}, "user: a login needs both"),
        ({"address": "x", "collection": "orders"}, "collection: write a database and a collection"),
        ({"address": "x", "collection": "shop.$cmd"}, "collection: write a database and a collection"),
        ({"address": "x", "collection": "sh/op.x"}, "collection: write a database and a collection"),
        ({"address": "x", "filter": "{}"}, "filter: needs a collection"),
        ({"address": "x", "collection": "a.b", "filter": "[]"}, "filter: is not a JSON object"),
        ({"address": "x", "collection": "a.b", "filter": "{'a': 1}"}, "filter: is not a JSON object"),
        ({"address": "x", "collection": "a.b", "filter": '{"a": 1e9999, "b": 99999999999999999999}'}, "filter: "),
        ({"address": "x", "collection": "a.b", "filter": '{"\\u0000": 1}'}, "filter: is not a JSON object"),
        ({"address": "x", "collection": "a.b", "filter": "[" * 4000}, "filter: is not a JSON object"),
        ({"address": "x", "collection": "a.b", "filter": '{"a": [{"\\u0024where": "1"}]}'}, "filter: a check runs no"),
        ({"address": "x", "statement_timeout": timedelta(0)}, "statement_timeout: "),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        MongodbProbe(**options)


def test_the_peer_is_the_host():
    assert MongodbProbe(address="db.example.org").peer() == "db.example.org"


def test_scram_is_that_of_both_rfcs():
    scram = Scram("user", "pencil", "fyko+d2lbbFgONRv9qkxdawL", digest="sha1")
    assert scram.first() == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    challenge = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
    proof = b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert scram.last(challenge) == proof
    assert scram.proves(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
    other = Scram("user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert other.last(challenge).endswith(b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert other.proves(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert not other.proves(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
NAMES = st.text().filter(lambda name: "\0" not in name)
DOCUMENTS = st.recursive(PLAIN, lambda it: st.lists(it) | st.dictionaries(NAMES, it), max_leaves=20)


@given(st.dictionaries(NAMES, DOCUMENTS))
def test_what_is_written_reads_the_same_to_pymongo_and_to_us(document):
    written = encoded(document)
    assert bson.decode(written) == document
    assert decoded(written) == document
    assert decoded(bson.encode(document)) == document


def test_every_type_of_the_specification_is_read_or_stepped_over():
    document = {
        "date": NOW,
        "stamp": bson.Timestamp(1764244800, 3),
        "identity": bson.ObjectId(),
        "decimal": bson.Decimal128("1.5"),
        "pattern": bson.Regex("a", "i"),
        "least": bson.MinKey(),
        "most": bson.MaxKey(),
        "program": bson.Code("f()"),
        "scoped": bson.Code("f()", {"x": 1}),
        "end": "here",
    }
    read = decoded(bson.encode(document))
    assert read["date"] == Date(int(NOW.timestamp() * 1000))
    assert read["stamp"] == Stamp(1764244800, 3)
    assert {name for name, value in read.items() if isinstance(value, Unread)} == {
        "identity", "decimal", "pattern", "least", "most", "scoped"
    }  # fmt: skip
    assert read["program"] == "f()"
    assert read["end"] == "here"
    pointer = b"\x0cp\0\x02\0\0\0x\0" + bytes(12) + b"\x06u\0\x0es\0\x02\0\0\0y\0\x08e\0\1"
    old = (len(pointer) + 5).to_bytes(4, "little") + pointer + b"\0"
    assert decoded(old) == {"p": Unread(0x0C), "u": Unread(0x06), "s": "y", "e": True}


@given(st.binary(max_size=200))
@example(b"\x05\0\0\0\0")
@example(b"\x0c\0\0\0\x02a\0\xff\xff\xff\xff\0")
@example(b"\x0c\0\0\0\x05a\0\xff\xff\xff\x7f\0")
@example(b"\x0c\0\0\0\x03a\0\0\0\0\0\0")
@example(b"\x0c\0\0\0\x0fa\0\0\0\0\0\0")
@example(b"\xff\xff\xff\xff\0")
@example(DEEP)
def test_whatever_comes_is_a_document_or_refused_in_our_words(data):
    framed = (len(data) + 5).to_bytes(4, "little") + data + b"\0"
    for one in (data, framed):
        try:
            found = decoded(one)
        except ValueError as error:
            assert type(error) in (ValueError, Excess)  # noqa: PT017 - both are right
        else:
            assert isinstance(found, dict)


@given(st.integers(0), st.integers(0, 255))
def test_a_good_answer_with_one_wrong_byte_is_read_or_refused(where, byte):
    whole = bytearray(bson.encode(HELLO | SET | SERVER | status(member(0, PRIMARY), member(1, ARBITER))))
    whole[where % len(whole)] = byte
    try:
        assert isinstance(decoded(bytes(whole)), dict)
    except ValueError as error:
        assert type(error) in (ValueError, Excess)  # noqa: PT017 - both are right


def test_too_deep_and_too_many_are_an_excess():
    for data in (DEEP, WIDE):
        with pytest.raises(Excess):
            decoded(data)


@pytest.mark.parametrize("value", [{1}, object()])
def test_what_is_not_written_is_a_mistake_of_ours(value):
    with pytest.raises(TypeError):
        encoded({"a": value})
