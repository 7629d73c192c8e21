"""Where a user's grants lead: loaded once, kept until a grant, a group or a granted folder's place changes.

A view holds nothing but what `grants` and the names above granted folders say, and is kept as long as those stand.
Must stay true: the keeper is the single writer; every act that changes grants, memberships, organizations or the place
of a folder calls `Views.forget`, and the keeper calls `drop` after every rollback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealane.domain.queries import folders as folder_statements
from sealane.domain.queries import grants as grant_statements
from sealane.domain.rights import NO_RIGHTS, Right

if TYPE_CHECKING:
    from sealane.database.engine import Transaction
    from sealane.domain.queries.folders import LinkRow
    from sealane.domain.queries.grants import GrantRow
    from sealane.ids import FolderId, OrganizationId, UserId


@dataclass(frozen=True, slots=True)
class Doorway:
    """A folder at which a caller's path may enter: an organization's root, or a grant shown under its own name."""

    folder_id: FolderId
    granted: Right
    """The union of what is granted on it and above it."""
    path: str
    """`ORGANIZATION:/PATH`, as the ledger and the administrator write it."""


@dataclass(slots=True)
class View:
    """Everything that one user's grants say."""

    own_root: Doorway
    granted: dict[FolderId, Right] = field(default_factory=dict)
    """What is granted on a folder itself, united over the user and their groups."""
    ways: dict[FolderId, dict[str, FolderId]] = field(default_factory=dict)
    """For a folder above a granted one: the names in it that lead on."""
    organizations: dict[str, Doorway] = field(default_factory=dict)
    """Other organizations in which something is granted, by name."""
    announced: set[str] = field(default_factory=set)
    """Those of them that the virtual root lists: something there has no name of its own at the root."""
    aliases: dict[str, Doorway] = field(default_factory=dict)
    """Granted folders that are shown at the root under another name."""

    @property
    def anywhere(self) -> Right:
        """What is granted in at least one folder."""
        united = NO_RIGHTS
        for granted in self.granted.values():
            united |= granted
        return united

    def knows(self, folder_id: FolderId) -> bool:
        """Return whether a grant is on this folder or below it."""
        return folder_id in self.granted or folder_id in self.ways


class Views:
    """The views of the users who were active lately."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: dict[UserId, View] = {}
        self.changes = 0
        """How often something was forgotten because it has changed."""

    def forget(self) -> None:
        """Something that views stand on has changed."""
        self.changes += 1
        self.drop()

    def drop(self) -> None:
        """Load every view anew: a change was taken back."""
        self._kept.clear()

    def of(
        self,
        transaction: Transaction,
        *,
        user_id: UserId,
        organization_id: OrganizationId,
        organization: str,
        kept_max: int,
    ) -> View:
        """Return the view of a user, who belongs to this organization."""
        view = self._kept.get(user_id)
        if view is None:
            view = _load(transaction, user_id, organization_id, organization)
            if len(self._kept) >= kept_max:
                self._kept.clear()
            self._kept[user_id] = view
        return view


def _load(transaction: Transaction, user_id: UserId, organization_id: OrganizationId, organization: str) -> View:
    root = transaction.first(folder_statements.ROOT_OF, organization_id=organization_id)
    if root is None:
        raise LookupError(f"organization {organization_id} has no root folder")
    grants = transaction.all(grant_statements.OF_USER, user_id=user_id)
    granted: dict[FolderId, Right] = {}
    for grant in grants:
        granted[grant.folder_id] = granted.get(grant.folder_id, NO_RIGHTS) | Right(grant.rights)
    view = View(Doorway(root.id, granted.get(root.id, NO_RIGHTS), f"{organization}:/"), granted)
    chains = {folder_id: transaction.all(folder_statements.CHAIN, folder_id=folder_id) for folder_id in granted}
    for chain in chains.values():
        for link in chain:
            if link.parent_id is not None:
                view.ways.setdefault(link.parent_id, {})[link.name] = link.id
    for grant in grants:
        _enter(transaction, view, grant, chains[grant.folder_id])
    return view


def _enter(transaction: Transaction, view: View, grant: GrantRow, chain: list[LinkRow]) -> None:
    """Note by which names at the virtual root a grant's folder is entered."""
    foreign = chain[-1].id != view.own_root.folder_id
    if foreign:
        root = Doorway(chain[-1].id, view.granted.get(chain[-1].id, NO_RIGHTS), f"{grant.organization}:/")
        view.organizations[grant.organization] = root
    if grant.shown_as and _is_free(transaction, view, grant):
        rights = NO_RIGHTS
        for link in chain:
            rights |= view.granted.get(link.id, NO_RIGHTS)
        names = [link.name for link in reversed(chain) if link.parent_id is not None]
        view.aliases[grant.shown_as] = Doorway(grant.folder_id, rights, f"{grant.organization}:/{'/'.join(names)}")
    elif foreign:
        view.announced.add(grant.organization)


def _is_free(transaction: Transaction, view: View, grant: GrantRow) -> bool:
    """Return whether a name at the root is this grant's: own folders go before, then the user's grants, then age."""
    earlier = view.aliases.get(grant.shown_as)
    if earlier is not None:
        return earlier.folder_id == grant.folder_id
    own = transaction.first(folder_statements.BY_NAME, parent_id=view.own_root.folder_id, name=grant.shown_as)
    return own is None or not (view.own_root.granted or view.knows(own.id))
