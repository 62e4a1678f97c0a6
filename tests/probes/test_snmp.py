"""The snmp probe against Debian's snmpd (v2c and v3) and devices that snmpsim replays from recordings."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import timedelta

import pytest

from tests.probes import devices
from tests.probes.agents import looking, replaying
from tests.probes.servers import snmpd as real
from tests.probes.servers.snmpd import CANARY
from tests.probes.wires import Meter, ask, datagrams, enough, said
from tests.yardstick import HOLD
from watch.core.settings import Secret
from watch.probes.snmp import SnmpProbe

pytestmark = pytest.mark.xdist_group("snmp")


@pytest.fixture(scope="session")
def snmpd(tmp_path_factory):
    """The address of a real agent on this machine."""
    with real.snmpd(tmp_path_factory.mktemp("snmpd")) as (_, there):
        yield there


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """The address of the recorded devices; the community says which."""
    with replaying(tmp_path_factory.mktemp("snmpsim"), devices.ALL) as there:
        yield there


@pytest.fixture
def look(recordings):
    return looking(recordings)


V3 = {"user": "mon", "auth": Secret("authpass12"), "auth_method": "SHA-256", "privacy": Secret(CANARY)}


async def test_a_device_that_answers_is_up_and_says_its_name(snmpd):
    reading = await ask("snmp", address=snmpd)
    assert said(reading) == ("up", "ok")
    assert reading.facts["name"] == os.uname().nodename
    assert reading.facts["address"] == snmpd
    assert reading.facts["latency"] == sum(reading.phases.values())
    assert 0 <= reading.facts["uptime"] < 3600


async def test_a_user_of_v3_is_known_by_both_passwords(snmpd):
    reading = await ask("snmp", address=snmpd, **V3, oid="1.3.6.1.2.1.1.1.0")
    assert said(reading) == ("up", "ok")
    assert reading.facts["text"].startswith("Linux")
    assert CANARY not in repr(reading) + repr(SnmpProbe(address=snmpd, **V3))


@pytest.mark.parametrize(
    ("user", "auth", "privacy"),
    [("des", "MD5", "DES"), ("mid", "SHA-224", "AES-192"), ("long", "SHA-512", "AES-256")],
)
async def test_old_and_new_ciphers_are_spoken(snmpd, user, auth, privacy):
    methods = {"user": user, "auth_method": auth, "privacy_method": privacy}
    reading = await ask("snmp", address=snmpd, **(V3 | methods))
    assert said(reading) == ("up", "ok")


async def test_an_agent_is_asked_over_ipv6_too(snmpd):
    reading = await ask("snmp", address=snmpd.replace("127.0.0.1", "[::1]"))
    assert said(reading) == ("up", "ok")


async def test_a_user_may_go_without_privacy(snmpd):
    reading = await ask("snmp", address=snmpd, user="plain", auth=Secret("authpass12"))
    assert said(reading) == ("up", "ok")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"auth": Secret("wrong-authpass")}, "auth"),
        ({"user": "nobody"}, "auth"),
        ({"privacy": None}, "auth"),
        ({"privacy": Secret("wrong-privpass")}, "timeout"),
    ],
)
async def test_who_does_not_know_the_passwords_is_refused_or_left_waiting(snmpd, wrong, reason):
    reading = await ask("snmp", address=snmpd, seconds=enough(reason), **(V3 | wrong))
    assert said(reading) == ("down", reason)
    assert "wrong-" not in reading.detail


async def test_a_wrong_community_gets_no_answer_and_the_detail_says_so(snmpd):
    reading = await ask("snmp", address=snmpd, community=Secret(CANARY), seconds=0.3)
    assert said(reading) == ("down", "timeout")
    assert "community is wrong" in reading.detail
    assert CANARY not in repr(reading)


async def test_a_lost_datagram_is_sent_again():
    asked = []

    class Forgetful(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            asked.append(data)
            if len(asked) > 1:
                # The answer to a question is the question, as a response (0xa2), without values.
                self.transport.sendto(data.replace(b"\xa0", b"\xa2", 1), addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Forgetful, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        reading = await ask("snmp", address=f"127.0.0.1:{port}", seconds=5)
    finally:
        transport.close()
    assert said(reading) == ("up", "ok")
    assert len(asked) >= 2
    assert reading.facts["latency"] > 1


def asks_for_more(data):
    """Whether a question of the community "public" is a step of a walk (GETBULK), not a GET (0xa0)."""
    return data[data.index(b"public") + 6] == 0xA5


async def test_an_agent_that_falls_silent_on_the_way_is_told_from_a_dead_one():
    def answer(data):
        return [] if asks_for_more(data) else [data.replace(b"\xa0", b"\xa2", 1)]

    async with datagrams(answer) as port:
        reading = await ask("snmp", address=f"127.0.0.1:{port}", table="cpu", seconds=0.3)
    assert said(reading) == ("down", "timeout")
    assert "stopped answering" in reading.detail


def tlv(kind, *parts):
    """BER: *parts* as one value of *kind*."""
    body = b"".join(parts)
    size = bytes((len(body),)) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes((kind,)) + size + body


async def test_an_agent_that_says_the_same_row_for_ever_is_left():
    if_name_1 = tlv(0x30, tlv(6, bytes.fromhex("2b060102011f0101010101")), tlv(4, b"lo"))

    def answer(data):
        if not asks_for_more(data):
            return [data.replace(b"\xa0", b"\xa2", 1)]
        walk = data.index(b"public") + 6
        number = data[walk + 2 : walk + 4 + data[walk + 3]]
        community = data[data.index(b"\x04\x06public") :][:8]
        same = tlv(0xA2, number, tlv(2, b"\0") * 2, tlv(0x30, if_name_1 * 20))
        return [tlv(0x30, tlv(2, b"\1"), community, same)]

    async with datagrams(answer) as port, Meter() as meter:
        reading = await ask("snmp", address=f"127.0.0.1:{port}", table="interfaces", seconds=20)
    assert said(reading) == ("down", "limit")
    assert meter.held < 2 * HOLD


async def test_a_value_is_a_number_also_when_written_out(look):
    reading = await look("router", oid=".1.3.6.1.4.1.99999.1.0")
    assert (reading.facts["value"], reading.facts["text"]) == (12.5, "12.5")


async def test_a_value_that_is_no_text_is_shown_in_hex(look):
    reading = await look("router", oid="1.3.6.1.4.1.99999.3.0")
    assert reading.facts["text"] == "00:1b:44:ff:fe:80"
    assert "value" not in reading.facts


async def test_a_counter_watched_for_a_moment_has_a_rate(look):
    reading = await look("router", oid="1.3.6.1.4.1.99999.2.0", sample=timedelta(seconds=1))
    assert 500 < reading.facts["rate"] < 2000


async def test_a_value_that_is_not_there_is_missing(look):
    reading = await look("router", oid="1.3.6.1.4.1.99999.9.0")
    assert said(reading) == ("down", "missing")


async def test_an_interface_that_is_on_and_has_no_link_has_failed(look):
    reading = await look("router", "interfaces")
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["rows"], facts["up"], facts["failed"], facts["failed.names"]) == (3, 1, 1, "ge-0/0/1")
    assert (facts["errors"], facts["discards"]) == (7, 11)


async def test_only_the_interfaces_that_matter_are_judged(look):
    reading = await look("router", "interfaces", only="^ge-0/0/[02]$", warn=["errors == 0"])
    assert said(reading) == ("degraded", "expectation")
    assert reading.facts["rows"] == 2


async def test_an_interface_without_a_link_is_down_when_no_other_was_picked_that_has_one(look):
    reading = await look("router", "interfaces", only="^ge-0/0/1$")
    assert said(reading) == ("down", "expectation")
    assert reading.detail.startswith("up is 0")
    assert said(await look("router", "interfaces", only="^ge-0/0/[12]$")) == ("down", "expectation")
    off = await look("router", "interfaces", only="^ge-0/0/2$")
    assert said(off) == ("up", "ok")
    assert (off.facts["up"], off.facts["failed"]) == (0, 0)


async def test_what_failed_is_what_the_check_says_of_it(look):
    assert said(await look("router", "interfaces", warn=["failed < 2"])) == ("up", "ok")
    assert said(await look("router", "interfaces", expect=["failed < 2"])) == ("up", "ok")
    assert said(await look("router", "interfaces", expect=["failed == 0"])) == ("down", "expectation")
    assert said(await look("router", "interfaces", expect=["up >= 2"])) == ("down", "expectation")
    lost = {"only": "^ge-0/0/1$", "warn": ["failed < 2"]}
    assert said(await look("router", "interfaces", **lost)) == ("down", "expectation")
    assert said(await look("router", "interfaces", **lost, expect=["up >= 0"])) == ("up", "ok")


async def test_no_interface_of_that_name_is_missing(look):
    reading = await look("router", "interfaces", only="^xe-")
    assert said(reading) == ("down", "missing")
    assert "ge-0/0/0" in reading.detail


async def test_an_interface_is_as_full_as_its_fuller_direction(look):
    reading = await look("router", "interfaces", only="0/0$", sample=timedelta(seconds=1))
    assert said(reading) == ("up", "ok")
    assert 0.15 < reading.facts["utilisation"] < 0.4  # a quarter; a slow machine answers late
    assert (reading.facts["busiest"], reading.facts["errors.rate"]) == ("ge-0/0/0", 0)


async def test_the_interfaces_of_a_real_machine_are_read(snmpd):
    reading = await ask(
        "snmp", address=snmpd, table="interfaces", only="^lo$", sample=timedelta(milliseconds=100)
    )
    assert said(reading) == ("up", "ok")
    assert (reading.facts["rows"], reading.facts["up"]) == (1, 1)


async def test_a_neighbour_that_should_be_established_and_is_not_has_failed(look):
    reading = await look("router", "bgp")
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["rows"], facts["up"], facts["since"]) == (4, 2, 60)
    assert facts["failed.names"] == "198.51.100.9 AS64502"


async def test_a_router_all_of_whose_neighbours_are_away_is_down(look):
    alone = await look("router", "bgp", only="^198")
    assert said(alone) == ("down", "expectation")
    assert said(await look("router", "bgp", only="^(198|203)")) == ("down", "expectation")
    assert said(await look("router", "bgp", only="^203")) == ("up", "ok")  # somebody stopped it


async def test_the_role_in_a_group_of_routers_is_a_fact(look):
    reading = await look("router", "vrrp", only="^group 10 ", expect=['role == "backup"'])
    assert said(reading) == ("down", "expectation")
    assert "master" in reading.detail


async def test_a_good_ups_is_up(look):
    reading = await look("ups", "ups", expect=["runtime > 15m", "not replace_battery == true"])
    assert said(reading) == ("up", "ok")
    wanted = {
        "on_battery": False,
        "replace_battery": False,
        "runtime": 97 * 60,
        "charge": 0.99,
        "load": 0.44,
        "output": "normal",
        "battery": "normal",
        "temperature": 24,
        "alarms": 0,
    }
    assert {name: reading.facts[name] for name in wanted} == wanted


async def test_a_ups_on_battery_or_worn_is_degraded_unless_said_otherwise(look):
    reading = await look("worn_ups", "ups")
    assert said(reading) == ("degraded", "expectation")
    worn = await look("worn_ups", "ups", warn=["on_battery exists"])
    assert said(worn) == ("degraded", "expectation")
    assert "replace_battery" in worn.detail
    hushed = await look("worn_ups", "ups", warn=["on_battery exists", "replace_battery exists"])
    assert said(hushed) == ("up", "ok")
    assert said(await look("worn_ups", "ups", expect=["on_battery == false"])) == ("down", "expectation")
    assert reading.facts["runtime"] == 240
    assert reading.facts["replace_battery"] is True
    assert reading.facts["alarms"] == 2


async def test_a_ups_that_feeds_nothing_is_down(look):
    assert said(await look("dead_ups", "ups")) == ("down", "expectation")


@pytest.mark.parametrize("table", ["ups", "interfaces", "pool"])
async def test_a_table_that_a_device_has_not_is_missing(look, table):
    assert said(await look("fabric", table)) == ("down", "missing")


async def test_a_fibre_that_is_cut_is_degraded_beside_a_whole_one_and_one_switched_off_is_not(look):
    reading = await look("fabric", "fibrechannel")
    assert said(reading) == ("degraded", "expectation")
    assert reading.facts["failed.names"] == "port 1/2"
    assert said(await look("fabric", "fibrechannel", only="1/[23]")) == ("down", "expectation")
    assert said(await look("fabric", "fibrechannel", only="1/3")) == ("up", "ok")
    good = await look("fabric", "fibrechannel", only="1/[13]", warn=["errors < 3"])
    assert said(good) == ("degraded", "expectation")
    assert (good.facts["up"], good.facts["errors"]) == (1, 3)


async def test_a_pool_member_that_takes_no_traffic_has_failed_unless_switched_off(look):
    reading = await look("balancer", "pool")
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["rows"], facts["up"], facts["failed.names"]) == (3, 1, "web b:443")


async def test_a_pool_with_no_member_left_that_takes_traffic_is_down(look):
    left = await look("balancer", "pool", only="^web [bc]:")
    assert said(left) == ("down", "expectation")
    assert (left.facts["up"], left.facts["failed"]) == (0, 1)
    assert said(await look("balancer", "pool", only="^web c:")) == ("up", "ok")  # somebody switched it off


async def test_sensors_are_scaled_and_the_worst_is_named(look):
    reading = await look("rack", "sensors")
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["rows"], facts["up"], facts["failed"]) == (6, 5, 1)
    assert (facts["temperature"], facts["hottest"], facts["humidity"]) == (31, "outlet", 0.4)
    assert (facts["fan"], facts["power"], facts["failed.names"]) == (4200, pytest.approx(350.5), "broken")


async def test_a_sensor_that_is_broken_is_down_when_it_is_the_only_one(look):
    assert said(await look("rack", "sensors", only="^broken$")) == ("down", "expectation")


@pytest.mark.parametrize("table", ["storage", "cpu", "memory"])
async def test_what_has_no_way_to_fail_works(look, table):
    reading = await look("rack", table)
    assert said(reading) == ("up", "ok")
    assert (reading.facts["up"], reading.facts["failed"]) == (reading.facts["rows"], 0)


async def test_the_fullest_disk_counts_and_memory_only_by_name(look):
    reading = await look("rack", "storage", warn=["free > 20%"])
    assert said(reading) == ("degraded", "expectation")
    facts = reading.facts
    assert (facts["rows"], facts["fullest"], facts["free"], facts["space"]) == (3, "/srv", 0.1, 200 * 4096)
    memory = await look("rack", "storage", only="memory")
    assert memory.facts["free"] == 0.01
    assert (await look("rack", "storage", only="huge")).facts["free"] > 0.99


async def test_processors_have_a_mean_and_a_busiest(look):
    reading = await look("rack", "cpu")
    assert said(reading) == ("up", "ok")
    assert (reading.facts["load"], reading.facts["load.max"]) == (0.4, 0.7)


async def test_the_memory_of_a_real_machine_is_read(snmpd):
    memory = await ask("snmp", address=snmpd, table="storage", only="^Physical memory", seconds=5)
    assert said(memory) == ("up", "ok")
    assert 0 < memory.facts["free"] < 1


@pytest.mark.parametrize(
    ("device", "table", "options", "told"),
    [
        ("router", "interfaces", {"only": "^ge-0/0/0$"}, ("up", "ok")),
        ("router", "interfaces", {"only": "^ge-0/0/0$", "warn": ["discards == 0"]}, ("degraded", "expectation")),
        ("router", "interfaces", {"only": "^ge-0/0/1$"}, ("down", "expectation")),
        ("router", "interfaces", {}, ("degraded", "expectation")),
        ("router", "interfaces", {"only": "^et-"}, ("down", "missing")),
        ("router", "bgp", {"only": "^192"}, ("up", "ok")),
        ("router", "bgp", {}, ("degraded", "expectation")),
        ("router", "bgp", {"only": "^198"}, ("down", "expectation")),
        ("router", "bgp", {"only": "^10[.]"}, ("down", "missing")),
        ("ups", "ups", {"expect": ["on_battery == false"]}, ("up", "ok")),
        ("worn_ups", "ups", {}, ("degraded", "expectation")),
        ("worn_ups", "ups", {"expect": ["runtime > 10m"]}, ("down", "expectation")),
        ("router", "ups", {}, ("down", "missing")),
        ("fabric", "fibrechannel", {"only": "1/1"}, ("up", "ok")),
        ("fabric", "fibrechannel", {"only": "1/1", "warn": ["errors == 0"]}, ("degraded", "expectation")),
        ("fabric", "fibrechannel", {}, ("degraded", "expectation")),
        ("fabric", "fibrechannel", {"only": "1/2"}, ("down", "expectation")),
        ("fabric", "fibrechannel", {"only": "9/9"}, ("down", "missing")),
        ("balancer", "pool", {"only": "^web a:"}, ("up", "ok")),
        ("balancer", "pool", {"only": "^web [ac]:", "warn": ["up >= 2"]}, ("degraded", "expectation")),
        ("balancer", "pool", {}, ("degraded", "expectation")),
        ("balancer", "pool", {"only": "^web b:"}, ("down", "expectation")),
        ("balancer", "pool", {"only": "^mail "}, ("down", "missing")),
    ],
)  # fmt: skip
async def test_each_device_is_up_degraded_or_down_with_its_reason(look, device, table, options, told):
    assert said(await look(device, table, **options)) == told


async def test_a_hundred_questions_do_not_hold_the_loop(snmpd):
    async with Meter() as meter:
        readings = [await ask("snmp", address=snmpd) for _ in range(100)]
    assert {said(reading) for reading in readings} == {("up", "ok")}
    assert meter.held < 2 * HOLD


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "x:0"}, "address: "),
        ({"community": Secret("c"), "user": "u"}, "community: "),
        ({"auth": Secret("a")}, "user: "),
        ({"user": "u", "privacy": Secret("p")}, "auth: "),
        ({"oid": "sysUpTime"}, "oid: "),
        ({"oid": "1.3.6", "table": "ups"}, "oid: "),
        ({"table": "ups", "only": "("}, "only: "),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        SnmpProbe(**({"address": "x"} | options))


def test_the_peer_is_the_host():
    assert SnmpProbe(address="core1.example.org").peer() == "core1.example.org"
