"""What every kind of probe owes its users, whoever wrote it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import dataclasses
import inspect
import socket
import subprocess
import sys
import typing
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.probes import peers
from tests.probes.wires import ANYTHING, Meter, ask, closed_port, drip, garbage, said, serving, silence
from tests.yardstick import PATIENCE, cancelled
from watch.core.expect import compile_judge
from watch.core.reading import NOTHING, FactType, Reason
from watch.core.settings import Secret
from watch.probes import kinds, load, of_kind
from watch.probes.base import Described, reference
from watch.vantage.prober import observe

OPTION_TYPES = {str, int, float, bool, timedelta, Path, Secret, type(None)}


STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


@contextlib.asynccontextmanager
async def answering(answer):
    """A port that answers each datagram by *answer*, or not at all."""

    class Peer(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            if answer is not None:
                self.transport.sendto(answer, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Peer, local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def plain(annotation):
    """Return the types that *annotation* is made of."""
    args = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return {type(arg) for arg in args}
    return set().union(*(plain(arg) for arg in args if arg is not Ellipsis)) if args else {annotation}


def test_the_kinds_of_this_product_are_found():
    assert {"dns", "http", "icmp", "tcp", "tls"} <= set(kinds())


def test_every_kind_says_how_it_is_pointed_at_a_peer():
    assert set(peers.ALL) == set(kinds()), "add tests/probes/peers/<kind>.py"


@pytest.fixture(params=kinds())
def cls(request):
    return load()[request.param]


def test_a_probe_is_an_immutable_value_without_a_dictionary(cls):
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen
    assert issubclass(cls, Described)
    assert not hasattr(object.__new__(cls), "__dict__")


def test_every_option_is_documented_and_of_a_type_that_the_file_can_hold(cls):
    page = reference(cls)
    types = typing.get_type_hints(cls)
    fields = [field for field in dataclasses.fields(cls) if field.init]
    assert {field.name for field in fields} == set(page.options)
    assert all(text.endswith((".", "…")) for text in page.options.values())
    for field in fields:
        assert plain(types[field.name]) <= OPTION_TYPES, field.name
    assert cls.MAIN in page.options
    required = [
        field.name for field in fields if field.default is field.default_factory is dataclasses.MISSING
    ]
    # One that takes a DSN, or its parts one by one, can require neither.
    assert required == ([] if cls.MAIN == "dsn" else [cls.MAIN])
    if not required:
        with pytest.raises(ValueError, match=rf"^{cls.MAIN}: .*; write "):
            cls()


def test_options_and_facts_of_a_class_that_a_kind_inherits_follow_its_own_and_its_own_lines_count():
    class Shared:
        """Much.

        Options:
            verify: Whether.
            family: Which.
        Facts:
            address (text): Who.
        """

    class Own(Shared, Described):
        """Little.

        Options:
            url: Where.
            verify: Whether, here.
        Facts:
            latency (duration, slow): How long.
        """

    page = reference(Own)
    assert page.summary == "Little."
    assert list(page.options.items()) == [
        ("url", "Where."),
        ("verify", "Whether, here."),
        ("family", "Which."),
    ]
    assert list(page.facts) == ["latency", "address"]


def test_every_fact_has_a_type_and_no_unit_in_its_name(cls):
    page = reference(cls)
    assert page.facts
    assert page.summary
    for fact in page.facts.values():
        assert isinstance(fact.type, FactType)
        assert not fact.name.endswith(("_ms", "_s", "_seconds", "_bytes", "_days", "_percent"))
    assert Reason.OK in page.reasons


def test_the_example_is_yaml_that_names_the_kind_and_compiles(cls):
    example = yaml.safe_load(reference(cls).example)
    options = example.pop(cls.KIND)
    cls(**(options if isinstance(options, dict) else {cls.MAIN: options}))
    assert set(example) <= {"expect", "warn"}
    judge = compile_judge(
        example.get("expect", []), example.get("warn", []), reference(cls).facts, cls.ASSUMED, cls.WARNED
    )
    assert judge.expect


def test_what_is_assumed_compiles_against_the_facts(cls):
    judge = compile_judge([], [], reference(cls).facts, cls.ASSUMED, cls.WARNED)
    assert (len(judge.expect), len(judge.warn)) == (len(cls.ASSUMED), len(cls.WARNED))


def test_what_is_assumed_or_warned_of_is_dropped_for_a_fact_that_there_is(cls):
    assert {*cls.ASSUMED, *cls.WARNED} <= set(reference(cls).facts)


def test_facts_given_are_facts_documented():
    # The names in the code, not those of one run: some come up only when something is odd.
    for cls in load().values():
        text = Path(inspect.getfile(cls)).read_text()
        documented = set(reference(cls).facts)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
                names = {key.value for key in node.keys}
                if names & documented and not names & {"headers"}:
                    assert names <= documented, cls


@pytest.mark.parametrize("kind", peers.speaking("tcp", "udp"))
async def test_nobody_listening_is_refused_at_once(kind):
    peer = peers.ALL[kind]
    await ask(kind, **peer.at(closed_port()), seconds=1)  # the first run pays for imports
    at, limit = peer.at(closed_port(DATAGRAM if peer.TRANSPORT == "udp" else STREAM)), 10
    async with Meter() as meter:
        reading = await ask(kind, **at, seconds=limit)
    assert said(reading) == ("down", "refused")
    assert meter.ticked < limit / 10


@pytest.mark.parametrize("kind", peers.speaking("tcp"))
@pytest.mark.parametrize("peer", [silence, drip, garbage], ids=["silent", "dripping", "garbage"])
async def test_a_bad_peer_gets_the_right_reason_in_time(kind, peer):
    async with serving(peer) as port:
        await ask(kind, **peers.ALL[kind].at(port), seconds=0.1)  # the first run pays for imports and engines
        async with Meter() as meter:
            reading = await ask(kind, **peers.ALL[kind].at(port), seconds=0.4)
    expected = {"timeout"} if peer is silence else {"timeout", "reset"} | peers.ALL[kind].WRONG
    assert reading.verdict.value == "down", reading
    assert reading.reason.value in expected, reading
    assert meter.ticked < 2 * 0.4
    assert len(reading.detail) <= 200


@pytest.mark.parametrize("kind", [*peers.speaking("tcp"), "icmp"])
async def test_cancellation_returns_at_once(kind):
    async with serving(silence) as port:
        options = peers.ALL[kind].at(port) if kind != "icmp" else {"host": "127.0.0.1", "packets": 20}
        run = asyncio.ensure_future(ask(kind, **options, seconds=60))
        await asyncio.wait([run], timeout=0.2)
        await cancelled(run)
        assert run.cancelled()


@pytest.mark.parametrize("kind", peers.speaking("udp"))
@pytest.mark.parametrize("answer", [None, b"\x00", b"garbage" * 100], ids=["silent", "a byte", "garbage"])
async def test_a_bad_datagram_gets_the_right_reason_in_time(kind, answer):
    async with answering(answer) as port:
        await ask(kind, **peers.ALL[kind].at(port), seconds=0.1)
        async with Meter() as meter:
            reading = await ask(kind, **peers.ALL[kind].at(port), seconds=0.4)
    assert reading.verdict.value == "down", reading
    assert reading.reason.value in {"timeout"} | (peers.ALL[kind].WRONG if answer else set()), reading
    assert meter.ticked < 2 * 0.4


@pytest.mark.parametrize("kind", kinds())
async def test_a_bug_inside_reads_unknown(kind, caplog):
    cls = of_kind(kind)
    broken = object.__new__(cls)  # no option is set: whatever it does first is an AttributeError
    from datetime import UTC, datetime

    reading = await observe(broken, ANYTHING, now=datetime.now(UTC), timeout=timedelta(seconds=1))
    assert said(reading) == ("unknown", "internal")
    assert reading.facts is NOTHING
    assert f"a bug in the probe {kind}" in caplog.text


def test_nothing_heavy_is_imported_before_a_check_needs_it():
    script = """
import sys
from watch.probes import load
from watch.probes.base import reference
import watch.vantage.prober
for kind, cls in load().items():
    reference(cls)
libraries = {"asyncpg", "asyncmy", "redis", "pymongo", "asyncssh", "smbprotocol", "gufo", "aiosmtplib"}
heavy = (libraries | {"pycurl", "dns", "cryptography", "re2", "aiohttp"}) & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2], timeout=PATIENCE
    )


def test_a_probe_at_rest_is_small():
    probes = [of_kind("http")(url=f"http://10.0.{n // 250}.{n % 250}/") for n in range(1000)]
    # Object, its own URL and an empty mapping of headers: ten thousand checks in a few megabytes.
    sizes = [sys.getsizeof(p) + sys.getsizeof(p.url) + sys.getsizeof(p.headers) for p in probes]
    assert sum(sizes) / len(sizes) < 512
