"""Operations of people at a browser: signing in in two steps, proving who they are again, their own account, links.

A browser's session is the keeper's like every other; its handle is what the cookie holds. What only an administrator
may ask is in `administering.py`. Must stay true: a one-time code, a ticket and a link each count once.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from sealane.operations.accounts import AdminOperation, RowsAre
from sealane.operations.envelope import Answer, Done, Operation
from sealane.operations.signing import SignedIn

LinkPurpose = Literal["setup", "password"]


class SignInStep(Answer, frozen=True):
    """The session, or the ticket with which the one-time code is to come."""

    signed: SignedIn | None
    ticket: str = ""


class SignInAtPage(Operation, frozen=True):
    """A user name and password, typed into the sign-in page."""

    answer: ClassVar[type[Answer]] = SignInStep
    name: str
    password: str
    address: str


class SignInWithCode(Operation, frozen=True):
    """The second step: a one-time code (RFC 6238) or a recovery code. Counts once."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    ticket: str
    code: str
    address: str


class SessionIs(Answer, frozen=True):
    """Who speaks by a handle, and what a page needs to know to show what they may do."""

    session: str
    user: str
    organization: str
    role: str
    scopes: tuple[str, ...]
    method: str
    expires: datetime
    proved_until: datetime | None
    """Until when dangerous steps are open without proving again who they are."""
    second_factor: bool
    """They sign in with a one-time code too."""
    administers: Literal["", "organization", "node"]
    """What they administer: nothing, their organization, or every organization of the node."""


class LookSession(Operation, frozen=True):
    """Whose session is this? Looking keeps it alive."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = SessionIs
    handle: str


class ProveAgain(Operation, frozen=True):
    """Password (and code, where they have one), so that dangerous steps are open for a while."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    password: str
    code: str = ""


class ListOwnSessions(Operation, frozen=True):
    """The caller's open sessions."""

    answer: ClassVar[type[Answer]] = RowsAre
    handle: str


class EndOwnSession(Operation, frozen=True):
    """End one of the caller's sessions by its name."""

    answer: ClassVar[type[Answer]] = Done
    handle: str
    session: str


class OwnRecipientsAre(Answer, frozen=True):
    """The public keys that files are sealed to for the caller, oldest first."""

    recipients: tuple[str, ...]


class ListOwnRecipients(Operation, frozen=True):
    """With which keys can the caller open what is sealed for them?"""

    answer: ClassVar[type[Answer]] = OwnRecipientsAre
    handle: str


class SetOwnRecipient(Operation, frozen=True):
    """Add an age recipient (public key) to the caller, or take one away: what arrives from now on is sealed so.

    Whoever has the private key to it reads with the caller's rights, so it needs a proof.
    """

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    recipient: str
    present: bool


class ChangeOwnPassword(Operation, frozen=True):
    """Set the caller's own password; all their other sessions end."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    password: str
    """The one that they have."""
    new_password: str


class SecondFactorBegun(Answer, frozen=True):
    """A fresh secret for an authenticator app, in base32. It counts once a code of it was given."""

    secret: str


class BeginSecondFactor(Operation, frozen=True):
    """Make a secret for the caller's authenticator app."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SecondFactorBegun
    handle: str


class RecoveryCodesAre(Answer, frozen=True):
    """Codes that each stand for a one-time code once. They are shown here and nowhere else."""

    codes: tuple[str, ...]


class ConfirmSecondFactor(Operation, frozen=True):
    """The first code of the authenticator app: from now on signing in asks for one."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = RecoveryCodesAre
    handle: str
    code: str


class RemoveSecondFactor(Operation, frozen=True):
    """Sign in without a one-time code from now on."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str


# --- links that count once -------------------------------------------------------------------------------------------


class LinkIs(Answer, frozen=True):
    """A one-time link's secret; empty where none is needed."""

    secret: str


class NewSetupLink(AdminOperation, frozen=True):
    """Make the link of the first start, in place of an earlier one. An empty one where there is any user."""

    answer: ClassVar[type[Answer]] = LinkIs


class NewPasswordLink(AdminOperation, frozen=True):
    """Make a link by which a user sets their own password, in place of an earlier one."""

    answer: ClassVar[type[Answer]] = LinkIs
    user: str


class RemoveSecondFactorOf(AdminOperation, frozen=True):
    """Let a user who has lost their authenticator sign in without a one-time code; their sessions end."""

    answer: ClassVar[type[Answer]] = Done
    user: str


class LinkSays(Answer, frozen=True):
    """What a link is for."""

    purpose: LinkPurpose
    user: str
    """`NAME@ORG`, of a link to set a password."""
    expires: datetime


class LookLink(Operation, frozen=True):
    """What is this link for? Does not use it up. Raises `LinkOver`."""

    answer: ClassVar[type[Answer]] = LinkSays
    secret: str
    address: str


class SetUp(Operation, frozen=True):
    """The first start: the organization that runs the node and its administrator, by the setup link."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    secret: str
    organization: str
    name: str
    email: str
    password: str
    address: str


class SetPasswordByLink(Operation, frozen=True):
    """Set the password of the link's user. They sign in with it afterwards."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    secret: str
    password: str
    address: str
