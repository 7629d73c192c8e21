"""Sending and requesting, the sender's side: shares made, looked at, recalled. The guests' side is `visits.py`.

A share is of one folder of the sender's own organization, by the rights that the sender has at the moment at which a
guest comes. Must stay true: no share is without an end; a link's secret is told once and stored hashed; whoever is in a
share that is recalled is out in the same transaction.
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sealane import ids
from sealane.domain import guests, letters, passwords, places, rights, sessions
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import shares as statements
from sealane.domain.rights import Act
from sealane.errors import Invalid, Missing, NotAllowed, TooMany
from sealane.ids import UserId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import ShareMissing
from sealane.operations.sharing import GuestIs, Letter, ShareIs, ShareLink, ShareMade, SharesAre

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.places import Folder
    from sealane.domain.queries.shares import ShareRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId
    from sealane.operations.sharing import ListShares, LookShare, MakeShare, Proof, RecallShare

SECRET_BYTES: Final = 32
_NAME_BYTES: Final = 5
_TITLE_MAX: Final = 200
_ENDING: Final = re.compile(r"\.[a-z0-9]{1,12}")
_ENDINGS_MAX: Final = 20
_LISTED_MAX: Final = 200
_NEEDS: Final = {
    "package": (Act.LIST_FOLDER, Act.READ_FILE),
    "request": (Act.WRITE_FILE, Act.MAKE_FOLDER),
    "reply": (Act.WRITE_FILE, Act.MAKE_FOLDER),
}
"""What the sender must be able to do themselves."""


def check(work: Work, caller: Caller, op: MakeShare) -> Folder:
    """Return the folder of a share to be. Raises what speaks against it."""
    folder = places.find_folder(work, caller, op.folder)
    if folder.virtual or folder.organization_id != caller.organization_id:
        raise NotAllowed("Only folders of your own organization can be sent.")
    for act in _NEEDS[op.kind]:
        folder.demand(caller, act)
    if op.kind == "package" and folder.row.sealed_by is not None:
        raise Invalid("What is sealed opens only with its readers' keys: it cannot be sent to guests.")
    _check_words(work, op)
    _check_limits(op)
    _reply_folder(work, caller, op, folder)
    if op.password:
        passwords.check(op.password, work.settings)
    open_now = work.transaction.first(statements.COUNT_OPEN, sender_id=caller.user_id, at=work.now)
    if open_now is not None and open_now.count >= work.settings.shares_per_user_max:
        raise TooMany("You have too many open packages and requests. Recall some of them.")
    return folder


def _reply_folder(work: Work, caller: Caller, op: MakeShare, folder: Folder) -> Folder | None:
    """Return the folder that takes what a package's guests send back. Raises what speaks against it."""
    if not op.replies_to:
        return None
    if op.kind == "request":
        raise Invalid("A request takes files anyway.")
    found = places.find_folder(work, caller, op.replies_to)
    if found.virtual or found.organization_id != caller.organization_id:
        raise NotAllowed("Only a folder of your own organization can take what is sent back.")
    for act in _NEEDS["reply"]:
        found.demand(caller, act)
    if _is_in(work, found.id, folder.id):
        raise Invalid("What is sent back cannot go into the folder that is sent: all its recipients would see it.")
    return found


def _check_words(work: Work, op: MakeShare) -> None:
    if not op.title.strip() or len(op.title) > _TITLE_MAX or not op.title.isprintable():
        raise Invalid(f"Give it a title, in one line of at most {_TITLE_MAX} characters.")
    if len(op.note) > work.settings.note_characters_max:
        raise Invalid(f"The note may have {work.settings.note_characters_max} characters at most.")
    if len(op.mailboxes) > work.settings.share_guests_max:
        raise Invalid(f"At most {work.settings.share_guests_max} people can be sent to at once.")
    folded = [letters.checked(mailbox).casefold() for mailbox in op.mailboxes]
    if len(set(folded)) != len(folded):
        raise Invalid("An e-mail address is there twice.")
    if op.mailboxes and not op.password and not letters.is_on(work):
        raise Invalid("This server sends no mail. Set a password, and tell it to them otherwise.")


def _check_limits(op: MakeShare) -> None:
    if min(op.downloads_max, op.bytes_max, op.files_max) < 0:
        raise Invalid("A limit is a number, or empty for none.")
    if len(op.endings) > _ENDINGS_MAX or not all(_ENDING.fullmatch(ending) for ending in op.endings):
        raise Invalid("Write endings of names as .pdf .csv, of small letters and digits, separated by spaces.")


