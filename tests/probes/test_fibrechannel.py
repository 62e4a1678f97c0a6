"""The fibrechannel probe on trees written from the kernel's ABI documents and scsi_transport_fc.c."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.daemons import AS_USER
from tests.probes.fibre import NONE, Machine
from tests.probes.wires import Meter, ask, assumed, said
from tests.yardstick import HOLD
from watch.core.expect import compile_judge
from watch.core.reading import OurFault
from watch.probes.base import reference
from watch.probes.fibrechannel import FibrechannelProbe
from watch.probes.wire.child import said_by
from watch.probes.wire.storage.fc import _allowed, written


class Here(Machine):
    async def asked(self, port="all", *, expect=(), warn=(), seconds=20):
        judge = compile_judge(
            list(expect),
            list(warn),
            reference(FibrechannelProbe).facts,
            FibrechannelProbe.ASSUMED,
            FibrechannelProbe.WARNED,
        )
        return await ask("fibrechannel", port=port, root=self.root, judge=judge, seconds=seconds)


@pytest.fixture
def machine(tmp_path):
    return Here(tmp_path)


async def test_ports_that_are_online_are_up_with_their_facts(machine):
    machine.port(0).port(1).seen(0, 1).seen(1, 2)
    reading = await machine.asked()
    assert said(reading) == ("up", "ok")
    assert reading.facts == {
        "ports": 2,
        "online": 2,
        "offline": 0,
        "offline.names": "",
        "state": "Online",
        "type": "NPort (fabric via point-to-point)",
        "name": "50:01:43:80:24:2b:9a:50, 50:01:43:80:24:2b:9a:51",
        "description": "QLE2692 FW:v8.08.231 DVR:v10.02.00.106-k",
        "fabric": "10:00:00:05:33:aa:aa:aa, 10:00:00:05:33:bb:bb:bb",
        "fabrics": 2,
        "speed": "16 Gbit",
        "speed.reached": 1.0,
        "errors": 0,
        "errors.frames": 0,
        "errors.dumped": 0,
        "errors.crc": 0,
        "errors.words": 0,
        "errors.link": 0,
        "errors.signal": 0,
        "errors.sync": 0,
        "targets": 2,
        "targets.lost": 0,
        "targets.lost.names": "",
    }


@pytest.mark.parametrize(
    "state", ["Linkdown", "Offline", "Bypassed", "Diagnostics", "Error", "Unknown", None, ""]
)
async def test_a_port_that_is_not_online_is_degraded_beside_one_that_is_and_named(machine, state):
    machine.port(0).port(1, port_state=state, speed="unknown", fabric_name="0xffffffffffffffff")
    reading = await machine.asked()
    assert said(reading) == ("degraded", "status")
    facts = reading.facts
    assert (facts["online"], facts["offline"]) == (1, 1)
    assert facts["offline.names"] == f"host1: {state or 'unreadable'}"
    assert facts["fabrics"] == 1
    assert said(await machine.asked("host1")) == ("down", "status")  # the only one that was asked for


async def test_a_machine_none_of_whose_ports_is_online_is_down(machine):
    machine.port(0, port_state="Linkdown").port(1, port_state="Offline")
    reading = await machine.asked()
    assert said(reading) == ("down", "status")
    assert (reading.facts["online"], reading.facts["offline"]) == (0, 2)


@pytest.mark.parametrize(
    "port", ["host0", "50:01:43:80:24:2b:9a:50", "0x50014380242B9A50", "50-01-43-80-24-2b-9a-50"]
)
async def test_one_port_is_asked_for_by_its_name_or_its_world_wide_name(machine, port):
    machine.port(0).port(1, port_state="Linkdown").seen(0, 1).seen(1, 2, port_state="Blocked")
    reading = await machine.asked(port)
    assert said(reading) == ("up", "ok")
    assert (reading.facts["ports"], reading.facts["targets"]) == (1, 1)


@pytest.mark.parametrize("port", ["host9", "host", "50:01:43:80:24:2b:9a:59"])
async def test_a_port_that_is_not_there_is_missing(machine, port):
    machine.port(0)
    if port == "host":
        with pytest.raises(ValueError, match=r"^port: "):
            FibrechannelProbe(port=port)
    else:
        reading = await machine.asked(port)
        assert said(reading) == ("down", "missing")
        assert port in reading.detail


async def test_a_machine_without_fibre_channel_is_missing_it(machine):
    assert said(await machine.asked()) == ("down", "missing")


async def test_errors_are_counted_by_kind_and_degrade_if_so_told(machine):
    machine.port(0, errors={"invalid_crc_count": "0x1f", "link_failure_count": "0x2"})
    machine.port(1, errors={"invalid_crc_count": "0x1"})
    reading = await machine.asked(warn=["errors < 10"])
    assert said(reading) == ("degraded", "limit")
    facts = reading.facts
    assert (facts["errors"], facts["errors.crc"], facts["errors.link"], facts["errors.sync"]) == (
        34,
        32,
        2,
        0,
    )


async def test_a_counter_that_the_adapter_has_not_is_no_fact(machine):
    untold = "0xffffffffffffffff"
    machine.port(0, errors=dict.fromkeys(NONE, untold) | {"error_frames": "0x3", "dumped_frames": "no"})
    reading = await machine.asked()
    assert {name: value for name, value in reading.facts.items() if name.startswith("errors")} == {
        "errors": 3,
        "errors.frames": 3,
    }


async def test_a_slower_link_than_the_port_could_have_degrades_if_so_told(machine):
    machine.port(0).port(1, speed="4 Gbit")
    reading = await machine.asked(warn=["speed.reached == 100%"])
    assert said(reading) == ("degraded", "expectation")
    assert (reading.facts["speed"], reading.facts["speed.reached"]) == ("4 Gbit", 0.25)


async def test_a_lost_target_is_told_also_when_it_has_forgotten_that_it_was_one(machine):
    machine.port(0).seen(0, 1).seen(0, 2, port_state="Blocked").seen(0, 3, port_state="Marginal")
    machine.seen(0, 4, port_state="Not Present", roles="unknown", scsi_target_id="3")
    machine.seen(0, 5, port_state="Online", roles="FCP Initiator", scsi_target_id="-1")
    machine.seen(0, 6, port_state="Online", roles="Fabric Port", scsi_target_id="-1")
    reading = await machine.asked(expect=["targets.lost == 0"])
    assert said(reading) == ("down", "status")
    facts = reading.facts
    assert (facts["targets"], facts["targets.lost"]) == (4, 2)
    assert facts["targets.lost.names"] == "host0: 50:06:01:60:3b:20:19:92, host0: 50:06:01:60:3b:20:19:94"


async def test_an_adapter_that_hangs_is_a_timeout_and_holds_nobody_up(machine):
    machine.port(0)
    await machine.asked()  # the first run pays for imports
    file = machine.root / "sys/class/fc_host/host0/port_state"
    file.unlink()
    os.mkfifo(file)  # nobody ever writes to it
    async with Meter() as meter:
        reading = await machine.asked(seconds=0.5)
    assert said(reading) == ("down", "timeout")
    assert "hangs on a device" in reading.detail
    assert meter.held < 2 * HOLD
    assert meter.ticked < 2 * 0.5


async def test_files_of_odd_content_are_read_as_words_of_one_line(machine):
    machine.port(
        0,
        symbolic_name="a\x1b[2J\0b\nport_state:Offline",
        speed="99999999 Gbit",
        port_name="\udcff".encode("utf-8", "replace").decode(),
    )
    reading = await machine.asked()
    assert said(reading) == ("up", "ok")
    assert reading.facts["description"] == "a[2Jb"
    assert "speed" not in reading.facts or reading.facts["speed"] == "9999 Gbit"


async def test_a_file_that_is_too_long_is_a_limit(machine):
    machine.port(0, symbolic_name="x" * (5 << 20))
    assert said(await machine.asked()) == ("down", "limit")


async def test_more_ports_than_we_look_at_are_a_limit(machine):
    folder = machine.root / "sys/class/fc_host"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"host{number}").mkdir()
    assert said(await machine.asked()) == ("down", "limit")


async def test_what_we_may_not_read_is_our_own_fault(machine):
    machine.port(0)
    # Root may read all: the same grep is run by somebody who may not.
    file = machine.root / "secret"
    file.write_text("x")
    file.chmod(0)
    program = [*AS_USER, shutil.which("grep")]
    heard = await said_by(*program, "-H", "", "--", str(file), package="grep")
    with pytest.raises(OurFault, match="we may not read the files of the Fibre Channel ports"):
        _allowed(heard)


@given(st.text())
def test_what_is_no_world_wide_name_stays_as_it_is(text):
    assert written(written(text)) == written(text)


@pytest.mark.parametrize("port", ["", "/dev/sda", "host0/../..", "HOST0", "0x5001", "50:01:43:80:24:2b:9a"])
def test_a_port_is_given_by_its_name(port):
    with pytest.raises(ValueError, match=r"^port: "):
        FibrechannelProbe(port=port)


def test_it_loads_nobody():
    assert FibrechannelProbe(port="all").peer() == ""
    assert assumed("fibrechannel").expect
