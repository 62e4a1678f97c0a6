"""The iscsi probe against tgtd, with CHAP and two LUNs."""

from __future__ import annotations

import struct
from datetime import timedelta

import pytest

from tests.ports import free_port
from tests.probes.servers.tgtd import CANARY, CLOSED, MUTUAL, OPEN, PROOF, array
from tests.probes.wires import ask, closed_port, said, serving, silence
from watch.core.expect import compile_judge
from watch.core.reading import ProbeFailure
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.iscsi import IscsiProbe
from watch.probes.wire.storage.scsi import capacity, identity, read, sense, wire

pytestmark = pytest.mark.xdist_group("tgtd")


@pytest.fixture(scope="session")
def san(tmp_path_factory):
    with array(tmp_path_factory.mktemp("tgt")) as (_, portals):
        yield portals


def judged(expect=(), warn=()):
    return compile_judge(
        list(expect), list(warn), reference(IscsiProbe).facts, IscsiProbe.ASSUMED, IscsiProbe.WARNED
    )


def chap(password=CANARY, **more):
    return {"username": "mon", "password": Secret(password), **more}


async def test_a_ready_lun_is_up_with_its_size_and_the_time_of_a_read(san):
    reading = await ask("iscsi", portal=san[0], target=OPEN, lun=1)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["size"] == 64 << 20
    assert reading.facts["block"] == 512
    assert reading.facts["device"] == "IET VIRTUAL-DISK"
    assert 0 < reading.facts["read"] < reading.facts["latency"] == sum(reading.phases.values())
    assert reading.facts["paths"] == reading.facts["paths.up"] == 1
    assert reading.facts["address"] == san[0]


async def test_the_second_lun_is_another_disk(san):
    reading = await ask("iscsi", portal=san[0], target=OPEN, lun=2, read=False)
    assert said(reading) == ("up", "ok")
    assert reading.facts["size"] == 128 << 20
    assert "read" not in reading.facts


async def test_a_portal_tells_its_targets_and_a_target_its_luns(san):
    found = await ask("iscsi", portal=san[0])
    assert said(found) == ("up", "ok"), found
    assert found.facts["targets"] == 3
    assert OPEN in found.facts["target"].split(",")
    assert found.facts["portals"] == 1  # tgt tells of the one that was asked
    assert (await ask("iscsi", portal=san[0], target=OPEN)).facts["luns"] == 3  # LUN 0 is the controller


async def test_a_password_is_proven_and_shown_nowhere(san):
    reading = await ask("iscsi", portal=san[0], target=CLOSED, lun=1, **chap())
    assert said(reading) == ("up", "ok"), reading
    assert "canary" not in repr(reading)
    assert "canary" not in repr(IscsiProbe(portal=san[0], target=CLOSED, **chap(proof=Secret(PROOF))))


@pytest.mark.parametrize("options", [chap("canary-wrong-pw"), {}], ids=["wrong", "none"])
async def test_a_wrong_password_is_refused_as_such(san, options):
    reading = await ask("iscsi", portal=san[0], target=CLOSED, lun=1, **options)
    assert said(reading) == ("down", "auth"), reading
    assert "canary" not in repr(reading)


async def test_a_target_that_should_ask_for_a_password_and_does_not_is_down(san):
    assert said(await ask("iscsi", portal=san[0], target=OPEN, lun=1, **chap())) == ("down", "auth")


async def test_a_target_proves_itself_or_is_not_believed(san):
    there = {"portal": san[0], "target": MUTUAL, "lun": 1}
    assert said(await ask("iscsi", **there, **chap(proof=Secret(PROOF)))) == ("up", "ok")
    wrong = await ask("iscsi", **there, **chap(proof=Secret("canary-imposter")))
    assert said(wrong) == ("down", "auth")
    assert "prove" in wrong.detail


@pytest.mark.parametrize("what", [{"target": f"{OPEN}-gone", "lun": 1}, {"target": OPEN, "lun": 7}])
async def test_a_target_or_a_lun_that_is_not_there_is_missing(san, what):
    assert said(await ask("iscsi", portal=san[0], **what)) == ("down", "missing")


