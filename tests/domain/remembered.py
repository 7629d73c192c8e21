"""What the keeper remembers of folders, and what it counts as kept, must be what the database says, in every test."""

from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import folders, organizations, segments, upload_segments, uploads, versions
from sealane.domain.pending import held
from sealane.domain.queries import folders as statements
from sealane.domain.queries import versions as version_statements


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


class KeptInRow(NamedTuple):
    id: int
    parent_id: int | None
    kept_bytes: int


class KeptVersionRow(NamedTuple):
    kept_folder_id: int | None
    size: int


KEPT_IN = Statement("tests.kept_in", sa.select(*[folders.c[name] for name in KeptInRow._fields]), KeptInRow)
KEPT_VERSIONS = Statement(
    "tests.kept_versions",
    sa.select(versions.c.kept_folder_id, versions.c.size).where(versions.c.replaced.is_not(None)),
    KeptVersionRow,
)


class PendingRow(NamedTuple):
    id: int
    parent_id: int | None
    organization_id: int
    pending_bytes: int


class HeldRow(NamedTuple):
    """An unfinished upload, and how many bytes of the segments that it needs are its own."""

    organization_id: int
    folder_id: int | None
    state: str
    session_id: str
    size: int
    declared: int | None
    shared: int
    stored: int
    held: int
    own: int


PENDING = Statement("tests.pending", sa.select(*[folders.c[name] for name in PendingRow._fields]), PendingRow)
OWN = (
    sa.select(sa.func.coalesce(sa.func.sum(segments.c.length), 0))
    .join(upload_segments, upload_segments.c.segment_id == segments.c.id)
    .where(
        upload_segments.c.upload_id == uploads.c.id,
        sa.or_(segments.c.key_id == uploads.c.key_id, segments.c.first_chunk.is_not(None)),
    )
    .scalar_subquery()
)
HELD = Statement(
    "tests.held",
    sa.select(
        uploads.c.organization_id,
        sa.func.coalesce(uploads.c.folder_id, uploads.c.target_id).label("folder_id"),
        *[uploads.c[name] for name in HeldRow._fields[2:-1]],
        OWN.label("own"),
    ),
    HeldRow,
)


def check_held(transaction):
    """What folders say that unfinished uploads hold is what these hold, and that is what they have stored, or more."""
    rows = transaction.all(PENDING)
    parents = {row.id: row.parent_id for row in rows}
    roots = {row.organization_id: row.id for row in rows if row.parent_id is None}
    sums = dict.fromkeys(parents, 0)
    for upload in transaction.all(HELD):
        if upload.state == "open" and upload.session_id:
            assert upload.held == held(
                stored=upload.stored, size=upload.size, declared=upload.declared, shared=upload.shared
            )
            assert upload.stored == upload.own
        elif upload.state == "finished":
            assert upload.held == 0
        above = upload.folder_id if upload.folder_id in parents else roots[upload.organization_id]
        while above is not None:
            sums[above] += upload.held
            above = parents[above]
    assert {row.id: row.pending_bytes for row in rows} == sums


def check_kept(transaction):
    """What folders say that is kept of them and below them is what is kept there; each such version has its folder."""
    rows = transaction.all(KEPT_IN)
    parents = {row.id: row.parent_id for row in rows}
    sums = dict.fromkeys(parents, 0)
    for version in transaction.all(KEPT_VERSIONS):
        above = version.kept_folder_id
        while above is not None:
            sums[above] += version.size
            above = parents[above]
    assert {row.id: row.kept_bytes for row in rows} == sums


def check_tree(transaction, tree):
    check_held(transaction)
    told = tree.remembered()
    for folder_id, row in told.folders.items():
        assert row == transaction.first(statements.BY_ID, folder_id=folder_id)
    for parent_id, names in told.names.items():
        rows = transaction.all(statements.PAGE, parent_id=parent_id, after="", limit=1000)
        assert names == {row.name: row.id for row in rows}
    for row in transaction.all(KEPT):
        assert row.counted == row.kept
    check_kept(transaction)
    for organization_id, use in told.uses.items():
        assert use == transaction.first(statements.ORGANIZATION_USE, organization_id=organization_id)
    for organization_id, key in told.keys.items():
        assert key == transaction.first(version_statements.ORGANIZATION_KEY, organization=organization_id)
