"""Uploads that were begun and of which nothing is kept yet: a small file then costs one transaction, not two.

At the begin everything is decided, and the decision goes to the door in a sealed note with the upload's fresh key; the
door hands it back with the first record or with the end, and only then the upload is in the database and the ledger.
Who sends many to one folder may have more begun ahead (ahead.py): these get their names with the note.
Must stay true: what is decided again then is all that may have changed (rights, room, how many); a note opens for its
own user only, within the time in which an upload can be resumed; a door can neither make nor change one.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from sealane import paths
from sealane.domain import allowances, guests, keyring, resume, seals, upload_map
from sealane.domain.queries import uploads as upload_queries
from sealane.domain.queries import versions as version_queries
from sealane.errors import Integrity, UploadMissing
from sealane.ids import FolderId, OrganizationId, UploadId, UserId, VersionId, random_name
from sealane.ledger import events
from sealane.operations.uploads import AgeKey, BegunAhead, UploadOpened
from sealane.vault.keys import KEY_BYTES

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import FileRow, UploadRow
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Caller, Work

_ORGANIZATION_BYTES: Final = 8
_NEVER_STOOD: Final = VersionId("")
"""No version has this name."""


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """What was decided when an upload was begun; `key` is its upload key."""

    upload: UploadId
    user_id: UserId
    organization_id: OrganizationId
    folder_id: FolderId
    name: str
    """"" where it was begun ahead: it is told with the note."""
    shown_path: str
    """Of one that was begun ahead, that of its folder."""
    declared: int | None
    began: datetime
    key: bytes
    age_secret: bytes = b""
    """In a sealed folder: what its age file is made with."""
    stood: VersionId | None = None
    """The version that stood at the name."""
    ahead: bool = False
    """It was begun before it had a name, so that nobody looked what stood there."""


_decoder = msgspec.msgpack.Decoder(Begun)


def promise(
    work: Work,
    caller: Caller,
    folder: Folder,
    name: str,
    *,
    shown_path: str,
    declared: int | None,
    stood: VersionId | None,
    room: int,
    sealed: bool = False,
    sent_sealed: bool = False,
) -> UploadOpened:
    """Begin an upload without keeping anything of it."""
    begun = Begun(
        upload=UploadId(random_name()),
        user_id=caller.user_id,
        organization_id=folder.organization_id,
        folder_id=folder.id,
        name=name,
        shown_path=shown_path,
        declared=declared,
        began=work.now,
        key=secrets.token_bytes(KEY_BYTES),
        age_secret=keyring.new_age_secret() if sealed else b"",
        stood=stood,
    )
    return UploadOpened(
        upload=begun.upload,
        generation=1,
        key_id=0,
        key=begun.key,
        size=0,
        extents=(),
        segments=(),
        declared=declared,
        room=room,
        begin=_note(work, begun),
        age=AgeKey(0, keyring.payload_key_of(begun.age_secret), 0) if sealed else None,
        sent_sealed=sent_sealed,
    )


def without_names(work: Work, caller: Caller, folder: Folder, shown_path: str, count: int) -> tuple[BegunAhead, ...]:
    """Begin uploads in a folder, whose path this is, that are named when they are recorded or finished."""
    made = []
    for _ in range(count):
        begun = Begun(
            upload=UploadId(random_name()),
            user_id=caller.user_id,
            organization_id=folder.organization_id,
            folder_id=folder.id,
            name="",
            shown_path=shown_path,
            declared=None,
            began=work.now,
            key=secrets.token_bytes(KEY_BYTES),
            ahead=True,
        )
        made.append(BegunAhead(begun.upload, begun.key, _note(work, begun)))
    return tuple(made)


def _note(work: Work, begun: Begun) -> bytes:
    sealed = keyring.organization_key(work, begun.organization_id).seal_note(msgspec.msgpack.encode(begun))
    return begun.organization_id.to_bytes(_ORGANIZATION_BYTES, "big") + sealed


def opened(work: Work, caller: Caller, upload: str, begin: bytes, path: str = "") -> Begun:
    """Return what was decided. Raises `UploadMissing` past its time, and for another's or another upload's.

    `path`: of one that was begun ahead. Raises `PathInvalid` for what is none, `UploadMissing` in another folder.
    """
    organization = OrganizationId(int.from_bytes(begin[:_ORGANIZATION_BYTES], "big"))
    note = keyring.organization_key(work, organization).open_note(begin[_ORGANIZATION_BYTES:])
    try:
        begun = _decoder.decode(note)
    except msgspec.DecodeError:
        raise Integrity from None  # of another release
    until = begun.began + timedelta(seconds=work.settings.upload_keep_seconds)
    if begun.upload != upload or begun.user_id != caller.user_id or until <= work.now:
        raise UploadMissing
    return _named(begun, path) if begun.ahead else begun


def _named(begun: Begun, path: str) -> Begun:
    """Return an upload that was begun ahead with its name, which its client must have given it in this very folder."""
    *folder, name = paths.parse(path) or ("",)
    if paths.show(tuple(folder)) != begun.shown_path:
        raise UploadMissing
    return msgspec.structs.replace(begun, name=paths.check_name(name), shown_path=paths.show((*folder, name)))


def _stood(work: Work, begun: Begun, file: FileRow | None) -> VersionId | None:
    """Return what stood at the name when the upload was begun.

    Of one that was begun ahead that is what stands there now; unless it came since: then nobody is to go on over it.
    """
    if not begun.ahead:
        return begun.stood
    if file is None:
        return None
    version = work.transaction.first(version_queries.VERSION, version=file.version_id)
    return file.version_id if version is not None and _came(version) < begun.began else _NEVER_STOOD


def _came(version: VersionRow) -> datetime:
    """Return when a version came to the name at which it stands."""
    return version.stands_since or version.made


def version_of(work: Work, begun: Begun) -> VersionRow | None:
    """Return the version that the upload became, if it was begun and finished at once."""
    return work.transaction.first(version_queries.VERSION, version=VersionId(begun.upload))


def keep(work: Work, caller: Caller, begun: Begun) -> UploadRow:
    """Keep the upload from now on, on record; it is the caller's as if it had been kept from its begin."""
    allowances.check_count(work, caller)
    guests.check_room(work, caller, begun.declared)
    file = work.transaction.first(upload_queries.FILE_AT, folder=begun.folder_id, name=begun.name)
    allowances.check_room(begun.declared, allowances.room(work, begun.organization_id, begun.folder_id, file))
    key_id = keyring.add_upload_key(work, begun.organization_id, begun.key)
    resume.add_upload(
        work,
        id=begun.upload,
        user_id=begun.user_id,
        organization_id=begun.organization_id,
        folder_id=begun.folder_id,
        name=begun.name,
        shown_path=begun.shown_path,
        key_id=key_id,
        session_id=caller.session,
        size=0,
        contiguous=0,
        pieces=0,
        declared=begun.declared,
        metadata="",
        partial=False,
        base_version_id=_stood(work, begun, file),
        extents=upload_map.empty(work).pack(),
        held=begun.declared or 0,
    )
    if begun.age_secret:
        seals.begin(work, begun.upload, begun.organization_id, begun.age_secret)
    upload = resume.own_upload(work, caller, begun.upload)
    folder = resume.writable_folder(work, caller, upload)
    work.record(
        events.UploadBegun(
            who=caller.who,
            upload_id=begun.upload,
            mode="create",
            key_id=key_id,
            owner_organization_id=begun.organization_id,
            folder_id=begun.folder_id,
            path=folder.path_of(begun.name) if folder else "",
            declared=begun.declared,
        )
    )
    return upload