def _until(work: Work, op: MakeShare) -> datetime:
    usual = min(work.settings.share_seconds, work.settings.share_seconds_max)
    until = op.expires or work.now + timedelta(seconds=usual)
    if not work.now < until <= work.now + timedelta(seconds=work.settings.share_seconds_max):
        days = work.settings.share_seconds_max // 86400
        raise Invalid(f"The end must be in the future, and {days} days from now at most.")
    return until


def make(work: Work, caller: Caller, op: MakeShare, password_hash: str | None) -> ShareMade:
    """Make a share, its guests and their links; the links go out by mail where mail is on."""
    folder = check(work, caller, op)
    share, until = ids.random_name(), _until(work, op)
    replies_to = _reply_folder(work, caller, op, folder)
    bytes_max, files_max = op.bytes_max, op.files_max
    if op.kind == "package":
        bytes_max = 0 if replies_to is None else bytes_max or work.settings.reply_bytes_max
        files_max = 0 if replies_to is None else files_max or work.settings.reply_files_max
    proof: Proof = "password" if password_hash else ("code" if op.mailboxes else "link")
    work.transaction.run(
        statements.ADD_SHARE,
        id=share,
        sender_id=caller.user_id,
        kind=op.kind,
        folder_id=folder.id,
        title=op.title.strip(),
        wrapped_note=work.keys.wrap_secret(_note_name(share), op.note.encode("utf-8", "replace")),
        proof=proof,
        password_hash=password_hash,
        language=op.language if op.language in {"en", "de", "es"} else "en",
        made=work.now,
        expires=until,
        downloads_max=op.downloads_max,
        bytes_max=bytes_max,
        files_max=files_max,
        endings=" ".join(op.endings),
        reply_folder_id=None if replies_to is None else replies_to.id,
    )
    made = [_add_guest(work, caller, share, mailbox) for mailbox in op.mailboxes or ("",)]
    mailed = bool(op.mailboxes) and letters.is_on(work)
    for _, link in made if mailed else ():
        letters.post(
            work,
            caller.organization_id,
            Letter(
                kind=op.kind,
                to=link.mailbox,
                language=op.language,
                sender=caller.name,
                link=f"{work.settings.public_url.rstrip('/')}/p/{link.secret}",
                until=until,
            ),
        )
    work.record(
        events.ShareMade(
            who=caller.who,
            share_id=share,
            owner_organization_id=folder.organization_id,
            share_kind=op.kind,
            folder_id=folder.id,
            path=folder.path,
            proof=proof,
            expires=until,
            guest_ids=tuple(user for user, _ in made),
            mailboxes=" ".join(op.mailboxes) or "-",
            downloads_max=op.downloads_max,
            bytes_max=bytes_max,
            files_max=files_max,
            reply_folder_id=None if replies_to is None else replies_to.id,
        )
    )
    return ShareMade(share=share, proof=proof, mailed=mailed, links=tuple(link for _, link in made))


def _add_guest(work: Work, caller: Caller, share: str, mailbox: str) -> tuple[UserId, ShareLink]:
    """Make the account that a guest acts as. It has a name for the ledger and nothing to sign in with."""
    user = UserId(
        work.transaction.insert(
            account_statements.ADD_USER,
            organization_id=caller.organization_id,
            name=f"guest-{secrets.token_hex(_NAME_BYTES)}",
            role="member",
            email=mailbox,
            password_hash=None,
            made=work.now,
        )
    )
    secret = secrets.token_urlsafe(SECRET_BYTES)
    work.transaction.run(statements.ADD_GUEST, user_id=user, share_id=share, mailbox=mailbox, link_hash=hash_of(secret))
    return user, ShareLink(mailbox=mailbox, secret=secret)


def hash_of(secret: str) -> bytes:
    """Return how a secret of many random bits is stored. Pure."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def proof_of(share: ShareRow) -> Proof:
    """Return how a share's guests prove who they are. Pure."""
    match share.proof:
        case "code" | "password":
            return share.proof
        case _:
            return "link"


def _note_name(share: str) -> str:
    return f"share-note-{share}"


def reply_name(user: UserId) -> str:
    """Return the name under which a guest's reply is wrapped."""
    return f"share-reply-{user}"


def note_of(work: Work, share: ShareRow) -> str:
    """Return the sender's note; of a request that was forgotten there is none."""
    if not share.wrapped_note:
        return ""
    return work.keys.unwrap_secret(_note_name(share.id), share.wrapped_note).decode()


# --- looking, recalling ----------------------------------------------------------------------------------------------


def list_shares(work: Work, caller: Caller, op: ListShares) -> SharesAre:
    """List the caller's shares, newest first."""
    limit = min(op.limit, _LISTED_MAX) if op.limit > 0 else _LISTED_MAX
    found = work.transaction.all(statements.OF_SENDER, sender_id=caller.user_id, limit=limit, start=max(0, op.start))
    count = work.transaction.first(statements.COUNT_OF_SENDER, sender_id=caller.user_id)
    shares = tuple(_told(work, caller, share, whole=False) for share in found)
    return SharesAre(shares, total=0 if count is None else count.count)


