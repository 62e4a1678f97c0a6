"""How much is left on the disk, and when nothing is."""

from __future__ import annotations

from watch.stores.room import Room, RoomOverTime, room

MINUTE, DAY = 60_000, 86_400_000


def test_the_room_of_a_store_is_what_its_disk_has_and_what_it_has_itself(tmp_path):
    path = tmp_path / "t.db"
    path.write_bytes(b"x" * 5000)
    (tmp_path / "t.db-wal").write_bytes(b"y" * 300)
    found = room(path)
    assert (found.store, found.wal) == (5000, 300)
    assert 0 < found.free <= found.total
    assert (found.growth, found.full_ms) == (None, None)


def test_a_folder_that_is_gone_has_no_room(tmp_path):
    assert room(tmp_path / "none" / "t.db") is None


def measured(tmp_path, *points: tuple[int, int]) -> Room:
    """The room after looks at (instant, free bytes)."""
    over_time = RoomOverTime(tmp_path / "t.db")
    for at_ms, free in points:
        over_time.note(at_ms, free)
    at_ms, free = points[-1]
    return over_time.told(Room(free, 100 << 30, 0, 0), at_ms)


def test_a_disk_that_shrinks_by_a_gigabyte_an_hour_is_full_when_its_last_one_is_used(tmp_path):
    found = measured(tmp_path, (0, 10 << 30), (60 * MINUTE, 9 << 30))
    assert round(found.growth) == 24 << 30
    assert found.full_ms == 10 * 60 * MINUTE


def test_a_disk_that_does_not_shrink_is_never_full(tmp_path):
    assert measured(tmp_path, (0, 5000), (60 * MINUTE, 5000)).full_ms is None
    found = measured(tmp_path, (0, 5000), (60 * MINUTE, 6000))
    assert (found.full_ms, found.growth) == (None, -24_000)


def test_nothing_is_foretold_from_less_than_ten_minutes(tmp_path):
    assert measured(tmp_path, (0, 5000), (9 * MINUTE, 1)).growth is None
    assert measured(tmp_path, (0, 5000), (10 * MINUTE, 1)).growth is not None


def test_only_the_last_day_counts(tmp_path):
    found = measured(tmp_path, (0, 1 << 40), (DAY, 5000), (2 * DAY, 4000))
    assert found.growth == 1000


def test_a_clock_that_goes_back_begins_anew(tmp_path):
    assert measured(tmp_path, (10 * DAY, 9000), (0, 5000), (60 * MINUTE, 5000)).growth == 0


def test_low_is_under_five_percent_and_under_a_gibibyte():
    assert Room((1 << 30) - 1, 1 << 40, 0, 0).low
    assert not Room(1 << 30, 1 << 40, 0, 0).low
    assert Room(49, 1000, 0, 0).low
    assert not Room(50, 1000, 0, 0).low
