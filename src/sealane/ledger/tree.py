"""The Merkle tree over the entries: leaves, roots, inclusion and consistency proofs, and their checks.

Pure. Hashes and shape are those of RFC 6962, section 2.1; the checks are the algorithms of RFC 9162, sections 2.1.3.2
and 2.1.4.2. Leaves are counted from 0: entry n of the ledger is leaf n - 1. What a proof needs of the tree is asked of
a `Subtree`, so that whoever has the hashes, in whatever form, can make one.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes of a full tile (C2SP tlog-tiles). A node is kept every `TILE_HEIGHT` levels."""
PROOF_HASHES_MAX = 63
"""Of any tree with fewer than 2^63 leaves."""

Subtree = Callable[[int, int], bytes]
"""`subtree(height, index)`: the root over the 2^height leaves from index * 2^height on, all of which are there."""


class Node(NamedTuple):
    """A hash that is kept: the root over one full tile."""

    level: int
    """1 over 256 leaves, 2 over 65,536 …"""
    number: int
    hash: bytes


def leaf_of(body: bytes) -> bytes:
    """SHA-256 of 0x00 and the body."""
    return sha256(b"\x00" + body).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two hashes below."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first. All that growing needs."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Go on at a size whose peaks are known: one for each bit that is set in it."""
        self.size = size
        self.peaks = list(peaks)
        assert len(self.peaks) == size.bit_count()

    def append(self, leaf: bytes) -> tuple[Node, ...]:
        """Add a leaf; return the nodes to be kept that it completed, lowest first."""
        peaks, hashed, position, height = self.peaks, leaf, self.size, 0
        completed: tuple[Node, ...] = ()
        while position & 1:
            hashed = sha256(b"\x01" + peaks.pop() + hashed).digest()
            position >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                completed += (Node(height // TILE_HEIGHT, position, hashed),)
        peaks.append(hashed)
        self.size += 1
        return completed

    def append_tile(self, root: bytes) -> tuple[Node, ...]:
        """Add the leaves of a full tile by their root; return the nodes to be kept that it completed, lowest first."""
        assert not self.size % TILE_WIDTH
        number = self.size >> TILE_HEIGHT
        above = Frontier(number, self.peaks)
        completed = (Node(1, number, root), *(Node(level + 1, at, hashed) for level, at, hashed in above.append(root)))
        self.peaks = above.peaks
        self.size += TILE_WIDTH
        return completed

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return _folded(self.peaks)

    def copy(self) -> Frontier:
        """Return one that grows by itself."""
        return Frontier(self.size, self.peaks)


def peaks_of(size: int, subtree: Subtree) -> list[bytes]:
    """Return the peaks of a tree of this size: what a `Frontier` goes on from."""
    return _peaks(0, size, subtree)


def root_of(size: int, subtree: Subtree) -> bytes:
    """Return the root of the tree of this size."""
    return _folded(_peaks(0, size, subtree))


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over these hashes, a power of two of them."""
    row = list(hashes)
    assert row
    assert not len(row) & (len(row) - 1)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return row[0]


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the audit path of a leaf in the tree of this size (RFC 6962, 2.1.1), the leaf's sibling first."""
    assert 0 <= index < size
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, subtree))
            high = middle
        else:
            path.append(_range_root(low, middle, subtree))
            low = middle
    path.reverse()
    return path


def consistency_path(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the tree of size `old` is a beginning of that of size `new` (RFC 6962, 2.1.2)."""
    assert 0 <= old <= new
    path: list[bytes] = []
    if not old:
        return path
    low, high, from_start = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, subtree))
            high = middle
        else:
            path.append(_range_root(low, middle, subtree))
            low, from_start = middle, False
    if not from_start:
        path.append(_range_root(low, high, subtree))
    path.reverse()
    return path


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether the path proves that this leaf stands there in the tree with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(path) > PROOF_HASHES_MAX or len(leaf) != HASH_BYTES:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if not last:
            return False
        if place & 1 or place == last:
            found = node_of(sibling, found)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            found = node_of(found, sibling)
        place >>= 1
        last >>= 1
    return not last and found == root


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether the path proves that the tree only grew from `old` to `new` leaves (RFC 9162, 2.1.4.2).

    Every tree begins with the empty one, without proof.
    """
    if not 0 <= old <= new or len(path) > PROOF_HASHES_MAX:
        return False
    if old == new:
        return not path and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if not old:
        return not path and old_root == EMPTY_ROOT
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    was = now = hashes[0]
    for sibling in hashes[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            was, now = node_of(sibling, was), node_of(sibling, now)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            now = node_of(now, sibling)
        place >>= 1
        last >>= 1
    return not last and was == old_root and now == new_root


def _split(width: int) -> int:
    """Return the largest power of two that is smaller than the width."""
    return 1 << ((width - 1).bit_length() - 1)


def _range_root(low: int, high: int, subtree: Subtree) -> bytes:
    """Return the root over leaves low up to high, which is a range that the recursion of RFC 6962 meets."""
    return _folded(_peaks(low, high, subtree))


def _peaks(low: int, high: int, subtree: Subtree) -> list[bytes]:
    peaks: list[bytes] = []
    while low < high:
        height = (high - low).bit_length() - 1
        if low:
            height = min(height, (low & -low).bit_length() - 1)
        peaks.append(subtree(height, low >> height))
        low += 1 << height
    return peaks


def _folded(peaks: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees, largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_of(peak, root)
    return root
