"""Taking from a source what is new: ledger entries proven to go on from those taken before, and lists that they name.

Must stay true: nothing is taken of a ledger that was cut, forked or altered, nor of a list that is not the one that the
ledger names for its file; a list that is refused costs its own file, which is told as not read; what was taken stays,
and of a sync that was cut short nothing counts until the next one has gone on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.desk import facts as fact_store
from sealane.desk import maps, opening, refusals
from sealane.desk.facts import Gathering, TakenFile
from sealane.desk.failures import LedgerForked, ListMissing
from sealane.desk.folder import numbered
from sealane.desk.history import History, fold
from sealane.desk.refusals import RefusedList
from sealane.desk.sources import ListedFile
from sealane.errors import Invalid, SealaneError
from sealane.ledger import checkpoints, notes
from sealane.ledger.tree import Frontier
from sealane.operations.audit import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from sealane.desk.facts import Facts
    from sealane.desk.folder import Folder
    from sealane.desk.maps import IdentityMap
    from sealane.desk.refusals import Refusals
    from sealane.desk.sources import Source

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
    refused: Refusals = refusals.NONE
    """The lists of which nothing could be taken: their people are in no figure."""


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
    facts = fact_store.load(folder, identity.about.batches if identity else 0)
    return Taken(history, facts, identity, state, refusals.newest(folder))


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

    A list that is refused is told in `Taken.refused`. Raises `LedgerForked`, `DeskDamaged`, and what asking the source
    does.
    """
    history, _ = _told(folder)
    entries = _take_entries(folder, source)
    fold(history, entries)
    history.size = max((part.size for part in _parts(folder)), default=0)
    taken = _take_lists(folder, source, history)
    identity = maps.make(folder)
    state = "".join(_state_of(part) for part in list(_parts(folder))[-1:])
    told = Taken(history, fact_store.load(folder), identity, state, taken.refused)
    return Synced(len(entries), taken.lists, taken.individuals, taken.waiting, told)


@dataclass(slots=True)
class _Lists:
    """What became of the lists of one sync."""

    refused: Refusals
    lists: int = 0
    individuals: int = 0
    waiting: int = 0


def _take_lists(folder: Folder, source: Source, history: History) -> _Lists:
    """Take every list that is new and that the ledger names; keep which of them were refused."""
    gathering = Gathering(folder)
    told = _Lists(refusals.newest(folder))
    standing = dict(told.refused.lists)
    # What the ledger names and is not taken yet lacks in every figure, however this sync ends.
    told.refused = refusals.keep(folder, told.refused, _with_withheld(dict(standing), history, gathering))
    for listed in source.lists():
        version = listed.version_id
        read = history.readings.get(version)
        if (listed.digest or version) in gathering.taken:
            if read is not None and listed.digest == read.list_digest:
                standing.pop(version, None)
        elif version not in history.versions or (listed.digest and read is None):
            told.waiting += 1
        elif version not in standing or not standing[version].is_final(listed.digest):
            try:
                people = opening.open_list(source, listed, read, folder.identities)
            except opening.REFUSALS as problem:
                standing[version] = RefusedList(version, listed.digest, problem.code)
                continue
            told.individuals += _take_list(history, listed, people, gathering)
            told.lists += 1
            standing.pop(version, None)
    # A server lists only files that have a list: of those in which nobody is, the ledger alone tells.
    for version in sorted(history.versions.keys() - gathering.versions - standing.keys()):
        read = history.readings.get(version)
        if read is not None and read.coverage and not read.list_digest:
            _take_list(history, ListedFile(version_id=version, coverage=read.coverage), (), gathering)
    gathering.write()
    told.refused = refusals.keep(folder, told.refused, _with_withheld(standing, history, gathering))
    return told


def _take_list(history: History, listed: ListedFile, people: Iterable[pa.Table], gathering: Gathering) -> int:
    """Take a file and who is in it; of how much could be read the ledger's word counts, where it tells."""
    stored, read = history.versions[listed.version_id], history.readings.get(listed.version_id)
    told = read is not None and read.coverage
    file = TakenFile(
        version_id=listed.version_id,
        stored=stored.stored,
        coverage=read.coverage if read is not None and told else _untold(listed),
        digest=listed.digest,
        records=listed.records,
        people=read.people if read is not None and told else listed.people,
        unreadable=listed.unreadable,
    )
    return gathering.take(file, people, listed.owner or stored.organization)


def _untold(listed: ListedFile) -> str:
    """Return how much of a file was read of which the ledger tells nothing: no server says that nobody is in it."""
    return listed.coverage if listed.digest or listed.coverage != "complete" else "unreadable"


def _with_withheld(standing: dict[str, RefusedList], history: History, gathering: Gathering) -> dict[str, RefusedList]:
    """Return what stands as refused, with files of which the ledger names a newer list than the one that was taken."""
    for version in gathering.versions - standing.keys():
        read = history.readings.get(version)
        if read is not None and read.list_digest and read.list_digest not in gathering.taken:
            standing[version] = RefusedList(version, read.list_digest, ListMissing.code)
    return standing


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
