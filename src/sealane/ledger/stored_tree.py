"""The tree as it is stored: leaves beside their entries, and above them one node for every full tile.

What is read here is believed only as far as a root that was signed, or recomputed from bodies, agrees with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.errors import Integrity
from sealane.ledger import queries, tree
from sealane.ledger.tree import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.database.engine import Transaction


class StoredTree:
    """The tree within one transaction. Remembers the tiles that it has read."""

    def __init__(self, transaction: Transaction) -> None:
        """Read nothing yet."""
        self._transaction = transaction
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def subtree(self, height: int, index: int) -> bytes:
        """Return the root of a complete subtree. Raises `Integrity` where what it needs is gone."""
        level, rest = divmod(height, TILE_HEIGHT)
        first = index << rest
        number, start = divmod(first, TILE_WIDTH)
        hashes = self.tile(level, number)
        if len(hashes) < start + (1 << rest):
            raise _lacks(level, number * TILE_WIDTH + len(hashes))
        return tree.perfect_root(hashes[start : start + (1 << rest)])

    def tile(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile from its first on, as many as there are without a gap."""
        found = self._tiles.get((level, number))
        if found is None:
            first = number * TILE_WIDTH
            found = self._at_once(level, first)
            if found is None:
                found = _without_gap(self._rows(level, first), first)
            self._tiles[level, number] = found
        return found

    def root(self, size: int) -> bytes:
        """Return the root over the first entries."""
        return tree.root_of(size, self.subtree)

    def frontier(self, size: int) -> Frontier:
        """Return the right edge of the tree at a size."""
        return Frontier(size, tree.peaks_of(size, self.subtree))

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Return the proof that an entry stands in the tree of this size."""
        return tree.inclusion_path(seq - 1, size, self.subtree)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the ledger only grew between these sizes."""
        return tree.consistency_path(old, new, self.subtree)

    def _at_once(self, level: int, first: int) -> list[bytes] | None:
        """Return a tile's hashes where all that is stored of it is as it must be; None: look row by row."""
        reading, end = self._transaction, first + TILE_WIDTH
        try:
            if level:
                rows = reading.tuples(queries.PLAIN_NODES, level=level, first=first, end=end)
            else:
                rows = reading.tuples(queries.PLAIN_LEAVES, after=first, last=end)
        except RuntimeError:  # text that is no Unicode, say
            return None
        if not rows:
            return []
        numbers, hashes = zip(*rows, strict=True)
        start = first if level else first + 1
        if numbers != tuple(range(start, start + len(rows))) or set(map(type, hashes)) != {bytes}:
            return None
        return list(hashes)

    def _rows(self, level: int, first: int) -> Iterable[tuple[int, bytes | None, bool]]:
        if not level:
            rows = self._transaction.all(queries.LEAVES, after=first, last=first + TILE_WIDTH)
            return ((row.seq - 1, row.leaf, row.sound) for row in rows)
        return self._transaction.all(queries.NODES, level=level, first=first, end=first + TILE_WIDTH)


def _without_gap(rows: Iterable[tuple[int, bytes | None, bool]], first: int) -> list[bytes]:
    hashes: list[bytes] = []
    for number, hashed, sound in rows:
        if number != first + len(hashes) or not sound or hashed is None or len(hashed) != HASH_BYTES:
            break
        hashes.append(hashed)
    return hashes


def _lacks(level: int, index: int) -> Integrity:
    if not level:
        return Integrity(f"The ledger is damaged at entry {index + 1}: it has no entry {index + 1} that can be read.")
    first = (index << (TILE_HEIGHT * level)) + 1
    return Integrity(f"The ledger's tree is damaged: a node over the entries from {first} on is gone.")
