"""The file probe on real files, sealed by real programs where there are any."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.probes.wires import Meter, ask, assumed, said, starving
from tests.yardstick import cancelled, favoured
from watch.core.expect import compile_judge
from watch.core.reading import OurFault, ProbeFailure
from watch.probes.base import reference
from watch.probes.file import FileProbe
from watch.probes.wire.child import held
from watch.probes.wire.files.folder import _blocked

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOISE = random.Random(9).randbytes(300_000)


def judged(expect=(), warn=()):
    return compile_judge(
        list(expect), list(warn), reference(FileProbe).facts, FileProbe.ASSUMED, FileProbe.WARNED
    )


async def look(path, expect=(), warn=(), now=NOW, seconds=20.0, **more):
    return await ask("file", path=str(path), now=now, judge=judged(expect, warn), seconds=seconds, **more)


def put(path, content=b"x", *, at=NOW):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def daily(folder, days, *, first=0, hour=2):
    for back in range(first, first + days):
        day = NOW.replace(hour=hour) - timedelta(days=back)
        put(folder / f"db-{day:%Y-%m-%d}.age", b"age-encryption.org/v1\n" + NOISE[:999], at=day)


async def test_the_room_alone_is_told_without_a_look_at_a_file():
    reading = await ask("file", path="/", files=False, judge=assumed("file"))
    assert said(reading) == ("up", "ok")
    assert set(reading.facts) == {"available", "total", "free", "inodes", "inodes.free", "latency"}
    gone = await ask("file", path="/nowhere/at/all", files=False, judge=assumed("file"))
    assert said(gone) == ("down", "missing")


@pytest.mark.parametrize(
    "more", [{"classes": ("a",), "path": "/{class}"}, {"compare": "/b"}, {"path": "/a/*"}]
)
def test_room_alone_is_one_folders(more):
    with pytest.raises(ValueError, match="reports the free space of one folder"):
        FileProbe(**({"path": "/a", "files": False} | more))


async def test_a_file_is_up_with_its_age_its_size_and_the_room_around_it(tmp_path):
    path = put(tmp_path / "state.json", b"12345", at=NOW - timedelta(hours=3))
    reading = await look(path, ["age < 4h", "size == 5B"])
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["age"] == 3 * 3600
    assert reading.facts["count"] == 1
    assert reading.facts["newest"] == "state.json"
    room = shutil.disk_usage(tmp_path)
    assert reading.facts["total"] == room.total
    assert reading.facts["available"] == pytest.approx(room.free, rel=0.05)
    assert reading.facts["free"] == reading.facts["available"] / room.total
    assert 0 < reading.facts["inodes.free"] <= 1
    assert reading.facts["latency"] == reading.phases["transfer"]


async def test_a_folder_is_all_files_below_it_and_a_pattern_those_that_fit(tmp_path):
    for name in ("a.tar", "b.log", ".hidden", "deep/er/c.tar", "deep/d.tar"):
        put(tmp_path / name)
    counts = {
        pattern: (await look(tmp_path / pattern)).facts["count"]
        for pattern in ("", "*.tar", "*/*.tar", "**/*.tar", "[ab].*", ".hid*", "deep/**/*")
    }
    assert counts == {"": 5, "*.tar": 1, "*/*.tar": 1, "**/*.tar": 3, "[ab].*": 2, ".hid*": 1, "deep/**/*": 2}


async def test_links_to_folders_are_not_followed_in_circles(tmp_path):
    put(tmp_path / "in" / "a")
    (tmp_path / "in" / "round").symlink_to(tmp_path)
    assert (await look(tmp_path)).facts["count"] == 1


@pytest.mark.parametrize("name", ["gone", "gone/*.tar", "file/below"])
async def test_a_path_that_is_not_there_is_missing(tmp_path, name):
    put(tmp_path / "file")
    reading = await look(tmp_path / name)
    assert said(reading) == ("down", "missing")
    assert "does not exist" in reading.detail


async def test_a_pattern_that_nothing_fits_is_missing_unless_that_is_what_is_wanted(tmp_path):
    assert said(await look(tmp_path / "*.tar")) == ("down", "missing")
    assert said(await look(tmp_path / "*.err", ["count == 0"])) == ("up", "ok")


async def test_an_old_file_is_stale_or_degraded_as_the_check_says(tmp_path):
    put(tmp_path / "a.tar", at=NOW - timedelta(hours=30))
    assert said(await look(tmp_path / "*.tar", ["age < 26h"])) == ("down", "stale")
    assert said(await look(tmp_path / "*.tar", ["age < 2d"], ["age < 26h"])) == ("degraded", "stale")


async def test_the_last_days_are_counted_with_today_once_it_is_there(tmp_path):
    daily(tmp_path, 90, first=1)
    before = await look(tmp_path / "*.age", ["days == 90"])
    assert said(before) == ("up", "ok"), before
    daily(tmp_path, 1)
    (tmp_path / f"db-{NOW - timedelta(days=90):%Y-%m-%d}.age").unlink()
    assert (await look(tmp_path / "*.age")).facts["days"] == 90
    (tmp_path / f"db-{NOW - timedelta(days=40):%Y-%m-%d}.age").unlink()
    gap = await look(tmp_path / "*.age", ["days == 90"])
    assert said(gap) == ("down", "missing")
    assert gap.facts["days"] == 89


async def test_a_day_is_one_of_the_place_that_is_named(tmp_path):
    for back in range(3):  # 23:30 and 00:30 in New York, 05:30 UTC and 04:30 UTC of the same day
        put(tmp_path / f"{back}.tar", at=datetime(2026, 11, 23 - back, 4, 30, tzinfo=UTC))
    put(tmp_path / "more.tar", at=datetime(2026, 11, 23, 5, 30, tzinfo=UTC))
    assert (await look(tmp_path / "*.tar")).facts["days"] == 3
    assert (await look(tmp_path / "*.tar", timezone="America/New_York")).facts["days"] == 4


async def test_a_day_is_read_from_the_name_where_copies_are_newer(tmp_path):
    for name in ("2026-11-22/a.tar", "2026-11-21/a.tar", "b-20261120.tar", "c-20261399.tar", "d.tar"):
        put(tmp_path / name)
    reading = await look(tmp_path, dated="name", keep=7)
    assert reading.facts["days"] == 3
    assert (await look(tmp_path, keep=7)).facts["days"] == 1


async def test_a_class_without_a_set_is_missing_and_named(tmp_path):
    daily(tmp_path / "db", 3)
    (tmp_path / "mail").mkdir()
    reading = await look(tmp_path / "{class}" / "*.age", classes=("db", "mail"))
    assert said(reading) == ("down", "missing")
    assert reading.facts["missing"] == "mail"
    assert reading.facts["count"] == 0


async def test_the_class_furthest_behind_speaks_for_all(tmp_path):
    daily(tmp_path / "db", 3)
    daily(tmp_path / "mail", 2, first=2)
    reading = await look(tmp_path / "{class}" / "*.age", classes=("db", "mail"), keep=3)
    assert said(reading) == ("up", "ok")
    assert reading.facts["age"] == (2 * 24 + 10) * 3600
    assert reading.facts["newest"] == "db-2026-11-21.age"
    assert reading.facts["days"] == 2
    assert reading.facts["count"] == 2


def tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        note = tarfile.TarInfo("a")
        note.size = 1000
        archive.addfile(note, io.BytesIO(NOISE[:1000]))
    return stream.getvalue()


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", NOISE[:5000])
    return stream.getvalue()


def openssl():
    program = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x"]
    return subprocess.run(program, input=b"y" * 50_000, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("content", "sealed", "header"),
    [
        (lambda: gzip.compress(NOISE), False, "gzip"),
        (tar, False, "tar"),
        (zipped, False, "zip"),
        (lambda: b"Hello, world. " * 9000, False, ""),
        (lambda: NOISE, True, ""),
        (lambda: NOISE[:300], True, ""),
        (lambda: b"\x00" * 300_000, False, ""),
        (lambda: b"CREATE TABLE t;\n" * 2000 + bytes(range(256)) * 4, False, ""),
        (lambda: b"short", False, ""),
        (lambda: b"", False, ""),
        (openssl, True, "OpenSSL"),
        (lambda: b"age-encryption.org/v1\n" + NOISE, True, "age"),
        (lambda: b"-----BEGIN PGP MESSAGE-----\n\nwcBMA", True, "OpenPGP"),
        (lambda: b"\x8c\x0d\x04\x09\x03\x02" + NOISE, True, "OpenPGP"),
        (lambda: b"SQLite format 3\0" + NOISE, False, "SQLite"),
        (lambda: b"7z\xbc\xaf\x27\x1c" + NOISE, False, "7z"),
    ],
)
async def test_what_looks_encrypted_is_known_by_header_and_randomness(tmp_path, content, sealed, header):
    reading = await look(put(tmp_path / "f", content()))
    assert reading.facts["encrypted"] is sealed, reading
    assert reading.facts["header"] == header


async def test_a_backup_in_the_clear_is_down_where_it_should_be_sealed(tmp_path):
    put(tmp_path / "a.tar.gz", gzip.compress(NOISE))
    assert said(await look(tmp_path / "*", ["encrypted == true"])) == ("down", "expectation")


async def test_a_copy_elsewhere_is_equal_or_the_first_difference_is_named(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("a", "b", "in/c"):
        put(here / name, name.encode() * 10)
    shutil.copytree(here, there)
    equal = await look(here, compare=str(there))
    assert said(equal) == ("up", "ok"), equal
    assert equal.facts["compared"] == 3
    put(there / "in" / "c", b"in/C" * 10)
    changed = await look(here, compare=str(there))
    assert said(changed) == ("down", "expectation")
    assert changed.facts["different"] == "in/c: different content"
    assert said(await look(here, compare=str(there), hash="none")) == ("up", "ok")
    put(there / "b", b"longer than before")
    assert (await look(here, compare=str(there))).facts["different"] == "b: 10 bytes here and 18 there"
    (there / "a").unlink()
    assert (await look(here, compare=str(there))).facts["different"] == "a: only in this folder"
    put(there / "0")
    assert (await look(here, compare=str(there))).facts["different"] == "0: only in the other folder"


async def test_only_the_newest_is_hashed_where_that_is_enough(tmp_path):
    for folder in ("here", "there"):
        put(tmp_path / folder / "old", folder[:4].encode(), at=NOW - timedelta(days=9))
        put(tmp_path / folder / "new", b"same")
    asked = {"compare": str(tmp_path / "there"), "hash": "newest"}
    assert said(await look(tmp_path / "here", **asked)) == ("up", "ok")


async def test_classes_are_compared_each_with_its_own_copy(tmp_path):
    for folder in ("here", "there"):
        for name in ("db", "mail"):
            put(tmp_path / folder / name / "a.age", b"same")
    put(tmp_path / "there" / "mail" / "b.age")
    asked = {"classes": ("db", "mail"), "compare": str(tmp_path / "there" / "{class}")}
    reading = await look(tmp_path / "here" / "{class}" / "*.age", **asked)
    assert said(reading) == ("down", "expectation")
    assert reading.facts["different"] == "mail: b.age: only in the other folder"


async def test_a_single_file_is_compared_with_its_namesake(tmp_path):
    put(tmp_path / "here" / "a", b"1")
    put(tmp_path / "there" / "a", b"2")
    reading = await look(tmp_path / "here" / "a", compare=str(tmp_path / "there"))
    assert reading.facts["different"] == "a: different content"
    assert said(await look(tmp_path / "here" / "a", compare=str(tmp_path / "gone"))) == ("down", "missing")


def children():
    """Return the command lines of this process's children."""
    lines = b""
    for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        with contextlib.suppress(OSError):  # gone meanwhile
            lines += Path(f"/proc/{pid}/cmdline").read_bytes()
    return lines


