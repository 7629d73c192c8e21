"""Events of packages and requests: made, sent, entered, answered, closed; mail that did not get out."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sealane.ledger.events.base import KEEPER, Event, Kind, Private, Who


class ShareEvent(Event, frozen=True, kw_only=True):
    """Base of what is done with a share."""

    share_id: str
    owner_organization_id: int


class ShareMade(ShareEvent, frozen=True, kw_only=True):
    """A user sends what is in a folder to guests, or asks them for files."""

    kind: ClassVar[Kind] = Kind.SHARE_MADE
    share_kind: str
    folder_id: int
    path: Private
    proof: str
    expires: datetime
    guest_ids: tuple[int, ...]
    """The accounts that the guests act as."""
    mailboxes: Private
    """Of the guests, in the same order, separated by spaces; `-` for none."""
    downloads_max: int = 0
    bytes_max: int = 0
    files_max: int = 0
    reply_folder_id: int | None = None
    """A package: under which folder files that guests send back come to stand."""


class ShareRecalled(ShareEvent, frozen=True, kw_only=True):
    """A share was closed by its sender."""

    kind: ClassVar[Kind] = Kind.SHARE_RECALLED


class ShareForgotten(ShareEvent, frozen=True, kw_only=True):
    """A share that has been over for long was forgotten with its note, its guests, their addresses and replies."""

    kind: ClassVar[Kind] = Kind.SHARE_FORGOTTEN
    who: Who = KEEPER
    guest_ids: tuple[int, ...]
    """The accounts that the guests acted as."""
    removed_ids: tuple[int, ...]
    """Those that are no longer there; the others stay as the senders of what is stored, without an address."""


class ShareCodeSent(ShareEvent, frozen=True, kw_only=True):
    """A one-time code is on its way to a guest's mailbox."""

    kind: ClassVar[Kind] = Kind.SHARE_CODE_SENT
    who: Who = KEEPER
    account_id: int
    mailbox: Private
    address_range: str
    """Of whoever asked for it."""


class ShareEntered(ShareEvent, frozen=True, kw_only=True):
    """A guest has proved who they are, as the share asks, and is in it."""

    kind: ClassVar[Kind] = Kind.SHARE_ENTERED
    proof: str
    mailbox: Private = ""
    called: Private = ""
    """As they called themselves, unproved."""


class ShareReplied(ShareEvent, frozen=True, kw_only=True):
    """A guest has answered the sender."""

    kind: ClassVar[Kind] = Kind.SHARE_REPLIED


class MailGivenUp(Event, frozen=True, kw_only=True):
    """A mail was not taken by the mail server, and is not tried again."""

    kind: ClassVar[Kind] = Kind.MAIL_GIVEN_UP
    who: Who = KEEPER
    owner_organization_id: int
    letter: str
    mailbox: Private
    tries: int
