"""The bytes of what the keeper has opened for a door or for the inspector, however they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sealane.vault.chunks import SealedContent
from sealane.vault.content import Content, ReplacedBegin

if TYPE_CHECKING:
    from sealane.operations.files import VersionOpened
    from sealane.operations.inspection import ArrivalOpened
    from sealane.vault.blobs import BlobStore

AnyContent: TypeAlias = "Content | SealedContent | ReplacedBegin"


def content_of(opened: VersionOpened | ArrivalOpened, store: BlobStore) -> AnyContent:
    """Return the content: the plaintext of an ordinary version, the age file (or its payload) of a sealed one."""
    sealed = opened.sealed
    if sealed is not None and sealed.skip is None:
        return SealedContent(store, opened.extents, opened.segments, sealed.prefix)
    plain = Content(store, opened.extents, opened.segments, opened.keys)
    if sealed is None or sealed.skip is None:
        return plain
    return ReplacedBegin(plain, sealed.prefix, sealed.skip)
