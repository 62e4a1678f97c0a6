"""The expectation language: what it says, what it refuses, and what it tells people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.expect import Breach, ExpectationError, Judge, compile_expectation, compile_judge
from watch.core.reading import FactSpec, FactType, Reading, Reason, Verdict

FACTS = {
    spec.name: spec
    for spec in (
        FactSpec("status", FactType.COUNT, Reason.STATUS, "the answer's code"),
        FactSpec("latency", FactType.DURATION, Reason.SLOW, "how long it took"),
        FactSpec("size", FactType.BYTES, Reason.EXPECTATION, "how much came"),
        FactSpec("free", FactType.RATIO, Reason.LIMIT, "how much is free"),
        FactSpec("certificate.left", FactType.DURATION, Reason.CERTIFICATE, "until it expires"),
        FactSpec("expires", FactType.INSTANT, Reason.CERTIFICATE, "when it expires"),
        FactSpec("version", FactType.TEXT, Reason.EXPECTATION, "what it says it is"),
        FactSpec("ready", FactType.BOOL, Reason.MISSING, "whether it is"),
        FactSpec("body", FactType.TEXT, Reason.EXPECTATION, "what came"),
    )
}
VALUES = {
    "status": 503,
    "latency": 2.31,
    "size": 2048,
    "free": 0.125,
    "expires": 1795399200.0,  # 2026-11-23 02:00 UTC
    "version": "nginx/1.24 (Debian)",
    "ready": False,
}
BODY = '{"status": "ok", "queue": {"length": 7}, "on": true, "tags": ["a", "b"], "nothing": null}'
READING = Reading(
    Verdict.UP, facts=VALUES, material={"body": BODY, "headers": {"content-type": "application/json"}}
)


def breach(text: str, reading: Reading = READING) -> Breach | None:
    return compile_expectation(text, FACTS).breach(reading)


@pytest.mark.parametrize(
    "text",
    [
        "status == 503",
        "status != 200",
        "status in [200, 503]",
        "status in 500..599",
        "status in [200, 500..503]",
        "status not in 200..299",
        "latency < 3s",
        "latency >= 2310ms",
        "latency in 1s..3s",
        "latency < 21 days",
        "size == 2KiB",
        "size > 2 KB",
        "size > 0",
        "free > 10%",
        "free == 12.5%",
        'expires > "2026-11-23 01:59 UTC"',
        "expires > 2026-11-23 01:59 UTC",
        "expires <= 2026-11-23T02:00:00Z",
        'version contains "nginx"',
        "version contains nginx",
        r'version matches "^nginx/1\.\d+"',
        r"version matches '(?i)DEBIAN'",
        'version != "apache"',
        'version in ["x", "nginx/1.24 (Debian)"]',
        "ready == false",
        "ready != true",
        "status exists",
        "not certificate.left exists",
        "not certificate.left < 5d",
        "certificate.left not exists",
        'body contains "queue"',
        'body not contains "panic"',
        r'body matches "\"length\":\s+\d"',
        'header(Content-Type) == "application/json"',
        "header(x-maintenance) not exists",
        'json(status) == "ok"',
        "json(queue.length) < 100",
        "json(queue.length) in 1..7",
        "json(on) == true",
        "json(on) != 1",
        "json(tags) contains a",
        "json(tags[?@ == 'b'] | [0]) == \"b\"",
        "json(length(tags)) == 2",
        'json(status) matches "^o"',
        "not json(nothing) exists",
        "status == 200 or latency < 3s",
        "status == 200 and latency < 1s or free > 10%",
        "not (status == 200 or latency < 1s)",
        "status==503",
    ],
)
def test_it_holds(text):
    assert breach(text) is None


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("status == 200", Reason.STATUS, "status is 503, expected == 200"),
        ("latency < 2s", Reason.SLOW, "latency is 2.31 s, expected < 2s"),
        ("latency < 800ms and status == 200", Reason.SLOW, "latency is 2.31 s, expected < 800ms"),
        ("status in [200, 204, 300..399]", Reason.STATUS, "status is 503, expected in [200, 204, 300..399]"),
        ("certificate.left > 21d", Reason.CERTIFICATE, "no certificate.left in the answer"),
        ("certificate.left exists", Reason.CERTIFICATE, "no certificate.left in the answer"),
        ("not status exists", Reason.STATUS, "status is in the answer, expected none"),
        ("not status == 503", Reason.STATUS, "status is 503, expected not == 503"),
        ("free > 20%", Reason.LIMIT, "free is 12.5%, expected > 20%"),
        ("size > 1GiB", Reason.EXPECTATION, "size is 2 KiB, expected > 1GiB"),
        (
            "expires > 2027-01-01 00:00 UTC",
            Reason.CERTIFICATE,
            "expires is 2026-11-23 02:00:00 UTC, expected > 2027-01-01 00:00 UTC",
        ),
        ("ready == true", Reason.MISSING, "ready is false, expected == true"),
        (
            "version contains apache",
            Reason.EXPECTATION,
            'version is "nginx/1.24 (Debian)", expected contains apache',
        ),
        ('json(status) == "fine"', Reason.EXPECTATION, 'json(status) is "ok", expected == "fine"'),
        ("json(queue) > 3", Reason.EXPECTATION, "json(queue) is an object of 1, expected > 3"),
        ("json(tags) == 3", Reason.EXPECTATION, "json(tags) is a list of 2, expected == 3"),
        ("json(queue.length) matches x", Reason.EXPECTATION, "json(queue.length) is 7, expected matches x"),
        ("json(on) == 1", Reason.EXPECTATION, "json(on) is true, expected == 1"),
        ("json(missing.deep) == 1", Reason.EXPECTATION, "no json(missing.deep) in the answer"),
        ("json(missing) != 1", Reason.EXPECTATION, "no json(missing) in the answer"),
        ("header(X-Cache) == HIT", Reason.EXPECTATION, "no header(x-cache) in the answer"),
        (
            "status == 200 or latency < 1s",
            Reason.STATUS,
            "status is 503, expected == 200; latency is 2.31 s, expected < 1s",
        ),
        (
            "not (status == 503 and latency < 3s)",
            Reason.STATUS,
            "status is 503, expected not == 503; latency is 2.31 s, expected not < 3s",
        ),
        ("not not status == 200", Reason.STATUS, "status is 503, expected == 200"),
        ("(status == 200)", Reason.STATUS, "status is 503, expected == 200"),
    ],
)
def test_a_broken_one_says_what_was_found_and_what_was_expected(text, reason, detail):
    assert breach(text) == Breach(reason, detail)


@pytest.mark.parametrize(
    ("text", "offset", "says"),
    [
        ("", 0, "empty: write one like status == 200"),
        ("statsu == 200", 0, "there is no fact 'statsu' here: did you mean status?"),
        ("status == 200 and letancy < 2s", 18, "did you mean latency?"),
        ("certificate > 5d", 0, "did you mean certificate.left?"),
        ("zebra == 1", 0, "write one of body, certificate.left"),
        ("jsno == 1", 0, "did you mean json(PATH)?"),
        ("latency < 5", 10, "5 has no unit: write 5s, 5m, 5h or 5d"),
        ("size > 5", 7, "write 5B, 5MB or 5MiB"),
        ("free > 5", 7, "write 5%"),
        ("status == 5s", 10, "without a unit"),
        ("status == ", 10, "a value is expected here: write a number like 200"),
        ("status", 6, "status is compared with nothing: write one of =="),
        ("ready", 5, "write ready == true"),
        ("ready and status == 200", 6, "write ready == true"),
        ("ready == yes", 9, "true nor false"),
        ("ready < true", 6, "ready has no order, so no <: write == true or == false"),
        ("version < 2", 8, "version has no order, so no <: write ==, !=, contains or matches"),
        ("status contains 5", 7, "status is no text, so no contains"),
        ('status == "200"', 10, "status is no text: write a number like 200, without quotes"),
        ("status = 200", 7, "'=' is not a word of this language: write '=='"),
        ("status == 200 && latency < 2s", 14, "write 'and'"),
        ("status is 200", 7, "'is' is not an operator: write one of =="),
        ("status == 200 latency < 2s", 10, "of several words needs quotes"),
        ("version == nginx 1", 11, 'write "nginx 1 …"'),
        ("(status == 200", 0, "this bracket never ends"),
        ("status == 200)", 13, "does not belong here"),
        ("status in 200", 10, "'in' needs a list or a range: write in [200, 204] or in 200..299"),
        ("status in [200 204]", 11, "needs quotes"),
        ("status in [200, 204", 10, "this list never ends"),
        ("status in 299..200", 10, "nothing is in 299..200"),
        ("status in 2xx..3xx", 10, "not a plain number"),
        ('version == "nginx', 11, "the quoted text never ends"),
        ("json(status == 1", 0, "json( never ends"),
        ("json() == 1", 0, "names no path"),
        ("header() exists", 0, "names no header"),
        ("json(a[) == 1", 0, "json( never ends"),
        ("json(a.) == 1", 5, "does not parse"),
        ("json([a,b]) == 1", 5, "builds new values"),
        ("json(to_string(@)) == 1", 5, "not among the functions"),
        ("json(length(a, b)) == 1", 5, "length() takes 1 argument, not 2"),
        ("json(a) == 5s", 11, "is not a JSON value"),
        ("json(a) == ok", 11, '"ok" in quotes'),
        ("json(a) == null", 11, "not json(…) exists"),
        ('json(a) < "b"', 10, "has no order"),
        (r'body matches "(?=x)"', 13, "look-around"),
        (r'body matches "("', 13, "missing )"),
        (r'body matches "(a{999}){999}"', 13, "counted repeats"),
        (r'body matches "[a-q][^u-z]{900}x"', 13, "too large"),
        ("body contains [1]", 14, "contains needs a text"),
        ("not " * 60 + "ready == true", 204, "nested too deeply"),
        ("== 200", 0, "a fact's name is expected here"),
        ("and", 0, "there is no fact 'and'"),
    ],
)
def test_a_mistake_has_its_place_and_its_cure(text, offset, says):
    with pytest.raises(ExpectationError) as caught:
        compile_expectation(text, FACTS)
    assert says in str(caught.value)
    assert caught.value.offset == offset
    assert caught.value.text == text


@pytest.mark.parametrize("text", ["body contains x", "json(a) == 1", "header(x) exists"])
def test_a_kind_without_a_body_has_nothing_in_it_either(text):
    with pytest.raises(ExpectationError, match=r"write one of latency$"):
        compile_expectation(text, {"latency": FACTS["latency"]})


def test_one_that_never_ends_is_refused():
    with pytest.raises(ExpectationError, match="longer than"):
        compile_expectation("status == 200 or " * 1000, FACTS)


@given(st.text(max_size=60))
def test_whatever_is_written_compiles_or_is_an_expectation_error(text):
    try:
        expectation = compile_expectation(text, FACTS)
    except ExpectationError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 - both ways are right
    else:
        expectation.breach(READING)


WORDS = [
    "status",
    "latency",
    "json(status)",
    "body",
    "not",
    "and",
    "or",
    "(",
    ")",
    "==",
    "<",
    "in",
    "[",
    "]",
    ",",
    "200",
    "2s",
    '"ok"',
    "exists",
    "matches",
    "200..299",
    "true",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_order_of_its_own_words_compiles_or_is_an_expectation_error(text):
    try:
        expectation = compile_expectation(text, FACTS)
    except ExpectationError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 - both ways are right
    else:
        broken = expectation.breach(READING)
        assert broken is None or broken.detail


def test_not_turns_every_judgement_round():
    for text in (
        "status == 503",
        "latency < 1s",
        "certificate.left > 1d",
        "json(x) == 1",
        "status == 200 or free > 1%",
    ):
        assert (breach(text) is None) != (breach(f"not ({text})") is None)


def test_what_a_stranger_wrote_is_shown_for_what_it_is_and_not_longer():
    nasty = "a\x1b[31m\r\nb\u202e" + "x" * 500
    reading = Reading(Verdict.UP, facts={"version": nasty}, material={"body": nasty})
    for text in ("version == b", "body == b"):
        detail = breach(text, reading).detail
        assert r"a\x1b[31m\x0d\x0ab\u202ex" in detail
        assert len(detail) <= 200
        assert detail.isprintable()


def test_a_detail_never_exceeds_what_a_reading_allows():
    text = " or ".join(f"status == {n}" for n in range(100))
    assert len(breach(text).detail) == 200


def test_a_body_that_is_no_json_breaks_json_and_says_so():
    html = Reading(Verdict.UP, material={"body": "<html>"})
    assert breach("json(status) == 1", html) == Breach(Reason.EXPECTATION, "the body is not JSON")
    assert breach("json(status) exists", html) is not None
    cut = Reading(Verdict.UP, facts={"truncated": True}, material={"body": "[1, 2"})
    assert breach("json(status) == 1", cut).detail == "the body is not JSON, as far as it was read"
    assert breach("not json(status) == 1", html) is None
    assert breach("json(status) == 1", Reading(Verdict.UP)).detail == "no body in the answer"


def test_a_body_may_be_bytes():
    reading = Reading(Verdict.UP, material={"body": b'{"a": 1, "b": "gr\xc3\xbcn"}'})
    for text in (
        "json(a) == 1",
        'body contains "grün"',
        'body matches "gr.n"',
        r"body == '{\"a\": 1, \"b\": \"grün\"}'",
    ):
        assert breach(text, reading) is None
    invalid = Reading(Verdict.UP, material={"body": b"\xff\xfe ok"})
    assert breach("body contains ok", invalid) is None
    assert breach("body matches ok", invalid) is None


def test_a_lone_surrogate_stops_nothing():
    reading = Reading(Verdict.UP, facts={"version": "\ud800 ok"}, material={"body": "\ud800 ok"})
    assert breach("body matches ok", reading) is None
    assert breach("json(a) == 1", reading).detail == "the body is not JSON"
    assert breach("version == 1", reading).detail.isprintable()


def test_a_bad_reading_stays_as_it_is():
    judge = compile_judge(["status == 200"], ["latency < 1s"], FACTS, {})
    for verdict in (Verdict.DOWN, Verdict.UNKNOWN, Verdict.DEGRADED):
        reading = Reading(verdict, Reason.TIMEOUT, "no answer in 10 s", VALUES)
        assert judge.of(reading) is reading


def test_a_broken_expect_is_down_and_a_broken_warn_degraded():
    judge = compile_judge(["status == 503"], ["latency < 1s"], FACTS, {})
    judged = judge.of(READING)
    assert (judged.verdict, judged.reason, judged.detail) == (
        Verdict.DEGRADED,
        Reason.SLOW,
        "latency is 2.31 s, expected < 1s",
    )
    assert judged.facts == VALUES
    worse = compile_judge(["status == 200"], ["latency < 1s"], FACTS, {}).of(READING)
    assert (worse.verdict, worse.reason) == (Verdict.DOWN, Reason.STATUS)


def test_a_judge_that_expects_nothing_agrees_with_the_probe():
    assert Judge().of(READING) is READING


def test_what_is_assumed_holds_until_an_expect_speaks_of_it():
    assumed = {"status": "status in 200..299"}
    assert compile_judge([], [], FACTS, assumed).of(READING).verdict is Verdict.DOWN
    assert (
        compile_judge(["latency < 5s"], ["status == 200"], FACTS, assumed).of(READING).verdict is Verdict.DOWN
    )
    assert (
        compile_judge(["latency < 5s and not status == 200"], [], FACTS, assumed).of(READING).verdict
        is Verdict.UP
    )


def test_what_is_warned_of_degrades_and_is_no_outage():
    judge = compile_judge([], [], FACTS, {}, {"status": "status == 200"})
    assert (judge.of(READING).verdict, judge.of(READING).reason) == (Verdict.DEGRADED, Reason.STATUS)
    assert compile_judge([], [], FACTS, {}, {"status": "status == 503"}).of(READING).verdict is Verdict.UP


@pytest.mark.parametrize(
    ("expect", "warn", "verdict"),
    [
        ([], ["latency < 5s"], Verdict.DEGRADED),
        (["latency < 5s"], [], Verdict.DEGRADED),
        ([], ["status == 503"], Verdict.UP),
        (["status == 503"], [], Verdict.UP),
        (["latency < 5s and not status == 404"], [], Verdict.UP),
        ([], ["status in 500..599 or latency < 1s"], Verdict.UP),
    ],
)
def test_what_is_warned_of_holds_until_an_expect_or_a_warn_speaks_of_it(expect, warn, verdict):
    judge = compile_judge(expect, warn, FACTS, {}, {"status": "status == 200"})
    assert judge.of(READING).verdict is verdict


def test_a_warn_that_speaks_of_what_is_assumed_leaves_that_as_it_is():
    told = {"status": "status in [200, 500]"}, {"status": "status == 200"}
    assert compile_judge([], ["status exists"], FACTS, *told).of(READING).verdict is Verdict.DOWN
    assert compile_judge(["status exists"], [], FACTS, *told).of(READING).verdict is Verdict.UP


def test_a_judge_names_the_entry_that_is_wrong():
    with pytest.raises(ExpectationError) as caught:
        compile_judge(["status == 200"], ["latency < 1s", "latency < 5"], FACTS, {})
    assert caught.value.place == ("warn", 1)


def test_two_judges_of_the_same_words_are_equal():
    assert compile_judge(["status == 200"], [], FACTS, {}) == compile_judge(["status == 200"], [], FACTS, {})
    assert compile_judge(["status == 200"], [], FACTS, {}) != compile_judge(["status == 201"], [], FACTS, {})
