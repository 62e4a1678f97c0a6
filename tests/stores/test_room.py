"""How much is left on the disk, and when nothing is."""

from __future__ import annotations

import os

from watch.stores.room import Room, RoomOverTime, room

HOUR, DAY = 3_600_000, 86_400_000
GB = 10**9


def test_the_room_of_a_store_is_what_its_disk_has_and_what_it_has_itself(tmp_path):
    path = tmp_path / "t.db"
    path.write_bytes(b"x" * 5000)
    (tmp_path / "t.db-wal").write_bytes(b"y" * 300)
    found = room(path)
    assert (found.store, found.wal) == (5000, 300)
    assert 0 < found.free <= found.total
    assert (found.growth, found.left_ms) == (None, None)


def test_what_is_left_is_what_we_may_write_and_not_what_root_may(tmp_path):
    def statvfs(_):
        return os.statvfs_result((1000, 1000, GB // 10, GB // 10, 5 * GB // 1000, 0, 0, 0, 0, 255))

    assert room(tmp_path / "t.db", statvfs) == Room(5 * GB, 100 * GB)


def test_a_folder_that_is_gone_has_no_room(tmp_path):
    assert room(tmp_path / "none" / "t.db") is None


def measured(tmp_path, *points: tuple[int, int]) -> Room:
    """The room after looks at (instant, free bytes)."""
    over_time = RoomOverTime(tmp_path / "t.db")
    for at_ms, free in points:
        over_time.note(at_ms, free)
    at_ms, free = points[-1]
    return over_time.told(Room(free, 100 << 30), at_ms)


def test_a_disk_that_shrinks_by_a_gigabyte_an_hour_is_full_when_its_last_one_is_used(tmp_path):
    found = measured(tmp_path, (0, 10 << 30), (HOUR, 9 << 30))
    assert round(found.growth) == 24 << 30
    assert found.left_ms == 9 * HOUR
    assert found.little


def test_a_disk_that_does_not_shrink_is_never_full(tmp_path):
    assert measured(tmp_path, (0, 5000), (HOUR, 5000)).left_ms is None
    found = measured(tmp_path, (0, 5000), (HOUR, 6000))
    assert (found.left_ms, found.growth) == (None, -24_000)


def test_nothing_is_foretold_from_less_than_an_hour(tmp_path):
    assert measured(tmp_path, (0, 5000), (HOUR - 1, 1)).growth is None
    assert measured(tmp_path, (0, 5000), (HOUR, 1)).growth is not None


def test_one_download_in_the_first_hour_is_no_trend(tmp_path):
    for hours in range(1, 25):
        found = measured(tmp_path, (0, 80 * GB), (hours * HOUR, 78 * GB))
        assert (found.left_ms, found.little) == (None, False), hours


def test_a_disk_that_shrinks_all_day_is_said_a_week_before_it_is_full(tmp_path):
    assert measured(tmp_path, (0, 80 * GB), (DAY, 69 * GB)).little
    assert not measured(tmp_path, (0, 80 * GB), (DAY, 71 * GB)).little


def test_only_the_last_day_counts(tmp_path):
    found = measured(tmp_path, (0, 1 << 40), (DAY, 5000), (2 * DAY, 4000))
    assert found.growth == 1000


def test_a_clock_that_goes_back_begins_anew(tmp_path):
    assert measured(tmp_path, (10 * DAY, 9000), (0, 5000), (HOUR, 5000)).growth == 0


def test_little_is_under_five_percent_and_under_a_gibibyte_or_under_256_mebibytes():
    assert Room((1 << 30) - 1, 1 << 40).little
    assert not Room(1 << 30, 1 << 40).little
    assert Room((256 << 20) - 1, 1 << 30).little
    assert not Room(256 << 20, 1 << 30).little
