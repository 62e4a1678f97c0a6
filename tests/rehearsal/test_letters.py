"""The page of letters shows what arrives."""

from __future__ import annotations

import pytest

from tests.rehearsal.letters import SHOWN, SMS, blocks, told


@pytest.fixture(scope="module")
def arrived() -> list[str]:
    return told()


def test_the_page_shows_every_letter_as_it_arrives(arrived):
    assert [block.rstrip("\n") for block in blocks("")] == arrived


def test_a_letter_is_one_screen(arrived):
    assert len(arrived) == len(SHOWN) + 3
    for letter in arrived:
        assert len(letter.splitlines()) <= 24, letter
    assert len(arrived[-1]) <= SMS


def test_no_letter_holds_what_may_be_secret(arrived):
    assert [letter for letter in arrived if "secret" in letter] == []
