"""Organizations: made with their own key and root folder, their quotas, and the rotation of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import accounts, folders, names, rows, second_factor, sharing
from sealane.domain.queries import accounts as statements
from sealane.errors import AlreadyExists, Invalid
from sealane.ids import OrganizationId
from sealane.ledger import events
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from sealane.domain.work import Work
    from sealane.operations.accounts import (
        AddOrganization,
        ListOrganizations,
        RotateNodeKey,
        RotateOrganizationKey,
        RowsAre,
        SetOrganizationQuota,
    )

_KEYS_AT_ONCE: Final = 1000


def add_organization(work: Work, op: AddOrganization) -> Done:
    """Make an organization, with its own key and an empty root folder."""
    name = names.check_account_name(op.name, work.settings)
    taken = (row.name for row in work.transaction.all(statements.ORGANIZATIONS))
    if names.taken_otherwise_cased(name, taken):
        raise AlreadyExists("There is an organization of this name, or of one that differs only in case.")
    quota_bytes = check_quota(op.quota_bytes, work.settings.quota_bytes)
    quota_files = check_quota(op.quota_files, work.settings.quota_files)
    # Its key is bound to its number, which the database gives.
    organization = OrganizationId(
        work.transaction.insert(
            statements.ADD_ORGANIZATION,
            name=name,
            wrapped_key=b"",
            quota_bytes=quota_bytes,
            quota_files=quota_files,
            made=work.now,
        )
    )
    wrapped = work.keys.new_organization(organization)
    work.transaction.run(statements.SET_ORGANIZATION_KEY, whose=organization, wrapped=wrapped)
    folders.add(work, organization_id=organization, parent_id=None, name="", modified=work.now)
    work.record(
        events.OrganizationAdded(
            owner_organization_id=organization,
            organization_name=name,
            quota_bytes=quota_bytes,
            quota_files=quota_files,
        )
    )
    return Done()


def set_organization_quota(work: Work, op: SetOrganizationQuota) -> Done:
    """Set an organization's quota; what is not given stays, 0 is none."""
    organization = accounts.find_organization(work, op.name)
    quota_bytes = check_quota(op.quota_bytes, organization.quota_bytes)
    quota_files = check_quota(op.quota_files, organization.quota_files)
    work.transaction.run(
        statements.SET_ORGANIZATION_QUOTA, whose=organization.id, bytes_max=quota_bytes, files_max=quota_files
    )
    work.tree.forget()
    work.record(
        events.QuotaSet(owner_organization_id=organization.id, quota_bytes=quota_bytes, quota_files=quota_files)
    )
    return Done()


def list_organizations(work: Work, op: ListOrganizations) -> RowsAre:
    """List all organizations."""
    del op
    return rows.listing(
        ("name", "used_bytes", "quota_bytes", "used_files", "quota_files", "made"),
        (
            (row.name, row.used_bytes, row.quota_bytes, row.used_files, row.quota_files, row.made)
            for row in work.transaction.all(statements.ORGANIZATIONS)
        ),
    )


def rotate_node_key(work: Work, op: RotateNodeKey) -> Done:
    """Make a new node key and wrap every organization's key by it. The keeper does so with the node's own secrets.

    The new key file is durable before anything is wrapped by it, and the old one stays until the operator removes it.
    """
    del op
    generation = work.keys.rotate()
    found = work.transaction.all(statements.ORGANIZATIONS)
    for row in found:
        wrapped = work.keys.rewrap_organization(row.id, row.wrapped_key)
        work.transaction.run(statements.SET_ORGANIZATION_KEY, whose=row.id, wrapped=wrapped)
    work.tree.forget()
    second_factor.wrap_anew(work)
    sharing.wrap_anew(work)
    work.record(events.NodeKeyRotated(node_key=str(generation), rewrapped=len(found)))
    return Done()


def rotate_organization_key(work: Work, op: RotateOrganizationKey) -> Done:
    """Make a new organization key and wrap every upload key by it. No content is touched."""
    row = accounts.find_organization(work, op.name)
    old = work.keys.organization(row.id, row.wrapped_key)
    new = old.rotated()
    count = 0
    after = 0
    while page := work.transaction.all(
        statements.UPLOAD_KEYS_OF, organization_id=row.id, after=after, limit=_KEYS_AT_ONCE
    ):
        work.transaction.run_many(
            statements.SET_UPLOAD_KEY,
            [{"key": key.id, "wrapped": new.wrap_upload_key(old.unwrap_upload_key(key.wrapped_key))} for key in page],
        )
        count += len(page)
        after = page[-1].id
    work.transaction.run(statements.SET_ORGANIZATION_KEY, whose=row.id, wrapped=work.keys.wrap_organization(new))
    work.tree.forget()
    work.record(events.OrganizationKeyRotated(owner_organization_id=row.id, rewrapped=count))
    return Done()


def check_quota(wanted: int | None, otherwise: int) -> int:
    """Return the quota that is wanted, or the one that stands where none is named."""
    if wanted is not None and wanted < 0:
        raise Invalid("A quota may not be negative; 0 is none.")
    return otherwise if wanted is None else wanted
