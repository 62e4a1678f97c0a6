"""A ledger shows every edit, and anyone can check it with ten lines of their own."""

from __future__ import annotations

import hashlib
import json

import pytest

from watch.core.ledger import START, Kind, LedgerChain, text, verified


def entries(count: int = 5):
    chain = LedgerChain()
    return [
        chain.entry(Kind.TRANSITION, f"web/c{n}", {"to": "down", "n": n}, now_ms=1000 + n, vantage="v")
        for n in range(count)
    ]


def test_an_untouched_chain_holds():
    chain = entries()
    assert verified(chain) == (5, chain[-1].hash, None)


def test_a_stranger_can_check_it_from_the_documentation_alone():
    prev = START
    for entry in entries():
        *columns, digest = entry
        assert (
            hashlib.sha256(
                json.dumps(columns, separators=(",", ":"), ensure_ascii=False).encode()
            ).hexdigest()
            == digest
        )
        assert entry.prev == prev
        prev = digest


COLUMNS = ["recorded_ms", "effective_ms", "kind", "subject", "vantage", "critical", "late", "body", "proof"]


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_is_found_where_it_was_made(column):
    chain = entries()
    value = getattr(chain[2], column)
    chain[2] = chain[2]._replace(**{column: value + 1 if isinstance(value, int) else value + " "})
    held, _, broken = verified(chain)
    assert (held, broken.seq) == (2, 3)


def test_a_missing_entry_is_found():
    chain = entries()
    assert verified(chain[:2] + chain[3:])[2].what == "entry 3 is missing"


def test_an_entry_forged_with_a_right_hash_breaks_the_one_after_it():
    chain = entries()
    other = LedgerChain(seq=2, recorded_ms=0, hash=chain[1].hash).entry(
        Kind.TRANSITION, "web/c2", {"to": "up"}, now_ms=1002
    )
    assert verified([*chain[:2], other, *chain[3:]])[2].seq == 4


def test_recorded_times_go_back_only_by_an_entry_that_says_both_times():
    chain = LedgerChain()
    first = chain.entry(Kind.GENESIS, "x", {}, now_ms=5000)
    said = {"before_ms": 5000, "after_ms": 90, "why": "went_back"}
    clock = chain.entry(Kind.CLOCK, "epoch", said, now_ms=90)
    after = chain.entry(Kind.COMMAND, "x", {}, now_ms=95)
    assert [first.recorded_ms, clock.recorded_ms, after.recorded_ms] == [5000, 90, 95]
    assert verified([first, clock, after])[2] is None


@pytest.mark.parametrize(
    "wrong", [{"before_ms": 4999}, {"after_ms": 91}, {"before_ms": None}, {"before_ms": "5000"}]
)
def test_a_clock_epoch_whose_times_are_not_those_beside_it_breaks_the_chain(wrong):
    chain = LedgerChain()
    first = chain.entry(Kind.GENESIS, "x", {}, now_ms=5000)
    said = {"before_ms": 5000, "after_ms": 90, "why": "went_back"} | wrong
    clock = chain.entry(Kind.CLOCK, "epoch", said, now_ms=90)
    broken = verified([first, clock])[2]
    assert broken is not None
    assert "the two times of this clock epoch" in broken.what


def test_recorded_times_never_go_back_even_if_the_clock_does():
    chain = LedgerChain()
    first = chain.entry(Kind.CHECK, "a", {}, now_ms=5000)
    second = chain.entry(Kind.CHECK, "a", {}, now_ms=4000)
    assert second.recorded_ms == first.recorded_ms == 5000


def test_only_what_no_figure_depends_on_may_be_passed_over_by_who_does_not_know_it():
    chain = LedgerChain()
    uncritical = {kind for kind in Kind if not chain.entry(kind, "x", {}, now_ms=1).critical}
    assert uncritical == {Kind.CHECKPOINT, Kind.COMMAND}


def test_what_speaks_of_the_time_before_the_last_checkpoint_is_late():
    chain = LedgerChain()
    assert not chain.entry(Kind.TRANSITION, "a/b", {}, now_ms=900, effective_ms=10).late
    assert not chain.entry(Kind.CHECKPOINT, "2026-01", {}, now_ms=1000, effective_ms=500).late
    late = [
        chain.entry(Kind.TRANSITION, "a/b", {}, now_ms=1000, effective_ms=ms).late for ms in (499, 500, 501)
    ]
    assert late == [1, 0, 0]


def test_a_rename_is_late_always_for_it_changes_how_all_before_it_is_read():
    assert LedgerChain().entry(Kind.RENAME, "new", {"was": "old"}, now_ms=1).late


def test_text_of_any_script_is_hashed_as_it_is_written():
    chain = LedgerChain()
    entry = chain.entry(Kind.COMPONENT, "wëb", {"name": "Ωmega 🙂"}, now_ms=1)
    assert "Ω" in entry.body
    assert verified([entry])[2] is None


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": ["ü", "\x1b", "\x7f", '"', "\\", "\u2028", None, True]},
        {"x": 2**70},
        {"x": "\ud800"},
        [-5, ""],
    ],
)
def test_a_body_has_one_text_whatever_writes_it(value):
    assert text(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
