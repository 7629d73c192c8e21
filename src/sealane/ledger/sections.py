"""Proving a run of entries fast, in a process of its own: everything that is to be seen without what comes before it.

A section is a run of whole tiles (the last one of a ledger may be less). What is proven of each entry is what the
verifier proves of it (`verifier.py`, which names the damage): its number, its body, its leaf, its openings, and by what
it is found. Here the answer is only yes or no: where it is no, the verifier goes through the section entry by entry.
Must stay true: a section that is not sound is never taken; a check that the verifier makes is made here too.
"""

from __future__ import annotations

import gc
from bisect import bisect_right
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sealane.database.engine import Database
from sealane.errors import SealaneError
from sealane.ledger import entry_queries, reader
from sealane.ledger.bodies import NOT_OURS, named_field, opened
from sealane.ledger.filing import FiledBody, digests, stored_moment
from sealane.ledger.tree import HASH_BYTES, TILE_WIDTH, perfect_root
from sealane.operations.audit import TreeNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.database.engine import Reading


class _Columns(NamedTuple):
    """Rows of `entry_queries.PLAIN`, column by column; of these types once `_have_right_types` has looked."""

    seq: tuple[int, ...]
    body: tuple[bytes, ...]
    leaf: tuple[bytes, ...]
    openings: tuple[bytes | None, ...]
    at: tuple[int, ...]
    kind: tuple[str, ...]
    organization_id: tuple[int | None, ...]
    user_id: tuple[int | None, ...]
    session_id: tuple[str | None, ...]
    folder_id: tuple[int | None, ...]
    file_id: tuple[int | None, ...]
    version_id: tuple[str | None, ...]
    door: tuple[str, ...]
    path_digest: tuple[bytes | None, ...]
    target_digest: tuple[bytes | None, ...]
    address_digest: tuple[bytes | None, ...]
    opened: tuple[int | None, ...]


assert _Columns._fields == entry_queries.PlainRow._fields
SECTION_ENTRIES = 16 * TILE_WIDTH
"""What fits a processor's cache, so that rows are still there when they are looked at."""
_KEY_SET = "signing_key_set"
_NUMBER = frozenset({int, type(None)})
_TEXT = frozenset({str, type(None)})
_BYTES = frozenset({bytes, type(None)})
_TYPES: dict[str, frozenset[type]] = {
    "seq": frozenset({int}),
    "body": frozenset({bytes}),
    "leaf": frozenset({bytes}),
    "openings": _BYTES,
    "at": frozenset({int}),
    "kind": frozenset({str}),
    "organization_id": _NUMBER,
    "user_id": _NUMBER,
    "session_id": _TEXT,
    "folder_id": _NUMBER,
    "file_id": _NUMBER,
    "version_id": _TEXT,
    "door": frozenset({str}),
    "path_digest": _BYTES,
    "target_digest": _BYTES,
    "address_digest": _BYTES,
    "opened": _NUMBER,
}
"""What may stand in a column."""
_FOUND_BY = slice(_Columns._fields.index("kind"), _Columns._fields.index("door") + 1)
_DIGESTS = slice(_FOUND_BY.stop, _FOUND_BY.stop + 3)
_NOTHING_OPENED: dict[str, tuple[str, str]] = {}


class _Body(FiledBody, kw_only=True):
    """What is read of a body, at once."""

    v: int
    private: dict[str, str] = {}  # noqa: RUF012  # msgspec makes each its own


_decoder = msgspec.json.Decoder(_Body)


class Section(NamedTuple):
    """What is proven of the entries from `after` + 1 on."""

    after: int
    sound: bool
    """Everything about each entry by itself is right; else nothing of the rest counts."""
    tiles: bytes = b""
    """The roots of the full tiles, one after another."""
    leaves: dict[int, bytes] = {}  # noqa: RUF012  # never written to
    """The leaves of those tiles in which the tree is looked at, by their place in the section."""
    appointed: tuple[tuple[int, bytes], ...] = ()
    """Entries that name a signing key: number and body."""
    times: tuple[str, ...] = ()
    """Of the first entry and of the last."""
    set_back: int | None = None
    """The first entry with an earlier time than the one before it in this section."""
    opened: int = 0
    erased: int = 0
    nodes: tuple[TreeNode, ...] = ()
    """The nodes that are stored over its entries."""

    def hashes(self) -> Iterator[bytes | list[bytes]]:
        """Yield each tile: its root, or its leaves where the tree is looked at within it."""
        full = len(self.tiles) // HASH_BYTES
        for place in range(full + (full in self.leaves)):
            if place in self.leaves:
                yield _cut(self.leaves[place])
            else:
                yield self.tiles[place * HASH_BYTES : (place + 1) * HASH_BYTES]


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def proven(reading: Reading, after: int, last: int, wanted: Sequence[int]) -> Section:
    """Prove the entries past `after` up to `last`; `wanted`: the sizes at which the tree will be looked at."""
    assert not after % TILE_WIDTH
    try:
        rows = reading.tuples(entry_queries.PLAIN, after=after, last=last)
        nodes = tuple(reader.nodes_within(reading, after, last))
        return _proven(rows, after, last, set(wanted))._replace(nodes=nodes)
    except (SealaneError, RuntimeError, *NOT_OURS, OverflowError):
        return Section(after, sound=False)  # the verifier's own way says what is wrong


