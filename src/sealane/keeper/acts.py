"""From an operation to the function that does it: the domain's table, and the few acts that are the keeper's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain.table import PLAIN_ACTS, SESSION_ACTS
from sealane.errors import Unsupported
from sealane.keeper import node
from sealane.operations.accounts import RotateNodeKey
from sealane.operations.envelope import Done
from sealane.operations.signing import Health
from sealane.operations.uploads import BeginUpload, FinishUpload, RecordSegments, TakeUpload

if TYPE_CHECKING:
    from sealane.domain.work import Caller, Work
    from sealane.operations.envelope import Answer, Operation

_GROWING: Final = frozenset({BeginUpload, TakeUpload, RecordSegments})


def grows(operation: Operation) -> bool:
    """Return whether this needs room on a disk, and is refused while only the ledger's reserve is left.

    The end of an upload does not: it was begun while there was room. One that was begun ahead begins with its end.
    """
    return type(operation) in _GROWING or (isinstance(operation, FinishUpload) and bool(operation.path))


def perform(work: Work, caller: Caller | None, operation: Operation) -> Answer:
    """Do an operation within the present transaction. `caller` is who asks, where it came with a session's handle."""
    if isinstance(operation, Health):
        node.note_alive(work)
        return Done()
    kind = type(operation)
    if caller is not None and kind in SESSION_ACTS:
        answer = SESSION_ACTS[kind](work, caller, operation)
    elif caller is None and kind in PLAIN_ACTS:
        answer = PLAIN_ACTS[kind](work, operation)
    else:
        raise Unsupported
    if isinstance(operation, RotateNodeKey):
        node.wrap_secrets_anew(work.transaction, work.keys)
    return answer
