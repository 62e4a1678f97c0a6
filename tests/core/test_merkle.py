"""The tree over the log: the known answers of RFC 6962, and proofs that hold for the truth and for nothing else."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.core.merkle import (
    EMPTY,
    Frontier,
    Tile,
    consistency,
    consistent,
    included,
    inclusion,
    leaf_hash,
    node_hash,
    tree_hash,
)

# The inputs and answers of the reference tests of Certificate Transparency.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
LEAVES = [leaf_hash(data) for data in INPUTS]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# By the first four bytes, as the proofs below name them.
NODES = {
    hash_[:8]: hash_
    for hash_ in (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        *ROOTS,
    )
}


def named(path: list[bytes]) -> str:
    assert all(NODES[hash_.hex()[:8]] == hash_.hex() for hash_ in path)
    return " ".join(hash_.hex()[:8] for hash_ in path)


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(n.to_bytes(4, "big")) for n in range(count)]


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1 read aloud."""
    n = len(leaves)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return leaves[0]
    k = max(2**p for p in range(n.bit_length()) if 2**p < n)
    return hashlib.sha256(b"\x01" + by_the_book(leaves[:k]) + by_the_book(leaves[k:])).digest()


def flipped(hash_: bytes, bit: int) -> bytes:
    return (int.from_bytes(hash_, "big") ^ 1 << bit).to_bytes(32, "big")


# ---- known answers


def test_the_tree_over_nothing_is_the_hash_of_nothing():
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree_hash([]) == Frontier().root() == EMPTY


def test_a_leaf_cannot_be_taken_for_a_node():
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference_tests(size):
    assert tree_hash(LEAVES[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, ""),
        (0, 8, "96a296d2 5f083f0a 6b47aaf2"),
        (5, 8, "bc1a0643 ca854ea1 d37ee418"),
        (2, 3, "fac54203"),
    ],
)
def test_inclusion_proofs_are_those_of_the_reference_tests(index, size, path):
    assert named(inclusion(LEAVES[:size], index)) == path


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (1, 1, ""),
        (1, 8, "96a296d2 5f083f0a 6b47aaf2"),
        (6, 8, "0ebc5d34 ca854ea1 d37ee418"),
        (2, 5, "5f083f0a bc1a0643"),
    ],
)
def test_consistency_proofs_are_those_of_the_reference_tests(old, new, path):
    assert named(consistency(LEAVES[:new], old)) == path


@given(st.integers(0, 300))
def test_the_root_is_what_the_rfc_says_for_any_number_of_leaves(size):
    assert tree_hash(leaves_of(size)) == by_the_book(leaves_of(size))


# ---- inclusion

indexed = st.integers(1, 80).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def way(index: int, size: int) -> list[bool]:
    """At each step from the leaf upwards: whether the sibling is on the left."""
    if size == 1:
        return []
    split = max(2**p for p in range(size.bit_length()) if 2**p < size)
    if index < split:
        return [*way(index, split), False]
    return [*way(index - split, size - split), True]


@given(indexed)
def test_every_leaf_is_shown_to_be_in_its_tree(case):
    size, index = case
    leaves = leaves_of(size)
    assert included(leaves[index], index, size, inclusion(leaves, index), tree_hash(leaves))


@given(indexed, st.integers(0, 255), st.data())
def test_no_flipped_bit_is_shown_to_be_in_a_tree(case, bit, data):
    size, index = case
    leaves = leaves_of(size)
    root, path = tree_hash(leaves), inclusion(leaves, index)
    assert not included(flipped(leaves[index], bit), index, size, path, root)
    assert not included(leaves[index], index, size, path, flipped(root, bit))
    if path:
        n = data.draw(st.integers(0, len(path) - 1))
        path[n] = flipped(path[n], bit)
        assert not included(leaves[index], index, size, path, root)


@given(indexed, st.integers(-3, 90))
def test_no_leaf_is_shown_to_be_another_one(case, claimed):
    size, index = case
    leaves = leaves_of(size)
    holds = included(leaves[index], claimed, size, inclusion(leaves, index), tree_hash(leaves))
    assert holds is (claimed == index)


@given(indexed, st.integers(-1, 100))
def test_another_size_is_believed_only_where_the_leaf_has_the_same_way_to_the_root(case, claimed):
    """A root does not tell its size: whoever hands out a root says the size with it, as our checkpoints do."""
    size, index = case
    leaves = leaves_of(size)
    same = claimed > index and way(index, claimed) == way(index, size)
    assert included(leaves[index], index, claimed, inclusion(leaves, index), tree_hash(leaves)) is same


@given(indexed, st.data())
def test_a_path_that_is_too_short_or_too_long_shows_nothing(case, data):
    size, index = case
    leaves = leaves_of(size)
    root, path = tree_hash(leaves), inclusion(leaves, index)
    longer = [*path]
    longer.insert(data.draw(st.integers(0, len(path))), leaves[0])
    assert not included(leaves[index], index, size, longer, root)
    if path:
        del path[data.draw(st.integers(0, len(path) - 1))]
        assert not included(leaves[index], index, size, path, root)


