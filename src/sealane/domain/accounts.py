"""Finding what the administrator names: organizations, users, groups. The operator may be told what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import names
from sealane.domain.queries import accounts as statements
from sealane.operations.failures import GroupMissing, OrganizationMissing, UserMissing

if TYPE_CHECKING:
    from sealane.domain.queries.accounts import GroupRow, OrganizationRow, UserRow
    from sealane.domain.work import Work


def find_organization(work: Work, name: str) -> OrganizationRow:
    """Return the organization of this name. Raises `OrganizationMissing`."""
    row = work.transaction.first(statements.ORGANIZATION, name=name)
    if row is None:
        raise OrganizationMissing
    return row


def find_user(work: Work, user: str) -> UserRow:
    """Return the user `NAME@ORG`. Raises `UserMissing`, or `NameInvalid` for what is not written so."""
    wanted = names.parse_account(user)
    row = work.transaction.first(statements.USER, name=wanted.name, organization=wanted.organization)
    if row is None:
        raise UserMissing
    return row


def find_group(work: Work, group: str) -> GroupRow:
    """Return the group `NAME@ORG`. Raises `GroupMissing`, or `NameInvalid` for what is not written so."""
    wanted = names.parse_account(group)
    row = work.transaction.first(statements.GROUP, name=wanted.name, organization=wanted.organization)
    if row is None:
        raise GroupMissing
    return row
