"""Events of the node itself and of signing in to it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from sealane.ledger.events.base import KEEPER, OPERATOR, Event, Kind, Private, Who


class KeeperStarted(Event, frozen=True, kw_only=True):
    """The keeper has taken the lease."""

    kind: ClassVar[Kind] = Kind.KEEPER_STARTED
    who: Who = KEEPER
    previous: Literal["first", "clean", "crash"]
    """How the last run ended."""
    release: str


class KeeperStopped(Event, frozen=True, kw_only=True):
    """The keeper stops of its own accord; an end without this entry was a crash."""

    kind: ClassVar[Kind] = Kind.KEEPER_STOPPED
    who: Who = KEEPER


class ClockSetBack(Event, frozen=True, kw_only=True):
    """What follows has earlier times than the entry before this one: the server's clock was set back."""

    kind: ClassVar[Kind] = Kind.CLOCK_SET_BACK
    who: Who = KEEPER
    before: datetime
    """The time of the entry before this one."""


class SigningKeySet(Event, frozen=True, kw_only=True):
    """Checkpoints are signed by another key from here on; the key before it is destroyed."""

    kind: ClassVar[Kind] = Kind.SIGNING_KEY_SET
    who: Who = KEEPER
    reason: Literal["first", "start", "crash", "hour"]
    """`crash`: the keeper before this one ended without destroying its key."""
    signing_key: str
    """The new public key (Ed25519), hex."""
    previous_key: str = ""
    """The one before it, for `hour`: it has signed the new one. Otherwise the long-term key has."""
    signature: str
    """Over `signing.statement`, hex."""


class NodeKeyRotated(Event, frozen=True, kw_only=True):
    """The node has a new key; organizations' keys were wrapped anew."""

    kind: ClassVar[Kind] = Kind.NODE_KEY_ROTATED
    who: Who = OPERATOR
    node_key: str
    """Which one is in force now."""
    rewrapped: int
    """Keys wrapped anew."""


class OrganizationKeyRotated(Event, frozen=True, kw_only=True):
    """An organization has a new key; its upload keys were wrapped anew."""

    kind: ClassVar[Kind] = Kind.ORGANIZATION_KEY_ROTATED
    who: Who = OPERATOR
    owner_organization_id: int
    rewrapped: int
    """Keys wrapped anew."""


class LedgerProofAsked(Event, frozen=True, kw_only=True):
    """Somebody who may read the ledger has asked for a proof of all of it."""

    kind: ClassVar[Kind] = Kind.LEDGER_PROOF_ASKED
    owner_organization_id: int


class LedgerProven(Event, frozen=True, kw_only=True):
    """What came of that: `whole`, `damaged`, or `failed`, where it could not be finished."""

    kind: ClassVar[Kind] = Kind.LEDGER_PROVEN
    who: Who = KEEPER
    outcome: str
    size: int
    """Entries that were proven."""
    signed: int
    """Of them, those under a checked signature."""
    checkpoints: int


class SettingChanged(Event, frozen=True, kw_only=True):
    """A setting of the node was changed while it served."""

    kind: ClassVar[Kind] = Kind.SETTING_CHANGED
    who: Who = OPERATOR
    owner_organization_id: int | None = None
    """The organization that runs the node, where one of its people did it."""
    setting: str
    before: int
    after: int | None
    """None: as the node was started with."""


class SignedIn(Event, frozen=True, kw_only=True):
    """A session began."""

    kind: ClassVar[Kind] = Kind.SIGN_IN
    method: str
    """key, password or token."""
    credential_id: int | None = None
    """The id of the SSH key or token."""
    credential: Private = ""
    """The SSH key's fingerprint or the token's name."""
    scopes: tuple[str, ...] = ()
    expires: datetime | None = None


class SignInRefused(Event, frozen=True, kw_only=True):
    """A sign-in to an account that exists was refused. Strangers' ones are counted in `StrangersRefused`."""

    kind: ClassVar[Kind] = Kind.SIGN_IN_REFUSED
    account_id: int
    account_name: Private = ""
    method: str
    reason: str
    """A code: wrong-password, unknown-key, disabled, locked, expired, revoked, replayed …"""


class StrangersRefused(Event, frozen=True, kw_only=True):
    """Refused sign-ins to accounts that do not exist, from one address range in one minute."""

    kind: ClassVar[Kind] = Kind.STRANGERS_REFUSED
    address_range: Private
    minute: datetime
    count: int


class SessionEnded(Event, frozen=True, kw_only=True):
    """A session ended: signed out, expired, or ended by somebody else (`who`)."""

    kind: ClassVar[Kind] = Kind.SESSION_ENDED
    ended_session_id: str
    account_id: int
    reason: Private
    """In words: signed out, expired, disabled, revoked …"""


class RequestRefused(Event, frozen=True, kw_only=True):
    """An operation of somebody signed in, or of a process that may not ask it, was refused."""

    kind: ClassVar[Kind] = Kind.REQUEST_REFUSED
    operation: str
    """The operation's class."""
    code: str
    """The error's code (`errors.py`)."""
    path: Private = ""
    target: Private = ""
    omitted: int = 0
    """Refusals of this session before this one that were only counted."""