async def test_a_lost_path_is_degraded_and_no_path_left_down(san):
    paths = {"portal": f"127.0.0.1:{closed_port()}", "portals": (san[0], san[1])}
    reading = await ask("iscsi", **paths, target=OPEN, lun=1, judge=judged())
    assert said(reading) == ("degraded", "unreachable"), reading
    assert reading.facts["paths"] == 3
    assert (reading.facts["paths.up"], reading.facts["paths.failed"]) == (2, 1)
    assert reading.facts["paths.lost"] == f"{paths['portal']}: connection refused: {paths['portal']}"
    both = await ask("iscsi", portal=san[0], portals=(san[1],), target=OPEN, lun=1, judge=judged())
    assert said(both) == ("up", "ok")
    assert both.facts["paths.lost"] == ""
    assert both.facts["paths.alike"] is True
    paths["portals"] = (f"127.0.0.1:{closed_port()}",)
    assert said(await ask("iscsi", **paths, target=OPEN, lun=1, judge=judged())) == ("down", "refused")


async def test_a_lost_path_is_up_or_down_where_the_check_says_so(san):
    paths = {"portal": f"127.0.0.1:{closed_port()}", "portals": (san[0],), "target": OPEN, "lun": 1}
    assert said(await ask("iscsi", **paths, judge=judged(warn=["paths.failed < 2"]))) == ("up", "ok")
    assert said(await ask("iscsi", **paths, judge=judged(["paths.failed == 0"]))) == ("down", "unreachable")


async def test_every_lost_path_is_named(san):
    gone = [f"127.0.0.1:{closed_port()}" for _ in range(2)]
    reading = await ask("iscsi", portal=san[0], portals=tuple(gone), target=CLOSED, lun=1, **chap())
    assert said(reading) == ("up", "ok"), reading
    assert all(f"{portal}: connection refused" in reading.facts["paths.lost"] for portal in gone)


async def test_a_lun_has_an_identity_of_its_own(san):
    one, other = [await ask("iscsi", portal=san[0], target=OPEN, lun=n) for n in (1, 2)]
    assert one.facts["identity"]
    assert one.facts["identity"] != other.facts["identity"]


async def test_portals_that_lead_to_two_disks_are_no_paths_to_one(san, tmp_path):
    (tmp_path / "disk11").write_bytes(bytes(1 << 20))
    with array(tmp_path, size=1 << 20) as (_, others):
        paths = {"portal": san[0], "portals": (others[0],), "target": OPEN, "lun": 1}
        reading = await ask("iscsi", **paths, judge=judged())
    assert said(reading) == ("down", "status"), reading
    assert reading.facts["paths.alike"] is False


async def test_a_silent_path_does_not_cost_the_other_its_reading(san):
    async with serving(silence) as port:
        paths = {"portal": f"127.0.0.1:{port}", "portals": (san[0],), "wait": timedelta(milliseconds=300)}
        reading = await ask("iscsi", **paths, target=OPEN, lun=1, judge=judged())
    assert said(reading) == ("degraded", "unreachable")
    assert reading.facts["paths.up"] == 1
    assert "waiting for the login" in reading.facts["paths.lost"]


async def test_no_path_left_is_down_with_the_first_ones_reason(san):
    gone = [f"127.0.0.1:{closed_port()}" for _ in range(2)]
    assert said(await ask("iscsi", portal=gone[0], portals=(gone[1],), target=OPEN)) == ("down", "refused")


async def test_a_slow_read_is_slow(san):
    there = {"portal": san[0], "target": OPEN, "lun": 1}
    assert said(await ask("iscsi", **there, judge=judged(["read < 0.001ms"]))) == ("down", "slow")
    assert said(await ask("iscsi", **there, judge=judged(["size > 1TB"]))) == ("down", "expectation")


