"""What a path names, for whom.

`/`             the virtual root: the caller's own organization's folders, then names given by `--as`, then `/@ORG`
`/PATH`         a folder or file of the caller's own organization
`/NAME`         a folder that any organization granted to be shown as NAME (own visible folders of that name go before)
`/@ORG/PATH`    a folder or file of another organization

Rights are the union of the grants on a folder and on the folders above it. A folder above a granted one is a way
through: it is visible, and lists what leads on. What a caller may not see and what is not there answer alike. The
virtual root and `/@ORG` take no files or folders; the administrator makes what stands there.

Not here: deciding acts (`rights.may`), reading pages (`listing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.domain import rights
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as folder_statements
from sealane.domain.queries import shares as share_statements
from sealane.domain.rights import NO_RIGHTS, Act, Right
from sealane.domain.views import Doorway, View
from sealane.errors import IsAFolder, Missing, NotAFolder, NotAllowed

if TYPE_CHECKING:
    from sealane.domain.queries.files import FileRow
    from sealane.domain.queries.folders import FolderRow
    from sealane.domain.work import Caller, Guest, Work
    from sealane.ids import FolderId, OrganizationId


GUESTS_ROOM: Final = "share"
"""The name by which a guest comes to the one folder that they see."""
REPLIES_ROOM: Final = "reply"
"""The name by which a guest comes to where they send files back; they see nothing there."""
AGE_SUFFIX: Final = ".age"
"""What the name of an age file ends with."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that this caller sees, and how they stand in it."""

    id: FolderId
    organization_id: OrganizationId
    granted: Right
    """What is granted on it and above it, before the session's scopes."""
    path: str
    """`ORGANIZATION:/PATH`, as the ledger writes it."""
    row: FolderRow
    virtual: bool = False
    """The virtual root (then this is the own organization's root folder) or `/@ORG`."""

    @property
    def rights(self) -> Right:
        """What counts for acts in it: nothing is made or removed in a virtual folder."""
        return self.granted & Right.LIST if self.virtual else self.granted

    def demand(self, caller: Caller, act: Act) -> None:
        """Raise `NotAllowed` unless the caller may do this here; the folder itself is visible to them."""
        rights.demand(caller, act, self.rights, known=True)

    def path_of(self, name: str) -> str:
        """Return how the ledger writes a name in this folder."""
        return f"{self.path.removesuffix('/')}/{name}"


def view_of(work: Work, caller: Caller) -> View:
    """Return where the caller's grants lead; a guest's lead to one folder."""
    if caller.guest is not None:
        return _view_of_guest(work, caller, caller.guest)
    return work.views.of(
        work.transaction,
        user_id=caller.user_id,
        organization_id=caller.organization_id,
        organization=organization_of(caller),
        kept_max=work.settings.views_kept_max,
    )


def _view_of_guest(work: Work, caller: Caller, guest: Guest) -> View:
    """Return a view of nothing but the folder of the guest's share, and of their reply, as far as its sender sees them.

    It is made anew each time: nothing that the sender loses stays with a guest. Raises `Missing` where nothing is left.
    """
    folder = find_again(work, guest.inviter, guest.folder_id)
    granted = folder.granted & rights.GUESTS_RIGHTS[guest.writes]
    if granted == NO_RIGHTS or folder.organization_id != guest.inviter.organization_id:
        raise Missing
    root = view_of(work, guest.inviter).own_root
    view = View(Doorway(root.folder_id, NO_RIGHTS, root.path), {folder.id: granted})
    view.aliases[GUESTS_ROOM] = Doorway(folder.id, granted, folder.path)
    if guest.replies_to is not None:
        _add_reply(work, caller, guest, view)
    return view


def _add_reply(work: Work, caller: Caller, guest: Guest, view: View) -> None:
    """Add where a guest sends files back, once it was made, as long as the package's sender may write there."""
    visit = work.transaction.first(share_statements.VISIT, session_id=caller.session)
    if visit is None or visit.reply_folder_id is None:
        return
    try:
        room = find_again(work, guest.inviter, visit.reply_folder_id)
    except Missing:
        return
    granted = room.granted & rights.GUESTS_RIGHTS[True]
    if granted != NO_RIGHTS and room.organization_id == guest.inviter.organization_id:
        view.granted[room.id] = view.granted.get(room.id, NO_RIGHTS) | granted
        view.aliases[REPLIES_ROOM] = Doorway(room.id, granted, room.path)


def organization_of(caller: Caller) -> str:
    """Return the name of the caller's own organization."""
    return caller.name.rpartition("@")[2]


def find_folder(work: Work, caller: Caller, path: str) -> Folder:
    """Return the folder at a path. Raises `Missing`, or `NotAFolder` where the caller sees a file."""
    return _walk(work, caller, paths.parse(path))


def find_parent(work: Work, caller: Caller, path: str) -> tuple[Folder, str]:
    """Return the folder that a path's last name is in, and that name; what it names may or may not exist.

    In a sealed folder `NAME.age` and `NAME` are one entry, called NAME here. Raises `NotAllowed` for the virtual root
    itself, which has neither.
    """
    names = paths.parse(path)
    if not names:
        raise NotAllowed("This is the root; it cannot be changed.")
    folder = _walk(work, caller, names[:-1])
    return folder, _entry_name(work, folder, names[-1])


def asks_for_age(path: str, name: str) -> bool:
    """Return whether a path names the age file of the entry `name` that `find_parent` has found, not its plaintext."""
    return paths.parse(path)[-1] == name + AGE_SUFFIX