def look_share(work: Work, caller: Caller, op: LookShare) -> ShareIs:
    """Say how a share of the caller's stands."""
    return _told(work, caller, _own(work, caller, op.share), whole=True)


def recall(work: Work, caller: Caller, op: RecallShare) -> Done:
    """Close a share; the sessions of its guests end."""
    share = _own(work, caller, op.share)
    if work.transaction.run(statements.RECALL, share_id=share.id, at=work.now):
        found = work.transaction.all(statements.VISITS_OPEN, share_id=share.id)
        sessions.end(work, found, who=caller.who, reason="share recalled")
        work.record(
            events.ShareRecalled(who=caller.who, share_id=share.id, owner_organization_id=share.organization_id)
        )
    return Done()


def _own(work: Work, caller: Caller, name: str) -> ShareRow:
    share = work.transaction.first(statements.SHARE, share_id=name)
    if share is None or share.sender_id != caller.user_id:
        raise ShareMissing
    return share


def folder_of(work: Work, share: ShareRow) -> Folder | None:
    """Return a share's folder if its sender may do themselves, now, what it lets guests do."""
    return _still(work, share, share.folder_id, _NEEDS[share.kind])


def reply_folder_of(work: Work, share: ShareRow) -> Folder | None:
    """Return the folder that takes what guests send back, if its sender may write there now; None where none does."""
    found = None if share.reply_folder_id is None else _still(work, share, share.reply_folder_id, _NEEDS["reply"])
    if found is not None and _is_in(work, found.id, share.folder_id):
        return None  # moved into what is sent: all its recipients would see it
    return found


def _is_in(work: Work, folder: FolderId, above: FolderId) -> bool:
    return any(link.id == above for link in work.tree.chain(work.transaction, folder))


def _still(work: Work, share: ShareRow, folder_id: FolderId, needed: tuple[Act, ...]) -> Folder | None:
    sender = guests.sender_of(share)
    try:
        folder = places.find_again(work, sender, folder_id)
    except Missing:
        return None
    stands = all(rights.may(sender, act, folder.granted) for act in needed)
    return folder if stands and folder.organization_id == share.organization_id else None


def _told(work: Work, caller: Caller, share: ShareRow, *, whole: bool) -> ShareIs:
    folder, replies_to = folder_of(work, share), reply_folder_of(work, share)
    state = "open" if guests.is_open(work, share) else "over"
    if share.recalled is not None:
        state = "recalled"
    elif state == "open" and folder is None:
        state = "closed"
    return ShareIs(
        share=share.id,
        kind="package" if share.kind == "package" else "request",
        folder="" if folder is None else places.as_seen(work, caller, folder),
        title=share.title,
        note=note_of(work, share) if whole else "",
        proof=proof_of(share),
        made=share.made,
        expires=share.expires,
        state=state,
        downloads_max=share.downloads_max,
        downloads=share.downloads,
        bytes_max=share.bytes_max,
        files_max=share.files_max,
        came_bytes=share.came_bytes,
        came_files=share.came_files,
        endings=tuple(share.endings.split()),
        guests=_guests(work, caller, share, whole=whole),
        replies_to="" if replies_to is None else places.as_seen(work, caller, replies_to),
    )


def _guests(work: Work, caller: Caller, share: ShareRow, *, whole: bool) -> tuple[GuestIs, ...]:
    return tuple(
        GuestIs(
            account=f"{row.account}@{places.organization_of(caller)}",
            mailbox=row.mailbox,
            came=row.came,
            fetched=row.fetched,
            replied=row.replied,
            reply=work.keys.unwrap_secret(reply_name(row.user_id), row.wrapped_reply).decode()
            if whole and row.wrapped_reply
            else "",
        )
        for row in work.transaction.all(statements.GUESTS_OF, share_id=share.id)
    )


def wrap_anew(work: Work) -> None:
    """Wrap notes, replies and letters by the newest node key."""
    for row in work.transaction.all(statements.NOTES):
        name = _note_name(str(row.key))
        work.transaction.run(
            statements.REWRAP_NOTE,
            which=row.key,
            anew=work.keys.wrap_secret(name, work.keys.unwrap_secret(name, row.wrapped)),
        )
    for row in work.transaction.all(statements.REPLIES):
        name = reply_name(UserId(int(row.key)))
        work.transaction.run(
            statements.REWRAP_REPLY,
            which=row.key,
            anew=work.keys.wrap_secret(name, work.keys.unwrap_secret(name, row.wrapped)),
        )
    letters.wrap_anew(work)
