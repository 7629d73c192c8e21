"""What the keeper remembers of folders, and what it counts as kept, must be what the database says, in every test."""

from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import organizations, versions
from sealane.domain.queries import folders as statements


class KeptRow(NamedTuple):
    counted: int
    kept: int


KEPT = Statement(
    "tests.kept",
    sa.select(
        organizations.c.kept_bytes.label("counted"),
        sa.select(sa.func.coalesce(sa.func.sum(versions.c.size), 0))
        .where(versions.c.organization_id == organizations.c.id, versions.c.replaced.is_not(None))
        .scalar_subquery()
        .label("kept"),
    ),
    KeptRow,
)


def check_tree(transaction, tree):
    told = tree.remembered()
    for folder_id, row in told.folders.items():
        assert row == transaction.first(statements.BY_ID, folder_id=folder_id)
    for parent_id, names in told.names.items():
        rows = transaction.all(statements.PAGE, parent_id=parent_id, after="", limit=1000)
        assert names == {row.name: row.id for row in rows}
    for row in transaction.all(KEPT):
        assert row.counted == row.kept
    for organization_id, use in told.uses.items():
        assert use == transaction.first(statements.ORGANIZATION_USE, organization_id=organization_id)
