"""Which blob store the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.vault.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore


def open_store(settings: Settings, data_dir: Path) -> BlobStore:
    """Open the store of this node: `blob_store` where it is set, else `blobs/` in the data directory."""
    if settings.blob_store:
        from sealane.vault.s3 import S3Store  # noqa: PLC0415  # obstore is heavy, and a local node needs none of it

        return S3Store.open(settings)
    return LocalStore(data_dir / "blobs")
