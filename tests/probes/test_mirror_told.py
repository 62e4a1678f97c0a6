"""The mirror probe on what DRBD and ZFS say, by recordings.

Written from drbdsetup-status(8) and its JSON as drbd-utils 9 prints it, the DRBD User's Guide 8.4 on /proc/drbd, and
zfs-list(8). Never run against a real DRBD or ZFS.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.probes.recordings import hangs, says
from tests.probes.wires import ask, assumed, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.mirror import MirrorProbe

__all__ = ["hangs", "says"]

ASSUMED = assumed("mirror")


def drbd(*peers, role="Primary", disk="UpToDate", **more):
    """What ``drbdsetup status r0 --json`` says of a resource with one volume of 100 MiB."""
    volume = {"volume": 0, "minor": 1, "disk-state": disk, "client": False, "quorum": True, "size": 102400}
    resource = {"name": "r0", "node-id": 0, "role": role, "suspended": False, "write-ordering": "flush"}
    return json.dumps([resource | {"devices": [volume], "connections": list(peers)} | more])


def peer(name="bravo", state="Connected", replication="Established", disk="UpToDate", pending=0, **more):
    volume = {
        "volume": 0,
        "replication-state": replication,
        "peer-disk-state": disk,
        "peer-client": False,
        "resync-suspended": "no",
        "received": 0,
        "sent": 1024,
        "out-of-sync": pending,
        "pending": 0,
        "unacked": 0,
        "has-sync-details": False,
        "has-online-verify-details": False,
        "percent-in-sync": round(100 * (1 - pending / 102400), 2),
    }
    return {
        "peer-node-id": 1,
        "name": name,
        "connection-state": state,
        "congested": False,
        "peer-role": "Secondary" if state == "Connected" else "Unknown",
        "ap-in-flight": 0,
        "rs-in-flight": 0,
        "peer_devices": [volume | more],
    }


LOST = peer(state="Connecting", replication="Off", disk="DUnknown", pending=512)
SYNCING = peer(replication="SyncSource", disk="Inconsistent", pending=25600)


@pytest.fixture
def status(says):
    async def status(text, *, judge=ASSUMED, code=0, err="", **more):
        program = says(text, code=code, err=err)
        return await ask("mirror", first="drbd:r0", program=program, judge=judge, **more)

    return status


async def test_a_resource_whose_peers_are_up_to_date_is_in_sync(status, tmp_path):
    reading = await status(drbd(peer(), peer("charlie")))
    assert said(reading) == ("up", "ok"), reading
    took = reading.facts["latency"]
    assert reading.facts == {
        "in_sync": True,
        "behind": 0,
        "compared": 2,
        "pending": 0,
        "role": "Primary/Secondary",
        "disk": "UpToDate/UpToDate",
        "state": "Established",
        "suspended": False,
        "usable": True,
        "latency": took,
    }
    assert set(reading.facts) <= set(reference(MirrorProbe).facts)
    assert (tmp_path / "arguments").read_text().split() == ["status", "r0", "--json"]


async def test_a_resync_is_degraded_and_tells_how_much_is_left(status):
    reading = await status(drbd(peer(), SYNCING | {"name": "charlie"}))
    assert said(reading) == ("degraded", "stale"), reading
    assert (reading.facts["pending"], reading.facts["progress"]) == (25600 << 10, 0.75)
    assert (reading.facts["disk"], reading.facts["state"]) == ("UpToDate/Inconsistent", "SyncSource")
    assert "behind" not in reading.facts


async def test_a_resync_is_what_the_check_says_of_it(status):
    assert said(await status(drbd(SYNCING), judge=assumed("mirror", "in_sync == true"))) == ("down", "stale")
    assert said(await status(drbd(SYNCING), judge=assumed("mirror", "pending < 1MiB"))) == (
        "down",
        "expectation",
    )
    assert said(await status(drbd(SYNCING), judge=assumed("mirror", "in_sync exists"))) == ("up", "ok")
    facts = reference(MirrorProbe).facts
    judge = compile_judge(
        ["in_sync exists", "pending < 1GiB"],
        ["in_sync == true"],
        facts,
        MirrorProbe.ASSUMED,
        MirrorProbe.WARNED,
    )
    assert said(await status(drbd(SYNCING), judge=judge)) == ("degraded", "stale")


async def test_a_peer_that_is_gone_is_degraded_and_its_state_the_connections(status):
    reading = await status(drbd(LOST))
    assert said(reading) == ("degraded", "stale"), reading
    assert (reading.facts["state"], reading.facts["role"]) == ("Connecting", "Primary/Unknown")
    assert reading.facts["pending"] == 512 << 10


async def test_a_split_brain_is_degraded_and_stale(status):
    reading = await status(drbd(peer(state="StandAlone", replication="Off", disk="DUnknown")))
    assert said(reading) == ("degraded", "stale")
    assert reading.facts["state"] == "StandAlone"


async def test_a_verification_is_no_loss(status):
    assert said(await status(drbd(peer(replication="VerifyS")))) == ("up", "ok")
    assert said(await status(drbd(peer(replication="VerifyS", pending=4)))) == ("degraded", "stale")


async def test_a_disk_of_ours_that_is_gone_is_degraded_while_a_peers_is_up_to_date(status):
    assert said(await status(drbd(peer(), disk="Diskless"))) == ("degraded", "stale")
    assert said(await status(drbd(LOST, peer("charlie"), disk="Failed"))) == ("degraded", "stale")


@pytest.mark.parametrize("disk", ["Diskless", "Failed", "Inconsistent", "Outdated", ""])
async def test_a_volume_of_which_no_disk_is_up_to_date_is_down(status, disk):
    reading = await status(drbd(LOST, LOST | {"name": "charlie"}, disk=disk))
    assert said(reading) == ("down", "status")
    assert reading.facts["usable"] is False


async def test_each_volume_needs_a_disk_that_is_up_to_date(status):
    told = json.loads(drbd(peer()))
    told[0]["devices"].append(told[0]["devices"][0] | {"volume": 1, "disk-state": "Failed"})
    rows = told[0]["connections"][0]["peer_devices"]
    rows.append(rows[0] | {"volume": 1})
    assert said(await status(json.dumps(told))) == ("degraded", "stale")
    rows[1]["peer-disk-state"] = "Outdated"
    assert said(await status(json.dumps(told))) == ("down", "status")


async def test_a_peer_that_was_not_asked_for_keeps_a_volume_usable_too(status):
    both = drbd(LOST, peer("charlie"), disk="Diskless")
    assert said(await status(both, second="bravo")) == ("degraded", "stale")


@pytest.mark.parametrize("word", ["suspended", "suspended-quorum"])
async def test_a_resource_that_holds_writes_back_is_down(status, word):
    assert said(await status(drbd(peer(), **{word: True}))) == ("down", "status")


async def test_one_peer_of_several_can_be_asked_for(status):
    both = drbd(peer(), SYNCING | {"name": "charlie"})
    assert said(await status(both, second="bravo")) == ("up", "ok")
    assert said(await status(both, second="charlie")) == ("degraded", "stale")
    assert said(await status(both, second="delta")) == ("down", "missing")


async def test_a_peer_without_a_disk_by_intention_is_no_half(status):
    client = peer("tie", disk="Diskless", **{"peer-client": True})
    reading = await status(drbd(peer(), client))
    assert said(reading) == ("up", "ok")
    assert reading.facts["compared"] == 1
    assert said(await status(drbd(client))) == ("down", "missing")


async def test_a_resource_that_is_not_there_is_missing(status):
    assert said(await status("[\n]\n")) == ("down", "missing")
    assert said(await status("", code=10, err="r0: No such resource\n")) == ("down", "missing")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "something else",
        "[" * 100_000,
        drbd(peer(pending=0)).replace('"out-of-sync": 0', '"out-of-sync": -1'),
        drbd(peer(pending=0)).replace('"out-of-sync": 0', '"out-of-sync": "many"'),
    ],
)
async def test_words_that_we_do_not_know_are_our_fault(status, text):
    assert said(await status(text)) == ("unknown", "internal")


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"name": "r0", "connections": 7}]'])
async def test_json_of_another_shape_is_no_mirror(status, text):
    reading = await status(text)
    assert reading.verdict.value == "down", reading
    assert reading.reason.value == "missing"


async def test_a_number_that_cannot_be_kept_is_cut(status):
    vast = drbd(SYNCING).replace('"out-of-sync": 25600', f'"out-of-sync": {(1 << 63) - 1}')
    assert (await status(vast)).facts["pending"] == 1 << 62


async def test_what_this_machine_does_not_let_us_ask_is_our_fault(status):
    reading = await status("", code=20, err="Could not connect to 'drbd' generic netlink family\n")
    assert said(reading) == ("unknown", "internal")
    assert "generic netlink" in reading.detail


async def test_a_drbdsetup_that_hangs_is_a_timeout(hangs):
    assert said(await ask("mirror", first="drbd:r0", program=hangs, seconds=0.2)) == ("down", "timeout")


PROC = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: FC3433D849E3B88C1E7B55C
 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:1058 nr:0 dw:1058 dr:2136 al:7 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 1: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
    ns:17408 nr:0 dw:0 dr:18104 al:0 bm:1 lo:0 pe:2 ua:0 ap:0 ep:1 wo:f oos:84992
	[==>.................] sync'ed: 17.2% (84992/102400)K
	finish: 0:00:09 speed: 8,704 (8,704) K/sec
 2: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C s-----
    ns:0 nr:0 dw:4 dr:1 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:4
 3: cs:Unconfigured
 4: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----
    ns:0 nr:0 dw:4 dr:1 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:4
 5: cs:WFConnection ro:Secondary/Unknown ds:Diskless/DUnknown C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
11: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate A r-----
    ns:0 nr:9 dw:9 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
"""


