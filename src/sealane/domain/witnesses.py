"""What witnesses are owed, and keeping what they signed. The jobs process carries it there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.errors import Invalid, Missing
from sealane.ledger import checkpoints, notes, queries, reader, witnesses
from sealane.ledger.stored_tree import StoredTree
from sealane.operations.audit import ToWitnessAre
from sealane.operations.envelope import Done
from sealane.operations.failures import SignatureWrong

if TYPE_CHECKING:
    from sealane.domain.work import Work
    from sealane.ledger.witnesses import Witness
    from sealane.operations.audit import RecordCosignature, WhatToWitness


def what_to_witness(work: Work, op: WhatToWitness) -> ToWitnessAre:
    """Return the newest checkpoint and the proof from what the witness saw last. Raises `Missing` where none is due."""
    witness = _witness(work, op.witness)
    last = reader.last_checkpoint(work.transaction)
    if last is None:
        raise Missing("The ledger was not signed yet.")
    size, note = last
    old = op.old
    if old is None:
        row = work.transaction.first(queries.COSIGNED_BY, of=witness.key.name)
        old = row.size if row is not None else 0
    if not 0 <= old <= size:
        raise Invalid("The witness has seen more of this ledger than there is of it.")
    proof = tuple(StoredTree(work.transaction).consistency(old, size))
    return ToWitnessAre(old=old, new=size, proof=proof, note=note)


def record_cosignature(work: Work, op: RecordCosignature) -> Done:
    """Keep what a witness signed. Raises `SignatureWrong` unless it is its signature over our checkpoint."""
    witness = _witness(work, op.witness)
    found = reader.checkpoints(work.transaction, after=op.size - 1, limit=1)
    if not found or found[0][0] != op.size:
        raise Missing("There is no such checkpoint.")
    note = notes.parse(found[0][1])
    signed = notes.Note(note.text, notes.signatures(op.line))
    if signed.verified_by(witness.key) is None or len(signed.signatures) != 1:
        raise SignatureWrong
    assert checkpoints.parse(note.text).size == op.size
    work.transaction.run(queries.FORGET_COSIGNATURE, of=op.size, by=witness.key.name)
    work.transaction.run(
        queries.ADD_COSIGNATURE, size=op.size, witness=witness.key.name, line=signed.signatures[0].line().encode()
    )
    return Done()


def _witness(work: Work, name: str) -> Witness:
    for witness in witnesses.parse(work.settings.witnesses):
        if witness.key.name == name:
            return witness
    raise Missing("There is no such witness in the settings.")
