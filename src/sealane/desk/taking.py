"""Taking from a source what is new: ledger entries proven to go on from those taken before, and lists that they name.

Must stay true: nothing is taken of a ledger that was cut, forked or altered, nor of a list that is not the one that the
ledger names for its file; what was taken stays, and of a sync that was cut short nothing counts until the next one has
gone on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa

from sealane.desk import facts as fact_store
from sealane.desk import maps
from sealane.desk.facts import Gathering, TakenFile
from sealane.desk.failures import LedgerForked, ListSwapped
from sealane.desk.folder import numbered
from sealane.desk.history import History, fold
from sealane.errors import Invalid, SealaneError
from sealane.exposure.people.lists import read_tables
from sealane.ledger import checkpoints, notes
from sealane.ledger.tree import Frontier
from sealane.operations.audit import LedgerEntry
from sealane.vault.age import files, header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.desk.facts import Facts
    from sealane.desk.folder import Folder
    from sealane.desk.maps import IdentityMap
    from sealane.desk.sources import ListedFile, Source

_ENTRIES_MAX: Final = 50_000_000
"""Entries of one sync."""


class _TakenEntries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `ledger`: entries of one sync, and the tree's right edge after them."""

    origin: str
    key: str
    """The ledger's long-term key; empty: not told."""
    size: int
    peaks: tuple[bytes, ...]
    entries: tuple[LedgerEntry, ...]
    note: str
    """The newest checkpoint, as it was signed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the desk knows."""

    history: History
    facts: Facts
    map: IdentityMap | None
    checkpoint: str
    """The newest state of the ledger: origin, size and root, in three lines."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync brought."""

    entries: int
    lists: int
    individuals: int
    """Rows of the lists that were new."""
    waiting: int
    """Lists of which no signed checkpoint of the ledger tells yet: the next sync takes them."""
    taken: Taken


def load(folder: Folder) -> Taken:
    """Return what the desk knows. Raises `DeskDamaged`, `LedgerForked`."""
    history, state = _told(folder)
    identity = maps.newest(folder)
    # What a sync that was cut short had taken is not linked yet, and does not count.
    return Taken(history, fact_store.load(folder, identity.about.batches if identity else 0), identity, state)


def _told(folder: Folder) -> tuple[History, str]:
    """Return what the ledger says, and its newest state."""
    history, newest = History(), None
    for part in _parts(folder):
        fold(history, part.entries)
        history.size = part.size
        newest = part
    return history, "" if newest is None else _state_of(newest)


def history_at(folder: Folder, size: int) -> History:
    """Return what the first `size` entries of the ledger say, as if there were no others. Raises `DeskDamaged`."""
    history = History()
    for part in _parts(folder):
        fold(history, (entry for entry in part.entries if entry.seq <= size))
    history.size = size
    return history


def sync(folder: Folder, source: Source) -> Synced:
    """Take what is new from a source, link people, and return what is known then.

    Raises `LedgerForked`, `ListSwapped`, `DeskDamaged`, and what opening a list raises.
    """
    history, _ = _told(folder)
    entries = _take_entries(folder, source)
    fold(history, entries)
    history.size = max((part.size for part in _parts(folder)), default=0)
    gathering = Gathering(folder)
    known = frozenset(gathering.taken)
    lists = individuals = waiting = 0
    for listed in source.lists():
        if (listed.digest or listed.version_id) in known:
            continue
        if listed.version_id not in history.versions or (
            listed.digest and listed.version_id not in history.list_digests
        ):
            waiting += 1
            continue
        individuals += _take_list(folder, source, history, listed, gathering)
        lists += 1
    gathering.write()
    identity = maps.make(folder)
    state = "".join(_state_of(part) for part in list(_parts(folder))[-1:])
    return Synced(len(entries), lists, individuals, waiting, Taken(history, fact_store.load(folder), identity, state))


def _state_of(part: _TakenEntries) -> str:
    return checkpoints.Checkpoint(part.origin, part.size, Frontier(part.size, part.peaks).root()).text()


