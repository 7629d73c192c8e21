"""Folders as the keeper remembers them: read once, kept while they stand as they stood.

Every look, upload and download walks from a root to a folder and reads its quotas; in memory that costs nothing. The
wrapped key of an organization stands here too.
Must stay true: the keeper is the single writer; what is remembered is what the present transaction would read. Every
act that makes, moves, removes or changes a folder, sets a quota or an organization's key, calls `forget`; the keeper
calls `drop` after every rollback; use that is charged is counted here by `charged` in the same step, what uploads hold
by `pending`, what is kept by `kept`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.domain.queries import folders as statements
from sealane.domain.queries import reading as reading_statements
from sealane.domain.queries import versions as version_statements
from sealane.domain.queries.folders import FolderRow, OrganizationUse  # fields of a NamedTuple
from sealane.domain.queries.versions import OrganizationKeyRow  # likewise
from sealane.ids import FolderId, OrganizationId  # likewise

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.database.engine import Transaction
    from sealane.domain.queries.reading import ReadFolderRow

_NAMES_KEPT_MAX: Final = 256
"""Folders in one folder whose names are all remembered, so that a name which is none of them is known to be free."""


class Remembered(NamedTuple):
    """What a tree remembers: folders by id, ids by name for each folder, use and wrapped key by organization."""

    folders: dict[FolderId, FolderRow]
    names: dict[FolderId, dict[str, FolderId]]
    uses: dict[OrganizationId, OrganizationUse]
    keys: dict[OrganizationId, OrganizationKeyRow]


class Tree:
    """The folders that were used lately, and the use of their organizations."""

    def __init__(self, kept_max: int) -> None:
        """Remember up to about `kept_max` folders."""
        self._kept_max = kept_max
        self._rows: dict[FolderId, FolderRow] = {}
        self._names: dict[FolderId, dict[str, FolderId]] = {}
        self._uses: dict[OrganizationId, OrganizationUse] = {}
        self._read: dict[FolderId, ReadFolderRow] | None = None
        self._keys: dict[OrganizationId, OrganizationKeyRow] = {}
        self._replaced: dict[FolderId, int] = {}
        """Versions replaced in each folder since it was last looked at how many are kept of it."""
        self.overfull: set[FolderId] = set()
        """Folders of which too many versions may be kept: the sweep looks at them."""
        self.changes = 0
        """How often something was forgotten because it has changed, or had no more room."""

    def forget(self) -> None:
        """Read everything anew: a folder, a quota or an organization's key has changed."""
        self.changes += 1
        self.drop()

    def filled(self) -> None:
        """Take note that there is no room any more for what there was room for: whoever was told so asks again."""
        self.changes += 1

    def drop(self) -> None:
        """Read everything anew: a change was taken back, or too much is remembered."""
        self._keys.clear()
        self._rows.clear()
        self._names.clear()
        self._uses.clear()
        self._read = None

    def folder(self, transaction: Transaction, folder_id: FolderId) -> FolderRow | None:
        """Return a folder."""
        row = self._rows.get(folder_id)
        if row is None:
            row = transaction.first(statements.BY_ID, folder_id=folder_id)
            if row is not None:
                self._keep(row)
        return row

    def child(self, transaction: Transaction, parent_id: FolderId, name: str) -> FolderRow | None:
        """Return the folder of this name in a folder."""
        names = self._names.get(parent_id)
        if names is None:
            rows = transaction.all(statements.PAGE, parent_id=parent_id, after="", limit=_NAMES_KEPT_MAX + 1)
            if len(rows) > _NAMES_KEPT_MAX:
                return transaction.first(statements.BY_NAME, parent_id=parent_id, name=name)
            for row in rows:
                self._keep(row)
            names = self._names[parent_id] = {row.name: row.id for row in rows}
        found = names.get(name)
        return None if found is None else self.folder(transaction, found)

    def chain(self, transaction: Transaction, folder_id: FolderId) -> list[FolderRow]:
        """Return a folder and all above it, upwards; nothing if it is not there."""
        chain: list[FolderRow] = []
        above: FolderId | None = folder_id
        while above is not None:
            row = self.folder(transaction, above)
            if row is None:
                return []
            chain.append(row)
            above = row.parent_id
        return chain

    def reading(self, transaction: Transaction, folder_id: FolderId) -> ReadFolderRow | None:
        """Return how a folder is read: what was said of the nearest one above it, or of itself; None: nothing was."""
        if self._read is None:
            self._read = {row.folder_id: row for row in transaction.all(reading_statements.READ_FOLDERS)}
        if not self._read:
            return None
        above = (self._read.get(row.id) for row in self.chain(transaction, folder_id))
        return next((row for row in above if row is not None), None)

    def use(self, transaction: Transaction, organization_id: OrganizationId) -> OrganizationUse | None:
        """Return the quota and use of an organization."""
        use = self._uses.get(organization_id)
        if use is None:
            use = transaction.first(statements.ORGANIZATION_USE, organization_id=organization_id)
            if use is not None:
                self._uses[organization_id] = use
        return use

    def key(self, transaction: Transaction, organization_id: OrganizationId) -> OrganizationKeyRow | None:
        """Return an organization's key as it is wrapped."""
        row = self._keys.get(organization_id)
        if row is None:
            row = transaction.first(version_statements.ORGANIZATION_KEY, organization=organization_id)
            if row is not None:
                self._keys[organization_id] = row
        return row

    def names(self, transaction: Transaction, parent_id: FolderId) -> frozenset[str] | None:
        """Return the names of all folders in a folder; None where there are more than are remembered."""
        self.child(transaction, parent_id, "")
        names = self._names.get(parent_id)
        return None if names is None else frozenset(names)

    def charged(self, folder_id: FolderId, size: int, files: int) -> None:
        """Count what the rows of a folder, of those above it and of their organization were just made to count."""
        above: FolderId | None = folder_id
        while above is not None:
            row = self._rows.get(above)
            if row is None:
                self.drop()
                return
            self._rows[above] = row._replace(used_bytes=row.used_bytes + size, used_files=row.used_files + files)
            use = self._uses.get(row.organization_id) if row.parent_id is None else None
            if use is not None:
                self._uses[row.organization_id] = use._replace(
                    used_bytes=use.used_bytes + size, used_files=use.used_files + files
                )
            above = row.parent_id

    def pending(self, folder_id: FolderId, more: int) -> None:
        """Count what the rows of a folder and of those above it were just made to count of unfinished uploads."""
        self._up_from(folder_id, lambda row: row._replace(pending_bytes=row.pending_bytes + more))

    def kept(self, organization_id: OrganizationId, folder_id: FolderId | None, more: int) -> None:
        """Count what an organization's row, and those of a folder and all above it, were just made to count as kept."""
        use = self._uses.get(organization_id)
        if use is not None:
            self._uses[organization_id] = use._replace(kept_bytes=use.kept_bytes + more)
        self._up_from(folder_id, lambda row: row._replace(kept_bytes=row.kept_bytes + more))

    def _up_from(self, folder_id: FolderId | None, counted: Callable[[FolderRow], FolderRow]) -> None:
        """Change the rows of a folder and of those above it; where one is not remembered, remember nothing."""
        while folder_id is not None:
            row = self._rows.get(folder_id)
            if row is None:
                self.drop()
                return
            self._rows[folder_id] = counted(row)
            folder_id = row.parent_id

    def is_look_due(self, folder_id: FolderId, every: int) -> bool:
        """Note that a version was replaced in a folder; return whether to look now how many are kept of it.

        That is the first time, and every so often. A change that is taken back counts too: it costs a look.
        """
        since = self._replaced.get(folder_id, every) + 1
        if folder_id not in self._replaced and len(self._replaced) >= self._kept_max:
            self._replaced.clear()
        self._replaced[folder_id] = 0 if since >= every else since
        return since >= every

    def remembered(self) -> Remembered:
        """Return what is remembered, for whoever compares it with the database."""
        return Remembered(self._rows, self._names, self._uses, self._keys)

    def _keep(self, row: FolderRow) -> None:
        if len(self._rows) >= self._kept_max:
            self.drop()
        self._rows[row.id] = row
