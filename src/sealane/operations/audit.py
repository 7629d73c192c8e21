"""Operations on the ledger: reading it, its tree, its checkpoints, what witnesses signed, what proves an entry."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from sealane.operations.accounts import AdminOperation
from sealane.operations.envelope import Answer, Asker, Done, Operation


class LedgerEntry(msgspec.Struct, frozen=True, array_like=True):
    """An entry as stored, with the openings of its commitments that are still kept."""

    seq: int
    body: bytes
    """Canonical JSON (RFC 8785)."""
    leaf: bytes
    openings: dict[str, tuple[str, str]] | None
    """Salt in hex and clear value by field name; None where they are erased."""
    misfiled: bool = False
    """What a search finds it by is not what its body says: a search would miss it, or find it wrongly."""
    unreadable: bool = False
    """What is stored is no entry: a value has the wrong type, is missing or far too large. Then only `seq` counts."""


class TreeNode(msgspec.Struct, frozen=True, array_like=True):
    """A node of the tree as stored: the root over `256 ** level` entries."""

    level: int
    number: int
    hash: bytes
    """b"" where what is stored is no hash, or nothing is."""


class EntriesAre(Answer, frozen=True):
    """A page of entries in order; `after` is 0 at the end."""

    entries: tuple[LedgerEntry, ...]
    after: int
    nodes: tuple[TreeNode, ...] = ()
    """With `nodes`: those over full tiles whose last entry is in this page, lowest level first."""


class ReadLedger(AdminOperation, frozen=True):
    """Entries after a sequence number, those that match every filter given."""

    answer: ClassVar[type[Answer]] = EntriesAre
    after: int = 0
    limit: int = 500
    since: datetime | None = None
    until: datetime | None = None
    user: str = ""
    path: str = ""
    """`ORG:/PATH` or `/PATH` in any organization."""
    folder: str = ""
    """`ORG:/PATH`: what was done in this folder and below it."""
    session: str = ""
    address: str = ""
    door: str = ""
    outcome: Literal["", "done", "refused", "damaged"] = ""
    kind: str = ""
    nodes: bool = False


class CheckpointIs(Answer, frozen=True):
    """The ledger's newest state, signed."""

    size: int
    note: str
    """C2SP `tlog-checkpoint`, with the cosignatures that are known."""
    key: str
    """The long-term key as a C2SP `vkey`."""


class LedgerIs(Answer, frozen=True):
    """How far the ledger goes."""

    size: int
    signed: int
    """Entries under the newest checkpoint."""
    origin: str
    key: str
    """The long-term key as a C2SP `vkey`."""
    cosigned: int = 0
    """Entries under the newest checkpoint that a witness has signed."""


class LookLedger(AdminOperation, frozen=True):
    """How far does it go? Changes nothing."""

    answer: ClassVar[type[Answer]] = LedgerIs


class Checkpoint(AdminOperation, frozen=True):
    """A checkpoint of what is there now; one is made where the last is older."""

    answer: ClassVar[type[Answer]] = CheckpointIs


class CheckpointsAre(Answer, frozen=True):
    """Checkpoints as they were signed, in order; `after` is 0 at the end."""

    notes: tuple[str, ...]
    """Each with its cosignatures; what is stored and no text is told as ""."""
    sizes: tuple[int, ...]
    after: int


class ReadCheckpoints(AdminOperation, frozen=True):
    """Checkpoints of more than `after` entries."""

    answer: ClassVar[type[Answer]] = CheckpointsAre
    askers: ClassVar[Asker] = Asker.ADMIN | Asker.JOBS
    after: int = 0
    limit: int = 500


class ToWitnessAre(Answer, frozen=True):
    """What a witness is owed: the newest checkpoint, and the proof that it goes on from the one it signed last."""

    old: int
    new: int
    proof: tuple[bytes, ...]
    note: str


class WhatToWitness(Operation, frozen=True):
    """What is there for this witness? `old`: the size it says it saw; None: the one whose cosignature we keep."""

    answer: ClassVar[type[Answer]] = ToWitnessAre
    askers: ClassVar[Asker] = Asker.JOBS
    witness: str
    """Its key's name."""
    old: int | None = None


class RecordCosignature(Operation, frozen=True):
    """A witness has signed the checkpoint of this size. Checked against the settings' key before it is kept."""

    answer: ClassVar[type[Answer]] = Done
    askers: ClassVar[Asker] = Asker.JOBS
    witness: str
    size: int
    line: str


class ToTimeStampAre(Answer, frozen=True):
    """What the time-stamping authority is owed: the newest checkpoint's text, without signatures."""

    size: int
    text: str