def _parts(folder: Folder) -> Iterator[_TakenEntries]:
    for number in folder.numbers("ledger"):
        yield msgspec.msgpack.decode(folder.read(numbered("ledger", number)), type=_TakenEntries)


def _take_entries(folder: Folder, source: Source) -> tuple[LedgerEntry, ...]:
    """Prove that the ledger only grew, and keep its new entries."""
    before = _TakenEntries("", "", 0, (), (), "")
    for part in _parts(folder):
        before = part
    edge = Frontier(before.size, before.peaks)
    text, key = source.checkpoint(), source.key()
    promised = _promised(text, edge.size, before.origin)
    if promised is None:
        return ()
    _check_signed(text, key, before)
    kept: list[LedgerEntry] = []
    entries = source.entries(edge.size)
    entry = next(entries, None)
    for leaf in source.leaves(edge.size, promised.size):
        edge.append(leaf)
        if entry is not None and entry.seq == edge.size:
            if entry.leaf != leaf:
                raise LedgerForked(f"Entry {entry.seq} of the ledger is not the one in its tree.")
            kept.append(entry)
            entry = next(entries, None)
        if edge.size >= promised.size or len(kept) >= _ENTRIES_MAX:
            break
    missed = entry is not None and entry.seq <= promised.size
    if missed or edge.size != promised.size or edge.root() != promised.root:
        raise LedgerForked
    if edge.size > before.size:
        part = _TakenEntries(promised.origin, key, edge.size, tuple(edge.peaks), tuple(kept), text)
        fold(History(), kept)  # nothing is kept that could not be read again
        folder.write(numbered("ledger", len(folder.numbers("ledger")) + 1), msgspec.msgpack.encode(part))
    return tuple(kept)


def _check_signed(text: str, key: str, before: _TakenEntries) -> None:
    """Hold the checkpoint's signature against the ledger's key, which is the one that was told first."""
    if before.size and key != before.key:
        raise LedgerForked("The ledger's key is another one than at the first sync.")
    if key:
        try:
            notes.parse(text).demand(notes.verifier_key(key))
        except SealaneError as problem:
            raise LedgerForked("The ledger's checkpoint is not signed by its key.") from problem


def _promised(text: str, after: int, origin: str) -> checkpoints.Checkpoint | None:
    """Return the checkpoint that the source's entries must come to; None where it has no ledger yet."""
    try:
        promised = checkpoints.parse_saved(text).checkpoint if text else None
    except Invalid as problem:
        raise LedgerForked("What the source gives as a checkpoint is none.") from problem
    if promised is None:
        if after:
            raise LedgerForked("The source has no checkpoint of its ledger any more.")
        return None
    if origin and promised.origin != origin:
        raise LedgerForked("This is another ledger than the one that was taken before.")
    if promised.size < after:
        raise LedgerForked("The ledger was cut: entries that were taken are no longer under its checkpoint.")
    return promised


def payload_digest(sealed: bytes) -> str:
    """Return the SHA-256 of a sealed list's payload, which sealing it to other keys leaves alone. `HeaderInvalid`."""
    _, length = header.parse(sealed)
    return sha256(memoryview(sealed)[length:]).hexdigest()


def _take_list(folder: Folder, source: Source, history: History, listed: ListedFile, gathering: Gathering) -> int:
    stored = history.versions[listed.version_id]
    file = TakenFile(
        version_id=listed.version_id,
        stored=stored.stored,
        coverage=listed.coverage,
        digest=listed.digest,
        records=listed.records,
        people=listed.people,
        unreadable=listed.unreadable,
    )
    owner = listed.owner or stored.organization
    if not listed.digest:
        return gathering.take(file, (), owner)
    sealed = source.sealed_list(listed.version_id)
    digest = payload_digest(sealed)
    if digest != listed.digest or history.list_digests.get(listed.version_id) != digest:
        raise ListSwapped(f"The people list of version {listed.version_id} is not the one that the ledger names.")
    try:
        opened = pa.BufferReader(files.open_sealed(sealed, folder.identities))
        return gathering.take(file, read_tables(opened), owner)
    except SealaneError as problem:
        raise type(problem)(f"The people list of version {listed.version_id}: {problem.sentence}") from problem
