"""The s3 probe against moto's server, which verifies signatures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.probes.servers.moto import moto
from tests.probes.wires import ask, said, saying, serving
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.s3 import S3Probe
from watch.probes.wire.http.sigv4 import Key, headers, path, query

pytestmark = pytest.mark.xdist_group("moto")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A store of two buckets that asks for signatures: its address, and a key that may look."""
    with moto(tmp_path_factory.mktemp("s3"), many=1005) as (_, *there):
        yield there


def at(store, bucket="backups", **more):
    url, name, secret = store
    return {"url": f"{url}/{bucket}", "access_key": name, "secret_key": Secret(secret), **more}


def judged(expect=(), warn=()):
    return compile_judge(list(expect), list(warn), reference(S3Probe).facts, S3Probe.ASSUMED, S3Probe.WARNED)


@pytest.mark.parametrize("key", ["daily/a b+c.tar", "daily/<&>.tar", "weekly/ä/../x"])
async def test_an_object_is_up_with_its_age_and_size_whatever_its_name(store, key):
    reading = await ask("s3", **at(store, key=key), judge=judged(["age < 1h"]))
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["size"] == 1000
    assert -2 < reading.facts["age"] < 600
    assert reading.facts["latency"] == sum(reading.phases.values())
    assert store[2] not in repr(reading)


async def test_a_prefix_is_counted_and_its_newest_object_aged(store):
    reading = await ask("s3", **at(store, prefix="daily/"))
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["count"] == 2
    assert reading.facts["size"] == 2000
    assert reading.facts["complete"] is True
    assert -2 < reading.facts["age"] <= reading.facts["oldest"] < 600
    assert reading.facts["newest"] in {"daily/a b+c.tar", "daily/<&>.tar"}
    assert reading.facts["newest.size"] == 1000


async def test_the_newest_of_a_list_is_named_as_it_is_called():
    later = (
        OBJECT.replace(b"01-01", b"01-09")
        .replace(b"<Key>k", b"<Key>a &amp; &lt;b&gt;")
        .replace(b">7<", b">9<")
    )
    async with serving(saying(listing(OBJECT, later, OBJECT))) as port:
        reading = await ask("s3", url=f"http://127.0.0.1:{port}/b")
    assert (reading.facts["newest"], reading.facts["newest.size"], reading.facts["count"]) == (
        "a & <b>",
        9,
        3,
    )


async def test_more_than_a_page_is_asked_for_page_by_page_up_to_the_limit(store):
    all_of_it = await ask("s3", **at(store, prefix="many/"), seconds=10)
    assert all_of_it.facts["count"] == all_of_it.facts["size"] == 1005, all_of_it
    one_page = await ask("s3", **at(store, prefix="many/", pages=1), seconds=10)
    assert one_page.facts["count"] == 1000
    assert one_page.facts["complete"] is False


async def test_an_old_backup_is_stale_or_degraded_as_the_check_says(store):
    later = datetime.now(UTC) + timedelta(minutes=10)  # a signature is good for a quarter of an hour
    there = at(store, prefix="daily/")
    assert said(await ask("s3", **there, now=later, judge=judged(["age < 5m"]))) == ("down", "stale")
    warned = await ask("s3", **there, now=later, judge=judged(["age < 1h"], ["age < 5m"]))
    assert said(warned) == ("degraded", "stale")


@pytest.mark.parametrize(
    "what", [{"key": "daily/gone"}, {"bucket": "gone"}, {"prefix": "gone/"}, {"bucket": "empty"}]
)
async def test_what_is_not_there_is_missing(store, what):
    assert said(await ask("s3", **at(store, **what), judge=judged())) == ("down", "missing")


async def test_a_wrong_key_is_refused_as_such(store):
    wrong = at(store, prefix="daily/") | {"secret_key": Secret("canary-wrong")}
    reading = await ask("s3", **wrong)
    assert said(reading) == ("down", "auth"), reading
    assert "SignatureDoesNotMatch" in reading.detail
    assert "canary" not in repr(reading) + repr(S3Probe(**wrong))


def answer(status, body=b"", *more):
    lines = (f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *more, "", "")
    return "\r\n".join(lines).encode() + body


def listing(*objects, more=b""):
    return answer(200, b"<ListBucketResult>" + b"".join(objects) + more + b"</ListBucketResult>")


OBJECT = b"<Contents><Key>k</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>7</Size></Contents>"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (answer(403, b"<Error><Code>AccessDenied</Code></Error>"), ("down", "auth")),
        (answer(403, b"<Error><Code>RequestTimeTooSkewed</Code></Error>"), ("unknown", "internal")),
        (answer(301, b"<Error><Code>PermanentRedirect</Code></Error>"), ("down", "status")),
        (answer(503, b"<Error><Code>SlowDown</Code></Error>"), ("down", "status")),
        (answer(200, b"<html>welcome</html>"), ("down", "protocol")),
        (listing(OBJECT.replace(b"Size", b"Size2")), ("down", "protocol")),
        (listing(OBJECT.replace(b"2026-01", b"2026-99")), ("down", "protocol")),
        (answer(200, b"<ListBucketResult>" + b"x" * (3 << 20)), ("down", "limit")),
        (listing(), ("down", "missing")),
        (listing(OBJECT), ("up", "ok")),
    ],
)
async def test_what_a_store_says_instead_has_its_reason(reply, told):
    async with serving(saying(reply)) as port:
        assert said(await ask("s3", url=f"http://127.0.0.1:{port}/b", judge=judged())) == told


async def test_a_list_without_end_is_left_at_the_limit():
    more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>"
    async with serving(saying(listing(OBJECT, more=more))) as port:
        reading = await ask("s3", url=f"http://127.0.0.1:{port}/b", pages=3)
    assert reading.facts["count"] == 3
    assert reading.facts["complete"] is False


async def test_an_object_without_a_time_has_no_age():
    async with serving(saying(answer(200, b"", "Last-Modified: yesterday"))) as port:
        reading = await ask("s3", url=f"http://127.0.0.1:{port}/b", key="k", judge=judged(["age < 1h"]))
    assert said(reading) == ("down", "stale")


@pytest.mark.parametrize(
    ("where", "asked", "signature"),
    [
        # The examples of Amazon's documentation of the signature (GET Bucket, GET Bucket Lifecycle).
        (
            "/",
            {"max-keys": "2", "prefix": "J"},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        ("/", {"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ],
)
def test_a_signature_is_what_the_documentation_says(where, asked, signature):
    key = Key("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), None, "us-east-1")
    signed = headers(
        key,
        "GET",
        "examplebucket.s3.amazonaws.com",
        path(where),
        query(asked),
        datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert signed["Authorization"].endswith(f"Signature={signature}")


def test_temporary_credentials_bring_their_token_signed():
    key = Key("a", Secret("b"), Secret("canary-token"), "us-east-1")
    signed = headers(key, "GET", "h", "/", "", datetime(2026, 1, 1, tzinfo=UTC))
    assert signed["x-amz-security-token"] == "canary-token"
    assert "x-amz-security-token," in signed["Authorization"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"url": "s3://bucket"}, "url: "),
        ({"url": "http://h/b?x=1"}, "url: "),
        ({"url": "http://h/b", "access_key": "a"}, "access_key: "),
        ({"url": "http://h/b", "session_token": Secret("t")}, "session_token: "),
        ({"url": "http://h/b", "key": "k", "prefix": "p"}, "key: "),
        ({"url": "http://h/b", "pages": 0}, "pages: "),
        ({"url": "http://h/b", "region": "eu west\r\nx: y"}, "region: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        S3Probe(**options)
