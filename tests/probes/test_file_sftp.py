"""The file probe over SFTP, against OpenSSH's server."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.probes.daemons import USER
from tests.probes.daemons import folder as owned
from tests.probes.peers.file import PINNED
from tests.probes.servers.sshd import sshd
from tests.probes.wires import ask, said
from tests.yardstick import PATIENCE, cancelled
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.file import FileProbe
from watch.probes.wire.files.folder_sftp import Pace
from watch.probes.wire.net.engines import shared

pytestmark = pytest.mark.xdist_group("sshd")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOISE = random.Random(9).randbytes(300_000)
CANARY = "canary-5d1c"


@pytest.fixture(scope="session")
def server():
    # Whoever is logged in as may read nothing but what is everybody's, or its own.
    with owned() as folder, sshd(folder, "ForceCommand internal-sftp -R", username=USER.pw_name) as server:
        yield server


@pytest.fixture
def box():
    """A folder that the server's user can reach."""
    with owned() as folder:
        yield folder


def judged(expect=(), warn=()):
    return compile_judge(
        list(expect), list(warn), reference(FileProbe).facts, FileProbe.ASSUMED, FileProbe.WARNED
    )


def at(server, path, host="127.0.0.1"):
    return f"sftp://{server.username}@{host}:{server.port}{path}"


async def look(server, path, expect=(), warn=(), seconds=20.0, **more):
    asked = {"path": str(path), "key": server.key, "host_key": server.host_key, "now": NOW} | more
    return await ask("file", judge=judged(expect, warn), seconds=seconds, **asked)


def put(path, content=b"x", *, at=NOW):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def daily(folder, days, *, first=0):
    for back in range(first, first + days):
        day = NOW.replace(hour=2) - timedelta(days=back)
        put(folder / f"db-{day:%Y-%m-%d}.age", b"age-encryption.org/v1\n" + NOISE[:999], at=day)


async def test_a_backup_set_is_up_with_the_facts_that_it_has_here(server, box):
    daily(box / "db", 3)
    daily(box / "mail", 2, first=1)
    more = {"classes": ("db", "mail"), "keep": 3}
    reading = await look(server, at(server, f"{box}/{{class}}/*.age"), ["days == 2", "age < 35h"], **more)
    assert said(reading) == ("up", "ok"), reading
    here = await ask("file", path=f"{box}/{{class}}/*.age", now=NOW, **more)
    own = {"latency", "address", "available", "free", "inodes", "inodes.free"}
    assert {k: v for k, v in reading.facts.items() if k not in own} == {
        k: v for k, v in here.facts.items() if k not in own
    }
    assert reading.facts["header"] == "age"
    assert reading.facts["available"] == pytest.approx(shutil.disk_usage(box).free, rel=0.05)
    assert reading.facts["total"] == shutil.disk_usage(box).total
    assert reading.facts["address"] == server.address
    assert reading.facts["latency"] == pytest.approx(sum(reading.phases.values()))
    assert set(reading.facts) <= set(reference(FileProbe).facts)


async def test_patterns_and_links_mean_what_they_mean_here(server, box):
    for name in ("a.tar", "b.log", ".hidden", "deep/er/c.tar", "deep/d.tar", "[x].tar", "\u00fc\u00f1.tar"):
        put(box / name)
    (box / "round").symlink_to(box)
    (box / "link.tar").symlink_to(box / "a.tar")
    (box / "nowhere.tar").symlink_to(box / "gone")
    Path(os.fsdecode(os.fsencode(box) + b"/a\xff.tar")).write_bytes(b"x")
    os.mkfifo(box / "pipe.tar")
    # "deep" last: a link to a folder is followed where the pattern names it.
    for end in ("", "*.tar", "*/*.tar", "**/*.tar", "[ab].*", ".hid*", "deep/**/*", "round/*.tar", "deep"):
        there, here = (
            await look(server, at(server, f"{box}/{end}")),
            await ask("file", path=f"{box}/{end}", now=NOW),
        )
        assert there.facts["count"] == here.facts["count"] > 0, end
        assert there.facts["newest"] == here.facts["newest"], end


async def test_a_large_file_is_read_at_its_beginning_and_in_its_middle(server, box):
    put(box / "sealed", b"\0" * 65536 + NOISE)
    put(box / "open", b"\0" * 400_000)
    for name, sealed in (("sealed", True), ("open", False)):
        assert (await look(server, at(server, f"{box}/{name}"))).facts["encrypted"] is sealed


