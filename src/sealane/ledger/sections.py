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
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sealane.database.engine import Database
from sealane.errors import SealaneError
from sealane.ledger import queries, reader
from sealane.ledger.bodies import NOT_OURS, named_field, opened
from sealane.ledger.filing import FiledBody, digests, stored_moment
from sealane.ledger.tree import HASH_BYTES, TILE_WIDTH, perfect_root
from sealane.operations.audit import TreeNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.database.engine import Reading

SECTION_ENTRIES = 16 * TILE_WIDTH
"""What fits a processor's cache, so that rows are still there when they are looked at."""
_KEY_SET = "signing_key_set"
_NUMBER = (int, type(None))
_TEXT = (str, type(None))
_BYTES = (bytes, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "seq": (int,),
    "body": (bytes,),
    "leaf": (bytes,),
    "openings": _BYTES,
    "at": (int,),
    "kind": (str,),
    "organization_id": _NUMBER,
    "user_id": _NUMBER,
    "session_id": _TEXT,
    "folder_id": _NUMBER,
    "file_id": _NUMBER,
    "version_id": _TEXT,
    "door": (str,),
    "path_digest": _BYTES,
    "target_digest": _BYTES,
    "address_digest": _BYTES,
    "opened": _NUMBER,
}
"""What may stand in a row."""
_FOUND_BY = slice(queries.PlainRow._fields.index("kind"), queries.PlainRow._fields.index("door") + 1)
_DIGESTS = slice(_FOUND_BY.stop, _FOUND_BY.stop + 3)


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
        rows = reading.all(queries.PLAIN, after=after, last=last)
        nodes = tuple(reader.nodes_within(reading, after, last))
        return _proven(rows, after, last, set(wanted))._replace(nodes=nodes)
    except (SealaneError, RuntimeError, *NOT_OURS, OverflowError):
        return Section(after, sound=False)  # the verifier's own way says what is wrong


def _proven(rows: list[queries.PlainRow], after: int, last: int, wanted: set[int]) -> Section:
    if len(rows) != last - after or not _have_right_types(rows):
        return Section(after, sound=False)
    appointed: list[tuple[int, bytes]] = []
    opened_count = erased = 0
    times = ["", ""]
    set_back: int | None = None
    at, at_text = None, ""
    decode = _decoder.decode
    for seq, row in enumerate(rows, after + 1):
        body = decode(row.body)  # pyrefly: ignore  # types were looked at
        openings = opened(row.openings) if row.openings is not None else {}  # pyrefly: ignore  # as above
        if row.at != at:
            at, at_text = row.at, stored_moment(row.at)  # pyrefly: ignore  # as above
        if (
            row.seq != seq
            or sha256(b"\x00" + row.body).digest() != row.leaf  # pyrefly: ignore  # as above
            or at_text != body.at
            or row[_FOUND_BY] != body.columns()
            or row[_DIGESTS] != digests(openings)
            or not _open(openings, body.private)
        ):
            return Section(after, sound=False)
        opened_count += len(openings)
        erased += len(body.private) - len(openings)
        if body.kind == _KEY_SET:
            appointed.append((seq, row.body))  # pyrefly: ignore  # as above
            wanted |= {seq - 1, seq}
        if at_text < times[1] and set_back is None:
            set_back = seq
        times = [times[0] or at_text, at_text]
    tiles, leaves = _tiles([row.leaf for row in rows], after, wanted)  # pyrefly: ignore  # as above
    return Section(
        after=after,
        sound=True,
        tiles=tiles,
        leaves=leaves,
        appointed=tuple(appointed),
        times=tuple(times) if rows else (),
        set_back=set_back,
        opened=opened_count,
        erased=erased,
    )


def _have_right_types(rows: list[queries.PlainRow]) -> bool:
    return all(map(_is_right, {tuple(map(type, row)) for row in rows}))


def _is_right(types: tuple[type, ...]) -> bool:
    named = dict(zip(queries.PlainRow._fields, types, strict=True))
    right = all(kind in _TYPES[name] for name, kind in named.items())
    return right and (named["openings"] is bytes) == (named["opened"] is int)


def _open(openings: dict[str, tuple[str, str]], private: dict[str, str]) -> bool:
    """Return whether each opening is of its commitment (`bodies.commitment`)."""
    for name, (salt, value) in openings.items():
        if sha256(b"\x02" + bytes.fromhex(salt) + named_field(name) + value.encode()).hexdigest() != private.get(name):
            return False
    return True


def _tiles(hashes: list[bytes], after: int, wanted: set[int]) -> tuple[bytes, dict[int, bytes]]:
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
