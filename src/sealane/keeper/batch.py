"""What the keeper does in one transaction, and what came of it: requests in, a batch of outcomes and notices out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sealane.domain.work import Work

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.watches import Ended
    from sealane.ids import FolderId
    from sealane.ledger.events import Event
    from sealane.operations.envelope import Asker, Operation

Act = Callable[[Work], Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to do in a transaction: an operation that came by a socket, or a step of the keeper's own."""

    wanted: Operation | Act
    asker: Asker
    connection: str


@dataclass(slots=True)
class Batch:
    """What came of a batch. An outcome is what the act returned, or the `SealaneError` that it failed with."""

    outcomes: list[Any] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """Sessions that are over: every door is told."""
    arrivals: bool = False
    """Something now owes inspection: the inspector is told."""
    dead_bytes: int = 0
    """What in the store nothing needs any more."""
    events: list[tuple[datetime, Event]] = field(default_factory=list)
    checkpoint: bool = False
    """The ledger is to be signed."""
    proof_wanted: bool = False
    """Somebody wants the ledger proven: the prover is started."""
    settings_changed: bool = False
    """The settings are to be looked up again, and every door is told them."""
    touched: list[FolderId] = field(default_factory=list)
    """Folders that show something else than before."""
    watches: list[Ended] = field(default_factory=list)
    """Watches that this ended: their connections are told."""
    watches_up_to: int = 0
    """Every watch up to this number has ended: every door is told."""

    def add(self, other: Batch) -> None:
        """Take over what came of another batch."""
        self.outcomes += other.outcomes
        self.ended += other.ended
        self.arrivals |= other.arrivals
        self.dead_bytes += other.dead_bytes
        self.proof_wanted |= other.proof_wanted
        self.settings_changed |= other.settings_changed
        self.watches += other.watches
        self.watches_up_to = max(self.watches_up_to, other.watches_up_to)
