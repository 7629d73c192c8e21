"""Operations of sending and requesting: packages and request links, made by a user, opened by guests, told by mail.

A share opens one folder of its sender's to guests: a package to read, a request to send files into. A guest's session
is the keeper's like every other, but hears only the operations that say so (`Operation.for_guests`).
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from sealane.operations.envelope import Answer, Asker, Done, Operation
from sealane.operations.signing import SignedIn

ShareKind = Literal["package", "request"]
Proof = Literal["code", "password", "link"]
"""How guests prove who they are: a code sent to their mailbox, a password told otherwise, or nothing but the link."""
MailOutcome = Literal["taken", "later", "refused"]


class MakeShare(Operation, frozen=True):
    """Send what is in a folder to people, or ask them for files into it."""

    repeatable: ClassVar[bool] = False
    handle: str
    kind: ShareKind
    folder: str
    """As the sender sees it."""
    title: str
    note: str
    mailboxes: tuple[str, ...]
    """E-mail addresses; none for one link that the sender passes on."""
    password: str
    """Empty for none."""
    expires: datetime | None
    """None: after `share_seconds`. No share is without an end."""
    downloads_max: int = 0
    bytes_max: int = 0
    files_max: int = 0
    endings: tuple[str, ...] = ()
    """What the name of a file that comes may end with: `.pdf`. None: anything."""
    language: str = "en"
    replies_to: str = ""
    """A package: the folder that takes what guests send back, each visit's in one of its own. Empty: it takes none.
    The limits of files, bytes and endings are those of what is sent back then."""


class ShareLink(msgspec.Struct, frozen=True, array_like=True):
    """A link to pass on. It is told here and nowhere else."""

    mailbox: str
    secret: str


class ShareMade(Answer, frozen=True):
    """A share was made."""

    share: str
    proof: Proof
    mailed: bool
    """The links are on their way by mail."""
    links: tuple[ShareLink, ...]


MakeShare.answer = ShareMade


class GuestIs(msgspec.Struct, frozen=True, array_like=True):
    """How a share stands with one of those it was sent to."""

    account: str
    """`guest-…@ORG`, as the ledger and receipts name them."""
    mailbox: str
    came: datetime | None
    fetched: datetime | None
    replied: datetime | None
    reply: str = ""


class ShareIs(Answer, frozen=True):
    """A share, as its sender sees it."""

    share: str
    kind: ShareKind
    folder: str
    """Empty where the folder is gone or no longer the sender's to see."""
    title: str
    note: str
    proof: Proof
    made: datetime
    expires: datetime
    state: Literal["open", "recalled", "over", "closed"]
    """`closed`: the sender may no longer do themselves what it lets guests do."""
    downloads_max: int
    downloads: int
    bytes_max: int
    files_max: int
    came_bytes: int
    came_files: int
    endings: tuple[str, ...]
    guests: tuple[GuestIs, ...]
    replies_to: str = ""
    """Where what guests send back goes; empty where it takes none, or its folder is no longer the sender's to see."""


class LookShare(Operation, frozen=True):
    """How does a share of the caller's stand?"""

    answer: ClassVar[type[Answer]] = ShareIs
    handle: str
    share: str


class SharesAre(Answer, frozen=True):
    """The caller's shares, newest first, without their notes and replies."""

    shares: tuple[ShareIs, ...]
    total: int = 0
    """How many there are in all."""


class ListShares(Operation, frozen=True):
    """The caller's shares, newest first: so many from such a place on (`limit` 0: as many as one answer has)."""

    answer: ClassVar[type[Answer]] = SharesAre
    handle: str
    start: int = 0
    limit: int = 0


class RecallShare(Operation, frozen=True):
    """Close a share; whoever is in it is out at once."""

    answer: ClassVar[type[Answer]] = Done
    handle: str
    share: str


# --- guests, before they are known -----------------------------------------------------------------------------------


class InvitationIs(Answer, frozen=True):
    """What a link is for: all that its bearer is told before they have proved who they are."""

    kind: ShareKind
    proof: Proof


class LookInvitation(Operation, frozen=True):
    """What is this link for? Raises `LinkOver`, for every link that opens nothing alike."""

    answer: ClassVar[type[Answer]] = InvitationIs
    secret: str
    address: str


class CodeAsked(Answer, frozen=True):
    """A code is on its way if the mailbox is the one that the link was sent to; the answer is the same if not."""

    ticket: str


class AskCode(Operation, frozen=True):
    """Send a one-time code to this mailbox."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = CodeAsked
    secret: str
    mailbox: str
    browser: str
    """A secret of the browser that asks: the code counts in no other."""
    address: str


class EnterWithCode(Operation, frozen=True):
    """The code that came by mail. Counts once."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    ticket: str
    code: str
    browser: str
    name: str
    """As they call themselves, where they send files; nobody has proved it."""
    address: str


class EnterWithLink(Operation, frozen=True):
    """Open a link that asks for a password, or for nothing."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = SignedIn
    secret: str
    password: str
    name: str
    address: str


# --- guests, in their session ----------------------------------------------------------------------------------------


class VisitIs(Answer, frozen=True):
    """What a guest is shown of the share that they are in."""

    kind: ShareKind
    path: str
    """Where the folder is for them."""
    title: str
    note: str
    sender: str
    organization: str
    expires: datetime
    downloads_left: int | None
    """None without a limit."""
    bytes_left: int | None
    files_left: int | None
    endings: tuple[str, ...]
    replied: bool
    """In words; another reply takes the place of these."""
    reply_path: str = ""
    """Where they may send files back; empty where none are taken."""


class LookVisit(Operation, frozen=True):
    """What is this guest's session for?"""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = VisitIs
    handle: str


class ReplyToShare(Operation, frozen=True):
    """Answer the sender. A second reply takes the place of the first."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str
    text: str


# --- mail ------------------------------------------------------------------------------------------------------------


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """What a mail says, before it is put into words. `facts` has nothing that the recipient may not know."""

    kind: Literal["package", "request", "code", "replied", "arrived"]
    to: str
    language: str
    sender: str = ""
    link: str = ""
    code: str = ""
    until: datetime | None = None


class Mail(msgspec.Struct, frozen=True, array_like=True):
    """One mail that is due."""

    mail: int
    letter: Letter


class MailsAre(Answer, frozen=True):
    """Mail that is due, lent for `mail_lease_seconds`."""

    mails: tuple[Mail, ...]


class LeaseMails(Operation, frozen=True):
    """Take mail that is due."""

    askers: ClassVar[Asker] = Asker.JOBS
    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = MailsAre
    limit: int = 20


class TellMail(Operation, frozen=True):
    """What became of a mail: `taken` by the mail server, to be tried `later`, or `refused` for good."""

    askers: ClassVar[Asker] = Asker.JOBS
    answer: ClassVar[type[Answer]] = Done
    mail: int
    outcome: MailOutcome
