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
from sealane.ledger.bodies import NAMED_FIELDS, NOT_OURS, opened
from sealane.ledger.filing import FiledBody, digests, stored_moment
from sealane.ledger.limits import ENTRY_BYTES_MAX
from sealane.ledger.tree import HASH_BYTES, TILE_WIDTH, perfect_root
from sealane.operations.audit import TreeNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.database.engine import Reading


class _Columns(NamedTuple):
    """Rows of `entry_queries.PLAIN`, column by column; of these types once `_check_types` has looked."""

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
"""What one process proves before it is given more."""
_KEY_SET = "signing_key_set"
_NUMBER = frozenset({int, type(None)})
_TYPES: dict[str, frozenset[type]] = {
    "seq": frozenset({int}),
    "openings": frozenset({bytes, type(None)}),
    "at": frozenset({int}),
    "organization_id": _NUMBER,
    "user_id": _NUMBER,
    "folder_id": _NUMBER,
    "file_id": _NUMBER,
}
"""What may stand in a column. In the others only the very value that they are compared with passes."""
_OPENINGS = _Columns._fields.index("openings")
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
    run = _Run(after)
    try:
        limited = reading.limits_values(ENTRY_BYTES_MAX)
        statement = entry_queries.PLAIN if limited else entry_queries.PLAIN_SHORT
        for first in range(after, last, TILE_WIDTH):
            end = min(first + TILE_WIDTH, last)
            run.take(reading.tuples(statement, after=first, last=end), end)
        return run.section(wanted, tuple(reader.nodes_within(reading, after, last)))
    except (SealaneError, RuntimeError, TypeError, *NOT_OURS, OverflowError, _Unsound):
        return Section(after, sound=False)  # the verifier's own way says what is wrong


class _Unsound(Exception):
    """Something about an entry is not right."""


class _Run:
    """What is proven of a section so far. A tile's rows are taken at once, while they are in the processor's cache."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._size = after
        self._tiles: list[tuple[bytes, ...]] = []
        """The leaves of each tile."""
        self._appointed: list[tuple[int, bytes]] = []
        self._first_at = ""
        self._last_at = ""
        self._set_back: int | None = None
        self._opened = 0
        self._private = 0
        """Commitments that there are."""

    def take(self, rows: list[tuple[Any, ...]], end: int) -> None:
        """Prove rows as the driver has them, those up to `end`: each check in one tight loop. Raises `_Unsound`."""
        first = self._size + 1
        if len(rows) != end - self._size:
            raise _Unsound
        columns = _Columns(*zip(*rows, strict=True))
        _check_types(columns)
        if columns.seq != tuple(range(first, end + 1)):
            raise _Unsound
        if tuple([sha256(b"\x00" + body).digest() for body in columns.body]) != columns.leaf:
            raise _Unsound
        bodies = list(map(_decoder.decode, columns.body))
        if [row[_FOUND_BY] for row in rows] != [body.columns() for body in bodies]:
            raise _Unsound
        self._meet_times(columns.at, bodies)
        self._open(rows, bodies)
        for seq, body in enumerate(bodies, first):
            if body.kind == _KEY_SET:
                self._appointed.append((seq, columns.body[seq - first]))
        self._tiles.append(columns.leaf)
        self._size = end

    def _meet_times(self, stored: tuple[int, ...], bodies: list[_Body]) -> None:
        """See that each entry is filed under its time; note where times fall."""
        said = {at: stored_moment(at) for at in set(stored)}
        times = [body.at for body in bodies]
        if [said[at] for at in stored] != times:
            raise _Unsound
        self._first_at = self._first_at or times[0]
        if self._set_back is None and (times[0] < self._last_at or sorted(times) != times):
            falls = (
                seq for seq, (was, now) in enumerate(pairwise([self._last_at, *times]), self._size + 1) if now < was
            )
            self._set_back = next(falls)
        self._last_at = times[-1]

    def _open(self, rows: list[tuple[Any, ...]], bodies: list[_Body]) -> None:
        """See that each opening is of its commitment (`bodies.commitment`), and each entry found by what is opened."""
        decode, unhex, named, hashed = opened, bytes.fromhex, NAMED_FIELDS, sha256
        count = committed = 0
        for row, body in zip(rows, bodies, strict=True):
            private = body.private
            committed += len(private)
            openings = decode(row[_OPENINGS]) if row[_OPENINGS] is not None else _NOTHING_OPENED
            count += len(openings)
            for name, (salt, value) in openings.items():
                commitment = hashed(b"\x02" + unhex(salt) + named[name] + value.encode())
                if commitment.hexdigest() != private.get(name):
                    raise _Unsound
            if row[_DIGESTS] != digests(openings):
                raise _Unsound
        self._opened += count
        self._private += committed

    def section(self, wanted: Sequence[int], nodes: tuple[TreeNode, ...]) -> Section:
        """Return what came of it, once all was taken."""
        looked_at = {(size - 1 - self._after) // TILE_WIDTH for size in wanted}
        for seq, _ in self._appointed:
            looked_at |= {(size - 1 - self._after) // TILE_WIDTH for size in (seq - 1, seq)}
        full = [leaves for leaves in self._tiles if len(leaves) == TILE_WIDTH]
        return Section(
            after=self._after,
            sound=True,
            tiles=b"".join(map(perfect_root, full)),
            leaves={
                place: b"".join(leaves)
                for place, leaves in enumerate(self._tiles)
                if place in looked_at or len(leaves) < TILE_WIDTH
            },
            appointed=tuple(self._appointed),
            times=(self._first_at, self._last_at),
            set_back=self._set_back,
            opened=self._opened,
            erased=self._private - self._opened,
            nodes=nodes,
        )


def _check_types(columns: _Columns) -> None:
    """Raise `_Unsound` for a value that is of another type than its column, and might pass as one of it."""
    for name, right in _TYPES.items():
        if not right.issuperset(map(type, getattr(columns, name))):
            raise _Unsound
    if [one is None for one in columns.openings] != [one is None for one in columns.opened]:
        raise _Unsound


# --- in processes of their own ----------------------------------------------------------------------------------------

_databases: list[Database] = []


def open_database(url: str) -> None:
    """Begin a process that proves sections of this database. Nothing in it is of a kind that refers to itself."""
    gc.disable()
    database = Database.open(url)
    database.read_through(ENTRY_BYTES_MAX)
    _databases.append(database)


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
