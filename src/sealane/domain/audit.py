"""Reading the ledger: for the operator all of it, for an organization its own part; checkpoints, tiles, proofs.

Proving is the reader's own business (`ledger/verifier.py`). Must stay true: an organization sees entries about itself
and the node's own, never another's; of the rest of the tree it sees hashes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sealane.domain import accounts, deliver, named_folders, rights
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import folders as folder_statements
from sealane.errors import Integrity, Invalid, Missing
from sealane.ledger import proofs, reader
from sealane.ledger.events import Kind
from sealane.ledger.notes import VerifierKey
from sealane.ledger.stored_tree import StoredTree
from sealane.ledger.tree import TILE_HEIGHT, TILE_WIDTH
from sealane.operations.audit import (
    CheckpointIs,
    CheckpointsAre,
    EntriesAre,
    LedgerIs,
    OwnEntriesAre,
    Proof,
    ProofsAre,
    TileIs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.domain.work import Caller, Work
    from sealane.operations.audit import (
        LatestCheckpoint,
        LedgerEntry,
        LookLedger,
        ProveReceipt,
        ReadCheckpoints,
        ReadLedger,
        ReadOwnLedger,
        ReadTile,
    )

REFUSED: Final = (Kind.SIGN_IN_REFUSED.value, Kind.STRANGERS_REFUSED.value, Kind.REQUEST_REFUSED.value)
DAMAGED: Final = (Kind.DAMAGE_FOUND.value,)
OF_THE_NODE: Final = tuple(
    kind.value
    for kind in (
        Kind.KEEPER_STARTED,
        Kind.KEEPER_STOPPED,
        Kind.CLOCK_SET_BACK,
        Kind.SIGNING_KEY_SET,
        Kind.NODE_KEY_ROTATED,
        Kind.LEDGER_PROVEN,
    )
)
"""Kinds that every organization may read: they say nothing of anybody, and proofs need them."""
_RECEIPT_KINDS: Final = tuple(
    kind.value
    for kind in (
        Kind.UPLOAD_FINISHED,
        Kind.DIGEST_RECORDED,
        Kind.FILE_SEALED,
        Kind.PAYLOAD_DIGEST_RECORDED,
        Kind.DOWNLOAD_BEGUN,
        Kind.DOWNLOAD_ENDED,
    )
)
_PROOFS_A_PAGE: Final = 50
_KINDS: Final = frozenset(kind.value for kind in Kind)
_LEVELS_MAX: Final = 8


def read_ledger(work: Work, op: ReadLedger) -> EntriesAre:
    """Return a page of the entries that fit every filter. Raises `Missing` for a user or folder there never was."""
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    found = reader.page(work.transaction, _question(work, op), after=op.after, limit=limit + 1)
    entries = tuple(_fitting(found[:limit], work.settings.answer_bytes_max // 2))
    more = len(found) > len(entries)
    nodes = tuple(reader.nodes_within(work.transaction, op.after, entries[-1].seq)) if op.nodes and entries else ()
    return EntriesAre(entries=entries, after=entries[-1].seq if more else 0, nodes=nodes)


def kinds_of(kind: str, outcome: str) -> tuple[str, ...] | None:
    """Return the kinds of entries that fit a kind and an outcome, "" being any; None where all do. Raises `Invalid`."""
    if kind and kind not in _KINDS:
        raise Invalid(f"There is no kind of entry called {kind}.")
    kinds: tuple[str, ...] | None = (kind,) if kind else None
    if outcome in {"refused", "damaged"}:
        wanted = REFUSED if outcome == "refused" else DAMAGED
        kinds = wanted if kinds is None else tuple(kind for kind in kinds if kind in wanted)
    return kinds


def _question(work: Work, op: ReadLedger) -> reader.Question:
    return reader.Question(
        since=op.since,
        until=op.until,
        kinds=kinds_of(op.kind, op.outcome),
        not_kinds=REFUSED + DAMAGED if op.outcome == "done" else None,
        door=op.door or None,
        user_id=accounts.find_user(work, op.user).id if op.user else None,
        session_id=op.session or None,
        folder_ids=folders_below(work, op.folder) if op.folder else None,
        paths=_recorded_paths(work, op.path) if op.path else None,
        address=op.address or None,
    )


def _fitting(entries: list[LedgerEntry], bytes_max: int) -> Iterator[LedgerEntry]:
    """Yield the first entries, at least one, as long as they are not too many bytes together for one answer."""
    size = 0
    for number, entry in enumerate(entries):
        names = sum(len(salt) + 4 * len(value) for salt, value in (entry.openings or {}).values())
        size += len(entry.body) + len(entry.leaf) + names
        if number and size > bytes_max:
            return
        yield entry


def _recorded_paths(work: Work, path: str) -> tuple[str, ...]:
    """Return how a path was recorded: `ORG:/PATH`; without an organization, in every one."""
    if not path.startswith("/"):
        return (path,)
    return tuple(f"{row.name}:{path}" for row in work.transaction.all(account_statements.ORGANIZATIONS))


def folders_below(work: Work, folder: str) -> tuple[int, ...]:
    """Return a folder and all below it. Raises `Missing`, and `Invalid` for more than one question may name."""
    most = work.settings.audit_folders_max
    found = [named_folders.find(work, folder).id]
    waiting = list(found)
    while waiting:
        rows = work.transaction.all(folder_statements.PAGE, parent_id=waiting.pop(), after="", limit=most)
        below = [row.id for row in rows]
        found += below
        waiting += below
        if len(found) > most:
            raise Invalid("There are too many folders below this one to ask for at once. Name one of them.")
    return tuple(found)


# --- checkpoints -----------------------------------------------------------------------------------------------------


def look_ledger(work: Work, op: LookLedger) -> LedgerIs:
    """Return how far the ledger goes and how far it is signed. Raises as `reader.size` does."""
    del op
    size = _size(work)
    last = reader.last_checkpoint(work.transaction)
    return LedgerIs(
        size=size,
        signed=last[0] if last else 0,
        origin=reader.origin(work.transaction),
        key=_key(work).text(),
        cosigned=reader.cosigned_size(work.transaction),
    )


def want_checkpoint(work: Work) -> None:
    """Have all that is recorded signed with this transaction. Raises as `reader.size` does."""
    _size(work)
    work.checkpoint = True


def checkpoint(work: Work) -> CheckpointIs:
    """Return the newest checkpoint. Raises `Missing` where there is none."""
    last = reader.last_checkpoint(work.transaction)
    if last is None:
        raise Missing("The ledger was not signed yet.")
    return _checkpoint(work, *last)


def latest_checkpoint(work: Work, caller: Caller, op: LatestCheckpoint) -> CheckpointIs:
    """Return the newest checkpoint to anybody signed in: it tells nothing but size and root."""
    del caller, op
    return checkpoint(work)


def read_checkpoints(work: Work, op: ReadCheckpoints) -> CheckpointsAre:
    """Return a page of checkpoints."""
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    found = reader.checkpoints(work.transaction, after=op.after, limit=limit + 1)
    shown = found[:limit]
    return CheckpointsAre(
        notes=tuple(note for _, note in shown),
        sizes=tuple(size for size, _ in shown),
        after=shown[-1][0] if len(found) > limit else 0,
    )


def _checkpoint(work: Work, size: int, note: str) -> CheckpointIs:
    return CheckpointIs(size=size, note=note, key=_key(work).text())


def _key(work: Work) -> VerifierKey:
    return VerifierKey(reader.origin(work.transaction), work.ledger_key)


def _size(work: Work) -> int:
    try:
        return reader.size(work.transaction)
    except Missing:
        if work.transaction.first(account_statements.ORGANIZATIONS) is not None:  # its making is on record
            raise Integrity(reader.EMPTIED) from None
        raise


# --- for those who are signed in -------------------------------------------------------------------------------------


def read_own_ledger(work: Work, caller: Caller, op: ReadOwnLedger) -> OwnEntriesAre:
    """Return a page of the entries about the caller's organization, and of the node's own."""
    rights.demand_audit(caller)
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    own = reader.Question(organization_id=caller.organization_id)
    of_the_node = reader.Question(kinds=OF_THE_NODE)
    found = {
        entry.seq: entry
        for question in (own, of_the_node)
        for entry in reader.page(work.transaction, question, after=op.after, limit=limit + 1)
    }
    ordered = [found[seq] for seq in sorted(found)][: limit + 1]
    entries = tuple(_fitting(ordered[:limit], work.settings.answer_bytes_max // 2))
    return OwnEntriesAre(entries=entries, after=entries[-1].seq if len(ordered) > len(entries) else 0)


def own_page(work: Work, question: reader.Question, *, after: int, limit: int) -> OwnEntriesAre:
    """Return a page of the entries that fit a question, which has been narrowed to what the caller may see."""
    limit = max(1, min(limit, work.settings.page_entries_max))
    found = reader.page(work.transaction, question, after=after, limit=limit + 1)
    entries = tuple(_fitting(found[:limit], work.settings.answer_bytes_max // 2))
    return OwnEntriesAre(entries=entries, after=entries[-1].seq if len(found) > len(entries) else 0)


def read_tile(work: Work, caller: Caller, op: ReadTile) -> TileIs:
    """Return a tile of the tree that the newest checkpoint signed. Raises `Missing` for what is not in it."""
    rights.demand_audit(caller)
    last = reader.last_checkpoint(work.transaction)
    if last is None or not 0 <= op.level < _LEVELS_MAX or op.number < 0 or not 1 <= op.width <= TILE_WIDTH:
        raise Missing("There is no such tile.")
    if op.number * TILE_WIDTH + op.width > last[0] >> (TILE_HEIGHT * op.level):
        raise Missing("There is no such tile.")
    hashes = StoredTree(work.transaction).tile(op.level, op.number)[: op.width]
    if len(hashes) < op.width:
        raise Integrity("The ledger's tree is damaged.")
    return TileIs(hashes=tuple(hashes))


def prove_receipt(work: Work, caller: Caller, op: ProveReceipt) -> ProofsAre:
    """Prove the entries of a receipt, to whom the receipt may be shown. What is not signed yet will be with this."""
    folder, version = deliver.receipted(work, caller, op.path)
    question = reader.Question(version_id=version.id, kinds=_RECEIPT_KINDS)
    found = reader.page(work.transaction, question, after=op.after, limit=_PROOFS_A_PAGE + 1)
    shown = found[:_PROOFS_A_PAGE]
    after = shown[-1].seq if len(found) > len(shown) else 0
    everything = caller.user_id == version.user_id or caller.organization_id == folder.organization_id
    told = [(entry, said) for entry in shown if (said := _may_see(caller, entry, everything=everything)) is not None]
    if not told:
        return ProofsAre(proofs=(), after=after, pending=False)
    signed = reader.cosigned_checkpoint(work.transaction, least=told[-1][0].seq)
    if signed is None:
        work.checkpoint = True
        return ProofsAre(proofs=(), after=op.after, pending=True)
    size, note = signed
    stored = StoredTree(work.transaction)
    owner = caller.organization_id == folder.organization_id

    def proof(entry: LedgerEntry, said: dict[str, object]) -> Proof:
        shown = _shown(caller, entry, said, owner=owner)
        path = stored.inclusion(entry.seq, size)
        return Proof(entry.seq, proofs.made(entry.seq, entry.body, shown, path, note).text())

    return ProofsAre(
        proofs=tuple(proof(entry, said) for entry, said in told),
        after=after,
        pending=False,
    )


def _may_see(caller: Caller, entry: LedgerEntry, *, everything: bool) -> dict[str, object] | None:
    """Return an entry's body where the caller's receipt tells of it: organizations do not see each other's fetches."""
    if entry.unreadable:
        raise Integrity(f"The ledger is damaged at entry {entry.seq}.")
    body = json.loads(entry.body)
    told_to_all = body["kind"] not in {Kind.DOWNLOAD_BEGUN.value, Kind.DOWNLOAD_ENDED.value}
    return body if everything or told_to_all or body.get("organization_id") == caller.organization_id else None


def _shown(caller: Caller, entry: LedgerEntry, body: dict[str, object], *, owner: bool) -> dict[str, tuple[str, str]]:
    """Return the openings that the caller may see: no other organization's paths, and no other's users' addresses."""
    hidden = set() if owner else {"path", "target", "recipients"}
    if body.get("organization_id") != caller.organization_id:
        hidden.add("address")
    return {name: opening for name, opening in (entry.openings or {}).items() if name not in hidden}
