"""The tables of routers, firewalls and load balancers, against recordings; of a Linux host, against its snmpd.

Never run against a real Cisco, Juniper, Palo Alto, Fortinet, Check Point, F5 or NetScaler: the recordings are
written after their MIBs.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.probes import appliances
from tests.probes.agents import looking, replaying
from tests.probes.servers import snmpd as real
from tests.probes.wires import ask, said
from watch.probes.snmp import SnmpProbe

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    with replaying(tmp_path_factory.mktemp("snmpsim"), appliances.ALL) as there:
        yield there


@pytest.fixture
def look(recordings):
    return looking(recordings)


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory):
    with real.snmpd(tmp_path_factory.mktemp("snmpd")) as (_, there):
        yield there


ACTIVE = ['role == "active"']
WHOLE = ['peer == "standby"', "sessions.used < 90%", "memory.used < 90%", "load < 80%"]


async def test_a_firewall_that_works_and_whose_peer_waits_is_up(look):
    reading = await look("palo_alto", "device", expect=ACTIVE, warn=WHOLE)
    assert said(reading) == ("up", "ok")
    wanted = {
        "role": "active",
        "peer": "standby",
        "active": "this device",
        "sessions": 57_344,
        "sessions.used": 0.875,
        "memory.used": 0.75,
        "fullest": "Management RAM",
        "load": 0.18,
        "load.max": 0.31,
        "rows": 6,
        "up": 1,
        "failed": 0,
    }
    assert {name: reading.facts[name] for name in wanted} == wanted


async def test_a_firewall_whose_peer_is_gone_is_degraded_if_so_told(look):
    reading = await look("palo_alto_alone", "device", expect=ACTIVE, warn=WHOLE)
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["role"], reading.facts["peer"]) == ("active", "unknown")


async def test_a_firewall_that_failed_over_is_down_for_who_expects_it_to_work(look):
    reading = await look("palo_alto_waits", "device", expect=ACTIVE)
    assert said(reading) == ("down", "expectation")
    assert "standby" in reading.detail
    assert said(await look("palo_alto_waits", "device")) == ("up", "ok")  # waiting is no fault of its own


@pytest.mark.parametrize("table", ["ha", "device"])
async def test_a_firewall_that_does_not_work_is_down_by_itself_though_its_peer_works(look, table):
    reading = await look("palo_alto_broken", table)
    assert said(reading) == ("down", "expectation")
    facts = reading.facts
    assert (facts["up"], facts["failed"], facts["failed.names"]) == (0, 1, "this device")
    assert facts["peer"] == "active"


async def test_a_firewall_whose_peer_does_not_work_goes_on_working_itself(look):
    assert said(await look("asa_alone", "ha")) == ("up", "ok")
    assert said(await look("asa_alone", "ha", warn=['peer == "standby"'])) == ("degraded", "expectation")


async def test_a_cluster_that_lost_a_node_is_degraded_and_one_without_any_down(look):
    half = await look("srx_half", "ha")
    assert said(half) == ("degraded", "expectation")
    assert (half.facts["up"], half.facts["failed.names"]) == (1, "node1 Routing Engine 0")
    assert said(await look("srx_half", "ha", only="^node1")) == ("down", "expectation")
    assert said(await look("srx_half", "device")) == ("degraded", "expectation")
    assert said(await look("srx_off", "ha")) == ("down", "expectation")
    assert said(await look("srx_off", "device")) == ("down", "expectation")


async def test_a_device_without_a_pair_works_with_all_that_it_has(look):
    reading = await look("old_cisco", "device")
    assert said(reading) == ("up", "ok")
    assert (reading.facts["rows"], reading.facts["up"], reading.facts["failed"]) == (2, 2, 0)


async def test_sessions_that_run_out_are_seen_before_they_have(look):
    reading = await look("palo_alto", "sessions", warn=["sessions.used < 80%"])
    assert said(reading) == ("degraded", "expectation")


async def test_a_device_without_a_session_table_has_none(look):
    assert said(await look("old_cisco", "sessions")) == ("down", "missing")
    assert said(await look("keepalived", "device")) == ("down", "missing")
    assert said(await look("cisco_router", "ha")) == ("down", "missing")


@pytest.mark.parametrize(
    ("device", "verdict", "facts"),
    [
        ("asa", "up", {"role": "active", "peer": "standby", "active": "Primary unit", "failed": 0}),
        (
            "asa_failed_over",
            "up",
            {"role": "standby", "peer": "active", "active": "Secondary unit", "failed": 0},
        ),
        ("asa_alone", "up", {"role": "active", "peer": "failed", "failed": 0}),
        ("asa_off", "up", {"role": "standalone", "rows": 1, "failed": 0}),
        ("palo_alto_single", "up", {"role": "standalone", "rows": 1}),
        ("fortigate", "up", {"role": "active", "peer": "standby", "active": "fw-a", "synced": True}),
        ("fortigate_waits", "up", {"role": "standby", "peer": "active", "active": "fw-b", "failed": 0}),
        ("fortigate_apart", "degraded", {"role": "active", "synced": False}),
        ("fortigate_single", "up", {"role": "standalone", "rows": 1}),
        ("check_point", "up", {"role": "active", "failed": 0}),
        ("check_point_hidden", "degraded", {"role": "active attention", "failed": 1, "up": 1}),
        ("check_point_stopped", "down", {"role": "suspended", "failed": 1, "up": 0}),
        ("big_ip", "up", {"role": "active", "synced": True}),
        ("big_ip_forced", "down", {"role": "suspended", "failed": 1, "synced": False}),
        ("big_ip_single", "up", {"role": "standalone", "failed": 0}),
        ("big_ip_offline", "down", {"role": "failed", "failed": 1, "up": 0}),
        ("netscaler", "up", {"role": "active", "peer": "standby", "failed": 0}),
        ("netscaler_broken", "down", {"role": "failed", "peer": "active", "failed": 1}),
    ],
)
async def test_every_makers_words_for_a_role_are_ours(look, device, verdict, facts):
    reading = await look(device, "ha")
    assert {name: reading.facts[name] for name in facts} == facts
    assert reading.verdict.value == verdict


async def test_a_pair_that_is_out_of_step_is_degraded_unless_said_otherwise(look):
    reading = await look("fortigate_apart", "ha", expect=ACTIVE)
    assert said(reading) == ("degraded", "expectation")
    assert reading.detail.startswith("synced is false")
    assert said(await look("fortigate_apart", "ha", warn=["synced exists"])) == ("up", "ok")
    assert said(await look("fortigate_apart", "ha", expect=["synced == true"])) == ("down", "expectation")


async def test_the_nodes_of_a_cluster_are_told_apart_by_name(look):
    both = await look("srx", "ha")
    assert (both.facts["role"], both.facts["active"]) == ("active, standby", "node1 Routing Engine 0")
    first = await look("srx", "ha", only="^node0", expect=ACTIVE)
    assert said(first) == ("down", "expectation")


@pytest.mark.parametrize(
    ("device", "load", "most", "used", "where"),
    [
        ("cisco_router", 0.26, 0.40, 0.25, "Processor"),
        ("old_cisco", 0.71, 0.71, 0.30, "Processor"),
        ("srx", 0.095, 0.22, 0.70, "node0 FPC 0 SPU 0"),
        ("fortigate", 0.35, 0.35, 0.82, "all"),
        ("check_point", 0.15, 0.15, 0.25, "all"),
        ("big_ip", 0.20, 0.20, 0.25, "all"),
        ("netscaler", 0.07, 0.07, 0.33, "all"),
    ],
)
async def test_processors_and_memory_are_read_from_the_makers_mib(look, device, load, most, used, where):
    busy, full = (await look(device, "cpu")).facts, (await look(device, "memory")).facts
    assert (busy["load"], busy["load.max"]) == (pytest.approx(load), pytest.approx(most))
    assert (full["memory.used"], full["fullest"]) == (pytest.approx(used, abs=0.01), where)


@pytest.mark.parametrize(
    ("device", "count", "used"),
    [
        ("asa", 81_000, None),
        ("srx", 401_000, 400_000 / 524_288),
        ("fortigate", 12_345, None),
        ("check_point", 40_000, 0.8),
        ("big_ip", 1200, None),
        ("netscaler", 4000, None),
    ],
)
async def test_sessions_are_counted_and_their_share_told_where_the_room_is_known(look, device, count, used):
    facts = (await look(device, "sessions")).facts
    assert (facts["sessions"], facts.get("sessions.used")) == (count, used)


async def test_a_routers_processors_have_their_names_and_one_may_be_picked(look):
    reading = await look("cisco_router", "cpu", only="Route Processor")
    assert (reading.facts["rows"], reading.facts["load"]) == (1, 0.12)


async def test_a_pool_of_memory_that_is_always_full_is_looked_at_only_by_name(look):
    assert (await look("cisco_router", "memory", warn=["memory.used < 90%"])).verdict.value == "up"
    assert (await look("cisco_router", "memory", only="lsmpi")).facts["memory.used"] > 0.99


async def test_a_router_without_its_addresses_has_failed_and_one_switched_off_has_not(look):
    reading = await look("cisco_router", "hsrp")
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["failed.names"], reading.facts["up"]) == ("group 30 on 5", 2)
    assert said(await look("cisco_router", "hsrp", only="^group [34]0 ")) == ("down", "expectation")
    assert said(await look("cisco_router", "hsrp", only="^group 40 ")) == ("up", "ok")
    first = await look("cisco_router", "hsrp", only="^group 10 ", expect=ACTIVE)
    assert said(first) == ("up", "ok")


async def test_the_newer_vrrp_is_read_too(look):
    reading = await look("keepalived", "vrrp")
    assert (reading.facts["rows"], reading.facts["failed.names"]) == (4, "group 52 on 2")
    six = await look("keepalived", "vrrp", only="IPv6", expect=['role == "master"'])
    assert said(six) == ("up", "ok")


@pytest.mark.parametrize("device", ["cisco_bgp", "arista_bgp", "juniper_bgp"])
async def test_a_neighbour_over_ipv6_that_is_away_is_seen(look, device):
    reading = await look(device, "bgp")
    assert said(reading) == ("degraded", "expectation")
    assert said(await look(device, "bgp", only="^2001:")) == ("down", "expectation")
    facts = reading.facts
    assert (facts["rows"], facts["up"], facts["since"]) == (3, 1, 300)
    assert facts["failed.names"] == "2001:db8::1 AS64501"
    four = await look(device, "bgp", only="^192\\.0\\.2\\.1 ", warn=["since > 1h"])
    assert said(four) == ("degraded", "expectation")


async def test_the_servers_behind_a_balancer_that_take_nothing_have_failed(look):
    one = await look("netscaler", "pool")
    assert said(one) == ("degraded", "expectation")
    assert said(await look("netscaler", "pool", only="^we2$")) == ("down", "expectation")
    assert (one.facts["rows"], one.facts["up"], one.facts["failed.names"]) == (3, 1, "we2")
    other = await look("keepalived", "pool")
    assert other.facts["failed.names"] == "service 1 2001:db8::2:443"


async def test_a_counter_of_32_bits_that_wraps_goes_on(look):
    reading = await look("cisco_router", "interfaces", only="^Se0$", sample=SECOND)
    assert 0.3 < reading.facts["utilisation"] < 0.8  # half of 512 kb/s; a slow machine answers late


async def test_each_interface_is_measured_by_the_counters_that_it_has(look):
    reading = await look("cisco_router", "interfaces", only="^(Gi0/1|Se1)$", sample=SECOND)
    assert reading.facts["busiest"] == "Gi0/1"
    assert 0.06 < reading.facts["utilisation"] < 0.16


async def test_a_brocades_ports_have_its_own_numbers_and_names(look):
    reading = await look("brocade", "fibrechannel")
    assert said(reading) == ("degraded", "expectation")
    assert said(await look("brocade", "fibrechannel", only="^port [12]$")) == ("down", "expectation")
    assert (reading.facts["rows"], reading.facts["failed.names"], reading.facts["errors"]) == (
        3,
        "port 1",
        12,
    )
    good = await look("brocade", "fibrechannel", only="array-a$", warn=["errors == 0"])
    assert said(good) == ("degraded", "expectation")
    assert (good.facts["up"], good.facts["errors"]) == (1, 3)


async def test_a_switch_with_ciscos_sensors_is_read_like_any_other(look):
    reading = await look("nexus", "sensors")
    assert said(reading) == ("degraded", "expectation")
    assert said(await look("nexus", "sensors", only="^PSU-2$")) == ("down", "expectation")
    facts = reading.facts
    assert (facts["temperature"], facts["hottest"], facts["failed.names"]) == (41, "module-1 Intake", "PSU-2")


@pytest.mark.parametrize(
    ("device", "told", "facts"),
    [
        (
            "apc",
            ("up", "ok"),
            {"runtime": 2400, "charge": 1, "load": 0.38, "output": "normal", "temperature": 23},
        ),
        (
            "apc_on_battery",
            ("degraded", "expectation"),
            {"on_battery": True, "battery": "low", "runtime": 120},
        ),
        ("apc_worn", ("degraded", "expectation"), {"replace_battery": True, "battery": "unknown"}),
        ("apc_off", ("down", "expectation"), {"output": "none", "replace_battery": True}),
    ],
)
async def test_an_apc_that_knows_only_its_own_mib_tells_the_same(look, device, told, facts):
    reading = await look(device, "ups")
    assert said(reading) == told
    assert {name: reading.facts[name] for name in facts} == facts


@pytest.mark.parametrize("table", ["cpu", "memory", "sessions"])
async def test_what_is_no_number_is_not_there(look, table):
    assert said(await look("liar", table)) == ("down", "missing")


async def test_a_role_that_nobody_knows_is_no_good_one(look):
    reading = await look("liar", "ha")
    assert said(reading) == ("down", "expectation")
    assert (reading.facts["role"], reading.facts["failed"]) == ("unknown", 1)


async def test_a_linux_host_has_memory_without_its_caches(snmpd):
    full = await ask("snmp", address=snmpd, table="memory", seconds=5)
    assert said(full) == ("up", "ok")
    assert 0 < full.facts["memory.used"] < 1
    assert full.facts["fullest"] == "physical memory"
    whole = await ask("snmp", address=snmpd, table="device", seconds=5)
    assert "memory.used" in whole.facts  # its processors it knows only a minute after it began
    assert not {"role", "sessions"} & set(whole.facts)


def test_a_whole_device_has_no_rows_to_pick_from():
    with pytest.raises(ValueError, match=r"^only: "):
        SnmpProbe(address="x", table="device", only="x")