async def test_a_class_without_a_set_is_missing_and_named(server, box):
    daily(box / "db", 3)
    (box / "mail").mkdir()
    reading = await look(server, at(server, f"{box}/{{class}}/*.age"), classes=("db", "mail"))
    assert said(reading) == ("down", "missing")
    assert reading.facts["missing"] == "mail"


async def test_an_old_set_is_stale_or_degraded_as_the_check_says(server, box):
    daily(box, 3, first=2)
    path = at(server, f"{box}/*.age")
    assert said(await look(server, path, ["age < 26h"])) == ("down", "stale")
    assert said(await look(server, path, ["age < 3d"], ["age < 26h"])) == ("degraded", "stale")


@pytest.mark.parametrize("ways", ["here", "there", "both", "machines"])
async def test_a_set_afar_is_equal_to_one_here_or_the_first_difference_is_named(server, box, ways):
    one, other = box / "one", box / "other"
    for name in ("a", "b", "in/c"):
        put(one / name, name.encode() * 10)
    shutil.copytree(one, other)
    path, compare, more = {
        "here": (str(one), at(server, other), {}),
        "there": (at(server, one), str(other), {}),
        "both": (at(server, one), at(server, other), {}),
        "machines": (at(server, one), at(server, other, "localhost"), {"compare_host_key": server.host_key}),
    }[ways]
    more |= {"compare": compare}
    equal = await look(server, path, **more)
    assert said(equal) == ("up", "ok"), equal
    assert equal.facts["compared"] == 3
    put(other / "in" / "c", b"in/C" * 10)
    changed = await look(server, path, **more)
    assert said(changed) == ("down", "expectation")
    assert changed.facts["different"] == "in/c: different content"
    assert said(await look(server, path, hash="none", **more)) == ("up", "ok")
    put(one / "in" / "c", b"in/c" * 10, at=NOW - timedelta(hours=1))
    assert said(await look(server, path, hash="newest", **more)) == ("up", "ok")
    put(other / "b", b"longer than before")
    assert (await look(server, path, **more)).facts["different"] == "b: 10 bytes here and 18 there"
    (other / "a").unlink()
    assert (await look(server, path, **more)).facts["different"] == "a: only in this folder"
    put(other / "0")
    assert (await look(server, path, **more)).facts["different"] == "0: only in the other folder"


async def test_a_single_file_is_compared_with_its_namesake(server, box):
    put(box / "one" / "a", b"1")
    put(box / "other" / "a", b"2")
    for path, compare in (
        (f"{box}/one/a", at(server, box / "other")),
        (at(server, box / "one/a"), f"{box}/other"),
    ):
        reading = await look(server, path, compare=compare)
        assert reading.facts["different"] == "a: different content"
    gone = await look(server, f"{box}/one/a", compare=at(server, box / "gone"))
    assert said(gone) == ("down", "missing")


async def test_a_set_larger_than_a_bite_is_hashed_whole(server, box):
    put(box / "one" / "a", NOISE * 5)
    put(box / "other" / "a", NOISE * 4 + NOISE[:-1] + b"!")
    reading = await look(server, at(server, box / "one"), compare=f"{box}/other")
    assert reading.facts["different"] == "a: different content"
    put(box / "other" / "a", NOISE * 5)
    assert said(await look(server, at(server, box / "one"), compare=f"{box}/other")) == ("up", "ok")


async def test_reading_for_hashes_has_a_pace_that_all_checks_share():
    pace, began = shared(Pace), time.monotonic()
    await asyncio.gather(*[pace.spend(1 << 20) for _ in range(3)])
    assert time.monotonic() - began >= 3 / 16


async def test_a_key_that_the_server_does_not_know_is_down(server, box):
    reading = await look(server, at(server, box), key=server.stranger)
    assert said(reading) == ("down", "auth"), reading


async def test_a_wrong_password_is_down_and_shown_nowhere(server, box):
    reading = await look(server, at(server, box), key=None, password=Secret(CANARY))
    assert said(reading) == ("down", "auth"), reading
    assert CANARY not in repr(reading)


