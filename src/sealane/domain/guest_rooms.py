"""The folders that guests' files go into: one for each visit, so that no guest meets what another has sent.

A request's is made when its guest comes in; where a package takes files back, with the first file that is begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.domain import folders, guests, sharing
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import shares as statements
from sealane.errors import Missing, TooMany
from sealane.ledger import events

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId
    from sealane.operations.uploads import BeginUpload

CALLED_MAX: Final = 60
_CALLED_BYTES_MAX: Final = 200
"""Of the 255 that a name may have, with the date before and a number behind."""
_SAME_NAMES_MAX: Final = 50


def make(work: Work, who: events.Who, folder: Folder, called: str) -> FolderId:
    """Make the folder that this visit's files go into, so that no guest meets, or writes over, what another sent."""
    base = work.now.strftime("%Y-%m-%d %H.%M ") + _as_name(called)
    for number in range(1, _SAME_NAMES_MAX):
        name = paths.check_name(base.strip() if number == 1 else f"{base.strip()} ({number})")
        file = work.transaction.first(file_statements.BY_NAME, folder_id=folder.id, name=name)
        if file is None and work.tree.child(work.transaction, folder.id, name) is None:
            break
    else:
        raise TooMany
    folders.check_room_for_folder(work, folder.id, height=0)
    made = folders.add(work, organization_id=folder.organization_id, parent_id=folder.id, name=name, modified=work.now)
    work.record(
        events.FolderMade(
            who=who, folder_id=made, owner_organization_id=folder.organization_id, path=folder.path_of(name)
        )
    )
    return made


def _as_name(text: str) -> str:
    """Return what of a guest's name, or mailbox, can stand in a folder's name. Pure."""
    kept = "".join(letter if letter.isalnum() or letter in "-_@." else " " for letter in text)
    return " ".join(kept.split()).strip(". ").encode()[:_CALLED_BYTES_MAX].decode(errors="ignore").strip()


def ready(work: Work, caller: Caller, op: BeginUpload) -> None:
    """Make the folder that a guest's reply goes into, if this is its first file. Raises `Missing` where none may be."""
    guest = caller.guest
    if guest is None or not guests.is_reply(guest, op.path):
        return
    visit = work.transaction.first(statements.VISIT, session_id=caller.session)
    share = work.transaction.first(statements.SHARE, share_id=guest.share)
    account = work.transaction.first(statements.GUEST, user_id=caller.user_id)
    folder = None if share is None else sharing.reply_folder_of(work, share)
    if visit is None or account is None or folder is None:
        raise Missing
    if visit.reply_folder_id is None or work.tree.folder(work.transaction, visit.reply_folder_id) is None:
        room = make(work, caller.who, folder, guest.called or account.mailbox or account.account)
        work.transaction.run(statements.SET_REPLY_FOLDER, session=caller.session, folder=room)
