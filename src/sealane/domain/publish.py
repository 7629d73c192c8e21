"""Publishing: a whole content becomes the present version of a name, at once for everybody, in one transaction.

The name's earlier version is marked as replaced and kept for its time; quotas are charged; the version is
authenticated; what it needs is noted. Not here: whether the upload is whole and who may (finish.py, joining.py).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.domain import exposures, kept, keyring, owing, quotas, reading, versions
from sealane.domain.queries import uploads as upload_queries
from sealane.domain.queries import versions as queries
from sealane.errors import AlreadyExists, Conflict, IsAFolder
from sealane.ids import FileId, VersionId, random_name

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import FileRow
    from sealane.domain.versions import Composition
    from sealane.domain.work import Work
    from sealane.ids import UserId

DIGEST_OF_NOTHING: Final = hashlib.sha256(b"").digest()


class Published(NamedTuple):
    """A version that has just been made."""

    version: VersionId
    file: FileId
    digest: bytes | None
    present: bool
    """The name shows it; False: it was overtaken, and is kept as an earlier version."""


def present_file(work: Work, folder: Folder, name: str) -> FileRow | None:
    """Return the file of this name, if there is one. Raises `IsAFolder` where a folder has the name."""
    file = work.transaction.first(upload_queries.FILE_AT, folder=folder.id, name=name)
    if file is None and work.tree.child(work.transaction, folder.id, name) is not None:
        raise IsAFolder
    return file


def check_expectations(file: FileRow | None, *, exclusive: bool, expected_version: str) -> None:
    """Raise `AlreadyExists` or `Conflict` where the name does not stand as the client was promised."""
    if exclusive and file is not None:
        raise AlreadyExists
    if expected_version and (file is None or file.version_id != expected_version):
        raise Conflict("The file has changed since you saw it.")


def publish(
    work: Work,
    user_id: UserId,
    folder: Folder,
    name: str,
    *,
    file: FileRow | None,
    composition: Composition,
    digest: bytes | None,
    modified: datetime,
    version: VersionId | None = None,
    form: str = versions.SLOTS_FORMAT,
    said: datetime | None = None,
) -> Published:
    """Make a content the present version of a name. `file` is what `present_file` found there in this transaction.

    `version`: the id that it gets, where that was decided before. `said`: when, before now, its sender was told that it
    is kept: no quota refuses it any more, and of what was said later under the name it becomes the version before.
    A version that its sender has sealed (`form`) owes the digest of its payload, one that was sealed here only where
    the settings say so, or when somebody asks (`age_versions.py`); whose data is in an ordinary one is read at once.
    """
    size = composition.extents.size
    version = version or VersionId(random_name())
    overtaken = None if said is None or file is None else _said_later(work, file, said)
    if overtaken is None:
        if file is None and said is None:
            quotas.check_room_for_file(work, folder.id)
        growth = size - (file.size if file else 0)
        quotas.charge(work, folder.id, growth, 0 if file else 1, at_any_rate=said is not None)
    file_id = overtaken or _point(work, folder, name, file, version, size, modified)
    digest = digest if size else DIGEST_OF_NOTHING
    plain = form == versions.SLOTS_FORMAT
    read = plain and reading.is_read(work, folder.id)
    payload = form == versions.SENT_SEALED_FORMAT or (not plain and bool(work.settings.payload_digest_at_once))
    owes = owing.owed(digest=digest is None or payload, people=read and size > 0)
    packed = composition.extents.pack()
    authenticator = keyring.organization_key(work, folder.organization_id).authenticate(
        version, file_id, size, packed, versions.authenticated_segments(composition)
    )
    work.transaction.run(
        queries.INSERT_VERSION,
        id=version,
        organization_id=folder.organization_id,
        file_id=file_id,
        format=form,
        size=size,
        digest=digest,
        extents=packed,
        authenticator=authenticator,
        user_id=user_id,
        made=said or work.now,
        modified=modified,
        replaced=None,
        damaged=None,
        leased_until=None,
        owes=owes,
        kept_folder_id=None,
        kept_name=None,
        stands_since=None if said is None else work.now,
    )
    versions.need_segments(work, version, composition.extents.segments())
    if read:
        exposures.expect(work, arrived(version, file_id, folder, name, user_id, said or work.now), empty=not size)
    work.arrivals = work.arrivals or owes is not None
    if overtaken is not None:
        kept.replace(work, version, size, folder, name, at_any_rate=True)
    return Published(version, file_id, digest, present=overtaken is None)


def arrived(
    version: VersionId, file_id: FileId, folder: Folder, name: str, user_id: UserId, made: datetime
) -> exposures.Arrived:
    """Return where a version came to, as what is known of whose data is in it remembers it."""
    return exposures.Arrived(version, folder.organization_id, file_id, folder.id, folder.path_of(name), user_id, made)


def _said_later(work: Work, file: FileRow, said: datetime) -> FileId | None:
    """Return the file at a name if what stands there was said to be whole after this time, else None."""
    present = work.transaction.first(queries.VERSION, version=file.version_id)
    return file.id if present is not None and present.made > said else None


def _point(
    work: Work,
    folder: Folder,
    name: str,
    file: FileRow | None,
    version: VersionId,
    size: int,
    modified: datetime,
) -> FileId:
    """Let the name show the new version; return the file's id."""
    if file is None:
        return FileId(
            work.transaction.insert(
                queries.INSERT_FILE, folder_id=folder.id, name=name, version_id=version, size=size, modified=modified
            )
        )
    kept.replace(work, file.version_id, file.size, folder, name)
    work.transaction.run(queries.UPDATE_FILE, file=file.id, version_id=version, size=size, modified=modified)
    return file.id