# ---- consistency

grown = st.integers(1, 80).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new)))
truly_grown = st.integers(2, 80).flatmap(lambda new: st.tuples(st.integers(1, new - 1), st.just(new)))


def proven(old: int, new: int):
    leaves = leaves_of(new)
    return tree_hash(leaves[:old]), tree_hash(leaves), consistency(leaves, old)


@given(grown)
def test_every_earlier_tree_is_shown_to_begin_a_later_one(case):
    old, new = case
    before, after, path = proven(old, new)
    assert consistent(old, before, new, after, path)


def test_the_empty_tree_begins_every_tree_and_needs_no_proof():
    root = tree_hash(LEAVES)
    assert consistency(LEAVES, 0) == []
    assert consistent(0, EMPTY, 8, root, [])
    assert not consistent(0, root, 8, root, [])
    assert not consistent(0, EMPTY, 8, root, [LEAVES[0]])


@given(truly_grown, st.integers(0, 255), st.data())
def test_no_flipped_bit_is_consistent(case, bit, data):
    old, new = case
    before, after, path = proven(old, new)
    assert not consistent(old, flipped(before, bit), new, after, path)
    assert not consistent(old, before, new, flipped(after, bit), path)
    n = data.draw(st.integers(0, len(path) - 1))
    path[n] = flipped(path[n], bit)
    assert not consistent(old, before, new, after, path)


@given(truly_grown, st.integers(-1, 90))
def test_no_tree_is_shown_to_be_an_earlier_one_of_another_size(case, claimed):
    old, new = case
    before, after, path = proven(old, new)
    assert consistent(claimed, before, new, after, path) is (claimed == old)


@given(truly_grown, st.integers(0, 79), st.integers(0, 255))
def test_a_log_whose_past_was_edited_is_not_consistent_with_what_it_was(case, index, bit):
    old, new = case
    leaves = leaves_of(new)
    before = tree_hash(leaves[:old])
    leaves[index % old] = flipped(leaves[index % old], bit)
    assert not consistent(old, before, new, tree_hash(leaves), consistency(leaves, old))


@given(truly_grown)
def test_a_log_that_was_cut_is_not_consistent_with_what_it_was(case):
    short, long = case
    before, after, path = proven(short, long)
    assert not consistent(long, after, short, before, path)


# ---- the frontier

BLOCK = 256


def resumed(tiles: list[Tile], leaves: list[bytes]) -> Frontier:
    """A frontier from tiles, the largest first, and the leaves after them."""
    found = Frontier()
    for level in sorted({tile.level for tile in tiles}, reverse=True):
        for tile in tiles:
            if tile.level == level and tile.n * BLOCK**level >= found.size:
                found.add(tile.hash, 8 * level)
    for leaf in leaves[found.size :]:
        found.add(leaf)
    return found


def grow(leaves: list[bytes]) -> tuple[Frontier, list[Tile]]:
    found, tiles = Frontier(), list[Tile]()
    for leaf in leaves:
        tiles += found.add(leaf)
    return found, tiles


@given(st.integers(0, 1100))
def test_a_frontier_has_the_root_of_its_tree_at_every_size(size):
    leaves = leaves_of(size)
    frontier, tiles = grow(leaves)
    assert (frontier.size, frontier.root()) == (size, by_the_book(leaves))
    assert tiles == [
        Tile(1, n, by_the_book(leaves[a:b])) for n, (a, b) in enumerate(pairwise(range(0, size + 1, BLOCK)))
    ]


@given(st.integers(0, 1100), st.integers(1, 300))
def test_a_frontier_resumed_from_its_tiles_goes_on_like_the_one_that_made_them(size, more):
    leaves = leaves_of(size + more)
    frontier, tiles = grow(leaves[:size])
    again = resumed(tiles, leaves[:size])
    assert (again.size, again.root()) == (frontier.size, frontier.root())
    for leaf in leaves[size:]:
        assert again.add(leaf) == frontier.add(leaf)
    assert again.root() == frontier.root() == tree_hash(leaves)


def test_tiles_of_tiles_are_handed_out_when_they_are_complete():
    leaves = leaves_of(BLOCK**2 + 300)
    frontier, tiles = grow(leaves)
    assert [(t.level, t.n) for t in tiles] == [
        *((1, n) for n in range(BLOCK)), (2, 0), (1, BLOCK),
    ]  # fmt: skip
    (large,) = [tile for tile in tiles if tile.level == 2]
    assert large.hash == tree_hash(leaves[: BLOCK**2])
    again = resumed(tiles, leaves)
    assert (again.size, again.root()) == (frontier.size, frontier.root())
