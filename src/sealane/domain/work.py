"""What every act of the domain is given: the transaction, the time, the keys, and the record that goes with the act.

Must stay true: an act's rows and its events are written by one transaction. An act that raises writes nothing; the
keeper then records the refusal by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from sealane.domain.releases import Releases
from sealane.domain.tree import Tree
from sealane.domain.views import Views
from sealane.domain.watches import Watches
from sealane.ledger.events import OPERATOR, Who

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.database.engine import Transaction
    from sealane.domain.holds import Holds
    from sealane.ids import FolderId, GroupId, OrganizationId, SessionId, UserId
    from sealane.ledger.events import Event
    from sealane.settings import Settings
    from sealane.vault.keys import NodeKeys


@dataclass(frozen=True, slots=True)
class Guest:
    """What a caller has who is a guest: the one folder that a share of somebody else's opens to them."""

    share: str
    writes: bool
    """A request: they may send files and see nothing. Else a package: they may see and fetch."""
    inviter: Caller
    """Whose share it is; a guest may no more than they may at this moment."""
    folder_id: FolderId
    called: str
    """As they called themselves, unproved."""
    replies_to: FolderId | None = None
    """A package that takes files back: the folder under which they come to stand."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: made by the keeper from a session that it verified itself, never from a door's word."""

    user_id: UserId
    organization_id: OrganizationId
    name: str
    """`name@organization`."""
    role: str
    groups: frozenset[GroupId]
    scopes: frozenset[str]
    """Of read, write, admin; a token's scopes narrow its user's rights, everything else has all three."""
    session: SessionId
    door: str
    address: str
    expires: datetime
    """When the session ends if it is not used; the keeper asks again before (`sessions.caller_of`)."""
    guest: Guest | None = None
    """Somebody without a lasting account; None for every user."""

    who: Who = field(init=False, repr=False, compare=False)
    """How the ledger names the caller; made once, since every act of the session is recorded with it."""

    def __post_init__(self) -> None:
        """Make what the ledger names the caller by. Raises `Invalid` for what an entry cannot hold."""
        who = Who(
            door=self.door,
            organization_id=self.organization_id,
            user_id=self.user_id,
            session_id=self.session,
            user_name=self.name,
            address=self.address,
        )
        object.__setattr__(self, "who", who)


@dataclass(slots=True)
class Work:
    """One act within the keeper's present transaction."""

    transaction: Transaction
    now: datetime
    settings: Settings
    keys: NodeKeys
    holds: Holds
    connection: str
    """Names the socket connection that asks; uploads are held by it."""
    events: list[Event] = field(default_factory=list)
    ended: list[SessionId] = field(default_factory=list)
    """Sessions that this act ended; the keeper tells every door once the transaction is durable."""
    arrivals: bool = False
    """Something now owes inspection; the keeper tells the inspector once the transaction is durable."""
    releases: Releases = field(default_factory=Releases)
    """What was released in this hour; the keeper keeps one for good."""
    checkpoint: bool = False
    """The ledger is to be signed with this transaction, all that it records included."""
    ledger_key: bytes = b""
    """The public half of the key that signs the ledger."""

    operator: Who = OPERATOR
    """Who does what the administrator's operations say they do: a person, where one asks from a session."""

    dead_bytes: int = 0
    """About how much in the store nothing needs any more by this act; the keeper has it deleted soon where it is much.
    """

    settings_changed: bool = False
    """A setting was changed; it counts once the transaction is durable."""

    proof_wanted: bool = False
    """The ledger is to be proven; the keeper starts the prover once the transaction is durable."""

    destroyed: bool = False
    """A key was destroyed; the keeper sees to it that the database's log forgets it too."""

    views: Views = field(default_factory=Views)
    """Where users' grants lead. The keeper keeps one for good and calls its `forget` after every rollback."""
    tree: Tree = field(default_factory=lambda: Tree(1000))
    """The folders as remembered; likewise kept by the keeper, and forgotten after every rollback."""

    watches: Watches = field(default_factory=lambda: Watches(0))
    """Who is told of changes; the keeper keeps one for good."""
    touched: list[FolderId] = field(default_factory=list)
    """Folders that show something else than before without an event that says so."""

    def touch(self, folder_id: FolderId | None) -> None:
        """Note that what a folder shows has changed, where no event says so."""
        if folder_id is not None:
            self.touched.append(folder_id)

    def record(self, event: Event) -> None:
        """Add an event to the ledger, in the same transaction as the act."""
        if event.who is OPERATOR and self.operator is not OPERATOR:
            event = msgspec.structs.replace(event, who=self.operator)
        self.events.append(event)