def _entry_name(work: Work, folder: Folder, name: str) -> str:
    """Return the entry that a name in a folder stands for. What really has such a name is from before it was sealed."""
    entry = name.removesuffix(AGE_SUFFIX)
    if folder.row.sealed_by is None or entry in {name, ""}:
        return name
    if work.tree.child(work.transaction, folder.id, name) is not None:
        return name
    literal = work.transaction.first(file_statements.BY_NAME, folder_id=folder.id, name=name)
    return entry if literal is None else name


def find_file(work: Work, caller: Caller, path: str) -> tuple[Folder, FileRow]:
    """Return the file at a path and its folder. Raises `Missing`, or `IsAFolder` where the caller sees a folder."""
    names = paths.parse(path)
    if not names:
        raise IsAFolder
    folder = _walk(work, caller, names[:-1])
    file = child_file(work, caller, folder, _entry_name(work, folder, names[-1]))
    if file is not None:
        return folder, file
    if child_folder(work, caller, folder, names[-1]) is not None:
        raise IsAFolder
    raise Missing


def find_again(work: Work, caller: Caller, folder_id: FolderId) -> Folder:
    """Return a folder that was found before, as the caller stands in it now, wherever it is now.

    Raises `Missing` if it is gone, or no longer the caller's to see.
    """
    chain = work.tree.chain(work.transaction, folder_id)
    view = view_of(work, caller)
    granted = NO_RIGHTS
    for link in chain:
        granted |= view.granted.get(link.id, NO_RIGHTS)
    if not chain or not (view.knows(folder_id) or rights.may(caller, Act.SEE, granted)):
        raise Missing
    names = [link.name for link in reversed(chain) if link.parent_id is not None]
    root = chain[-1].id
    doors = (view.own_root, *view.organizations.values())
    path = next((door.path for door in doors if door.folder_id == root), "")
    return Folder(folder_id, chain[0].organization_id, granted, f"{path}{'/'.join(names)}", chain[0])


def as_seen(work: Work, caller: Caller, folder: Folder) -> str:
    """Return the path by which a caller comes to a folder that was found again."""
    organization, _, path = folder.path.partition(":")
    if organization == organization_of(caller):
        return path
    for name, doorway in view_of(work, caller).aliases.items():
        above = doorway.path.removesuffix("/")
        if folder.path == doorway.path or folder.path.startswith(f"{above}/"):
            return f"/{name}{folder.path[len(above) :]}"
    return f"/@{organization}{path}"


def of_organization(work: Work, folder_id: FolderId) -> Folder:
    """Return a folder as its own organization has it, for what is done in nobody's name. Raises `Missing`."""
    chain = work.tree.chain(work.transaction, folder_id)
    organization = (
        None
        if not chain
        else work.transaction.first(folder_statements.ORGANIZATION_NAME, organization=chain[0].organization_id)
    )
    if organization is None:
        raise Missing
    names = [link.name for link in reversed(chain) if link.parent_id is not None]
    return Folder(folder_id, chain[0].organization_id, NO_RIGHTS, f"{organization.name}:/{'/'.join(names)}", chain[0])


def child_folder(work: Work, caller: Caller, parent: Folder, name: str) -> Folder | None:
    """Return the folder of this name in a folder; None if it is not there or not the caller's to see."""
    return _below(work, caller, view_of(work, caller), parent, name)


def _below(work: Work, caller: Caller, view: View, parent: Folder, name: str) -> Folder | None:
    at_root = parent.virtual and parent.id == view.own_root.folder_id
    if at_root and name.startswith("@"):
        doorway = view.organizations.get(name[1:])
        return None if doorway is None else _enter(work, doorway, virtual=True)
    if at_root and caller.guest is not None:
        return _enter(work, view.aliases[name], virtual=False) if name in view.aliases else None
    row = work.tree.child(work.transaction, parent.id, name)
    if row is not None:
        folder = seen(caller, view, parent, row)
        if folder is not None:
            return folder
    if at_root and name in view.aliases:
        return _enter(work, view.aliases[name], virtual=False)
    return None


def seen(caller: Caller, view: View, parent: Folder, row: FolderRow) -> Folder | None:
    """Return a folder's row as the caller stands in it; None if it is not theirs to see."""
    granted = parent.granted | view.granted.get(row.id, NO_RIGHTS)
    if not (view.knows(row.id) or rights.may(caller, Act.SEE, granted)):
        return None
    return Folder(row.id, row.organization_id, granted, parent.path_of(row.name), row)


def child_file(work: Work, caller: Caller, parent: Folder, name: str) -> FileRow | None:
    """Return the file of this name in a folder; None if it is not there or not the caller's to see."""
    if not rights.may(caller, Act.SEE, parent.rights):
        return None
    statement = file_statements.BY_NAME if parent.row.sealed_by is None else file_statements.SEALED_BY_NAME
    return work.transaction.first(statement, folder_id=parent.id, name=name)


def root_of(work: Work, caller: Caller) -> Folder:
    """Return the virtual root."""
    return _enter(work, view_of(work, caller).own_root, virtual=True)


def _walk(work: Work, caller: Caller, names: paths.Path) -> Folder:
    view = view_of(work, caller)
    folder = _enter(work, view.own_root, virtual=True)
    for name in names:
        below = _below(work, caller, view, folder, name)
        if below is None:
            if child_file(work, caller, folder, name) is not None:
                raise NotAFolder
            raise Missing
        folder = below
    return folder


def _enter(work: Work, doorway: Doorway, *, virtual: bool) -> Folder:
    row = work.tree.folder(work.transaction, doorway.folder_id)
    if row is None:
        raise Missing
    return Folder(row.id, row.organization_id, doorway.granted, doorway.path, row, virtual)
