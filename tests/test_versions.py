"""The libraries that this program needs, and which of them are missing or too old."""

from __future__ import annotations

from watch.versions import library_faults, versions


def test_what_is_installed_here_is_enough():
    assert list(library_faults()) == []
    assert versions().keys() == {"threenines", "python", "libcurl", "sqlite"}


def test_a_library_that_is_missing_or_too_old_is_named_with_what_is_needed():
    wanted = ["no-such-library>=1", "apsw>=99.1", "click<99,>=8.5", 'other>=1; extra == "speed"', "tzdata"]
    found = dict(library_faults(wanted))
    assert found.keys() == {"no-such-library", "apsw"}
    assert found["no-such-library"] == "the library no-such-library is not installed"
    assert found["apsw"].endswith("but 99.1 or newer is needed")