def login_answer(status=0, data=b"", flags=0x87):
    head = struct.pack("!BB3x3s6xHII", 0x23, flags, len(data).to_bytes(3, "big"), 1, 1, 0)
    head += struct.pack("!IIIBB", 0, 1, 1, status >> 8, status & 255)
    return head.ljust(48, b"\0") + data + bytes(-len(data) % 4)


def portal(*units):
    """A portal of a few lines, which answers each unit by the next of *units*."""

    async def talk(reader, writer):
        for unit in units:
            head = await reader.readexactly(48)
            size = int.from_bytes(head[5:8], "big")
            await reader.readexactly(size + -size % 4)
            writer.write(unit)
            await writer.drain()
        await reader.read()

    return talk


def told(tag, *, data=b"", status=0, why=b""):
    """What a target says to the command *tag*: data with a good status, or a status with sense data."""
    body = data or (struct.pack("!H", len(why)) + why if why else b"")
    head = struct.pack("!BBBB", 0x25 if data else 0x21, 0x81 if data else 0x80, 0, status)
    head = (head + len(body).to_bytes(4, "big")).ljust(16, b"\0") + struct.pack("!III", tag, 0xFFFFFFFF, tag)
    return head.ljust(48, b"\0") + body + bytes(-len(body) % 4)


IN = [login_answer(), login_answer()]
DISK = b"\0\0\5\2\x1f\0\0\0EXAMPLE ARRAY           1.0 "
NAA = bytes.fromhex("0083000c01030008 6001405000000001")
WAITS, RECOVERED, REFUSED = (bytes.fromhex(sense) for sense in ("7202040b", "72011700", "72052400"))


async def test_a_path_that_stands_by_is_a_good_one_beside_one_that_serves(san):
    waits = [*IN, told(2, data=DISK), told(3, status=2, why=WAITS), told(4, data=NAA), told(5)]
    async with serving(portal(*waits)) as port:
        alone = await ask("iscsi", portal=f"127.0.0.1:{port}", target=OPEN, lun=1)
        paths = {"portal": f"127.0.0.1:{port}", "portals": (san[0],), "wait": timedelta(seconds=1)}
        reading = await ask("iscsi", **paths, target=OPEN, lun=1)
    assert said(alone) == ("down", "status"), alone
    assert "is standby" in alone.detail
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert (facts["paths.up"], facts["paths.standby"], facts["size"]) == (2, 1, 64 << 20)
    assert facts["paths.alike"] is False  # the script's LUN is called otherwise than tgt's


async def test_an_error_that_the_disk_recovered_from_is_none():
    capacity = told(4, data=struct.pack("!II", 2047, 512))
    good = [*IN, told(2, data=DISK), told(3, status=2, why=RECOVERED), capacity]
    async with serving(portal(*good, told(5, status=2, why=REFUSED))) as port:
        there = {"portal": f"127.0.0.1:{port}", "target": OPEN, "lun": 1, "read": False}
        late = await ask("iscsi", **there, seconds=0.3)
    assert "the logout" in late.detail, late  # all that comes before it went through
    async with serving(portal(*good, told(5, data=NAA), login_answer())) as port:
        reading = await ask("iscsi", **there | {"portal": f"127.0.0.1:{port}"})
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["size"], reading.facts["identity"]) == (1 << 20, "6001405000000001")


async def test_the_portals_that_are_announced_are_counted():
    names = b"TargetName=iqn.a\0TargetAddress=192.0.2.1:3260,1\0TargetAddress=192.0.2.2:3260,2\0"
    names += b"TargetName=iqn.b\0TargetAddress=192.0.2.1:3260,1\0"
    text = b"\x24\x80\0\0" + len(names).to_bytes(4, "big") + bytes(8) + struct.pack("!III", 2, 0xFFFFFFFF, 2)
    unit = text.ljust(48, b"\0") + names + bytes(-len(names) % 4)
    async with serving(portal(*IN, unit, login_answer())) as port:
        reading = await ask("iscsi", portal=f"127.0.0.1:{port}")
    assert (reading.facts["targets"], reading.facts["portals"]) == (2, 2), reading


