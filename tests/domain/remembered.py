"""What the keeper remembers of folders must be what the database says, after every act of every test."""

from sealane.domain.queries import folders as statements


def check_tree(transaction, tree):
    told = tree.remembered()
    for folder_id, row in told.folders.items():
        assert row == transaction.first(statements.BY_ID, folder_id=folder_id)
    for parent_id, names in told.names.items():
        rows = transaction.all(statements.PAGE, parent_id=parent_id, after="", limit=1000)
        assert names == {row.name: row.id for row in rows}
    for organization_id, use in told.uses.items():
        assert use == transaction.first(statements.ORGANIZATION_USE, organization_id=organization_id)