async def test_a_server_with_another_key_is_down_and_learns_no_password(server, box):
    there = {"host_key": server.stranger.with_suffix(".pub").read_text().strip()}
    reading = await look(server, at(server, box), **there)
    assert said(reading) == ("down", "certificate"), reading


@pytest.mark.parametrize("name", ["gone", "gone/*.tar", "file/below"])
async def test_a_path_that_is_not_there_is_missing(server, box, name):
    put(box / "file")
    reading = await look(server, at(server, f"{box}/{name}"))
    assert said(reading) == ("down", "missing"), reading
    assert "does not exist" in reading.detail


async def test_a_folder_and_a_file_that_we_may_not_read_are_down(server, box):
    for path in (box / "folder", put(box / "file")):
        path.mkdir() if path.name == "folder" else None
        path.chmod(0)
        reading = await look(server, at(server, f"{box}/folder/*" if path.is_dir() else path))
        assert said(reading) == ("down", "auth"), reading
        assert "denies us access to" in reading.detail


async def test_a_cancelled_look_is_over_at_once_also_while_it_hashes(server, box):
    for name in ("one", "other"):
        (box / name).mkdir()
        with (box / name / "huge").open("wb") as file:
            file.truncate(1 << 40)
    run = asyncio.ensure_future(look(server, f"{box}/one", compare=at(server, box / "other"), seconds=60))
    afar = asyncio.ensure_future(look(server, at(server, box / "one"), compare=f"{box}/other", seconds=60))
    await asyncio.wait([run, afar], timeout=0.5)
    assert not run.done()
    assert not afar.done()
    await cancelled(run, afar)


def test_without_the_library_a_check_says_how_to_install_it():
    said = f"""
import sys
from watch.probes.file import FileProbe
from watch.core.settings import Secret
sys.meta_path = [finder for finder in sys.meta_path if "Path" not in str(finder)]
FileProbe(path="/backups")
try:
    FileProbe(path="sftp://u@host/b", host_key={PINNED!r}, password=Secret("x"))
except ValueError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stdout.strip() == "path: SFTP needs asyncssh: install it with `pip install 'threenines[ssh]'`"


LOGIN = {"host_key": PINNED, "key": Path("/k")}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"path": "sftp://host/b", **LOGIN}, "path: is not an address"),
        ({"path": "sftp://u@host", **LOGIN}, "path: is not an address"),
        ({"path": "sftp://u:canary@host/b", **LOGIN}, "path: must not contain a password"),
        ({"path": "sftp://u@host:0/b", **LOGIN}, "path: "),
        ({"path": "sftp://u@host/../b", **LOGIN}, "path: "),
        ({"path": "sftp://u@host/b", "key": Path("/k")}, "host_key: each machine"),
        ({"path": "sftp://u@host/b", **LOGIN, "host_key": "SHA256:x"}, "host_key: write it like"),
        ({"path": "sftp://u@host/b", "host_key": PINNED}, "key: SFTP needs"),
        ({"path": "sftp://u@host/b", **LOGIN, "password": Secret("x")}, "key: SFTP needs"),
        ({"path": "/b", "key": Path("/k")}, "key: SFTP needs"),
        ({"path": "/b", "host_key": PINNED}, "host_key: each machine"),
        ({"path": "/b", "compare": "sftp://u@host/*", **LOGIN}, "path: "),
        (
            {"path": "/b", "compare": "sftp://u@host/c", **LOGIN, "compare_host_key": PINNED},
            "compare_host_key: ",
        ),
        ({"path": "sftp://u@a/b", "compare": "sftp://u@c/b", **LOGIN}, "compare_host_key: each machine"),
        ({"path": "sftp://u@[::1]/{class}", **LOGIN}, "path: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word) as refused:
        FileProbe(**options)
    assert "canary" not in str(refused.value)


def test_the_machine_that_is_asked_is_the_one_with_a_limit_on_runs():
    assert FileProbe(path="sftp://u@host:2222/b", **LOGIN).peer() == "host"
    assert FileProbe(path="/b", compare="sftp://u@[::1]/b", **LOGIN).peer() == "::1"
    assert FileProbe(path="/b").peer() == ""


async def test_the_room_alone_of_another_machine(server):
    reading = await look(server, at(server, "/"), files=False)
    assert said(reading) == ("up", "ok")
    assert "count" not in reading.facts
    assert 0 < reading.facts["free"] <= 1
