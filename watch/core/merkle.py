"""Merkle trees as RFC 6962 has them: one hash over many leaves, and short proofs about it.

    leaf = sha256(0x00 ‖ data)        node = sha256(0x01 ‖ left ‖ right)

A tree over n leaves splits at the largest power of two below n. The hash of no leaves is sha256 of nothing. An
*inclusion* proof shows that a leaf is in the tree of a root; a *consistency* proof shows that a later tree only added
leaves to an earlier one. Either is about log₂ n hashes long.

A `Frontier` grows by one leaf at a time and keeps log₂ n hashes: the roots of the complete subtrees. It
returns the root of every complete subtree of 256, 65,536 … leaves (a *tile*), so a reader need not hash the whole log.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()
TILE = 8  # levels of the tree between the stored roots


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tile(NamedTuple):
    """The root of the *n*-th complete subtree of 256 ** *level* leaves, counted from 0."""

    level: int
    n: int
    hash: bytes


class Frontier:
    """The right edge of a growing tree: (height, root) of its complete subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes, height: int = 0) -> list[Tile]:
        """Append a leaf's hash, or the root of a complete subtree of *height*; return the tiles that it completes.

        Subtrees must come largest first: *size* must be a multiple of 2 ** *height*.
        """
        tiles = []
        self.size += 1 << height
        while True:
            if height and height % TILE == 0:
                tiles.append(Tile(height // TILE, (self.size >> height) - 1, leaf))
            if not self._peaks or self._peaks[-1][0] != height:
                break
            leaf = node_hash(self._peaks.pop()[1], leaf)
            height += 1
        self._peaks.append((height, leaf))
        return tiles

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY
        *rest, (_, root) = self._peaks
        for _, peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def tree_hash(leaves: Iterable[bytes]) -> bytes:
    """The root over *leaves*, which are leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root()


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof that leaf *index* is in the tree over *leaves*: sibling hashes, from the leaf up."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"there is no leaf {index} among {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion(leaves[:split], index), tree_hash(leaves[split:])]
    return [*inclusion(leaves[split:], index - split), tree_hash(leaves[:split])]


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether *path* proves that *leaf* is number *index* of the *size* leaves under *root* (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, hash_ = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            hash_ = node_hash(sibling, hash_)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash_ = node_hash(hash_, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and hash_ == root


def consistency(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """The proof that the tree over the first *old* of *leaves* is the beginning of the tree over all of them."""
    return _subproof(leaves, old, whole=True) if 0 < old < len(leaves) else []


def _subproof(leaves: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    split = _split(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, whole=whole), tree_hash(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, whole=False), tree_hash(leaves[:split])]


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether *path* proves that the tree of *old* leaves begins that of *new* leaves (RFC 9162 §2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY
    if not 0 < old < new:
        return False
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = steps[0]
    for hash_ in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node_hash(hash_, first), node_hash(hash_, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


def _split(n: int) -> int:
    """The largest power of two below *n*."""
    return 1 << (n - 1).bit_length() - 1
