"""The keys of uploads as rows: made, opened, wrapped for another organization. The chain itself is `vault/keys.py`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sealane.domain.queries import versions as queries
from sealane.errors import Integrity
from sealane.ids import KeyId
from sealane.vault.age.header import FILE_KEY_BYTES
from sealane.vault.age.payload import NONCE_BYTES, derive
from sealane.vault.keys import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.queries.versions import KeyChainRow
    from sealane.domain.work import Work
    from sealane.ids import OrganizationId
    from sealane.vault.keys import OrganizationKey

SLOTS: Final = "slots"
"""A key of slots."""
AGE: Final = "age"
"""File key and nonce of an age file."""


def organization_key(work: Work, organization: OrganizationId) -> OrganizationKey:
    """Return an organization's key, unwrapped."""
    row = work.tree.key(work.transaction, organization)
    if row is None:
        raise Integrity
    return work.keys.organization(row.organization_id, row.wrapped_key)


def new_upload_key(work: Work, organization: OrganizationId) -> tuple[KeyId, bytes]:
    """Make the key of a new upload and keep it, wrapped by its organization's."""
    key = secrets.token_bytes(KEY_BYTES)
    return add_upload_key(work, organization, key), key


def add_upload_key(work: Work, organization: OrganizationId, key: bytes, *, kind: str = SLOTS) -> KeyId:
    """Keep an upload's key, wrapped by its organization's."""
    wrapped = organization_key(work, organization).wrap_upload_key(key)
    return KeyId(
        work.transaction.insert(
            queries.INSERT_KEY, organization_id=organization, wrapped_key=wrapped, made=work.now, kind=kind
        )
    )


def new_age_secret() -> bytes:
    """Return what an age file is made with: a fresh file key and nonce."""
    return secrets.token_bytes(FILE_KEY_BYTES + NONCE_BYTES)


def payload_key_of(secret: bytes) -> bytes:
    """Return the key of the chunks, which is all that a door or the inspector is given of an age secret."""
    return derive(secret[:FILE_KEY_BYTES], secret[FILE_KEY_BYTES:])


def open_age_secret(work: Work, key_id: KeyId) -> bytes:
    """Return the file key and the nonce of an age file that is being made. They do not leave the keeper."""
    chain = _chain(work, key_id)
    if chain.kind != AGE:
        raise Integrity
    return _open(work, chain)


def destroy(work: Work, key_ids: Iterable[KeyId]) -> None:
    """Destroy keys for good: what was stored under them opens by nothing that is here."""
    work.transaction.run_many(queries.DESTROY_KEY, [{"key": key_id} for key_id in sorted(set(key_ids))])
    work.destroyed = True


def open_upload_keys(work: Work, key_ids: Iterable[KeyId]) -> dict[int, bytes]:
    """Return upload keys by id, of an age file the key of its chunks. Raises `Integrity` for one that is gone."""
    opened: dict[int, bytes] = {}
    for key_id in sorted(set(key_ids)):
        chain = _chain(work, key_id)
        key = _open(work, chain)
        opened[key_id] = payload_key_of(key) if chain.kind == AGE else key
    return opened


def rewrap_upload_key(work: Work, key_id: KeyId, organization: OrganizationId) -> None:
    """Wrap an upload's key for the organization that its bytes now belong to. No content is touched."""
    chain = _chain(work, key_id)
    if chain.organization_id == organization:
        return
    wrapped = organization_key(work, organization).wrap_upload_key(_open(work, chain))
    work.transaction.run(queries.REWRAP_KEY, key=key_id, organization_id=organization, wrapped_key=wrapped)


def _chain(work: Work, key_id: KeyId) -> KeyChainRow:
    row = work.transaction.first(queries.KEY_CHAIN, key=key_id)
    if row is None or not row.wrapped_key:
        raise Integrity
    return row


def _open(work: Work, chain: KeyChainRow) -> bytes:
    key = work.keys.organization(chain.organization_id, chain.organization_wrapped_key)
    return key.unwrap_upload_key(chain.wrapped_key)