async def test_looking_that_takes_too_long_is_cut_short_and_its_child_is_gone(tmp_path):
    # A sparse file of 2 TB: hashing it takes an hour, and its child is in the middle of that.
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        with (tmp_path / folder / "huge").open("wb") as file:
            file.truncate(2 << 40)
    for _ in range(50):
        async with Meter() as meter:
            with favoured():
                reading = await look(tmp_path / "here", compare=str(tmp_path / "there"), seconds=0.7, tries=1)
        if not starving(reading):
            break
    assert said(reading) == ("down", "timeout")
    assert f"looking at {tmp_path}/here did not end" in reading.detail
    assert meter.ticked < 2 * 0.7
    assert b"folder_child" not in children()


async def test_a_cancelled_look_is_over_at_once(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2 << 40)
    run = asyncio.ensure_future(look(tmp_path / "huge", compare=str(tmp_path), seconds=60))
    await asyncio.wait([run], timeout=0.3)
    assert not run.done()
    await cancelled(run)


async def test_sixteen_children_that_hang_are_enough(tmp_path):
    child = subprocess.Popen(["sleep", "60"])
    held[sys.executable] = [child] * 16
    try:
        assert said(await look(tmp_path)) == ("unknown", "overloaded")
    finally:
        child.kill()
        child.wait()
    assert said(await look(put(tmp_path / "a"))) == ("up", "ok")


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (errno.EACCES, OurFault, "internal"),
        (errno.E2BIG, ProbeFailure, "limit"),
        (errno.EIO, ProbeFailure, "status"),
        (errno.ESTALE, ProbeFailure, "status"),
    ],
)
def test_what_stands_in_the_way_is_ours_where_it_is_about_rights(code, kind, reason):
    found = _blocked(code, "/backups")
    assert type(found) is kind
    assert found.reason == reason


async def test_a_name_that_is_no_text_is_shown_without_its_odd_bytes(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.tar")).write_bytes(b"x")
    reading = await look(tmp_path / "*.tar")
    assert reading.facts["newest"] == "a.tar"


async def test_a_fifo_is_no_file_and_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert said(await look(tmp_path / "*", ["count == 0"])) == ("up", "ok")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"path": "relative"}, "path: "),
        ({"path": "/a/../b"}, "path: "),
        ({"path": "/{class}"}, "path: "),
        ({"path": "/a", "classes": ("x",)}, "path: "),
        ({"path": "/a/**/b/**"}, "path: "),
        ({"path": "/a", "compare": "/b/*"}, "path: "),
        ({"path": "/a/{class}", "classes": ("..",)}, "classes: "),
        ({"path": "/a/{class}", "classes": ("x", "x")}, "classes: "),
        ({"path": "/a", "keep": 0}, "keep: "),
        ({"path": "/a", "timezone": "Mars/Olympus"}, "timezone: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        FileProbe(**options)
