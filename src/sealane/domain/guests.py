"""Who a guest is, and what a share's limits leave them.

A guest acts as an account of their own that has no password, key, group or grant, in a session of the method `guest`.
What they may do is what their share opens, of what its sender may do at this very moment: `places.view_of` has that.
Must stay true: a share that is recalled, over, or whose sender is disabled opens nothing; every download and every
upload of a guest is counted in the transaction that allows it; what came of a share's files, together with what its
guests have begun, is never more than it takes, and what nobody can go on with counts no more (`leave_unfinished`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.domain import letters, places
from sealane.domain.queries import shares as statements
from sealane.domain.rights import ALL_SCOPES
from sealane.domain.work import Caller, Guest
from sealane.errors import Invalid, NotAllowed, QuotaExceeded, SessionEnded
from sealane.ids import SessionId
from sealane.ledger import events
from sealane.operations.failures import NameUnwanted, NoDownloadsLeft

if TYPE_CHECKING:
    from sealane.domain.queries.sessions import SessionRow
    from sealane.domain.queries.shares import ShareRow
    from sealane.domain.work import Work
    from sealane.ids import UserId, VersionId
    from sealane.operations.uploads import BeginUpload

METHOD: Final = "guest"
"""How a guest's session was opened, as `sessions.method` has it."""
ROLE: Final = "guest"
_ON_THEIR_WAY: Final = (
    "No more is taken here while other files are on their way. What was begun and not finished counts until it is"
    " finished, or its visit is closed."
)


def is_open(work: Work, share: ShareRow) -> bool:
    """Return whether a share lets anybody in."""
    return share.recalled is None and share.expires > work.now and share.sender_disabled is None


def sender_of(share: ShareRow) -> Caller:
    """Return the sender as if they asked themselves, to find what they may do now."""
    return Caller(
        user_id=share.sender_id,
        organization_id=share.organization_id,
        name=f"{share.sender}@{share.organization}",
        role=share.sender_role,
        groups=frozenset(),
        scopes=ALL_SCOPES,
        session=SessionId(""),
        door="web",
        address="",
        expires=share.expires,
    )


def of_session(work: Work, row: SessionRow, *, after_the_end: bool) -> Guest:
    """Return which share a guest's session opens. Raises `SessionEnded` for one that is closed."""
    visit = work.transaction.first(statements.VISIT, session_id=row.id)
    share = None if visit is None else work.transaction.first(statements.SHARE, share_id=visit.share_id)
    if visit is None or share is None or not (after_the_end or is_open(work, share)):
        raise SessionEnded
    return Guest(
        share=share.id,
        writes=share.kind == "request",
        inviter=sender_of(share),
        folder_id=visit.folder_id,
        called=visit.name,
        replies_to=share.reply_folder_id if share.kind == "package" else None,
    )


def count_download(work: Work, caller: Caller, version: VersionId) -> None:
    """Count what a guest is about to fetch; once a visit, so that ranges and resumptions are not counted again.

    Raises `NoDownloadsLeft`.
    """
    guest = caller.guest
    if guest is None:
        return
    fetched = work.transaction.first(statements.FETCHED, session_id=caller.session, version_id=version)
    if fetched is not None and fetched.count:
        return
    share = work.transaction.first(statements.SHARE, share_id=guest.share)
    if share is None or (share.downloads_max and share.downloads >= share.downloads_max):
        raise NoDownloadsLeft
    work.transaction.run(statements.COUNT_DOWNLOAD, share_id=guest.share)
    work.transaction.run(statements.ADD_FETCHED, session_id=caller.session, version_id=version)
    work.transaction.run(statements.NOTE_FETCHED, guest=caller.user_id, at=work.now)


def check_begin(work: Work, caller: Caller, op: BeginUpload) -> None:
    """Raise what speaks against a guest's upload before any byte of it, by its name and that it has a length."""
    guest = caller.guest
    if guest is None:
        return
    share = work.transaction.first(statements.SHARE, share_id=guest.share)
    if share is None:
        raise SessionEnded
    if op.partial or op.mode != "create":
        raise NotAllowed("Send whole files here.")
    if op.declared is None:
        raise Invalid("Say how long the file is before it is sent.")
    if not guest.writes and not is_reply(guest, op.path):
        return  # what a package shows takes nothing, and its rights say so
    endings = tuple(share.endings.split())
    if endings and not op.path.lower().endswith(endings):
        raise NameUnwanted(f"Only files with these endings are wanted here: {' '.join(endings)}")


def is_reply(guest: Guest, path: str) -> bool:
    """Return whether a path leads to where a guest sends files back. Pure."""
    return guest.replies_to is not None and paths.parse(path)[:1] == (places.REPLIES_ROOM,)


def check_room(work: Work, caller: Caller, declared: int | None) -> None:
    """Raise `QuotaExceeded` where a guest's share takes no file of this length beside those that are on their way."""
    if caller.guest is None:
        return
    share = work.transaction.first(statements.SHARE, share_id=caller.guest.share)
    if share is None:
        raise SessionEnded
    _check_room(work, share, declared or 0)


def count_arrival(work: Work, caller: Caller, size: int, *, upload: str) -> None:
    """Count a file that a guest has sent, as `upload`. Raises `QuotaExceeded` where the share takes no more."""
    guest = caller.guest
    if guest is None:
        return
    share = work.transaction.first(statements.SHARE, share_id=guest.share)
    if share is None:
        raise SessionEnded
    _check_room(work, share, size, but=upload)
    work.transaction.run(statements.COUNT_UPLOAD, share_id=guest.share, size=size)
    before = work.transaction.first(statements.GUEST, user_id=caller.user_id)
    if guest.writes:
        work.transaction.run(statements.NOTE_FETCHED, guest=caller.user_id, at=work.now)
        if before is not None and before.fetched is None:
            letters.tell_sender(work, share, "arrived")
        return
    work.transaction.run(statements.NOTE_REPLIED, guest=caller.user_id, at=work.now)
    if before is not None and before.replied is None:
        work.record(events.ShareReplied(who=caller.who, share_id=share.id, owner_organization_id=share.organization_id))
        letters.tell_sender(work, share, "replied")


def _check_room(work: Work, share: ShareRow, size: int, *, but: str = "") -> None:
    """Raise unless one more file of this length fits; of what is on its way all counts but one upload."""
    if not (share.files_max or share.bytes_max):
        return
    files, length = unfinished(work, share, but=but)
    if share.files_max and share.came_files + files >= share.files_max:
        raise QuotaExceeded(_ON_THEIR_WAY if files else "No more files are taken here.")
    if share.bytes_max and share.came_bytes + length + size > share.bytes_max:
        raise QuotaExceeded(_ON_THEIR_WAY if length else "This is more than is taken here.")


def unfinished(work: Work, share: ShareRow, *, but: str = "", but_session: str = "") -> tuple[int, int]:
    """Return how many files the guests of a share have begun and not finished, and how long these are to be."""
    found = work.transaction.first(
        statements.UNFINISHED_OF_SHARE, share_id=share.id, at=work.now, but=but, but_session=but_session
    )
    return (0, 0) if found is None else (found.files, found.bytes)


def leave_unfinished(work: Work, user: UserId, session: SessionId) -> None:
    """Let go of what a guest has begun in a visit that is over; of anybody else's session nothing.

    Every visit has a folder of its own, so nobody goes on with it. It counts no more, and the next sweep clears it, on
    record and a bounded number at once. What was closed has come, and is sealed or read in its time.
    """
    work.transaction.run(statements.LEAVE_UNFINISHED, guest=user, session=session, at=work.now)