@pytest.fixture
def device(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "drbd").write_text(PROC)

    async def device(minor, **more):
        return await ask("mirror", first=f"drbd:{minor}", judge=ASSUMED, **{"root": tmp_path} | more)

    return device


@pytest.mark.parametrize(
    ("minor", "told", "state", "pending"),
    [
        (0, ("up", "ok"), "Connected", 0),
        (1, ("degraded", "stale"), "SyncSource", 84992 << 10),
        (2, ("down", "status"), "WFConnection", 4096),  # it holds writes back
        (3, ("down", "status"), "Unconfigured", 0),
        (4, ("degraded", "stale"), "WFConnection", 4096),
        (5, ("down", "status"), "WFConnection", 0),
        (11, ("up", "ok"), "Connected", 0),
    ],
)
async def test_a_device_of_proc_drbd_is_known_by_its_minor_number(device, minor, told, state, pending):
    reading = await device(minor)
    assert said(reading) == told, reading
    assert (reading.facts["state"], reading.facts["pending"]) == (state, pending)


async def test_proc_drbd_tells_of_progress_roles_and_suspended_writes(device):
    assert (await device(1)).facts["progress"] == pytest.approx(0.172)
    assert (await device(11)).facts["role"] == "Secondary/Primary"
    assert (await device(2)).facts["suspended"] is True
    assert "progress" not in (await device(0)).facts


