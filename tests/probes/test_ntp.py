"""The ntp probe against chronyd, and against servers that are out of step, forged or unwilling."""

from __future__ import annotations

import socket
import time

import pytest

from tests.probes.servers.chronyd import PACKET, chrony
from tests.probes.wires import ask, assumed, closed_port, datagrams, said, timed
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.ntp import NtpProbe

pytestmark = pytest.mark.xdist_group("chronyd")
EPOCH = 2_208_988_800


@pytest.fixture(scope="session")
def clock():
    with chrony("local stratum 3") as (_, address):
        yield address


@pytest.fixture(scope="session")
def lost():
    with chrony("") as (_, address):
        yield address


def stamp(seconds):
    return int((seconds + EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF


def server(*, leap=0, stratum=2, reference=b"\x0a\0\0\x01", ahead=0.0, origin=None, mode=4, transmit=True):
    """Answer a question as a server whose clock is *ahead* seconds before ours."""

    def answer(data):
        now = stamp(time.time() + ahead)
        token = PACKET.unpack(data)[10]
        return [
            PACKET.pack(
                leap << 6 | 4 << 3 | mode,
                stratum,
                0,
                0,
                1 << 15,
                1 << 14,
                reference,
                now,
                token if origin is None else origin,
                now,
                now if transmit else 0,
            )
        ]

    return answer


async def test_a_server_in_step_is_up_with_its_facts(clock):
    reading, took = await timed(ask("ntp", address=clock, judge=assumed("ntp")))
    assert said(reading) == ("up", "ok"), reading
    facts = dict(reading.facts)
    assert facts.pop("offset") <= took  # it is the same clock
    assert 0 < facts.pop("latency") == reading.phases["first_byte"]
    assert 0 <= facts.pop("delay") < 1
    assert 0 <= facts.pop("dispersion") < 1
    assert isinstance(facts.pop("ahead"), bool)
    assert facts == {
        "synchronised": True,
        "stratum": 3,
        "leap": "none",
        "reference": "127.127.1.1",
        "address": clock,
    }
    assert set(reading.facts) == set(reference(NtpProbe).facts)


async def test_a_server_in_step_with_nobody_is_down_unless_that_is_expected(lost):
    reading = await ask("ntp", address=lost, judge=assumed("ntp"))
    assert said(reading) == ("down", "stale"), reading
    assert (reading.facts["synchronised"], reading.facts["stratum"]) == (False, 16)
    judge = assumed("ntp", "synchronised == false")
    assert said(await ask("ntp", address=lost, judge=judge)) == ("up", "ok")


async def test_a_server_far_from_the_reference_clock_is_degraded(clock):
    judge = compile_judge([], ["stratum <= 2"], reference(NtpProbe).facts, NtpProbe.ASSUMED, NtpProbe.WARNED)
    assert said(await ask("ntp", address=clock, judge=judge)) == ("degraded", "stale")


@pytest.mark.parametrize("ahead", [3.0, -3.0, 86400.0])
async def test_clocks_that_are_apart_are_down(ahead):
    async with datagrams(server(ahead=ahead)) as port:
        reading = await ask("ntp", address=f"127.0.0.1:{port}", judge=assumed("ntp", "offset < 1s"))
    assert said(reading) == ("down", "stale")
    assert reading.facts["offset"] == pytest.approx(abs(ahead), abs=0.1)
    assert reading.facts["ahead"] is (ahead > 0)


async def test_a_reference_clock_is_named():
    async with datagrams(server(stratum=1, reference=b"GPS\0", leap=1)) as port:
        reading = await ask("ntp", address=f"127.0.0.1:{port}")
    assert (reading.facts["reference"], reading.facts["leap"]) == ("GPS", "add")
    assert (reading.facts["delay"], reading.facts["dispersion"]) == (0.5, 0.25)


def test_time_goes_on_after_the_end_of_ntp_s_first_era():
    from watch.probes.ntp import _seconds

    later = 2_200_000_000.25  # in 2039
    assert _seconds(stamp(later), later + 5) == pytest.approx(later)


async def test_a_kiss_of_death_is_down_and_says_so():
    async with datagrams(server(stratum=0, leap=3, reference=b"RATE", transmit=False)) as port:
        reading = await ask("ntp", address=f"127.0.0.1:{port}")
    assert said(reading) == ("down", "status")
    assert "RATE" in reading.detail


async def test_a_forged_answer_is_passed_over_and_the_true_one_awaited():
    def both(data):
        return [*server(origin=7, ahead=900.0)(data), b"", b"x" * 400, *server()(data)]

    async with datagrams(both) as port:
        reading, took = await timed(ask("ntp", address=f"127.0.0.1:{port}"))
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["offset"] <= took


@pytest.mark.parametrize("answer", [server(origin=7), server(mode=3), lambda _: [b"short"]])
async def test_nothing_but_forged_answers_is_down(answer):
    async with datagrams(answer) as port:
        reading = await ask("ntp", address=f"127.0.0.1:{port}", seconds=0.4)
    assert said(reading) == ("down", "protocol"), reading


async def test_a_flood_of_forged_answers_is_given_up():
    async with datagrams(lambda _: [b"x"] * 1500) as port:
        reading = await ask("ntp", address=f"127.0.0.1:{port}", seconds=5)
    assert said(reading) == ("down", "protocol"), reading


async def test_a_question_that_is_lost_is_asked_again():
    asked = []

    def second(data):
        asked.append(data)
        return server()(data) if len(asked) > 1 else []

    async with datagrams(second) as port:
        reading, took = await timed(ask("ntp", address=f"127.0.0.1:{port}", seconds=20))
    assert said(reading) == ("up", "ok"), reading
    assert len(set(asked)) == 2
    assert reading.facts["offset"] <= took


async def test_silence_is_a_timeout_and_a_closed_port_is_refused():
    async with datagrams(lambda _: []) as port:
        assert said(await ask("ntp", address=f"127.0.0.1:{port}", seconds=0.3)) == ("down", "timeout")
    port = closed_port(socket.SOCK_DGRAM)
    assert said(await ask("ntp", address=f"127.0.0.1:{port}")) == ("down", "refused")


async def test_metadata_addresses_are_never_asked():
    assert said(await ask("ntp", address="169.254.169.254")) == ("unknown", "internal")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ValueError, match="address: "):
        NtpProbe(address="ntp.example.org:x")
