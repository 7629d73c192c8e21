"""From an operation to the function that does it: the domain's table, and the few acts that are the keeper's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealane.domain.table import ACTS
from sealane.errors import Unsupported
from sealane.keeper import node
from sealane.operations.accounts import RotateNodeKey
from sealane.operations.envelope import Done
from sealane.operations.signing import Health

if TYPE_CHECKING:
    from sealane.domain.work import Caller, Work
    from sealane.operations.envelope import Answer, Operation


def perform(work: Work, caller: Caller | None, operation: Operation) -> Answer:
    """Do an operation within the present transaction. `caller` is who asks, where it came with a session's handle."""
    if isinstance(operation, Health):
        node.note_alive(work)
        return Done()
    act: Any = ACTS.get(type(operation))
    if act is None:
        raise Unsupported
    answer = act(work, operation) if caller is None else act(work, caller, operation)
    if isinstance(operation, RotateNodeKey):
        node.wrap_host_keys_anew(work.transaction, work.keys)
    return answer
