"""A promise that is broken without an outage: what `warn` makes of it, for kinds whose own file is about the wire."""

from __future__ import annotations

from datetime import timedelta

import dns.rcode
import pytest

from tests.probes.names import answering, name_server
from tests.probes.wires import ask, datagrams, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.probes import of_kind
from watch.probes.base import reference


def judge(kind, *, expect=(), warn=()):
    cls = of_kind(kind)
    return compile_judge(list(expect), list(warn), reference(cls).facts, cls.ASSUMED, cls.WARNED)


async def test_a_port_that_opens_slowly_is_degraded_and_says_so():
    async with serving(silence) as port:
        told = judge("tcp", warn=["latency < 0s"])
        reading = await ask("tcp", address=f"127.0.0.1:{port}", judge=told)
    assert said(reading) == ("degraded", "slow")


async def test_a_banner_of_an_older_version_is_degraded():
    async with serving(saying(b"220 mail 1.9 ready\r\n", first=False)) as port:
        told = judge("tcp", warn=['answer contains "2."'])
        reading = await ask("tcp", address=f"127.0.0.1:{port}", until="^220 ", judge=told)
    assert said(reading) == ("degraded", "expectation")
    assert "1.9" in reading.detail


async def test_a_host_that_answers_slowly_is_degraded_and_one_that_must_not_is_down():
    quick = {"gap": timedelta(milliseconds=10), "host": "127.0.0.1"}
    late = await ask("icmp", **quick, judge=judge("icmp", expect=["loss < 50%"], warn=["latency < 0s"]))
    assert said(late) == ("degraded", "slow")
    never = await ask("icmp", **quick, judge=judge("icmp", expect=["latency < 0s"]))
    assert said(never) == ("down", "slow")


async def test_a_record_that_lives_too_short_is_degraded():
    async with datagrams(answering({"www.test": "192.0.2.1"}, ttl=5)) as port:
        told = judge("dns", warn=["ttl >= 60s"])
        reading = await ask("dns", name="www.test", resolver=f"127.0.0.1:{port}", judge=told)
    assert said(reading) == ("degraded", "expectation")
    assert reading.facts["answer"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("names", "expect", "reason"),
    [
        ({"www.test": "198.51.100.9"}, ['answer == "192.0.2.1"'], "expectation"),  # somebody changed it
        ({"www.test": dns.rcode.SERVFAIL}, [], "dns"),
        ({}, [], "dns"),
    ],
)
async def test_a_record_that_is_another_or_none_is_down(names, expect, reason):
    async with datagrams(answering(names)) as port:
        told = judge("dns", expect=expect)
        reading = await ask("dns", name="www.test", resolver=f"127.0.0.1:{port}", judge=told)
    assert said(reading) == ("down", reason)


async def test_a_name_that_is_gone_is_down_for_who_asks_by_it():
    async with name_server({}):
        assert said(await ask("tcp", address="gone.test:25")) == ("down", "dns")
        assert said(await ask("icmp", host="gone.test")) == ("down", "dns")
        assert said(await ask("snmp", address="gone.test")) == ("down", "dns")
        assert said(await ask("traceroute", host="gone.test")) == ("down", "dns")
        assert said(await ask("ports", host="gone.test", allowed=("443",))) == ("down", "dns")
