"""The keys of uploads as rows: made, opened, wrapped for another organization. The chain itself is `vault/keys.py`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sealane.domain.queries import versions as queries
from sealane.errors import Integrity
from sealane.ids import KeyId
from sealane.vault.keys import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.queries.versions import KeyChainRow
    from sealane.domain.work import Work
    from sealane.ids import OrganizationId
    from sealane.vault.keys import OrganizationKey


def organization_key(work: Work, organization: OrganizationId) -> OrganizationKey:
    """Return an organization's key, unwrapped."""
    row = work.transaction.first(queries.ORGANIZATION_KEY, organization=organization)
    if row is None:
        raise Integrity
    return work.keys.organization(row.organization_id, row.wrapped_key)


def new_upload_key(work: Work, organization: OrganizationId) -> tuple[KeyId, bytes]:
    """Make the key of a new upload and keep it, wrapped by its organization's."""
    key = secrets.token_bytes(KEY_BYTES)
    return add_upload_key(work, organization, key), key


def add_upload_key(work: Work, organization: OrganizationId, key: bytes) -> KeyId:
    """Keep an upload's key, wrapped by its organization's."""
    wrapped = organization_key(work, organization).wrap_upload_key(key)
    return KeyId(
        work.transaction.insert(queries.INSERT_KEY, organization_id=organization, wrapped_key=wrapped, made=work.now)
    )


def open_upload_keys(work: Work, key_ids: Iterable[KeyId]) -> dict[int, bytes]:
    """Return upload keys by id. Raises `Integrity` for one that is gone or was altered."""
    return {key_id: _open(work, _chain(work, key_id)) for key_id in sorted(set(key_ids))}


def rewrap_upload_key(work: Work, key_id: KeyId, organization: OrganizationId) -> None:
    """Wrap an upload's key for the organization that its bytes now belong to. No content is touched."""
    chain = _chain(work, key_id)
    if chain.organization_id == organization:
        return
    wrapped = organization_key(work, organization).wrap_upload_key(_open(work, chain))
    work.transaction.run(queries.REWRAP_KEY, key=key_id, organization_id=organization, wrapped_key=wrapped)


def _chain(work: Work, key_id: KeyId) -> KeyChainRow:
    row = work.transaction.first(queries.KEY_CHAIN, key=key_id)
    if row is None:
        raise Integrity
    return row


def _open(work: Work, chain: KeyChainRow) -> bytes:
    key = work.keys.organization(chain.organization_id, chain.organization_wrapped_key)
    return key.unwrap_upload_key(chain.wrapped_key)