def _proven(rows: list[tuple[Any, ...]], after: int, last: int, wanted: set[int]) -> Section:
    """Prove rows that came as the driver has them, column by column: each check in one tight loop."""
    unsound = Section(after, sound=False)
    if not rows or len(rows) != last - after:
        return unsound
    columns = _Columns(*zip(*rows, strict=True))
    if not _have_right_types(columns):
        return unsound
    if columns.seq != tuple(range(after + 1, last + 1)) or not _give(columns.body, columns.leaf):
        return unsound
    bodies = list(map(_decoder.decode, columns.body))
    said = {at: stored_moment(at) for at in set(columns.at)}
    times = [said[at] for at in columns.at]
    all_opened = [_NOTHING_OPENED if openings is None else opened(openings) for openings in columns.openings]
    if (
        times != [body.at for body in bodies]
        or list(zip(*columns[_FOUND_BY], strict=True)) != [body.columns() for body in bodies]
        or list(zip(*columns[_DIGESTS], strict=True)) != list(map(digests, all_opened))
        or not _open(all_opened, bodies)
    ):
        return unsound
    appointed = tuple(
        (seq, columns.body[seq - after - 1]) for seq, body in enumerate(bodies, after + 1) if body.kind == _KEY_SET
    )
    for seq, _ in appointed:
        wanted |= {seq - 1, seq}
    tiles, leaves = _tiles(columns.leaf, after, wanted)
    opened_count = sum(map(len, all_opened))
    return Section(
        after=after,
        sound=True,
        tiles=tiles,
        leaves=leaves,
        appointed=appointed,
        times=(times[0], times[-1]),
        set_back=next((seq for seq, (was, now) in enumerate(pairwise(times), after + 2) if now < was), None),
        opened=opened_count,
        erased=sum(len(body.private) for body in bodies) - opened_count,
    )


def _have_right_types(columns: _Columns) -> bool:
    right = all(_TYPES[name].issuperset(map(type, column)) for name, column in columns._asdict().items())
    return right and [one is None for one in columns.openings] == [one is None for one in columns.opened]


def _give(bodies: Sequence[bytes], leaves: Sequence[bytes]) -> bool:
    """Return whether each leaf is the one that its body gives (`tree.leaf_of`)."""
    return [sha256(b"\x00" + body).digest() for body in bodies] == list(leaves)


def _open(all_opened: list[dict[str, tuple[str, str]]], bodies: list[_Body]) -> bool:
    """Return whether each opening is of its commitment (`bodies.commitment`)."""
    unhex = bytes.fromhex
    for openings, body in zip(all_opened, bodies, strict=True):
        private = body.private
        for name, (salt, value) in openings.items():
            hashed = sha256(b"\x02" + unhex(salt) + named_field(name) + value.encode())
            if hashed.hexdigest() != private.get(name):
                return False
    return True


def _tiles(hashes: Sequence[bytes], after: int, wanted: set[int]) -> tuple[bytes, dict[int, bytes]]:
    looked_at = {(size - 1 - after) // TILE_WIDTH for size in wanted if after < size <= after + len(hashes)}
    roots: list[bytes] = []
    leaves: dict[int, bytes] = {}
    for place, start in enumerate(range(0, len(hashes), TILE_WIDTH)):
        tile = hashes[start : start + TILE_WIDTH]
        if len(tile) == TILE_WIDTH:
            roots.append(perfect_root(tile))
        if place in looked_at or len(tile) < TILE_WIDTH:
            leaves[place] = b"".join(tile)
    return b"".join(roots), leaves


# --- in processes of their own ----------------------------------------------------------------------------------------

_databases: list[Database] = []


def open_database(url: str) -> None:
    """Begin a process that proves sections of this database. Nothing in it is of a kind that refers to itself."""
    gc.disable()
    _databases.append(Database.open(url))


def proven_here(task: tuple[int, int, tuple[int, ...]]) -> Section:
    """Prove a section (after, last, wanted) in a process that `open_database` has begun."""
    return proven(_databases[-1].reading(), *task)


def tasks(size: int, wanted: Sequence[int]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield the sections of a ledger of this size, each with the sizes in it at which the tree is looked at.

    `wanted` is in rising order.
    """
    for after in range(0, size, SECTION_ENTRIES):
        last = min(after + SECTION_ENTRIES, size)
        yield after, last, tuple(wanted[bisect_right(wanted, after) : bisect_right(wanted, last)])