class WhatToTimeStamp(Operation, frozen=True):
    """Is a time stamp due? `Missing` where none is."""

    answer: ClassVar[type[Answer]] = ToTimeStampAre
    askers: ClassVar[Asker] = Asker.JOBS


class RecordTimeStamp(Operation, frozen=True):
    """The authority has stamped the checkpoint of this size. Whoever asks has proven by whom; of what is seen here."""

    answer: ClassVar[type[Answer]] = Done
    askers: ClassVar[Asker] = Asker.JOBS
    size: int
    response: bytes
    """The authority's whole answer (RFC 3161, 2.4.2), in DER."""


class TimeStampsAre(Answer, frozen=True):
    """Time stamps as they came, in order; `after` is 0 at the end."""

    sizes: tuple[int, ...]
    responses: tuple[bytes, ...]
    """Each an authority's answer in DER; b"" where what is stored is none."""
    after: int


class ReadTimeStamps(AdminOperation, frozen=True):
    """Time stamps of checkpoints of more than `after` entries."""

    answer: ClassVar[type[Answer]] = TimeStampsAre
    after: int = 0
    limit: int = 500


class WhatToForward(Operation, frozen=True):
    """Entries for the collector of logs: after this one, or (None) after what it is known to have."""

    answer: ClassVar[type[Answer]] = EntriesAre
    askers: ClassVar[Asker] = Asker.JOBS
    after: int | None = None
    limit: int = 500


class ForwardedUpTo(Operation, frozen=True):
    """The collector has every entry up to this one."""

    answer: ClassVar[type[Answer]] = Done
    askers: ClassVar[Asker] = Asker.JOBS
    seq: int


class OwnEntriesAre(Answer, frozen=True):
    """A page of an organization's own entries and the node's; `after` is 0 at the end."""

    entries: tuple[LedgerEntry, ...]
    after: int


class ReadOwnLedger(Operation, frozen=True):
    """Entries about the caller's organization, and those of the node that proofs need. For auditors and officers."""

    answer: ClassVar[type[Answer]] = OwnEntriesAre
    handle: str
    after: int = 0
    limit: int = 500


class LatestCheckpoint(Operation, frozen=True):
    """The newest checkpoint there is. For anybody signed in: it says nothing but size and root."""

    answer: ClassVar[type[Answer]] = CheckpointIs
    handle: str


class TileIs(Answer, frozen=True):
    """Hashes of a tile."""

    hashes: tuple[bytes, ...]


class ReadTile(Operation, frozen=True):
    """A tile of the tree (C2SP tlog-tiles), `width` hashes of it. `Missing` where the signed tree has fewer."""

    answer: ClassVar[type[Answer]] = TileIs
    handle: str
    level: int
    number: int
    width: int


class Proof(msgspec.Struct, frozen=True, array_like=True):
    """What proves one entry to whoever has the ledger's key."""

    entry: int
    text: str
    """C2SP `tlog-proof`; its extra data are the body and those openings that the caller may see."""


class ProofsAre(Answer, frozen=True):
    """Proofs of a receipt's entries, in order. `after` asks on, 0 at the end; `pending`: ask again, one is made."""

    proofs: tuple[Proof, ...]
    after: int
    pending: bool


class ProveReceipt(Operation, frozen=True):
    """Prove the entries of the receipt of the file at this path."""

    answer: ClassVar[type[Answer]] = ProofsAre
    handle: str
    path: str
    after: int = 0


# --- a proof that somebody at a page has asked for -------------------------------------------------------------------

ProofState = Literal["never", "running", "whole", "damaged", "failed"]


class LedgerProof(msgspec.Struct, frozen=True):
    """How the latest proof of the whole ledger stands. `failed`: it could not be finished, which says nothing."""

    state: ProofState = "never"
    began: datetime | None = None
    told: datetime | None = None
    done: int = 0
    """Entries proven so far."""
    size: int = 0
    signed: int = 0
    """Entries under a signature that was checked."""
    checkpoints: int = 0
    witnessed: dict[str, int] = {}
    """By each witness of the settings: up to which entry it speaks for the ledger."""
    sentence: str = ""
    """What is damaged, or why it could not be finished."""


class LedgerProofIs(Answer, frozen=True):
    """How the latest proof stands."""

    proof: LedgerProof


class BeginLedgerProof(Operation, frozen=True):
    """Have the whole ledger proven, by a process of its own, one at a time. For auditors, officers, administrators."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str


class LookLedgerProof(Operation, frozen=True):
    """How does the latest proof stand?"""

    answer: ClassVar[type[Answer]] = LedgerProofIs
    handle: str


class TellLedgerProof(AdminOperation, frozen=True):
    """How far the prover is, or what came of it. When it began, and when this is told, the keeper knows."""

    answer: ClassVar[type[Answer]] = Done
    proof: LedgerProof
