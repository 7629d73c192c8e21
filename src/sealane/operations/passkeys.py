"""Operations of passkeys (W3C Web Authentication, level 3): added, used to sign in and to prove again, named, removed.

What goes to the browser and comes back is JSON as `PublicKeyCredential` reads and writes it; the keeper makes and
checks it. Must stay true: a challenge counts once, for the session or browser that it was given to.
"""

from __future__ import annotations

from typing import ClassVar

from sealane.operations.accounts import RowsAre
from sealane.operations.envelope import Answer, Done, Operation
from sealane.operations.signing import SignedIn


class PasskeyOptions(Answer, frozen=True):
    """What the browser is to ask the authenticator, as JSON."""

    options: str


class BeginPasskey(Operation, frozen=True):
    """Begin to add a passkey to the caller's account."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = PasskeyOptions
    handle: str


class AddPasskey(Operation, frozen=True):
    """The authenticator's answer: from now on it signs in."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    response: str
    name: str


class ListPasskeys(Operation, frozen=True):
    """The caller's passkeys."""

    answer: ClassVar[type[Answer]] = RowsAre
    handle: str


class RenamePasskey(Operation, frozen=True):
    """Give one of the caller's passkeys another name."""

    answer: ClassVar[type[Answer]] = Done
    handle: str
    passkey: int
    name: str


class RemovePasskey(Operation, frozen=True):
    """Remove one of the caller's passkeys; the sessions that it opened end."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    passkey: int


class BeginPasskeyProof(Operation, frozen=True):
    """Begin to prove again, by a passkey, who the caller is."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = PasskeyOptions
    handle: str


class ProveByPasskey(Operation, frozen=True):
    """The authenticator's answer, so that dangerous steps are open for a while."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    response: str


class BeginPasskeySignIn(Operation, frozen=True):
    """Begin to sign in by a passkey. Nothing is told of any account."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = PasskeyOptions
    browser: str
    """A secret of the browser that asks."""
    address: str


class SignInWithPasskey(Operation, frozen=True):
    """The authenticator's answer."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    response: str
    browser: str
    address: str


class BeginPasskeySetUp(Operation, frozen=True):
    """Begin the first start with a passkey: what an authenticator is to be asked. Raises `LinkOver`."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = PasskeyOptions
    secret: str
    organization: str
    name: str
    browser: str
    """A secret of the browser that asks."""
    address: str


class SetUpWithPasskey(Operation, frozen=True):
    """The first start: the organization that runs the node and its administrator, who signs in by this passkey."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    secret: str
    organization: str
    name: str
    email: str
    response: str
    browser: str
    address: str
