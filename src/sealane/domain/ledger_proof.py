"""The latest proof of the whole ledger that somebody at a page has asked for: begun, how far it is, what came of it.

Proving itself is a process of its own (`keeper/prover.py`). Must stay true: one runs at a time; that one was asked for
and what came of it is in the ledger. What a server says of its own ledger convinces nobody who doubts the server: the
witnesses, saved checkpoints and `sealane-verify` are for them, and the page says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.domain import rights
from sealane.domain.queries import ledger_proof as statements
from sealane.errors import Conflict, Invalid
from sealane.ledger import events
from sealane.operations.audit import LedgerProof, LedgerProofIs
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from sealane.domain.work import Caller, Work
    from sealane.operations.audit import BeginLedgerProof, LookLedgerProof, TellLedgerProof

SILENCE: Final = timedelta(minutes=5)
"""A prover that has said nothing for so long is gone (the keeper was started anew)."""
_ENDED: Final = frozenset({"whole", "damaged", "failed"})
_decoder = msgspec.json.Decoder(LedgerProof)


def _latest(work: Work) -> LedgerProof:
    row = work.transaction.first(statements.LATEST, named=statements.NAME)
    if row is None:
        return LedgerProof()
    kept = _decoder.decode(row.value)
    gone = kept.state == "running" and (kept.told or work.now) + SILENCE < work.now
    if not gone:
        return kept
    return msgspec.structs.replace(kept, state="failed", sentence="It was broken off. Begin it again.")


def _keep(work: Work, proof: LedgerProof) -> None:
    work.transaction.run(statements.REMOVE, of_name=statements.NAME)
    work.transaction.run(statements.ADD, name=statements.NAME, value=msgspec.json.encode(proof))


def begin(work: Work, caller: Caller, op: BeginLedgerProof) -> Done:
    """Have a prover started once this is durable. Raises `Conflict` while one is at work."""
    del op
    rights.demand_audit(caller)
    if _latest(work).state == "running":
        raise Conflict("The ledger is being proven already. Wait for that.")
    _keep(work, LedgerProof(state="running", began=work.now, told=work.now))
    work.proof_wanted = True
    work.record(events.LedgerProofAsked(who=caller.who, owner_organization_id=caller.organization_id))
    return Done()


def look(work: Work, caller: Caller, op: LookLedgerProof) -> LedgerProofIs:
    """Say how the latest proof stands."""
    del op
    rights.demand_audit(caller)
    return LedgerProofIs(_latest(work))


def tell(work: Work, op: TellLedgerProof) -> Done:
    """Keep what the prover says; its end is on record."""
    latest, told = _latest(work), op.proof
    if latest.state != "running" or told.state == "never":
        raise Invalid("No proof of the ledger is under way.")
    _keep(work, msgspec.structs.replace(told, began=latest.began, told=work.now))
    if told.state in _ENDED:
        work.record(
            events.LedgerProven(outcome=told.state, size=told.done, signed=told.signed, checkpoints=told.checkpoints)
        )
    return Done()