async def test_a_device_or_a_proc_drbd_that_is_not_there_is_missing(device, tmp_path):
    assert said(await device(6)) == ("down", "missing")
    assert said(await device(0, root=tmp_path / "host")) == ("down", "missing")


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def taken(*backs, name="tank/data"):
    """Snapshots so many hours old, oldest first, each with a guid of its own."""
    lines = (
        f"{name}@auto-{back}\t{18_446_744_073_709_551_000 + back}\t{int(NOW.timestamp()) - 3600 * back}\n"
        for back in sorted(backs, reverse=True)
    )
    return "".join(lines)


@pytest.fixture
def zfs(tmp_path):
    """``zfs(first, second)`` asks two programs that list those snapshots."""

    def program(name, listed, written):
        (tmp_path / f"{name}.list").write_text(listed)
        (tmp_path / f"{name}.get").write_text(written)
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec cat "{path}.$1"\n')
        path.chmod(0o755)
        return str(path)

    async def zfs(first, second, expect=(), warn=(), written="123456\n", **more):
        judge = compile_judge(
            list(expect), list(warn), reference(MirrorProbe).facts, MirrorProbe.ASSUMED, MirrorProbe.WARNED
        )
        return await ask(
            "mirror",
            first="zfs:tank/data",
            second="zfs:backup/data",
            program=program("first", first, written),
            second_program=program("second", second, ""),
            judge=judge,
            now=NOW,
            **more,
        )

    return zfs


