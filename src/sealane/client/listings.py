"""What a server has many of, one after the other: entries of a folder, versions, what was removed, proofs.

Names from there are checked again here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sealane import paths
from sealane.client.answers import Paged, PageT, pages
from sealane.client.failures import AnswerInvalid
from sealane.client.remote import RemoteEntry  # noqa: TC001  # msgspec reads the annotations
from sealane.client.server import target_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.client.server import Server
    from sealane.settings import ClientSettings


class RemoteVersion(msgspec.Struct, frozen=True):
    """One version that stands at a path, or stood there and is still kept."""

    version: str
    present: bool
    size: int
    modified: datetime
    made: datetime
    sender: str
    replaced: datetime | None
    kept_until: datetime | None
    sha256: str | None
    sealed: bool
    plaintext_length: int | None
    damaged: bool


class RemovedFile(msgspec.Struct, frozen=True):
    """A file that was removed and can be had back."""

    name: str
    versions: int
    removed: datetime


class RemoteProof(msgspec.Struct, frozen=True):
    """What proves one entry of a receipt."""

    entry: int
    proof: str


class _Entries(Paged, frozen=True, kw_only=True):
    entries: tuple[RemoteEntry, ...]

    @property
    def count(self) -> int:
        return len(self.entries)


class _Versions(Paged, frozen=True, kw_only=True):
    versions: tuple[RemoteVersion, ...]

    @property
    def count(self) -> int:
        return len(self.versions)


class _Removed(Paged, frozen=True, kw_only=True):
    files: tuple[RemovedFile, ...]

    @property
    def count(self) -> int:
        return len(self.files)


class _Proofs(Paged, frozen=True, kw_only=True):
    proofs: tuple[RemoteProof, ...]

    @property
    def count(self) -> int:
        return len(self.proofs)


def entries(server: Server, path: paths.Path, settings: ClientSettings) -> Iterator[RemoteEntry]:
    """Yield a folder's entries in the server's order. A name that breaks the rules ends it with `PathInvalid`."""
    for page in _pages_of("folders", server, path, settings, _Entries):
        for entry in page.entries:
            if paths.check_name(entry.name) != entry.name:
                raise AnswerInvalid
            yield entry


def versions(server: Server, path: paths.Path, settings: ClientSettings) -> Iterator[RemoteVersion]:
    """Yield the versions of a path, the present one first, then earlier ones, the newest first."""
    for page in _pages_of("versions", server, path, settings, _Versions, ordered=False):
        yield from page.versions


def removed(server: Server, path: paths.Path, settings: ClientSettings) -> Iterator[RemovedFile]:
    """Yield the files that were removed from a folder and can be had back, by name."""
    for page in _pages_of("removed", server, path, settings, _Removed):
        yield from page.files


def proofs(server: Server, path: paths.Path, settings: ClientSettings) -> Iterator[RemoteProof]:
    """Yield what proves the entries of a receipt, in order."""
    target = target_of("audit/proofs", path)
    for page in pages(server, target, {}, _Proofs, rows_max=settings.listing_entries_max):
        yield from page.proofs


def _pages_of(
    resource: str,
    server: Server,
    path: paths.Path,
    settings: ClientSettings,
    form: type[PageT],
    *,
    ordered: bool = True,
) -> Iterator[PageT]:
    limit = {"limit": str(settings.page_entries)}
    target = target_of(resource, path)
    return pages(server, target, limit, form, rows_max=settings.listing_entries_max, ordered=ordered)
