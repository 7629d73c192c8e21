"""Events of organizations, users, groups and their credentials."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sealane.ledger.events.base import OPERATOR, Event, Kind, Private, Who


class OrganizationAdded(Event, frozen=True, kw_only=True):
    """An organization was made."""

    kind: ClassVar[Kind] = Kind.ORGANIZATION_ADDED
    who: Who = OPERATOR
    owner_organization_id: int
    organization_name: Private
    quota_bytes: int
    quota_files: int


class AccountEvent(Event, frozen=True, kw_only=True):
    """Base of what is done to an account."""

    who: Who = OPERATOR
    account_id: int
    account_name: Private
    owner_organization_id: int


class UserAdded(AccountEvent, frozen=True, kw_only=True):
    """A user was made."""

    kind: ClassVar[Kind] = Kind.USER_ADDED
    role: str
    email: Private = ""


class UserDisabled(AccountEvent, frozen=True, kw_only=True):
    """A user was disabled."""

    kind: ClassVar[Kind] = Kind.USER_DISABLED


class UserEnabled(AccountEvent, frozen=True, kw_only=True):
    """A disabled user may sign in again."""

    kind: ClassVar[Kind] = Kind.USER_ENABLED


class RoleSet(AccountEvent, frozen=True, kw_only=True):
    """A user's role was changed."""

    kind: ClassVar[Kind] = Kind.ROLE_SET
    role: str
    previous_role: str


class PasswordSet(AccountEvent, frozen=True, kw_only=True):
    """A user's password was set."""

    kind: ClassVar[Kind] = Kind.PASSWORD_SET


class SecondFactorSet(AccountEvent, frozen=True, kw_only=True):
    """One-time codes at sign-in were switched on or off for a user."""

    kind: ClassVar[Kind] = Kind.SECOND_FACTOR_SET
    on: bool


class PasswordLinkMade(AccountEvent, frozen=True, kw_only=True):
    """A link was made by which a user sets their own password."""

    kind: ClassVar[Kind] = Kind.PASSWORD_LINK_MADE


class NodeOrganizationSet(Event, frozen=True, kw_only=True):
    """The administrators of this organization run the node: they administer every organization."""

    kind: ClassVar[Kind] = Kind.NODE_ORGANIZATION_SET
    who: Who = OPERATOR
    owner_organization_id: int


class SshKeyAdded(AccountEvent, frozen=True, kw_only=True):
    """A user has a further SSH key."""

    kind: ClassVar[Kind] = Kind.SSH_KEY_ADDED
    ssh_key_id: int
    fingerprint: Private


class SshKeyRemoved(AccountEvent, frozen=True, kw_only=True):
    """An SSH key was removed."""

    kind: ClassVar[Kind] = Kind.SSH_KEY_REMOVED
    ssh_key_id: int
    fingerprint: Private


class TokenAdded(AccountEvent, frozen=True, kw_only=True):
    """An API token was made."""

    kind: ClassVar[Kind] = Kind.TOKEN_ADDED
    token_id: int
    token_name: Private
    scopes: tuple[str, ...]
    expires: datetime | None = None


class TokenRevoked(AccountEvent, frozen=True, kw_only=True):
    """An API token was revoked."""

    kind: ClassVar[Kind] = Kind.TOKEN_REVOKED
    token_id: int
    token_name: Private


class PasskeyAdded(AccountEvent, frozen=True, kw_only=True):
    """A user has a further passkey."""

    kind: ClassVar[Kind] = Kind.PASSKEY_ADDED
    passkey_id: int


class PasskeyRemoved(AccountEvent, frozen=True, kw_only=True):
    """A passkey was removed; an id of 0 stands for all that a user had."""

    kind: ClassVar[Kind] = Kind.PASSKEY_REMOVED
    passkey_id: int


class RecipientAdded(AccountEvent, frozen=True, kw_only=True):
    """A user has a further age recipient (public key)."""

    kind: ClassVar[Kind] = Kind.RECIPIENT_ADDED
    recipient: Private


class OfficerSet(Event, frozen=True, kw_only=True):
    """The privacy officer's recipients of an organization, to which its people lists are sealed."""

    kind: ClassVar[Kind] = Kind.OFFICER_SET
    who: Who = OPERATOR
    owner_organization_id: int
    recipients: Private


class GroupAdded(Event, frozen=True, kw_only=True):
    """A group was made."""

    kind: ClassVar[Kind] = Kind.GROUP_ADDED
    who: Who = OPERATOR
    group_id: int
    group_name: Private
    owner_organization_id: int


class MembershipSet(AccountEvent, frozen=True, kw_only=True):
    """A user was put into a group or out of it."""

    kind: ClassVar[Kind] = Kind.MEMBERSHIP_SET
    group_id: int
    group_name: Private
    member: bool
