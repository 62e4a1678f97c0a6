"""How much of the store's disk is left, and when it is full."""

from __future__ import annotations

import os

from watch.stores.disk import DiskLeft, DiskWatch, disk_left

HOUR = 3_600_000
GB = 10**9


def holding(free: int):
    """A statvfs of a disk of 100 GB with *free* bytes for us and more for root."""
    return lambda _: os.statvfs_result((1000, 1000, GB // 10, GB // 10, free // 1000, 0, 0, 0, 0, 255))


def test_what_is_left_is_what_we_may_write_and_not_what_root_may(tmp_path):
    assert disk_left(tmp_path / "t.db", holding(5 * GB)) == DiskLeft(5 * GB, 100 * GB)


def test_a_folder_that_does_not_exist_has_no_disk(tmp_path):
    assert disk_left(tmp_path / "none" / "t.db") is None


def test_growth_is_known_after_an_hour_and_is_that_of_the_last_day(tmp_path):
    store = tmp_path / "t.db"
    watch = DiskWatch(store, holding(5 * GB))

    def left(hour: int, size: int) -> DiskLeft:
        with store.open("ab") as file:
            file.truncate(size)
        found = watch.left(hour * HOUR)
        assert found is not None
        return found

    assert left(1, 10_000).a_day is None
    assert left(2, 11_000).a_day == 24_000
    assert [left(hour, 11_000).a_day for hour in range(3, 27)][-1] == 0, (
        "what is older than a day counts no more"
    )
    assert left(27, 11_000 + GB).full_in_days == 5


def test_a_clock_that_goes_back_gives_no_wrong_growth(tmp_path):
    watch = DiskWatch(tmp_path / "t.db", holding(5 * GB))
    watch.left(50 * HOUR)
    found = watch.left(2 * HOUR)
    assert found is not None
    assert found.a_day is None


def test_little_is_nearly_full_or_full_within_a_week():
    assert not DiskLeft(GB, 100 * GB).little
    assert DiskLeft(GB // 10, 100 * GB).little
    assert DiskLeft(60 * GB, 100 * GB, a_day=10 * GB).little
    assert not DiskLeft(80 * GB, 100 * GB, a_day=10 * GB).little
    assert not DiskLeft(60 * GB, 100 * GB, a_day=0).little