async def test_a_portal_that_sends_us_elsewhere_is_followed(san):
    moved = login_answer(0x0101, f"TargetAddress={san[0]},1\0".encode())
    async with serving(portal(moved)) as port:
        reading = await ask("iscsi", portal=f"127.0.0.1:{port}", target=OPEN, lun=1)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["address"] == san[0]


async def test_a_portal_that_sends_us_in_a_circle_or_to_a_metadata_address_is_not_followed():
    here = free_port()
    circle = login_answer(0x0101, f"TargetAddress=127.0.0.1:{here},1\0".encode())
    async with serving(portal(circle), port=here):
        assert said(await ask("iscsi", portal=f"127.0.0.1:{here}", target=OPEN)) == ("down", "limit")
    away = login_answer(0x0101, b"TargetAddress=169.254.169.254:3260,1\0")
    async with serving(portal(away)) as port:
        assert said(await ask("iscsi", portal=f"127.0.0.1:{port}", target=OPEN)) == ("down", "protocol")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(0x0202, "auth"), (0x0204, "missing"), (0x0301, "status"), (0x0200, "status"), (0x0101, "status")],
)
async def test_a_refused_login_says_why(status, reason):
    async with serving(portal(login_answer(status))) as port:
        assert said(await ask("iscsi", portal=f"127.0.0.1:{port}", target=OPEN)) == ("down", reason)


async def test_a_portal_that_never_lets_us_out_of_the_login_is_left():
    async with serving(portal(*[login_answer(flags=0)] * 40)) as port:
        assert said(await ask("iscsi", portal=f"127.0.0.1:{port}", target=OPEN)) == ("down", "protocol")


async def test_more_than_we_said_we_take_is_not_read():
    huge = login_answer()[:5] + b"\xff\xff\xff" + login_answer()[8:]
    async with serving(portal(huge)) as port:
        assert said(await ask("iscsi", portal=f"127.0.0.1:{port}", target=OPEN)) == ("down", "limit")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"portal": "x:y"}, "portal: "),
        ({"portal": "x", "portals": ("a b",)}, "portals: "),
        ({"portal": "x", "username": "u"}, "username: "),
        ({"portal": "x", "lun": 1}, "lun: "),
        ({"portal": "x", "target": "a b"}, "target: "),
        ({"portal": "x", "proof": Secret("p")}, "proof: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        IscsiProbe(**options)


@pytest.mark.parametrize(
    "claims", [struct.pack("!QI", (1 << 64) - 1, 512), struct.pack("!II", 9, 0), b"", b"\0" * 7]
)
def test_a_capacity_that_cannot_be_is_a_protocol_fault(claims):
    with pytest.raises(ProbeFailure, match="protocol"):
        capacity(claims)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("00830000", ""),
        ("", ""),
        ("0083ffff0103", ""),
        ("00830006010300ff6001", "6001"),  # cut off
        ("0083000c02010008 4558414d504c4531", "EXAMPLE1"),
        ("0083001402010004 4142434401020008 0002c90300000001", "0002c90300000001"),
        ("0083000c01130008 5001405000000001", ""),  # the port's name, not the LUN's
    ],
)
def test_what_a_lun_is_called_is_read_from_its_page(page, name):
    assert identity(bytes.fromhex(page)) == name


@pytest.mark.parametrize(
    ("block", "command"),
    [(7, "28000000000700000100"), ((1 << 32) + 1, "88000000000100000001000000010000")],
)
def test_a_block_beyond_what_the_short_command_reaches_is_read_by_the_long_one(block, command):
    assert read(block).hex() == command


def test_a_number_of_a_lun_above_255_is_written_flat():
    assert wire(5).hex() == "0005000000000000"
    assert wire(300).hex() == "412c000000000000"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (bytes.fromhex("70000600000000000000000029 00"), (6, 0x29, 0)),
        (bytes.fromhex("72052500"), (5, 0x25, 0)),
        (b"", (0, 0, 0)),
    ],
)
def test_sense_is_read_in_both_of_its_formats(data, told):
    assert sense(data) == told