async def test_a_dataset_whose_newest_snapshot_has_arrived_is_in_sync(zfs, tmp_path):
    reading = await zfs(taken(1, 2, 3), taken(1, 3, 4, name="backup/data"))
    assert said(reading) == ("up", "ok"), reading
    assert {
        name: reading.facts[name] for name in ("in_sync", "behind", "age", "common", "compared", "pending")
    } == {
        "in_sync": True,
        "behind": 0,
        "age": 3600,
        "common": "tank/data@auto-1",
        "compared": 2,
        "pending": 123456,
    }
    assert (tmp_path / "asked").read_text().splitlines() == [
        "list -Hp -d 1 -t snapshot -o name,guid,creation -s creation tank/data",
        "list -Hp -d 1 -t snapshot -o name,guid,creation -s creation backup/data",
        "get -Hp -o value written@auto-1 tank/data",
    ]


async def test_a_dataset_that_lags_is_degraded_and_behind_by_the_age_of_what_both_have(zfs):
    reading = await zfs(taken(1, 2, 5), taken(5, 9))
    assert said(reading) == ("degraded", "stale")
    assert (reading.facts["behind"], reading.facts["age"]) == (4 * 3600, 5 * 3600)
    assert said(await zfs(taken(1, 2, 5), taken(5, 9), lag=timedelta(hours=4))) == ("up", "ok")


async def test_a_dataset_that_lags_is_degraded_or_down_where_the_check_says_so(zfs):
    day = {"lag": timedelta(days=1)}
    assert said(await zfs(taken(1, 5), taken(5), ["behind < 2h"], **day)) == ("down", "stale")
    assert said(await zfs(taken(1, 5), taken(5), warn=["behind < 2h"], **day)) == ("degraded", "stale")


async def test_replication_that_stands_on_both_sides_is_known_by_the_age(zfs):
    reading = await zfs(taken(100), taken(100), ["age < 1d"])
    assert said(reading) == ("down", "stale")
    assert reading.facts["in_sync"] is True


@pytest.mark.parametrize(("first", "second"), [(taken(1), taken(2)), (taken(1), ""), ("", "")])
async def test_without_a_snapshot_in_common_there_is_no_mirror(zfs, first, second):
    reading = await zfs(first, second)
    assert said(reading) == ("down", "missing"), reading
    assert reading.facts["compared"] == 0
    assert "behind" not in reading.facts


async def test_a_zfs_that_does_not_tell_what_was_written_leaves_it_out(zfs):
    reading = await zfs(taken(1), taken(1), written="-\n")
    assert said(reading) == ("up", "ok")
    assert "pending" not in reading.facts


@pytest.mark.parametrize(
    "line", ["tank/data@a\t1", "tank/data@a\tx\t1", "tank/data\t1\t1", "no", "a@b\t1\t1\t1"]
)
async def test_snapshots_that_we_cannot_read_are_our_fault(zfs, line):
    assert said(await zfs(f"{line}\n", taken(1))) == ("unknown", "internal")


async def test_a_dataset_that_is_not_there_is_missing_and_a_zfs_that_fails_is_our_fault(says):
    there = {"first": "zfs:tank/data", "second": "zfs:backup/data"}
    gone = says("", code=1, err="cannot open 'tank/data': dataset does not exist\n")
    assert said(await ask("mirror", **there, program=gone)) == ("down", "missing")
    broken = says("", code=1, err="The ZFS modules are not loaded.\n")
    assert said(await ask("mirror", **there, program=broken)) == ("unknown", "internal")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"first": "drbd:"}, "first: "),
        ({"first": "drbd:-v"}, "first: "),
        ({"first": "drbd:r0", "second": "/dev/sda"}, "second: "),
        ({"first": "drbd:0", "second": "bravo"}, "second: "),
        ({"first": "zfs:tank@a", "second": "zfs:b"}, "first: "),
        ({"first": "zfs:tank"}, "second: "),
        ({"first": "zfs:tank", "second": "/dev/sda"}, "second: "),
        ({"first": "zfs:tank", "second": "zfs:tank"}, "second: is the same as first"),
        ({"first": "/dev/sda", "second": "zfs:tank"}, "second: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        MirrorProbe(**options)


def test_the_same_dataset_on_two_machines_is_a_mirror():
    MirrorProbe(first="zfs:tank", second="zfs:tank", second_program="/usr/local/bin/zfs-at-dallas")
