"""Operations of signing in: the SSH exchange, keys, passwords, tokens, and the end of sessions.

The keeper believes no door about who somebody is: it verifies each proof itself. An SSH signature counts once, for an
exchange whose hash the keeper signed with the host key within the login grace time.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from sealane.operations.envelope import Answer, Asker, Done, Operation

Door = Literal["sftp", "http", "web", "local"]


class HostKeysAre(Answer, frozen=True):
    """The node's SSH host keys as public blobs (RFC 4253, 6.6), preferred first."""

    keys: tuple[bytes, ...]


class HostKeys(Operation, frozen=True):
    """Which SSH host keys does the node have? They are made on first start."""

    askers: ClassVar[Asker] = Asker.DOOR | Asker.ADMIN
    answer: ClassVar[type[Answer]] = HostKeysAre


class ExchangeSigned(Answer, frozen=True):
    """The signature blob (RFC 4253, 8): `string algorithm, string signature`."""

    signature: bytes


class SignExchange(Operation, frozen=True):
    """Sign the exchange hash H of a connection (RFC 4253, 8). `first` says that H becomes the session identifier."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = ExchangeSigned
    exchange_hash: bytes
    algorithm: str
    first: bool
    address: str


class SignedIn(Answer, frozen=True):
    """A session. `handle` is its secret, `session` its name in the ledger."""

    handle: str
    session: str
    user: str
    """`name@organization`."""
    scopes: tuple[str, ...]
    expires: datetime


class KeyAcceptableIs(Answer, frozen=True):
    """Whether a signature by this key is worth making."""

    acceptable: bool


class KeyAcceptable(Operation, frozen=True):
    """Would this public key be accepted for this user name, if its signature is right (RFC 4252, 7)?"""

    answer: ClassVar[type[Answer]] = KeyAcceptableIs
    name: str
    key: bytes
    address: str


class SignInWithKey(Operation, frozen=True):
    """A user's SSH signature over the session identifier and their request (RFC 4252, 7). Counts once."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    name: str
    session_identifier: bytes
    """The exchange hash that the keeper signed first for this connection."""
    algorithm: str
    key: bytes
    """The public key blob."""
    signature: bytes
    """The signature blob as the client sent it."""
    address: str
    door: Door = "sftp"


class SignInWithPassword(Operation, frozen=True):
    """A user name and password. For SSH `session_identifier` names the exchange; for HTTP it is empty."""

    answer: ClassVar[type[Answer]] = SignedIn
    name: str
    password: str
    session_identifier: bytes
    address: str
    door: Door


class SignInWithToken(Operation, frozen=True):
    """An API token. The session it opens is short and may be opened again as long as the token is valid."""

    answer: ClassVar[type[Answer]] = SignedIn
    token: str
    address: str
    door: Door
    follows: str = ""
    """The handle of the session that this one follows: what is being downloaded in that goes on in this."""


class SignOut(Operation, frozen=True):
    """End a session; whatever it holds is let go."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str
    reason: str = "signed out"


class KeepAlive(Operation, frozen=True):
    """The session is in use, though nothing else is asked: a long transfer runs in it."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str


class Health(Operation, frozen=True):
    """Is the keeper there and able to write? Answered after a durable transaction."""

    askers: ClassVar[Asker] = Asker.DOOR | Asker.INSPECTOR | Asker.ADMIN
    answer: ClassVar[type[Answer]] = Done
