"""The one way out: a version is opened, and only then do its keys leave; what was sent of it; the receipt.

Must stay true: the record that a session is about to receive a version is in the transaction that decides it, and the
keys are in the answer, which the keeper gives after that transaction is durable. What a door says it sent adds to the
record and never narrows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sealane.domain import age_versions, earlier_versions, guests, kept, keyring, places, rights, versions
from sealane.domain.queries import downloads as queries
from sealane.domain.queries import sealing as sealing_queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.rights import Act
from sealane.errors import Integrity, Invalid, Missing, TooMany
from sealane.ids import DownloadId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import SealedName
from sealane.operations.files import ReceiptIs, SealedForm, Transfer, VersionOpened
from sealane.vault.age.payload import sealed_length

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.downloads import TransferRow
    from sealane.domain.queries.sealing import AgeFileRow
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Caller, Work
    from sealane.operations.files import EndDownload, OpenVersion, Receipt

_RECEIPT_KINDS: Final = [
    kind.value for kind in (events.Kind.UPLOAD_FINISHED, events.Kind.DOWNLOAD_BEGUN, events.Kind.DOWNLOAD_ENDED)
]


def open_version(work: Work, caller: Caller, op: OpenVersion) -> VersionOpened:
    """Open a file for reading, or the earlier version of it that is pinned. Raises `Integrity` for a damaged one."""
    folder, name, version = _wanted(work, caller, op)
    sealed = _age_file_of(work, version)
    as_age = places.asks_for_age(op.path, name)
    if sealed is not None and not (op.as_age or as_age):
        raise SealedName(f"This file is sealed. Open it as {name}{places.AGE_SUFFIX}.")
    if sealed is None and as_age:
        raise Missing
    guests.count_download(work, caller, version.id)
    kept.is_wanted(work, version)
    composition = versions.composition_of(work, version)
    key_ids = [row.key_id for row in composition.segments.values() if row.first_chunk is None]
    keys = keyring.open_upload_keys(work, key_ids)
    form = None if sealed is None else _form(sealed)
    size = version.size if form is None else len(form.prefix) + _stored_size(version, form)
    work.releases.take(caller.session, size, work.now, work.settings)
    download = DownloadId(
        work.transaction.insert(
            queries.INSERT_DOWNLOAD, session_id=caller.session, version_id=version.id, began=work.now
        )
    )
    work.record(
        events.DownloadBegun(
            who=caller.who,
            download_id=download,
            version_id=version.id,
            file_id=version.file_id,
            owner_organization_id=version.organization_id,
            folder_id=folder.id,
            path=folder.path_of(name),
            size=size,
            key_ids=tuple(keys),
        )
    )
    return VersionOpened(
        download=download,
        version=version.id,
        size=size,
        modified=version.modified,
        digest=version.digest,
        extents=tuple(composition.extents),
        segments=composition.places(),
        keys=keys,
        sealed=form,
    )


def _wanted(work: Work, caller: Caller, op: OpenVersion) -> tuple[Folder, str, VersionRow]:
    """Return the version to open, and the folder and name at which it stands or stood. The caller may read it."""
    if op.version:
        folder, name = places.find_parent(work, caller, op.path)
        earlier_versions.known(work, caller, folder, name, op.version)
        folder.demand(caller, Act.READ_FILE)
        version = work.transaction.first(version_queries.VERSION, version=op.version)
    else:
        folder, file = places.find_file(work, caller, op.path)
        folder.demand(caller, Act.READ_FILE)
        name = file.name
        version = work.transaction.first(version_queries.VERSION, version=file.version_id)
        version = version if version is not None and version.file_id == file.id else None
    if version is None:
        raise Integrity
    return folder, name, version


def _age_file_of(work: Work, version: VersionRow) -> AgeFileRow | None:
    if version.format == versions.SLOTS_FORMAT:
        return None
    return work.transaction.first(sealing_queries.AGE_FILE, version=version.id)


def _form(sealed: AgeFileRow) -> SealedForm:
    return SealedForm(
        sealed.header + sealed.start, sealed.skip, sealed.plain_size, sealed.payload_digest, sealed.revision
    )


def _stored_size(version: VersionRow, form: SealedForm) -> int:
    """Return how many bytes of a sealed version come after the prefix."""
    if form.skip is not None:
        return version.size - form.skip
    return sealed_length(version.size) if version.size else 0


def end_download(work: Work, caller: Caller, op: EndDownload) -> Done:
    """Write down what a door says it sent. Counts once, and only from the user who opened it."""
    if len(op.ranges) > work.settings.download_ranges_max:
        raise TooMany
    if op.sent < 0 or any(not 0 <= start < end for start, end in op.ranges):
        raise Invalid("The ranges of a download are not valid.")
    download = work.transaction.first(queries.DOWNLOAD, download=op.download, user=caller.user_id)
    if download is None:
        return Done()  # ended before: the answer was lost on its way
    work.transaction.run(queries.DELETE_DOWNLOAD, download=download.id)
    version = work.transaction.first(version_queries.VERSION, version=download.version_id)
    work.record(
        events.DownloadEnded(
            who=caller.who,
            download_id=download.id,
            version_id=download.version_id,
            file_id=version.file_id if version else None,
            owner_organization_id=version.organization_id if version else None,
            sent=op.sent,
            ranges=op.ranges,
            whole=op.whole,
        )
    )
    return Done()


def receipt(work: Work, caller: Caller, op: Receipt) -> ReceiptIs:
    """Say who sent and who fetched a version of a file: to whoever may list or read it, and to its sender.

    Another organization than the owner's is told of the upload and of its own fetches only.
    """
    folder, version = receipted(work, caller, op.path, op.version)
    wanted = {"version": version.id, "kinds": _RECEIPT_KINDS, "limit": work.settings.receipt_transfers_max}
    if caller.user_id == version.user_id or caller.organization_id == folder.organization_id:
        rows = work.transaction.all(queries.TRANSFERS, **wanted)
    else:
        kind = events.Kind.UPLOAD_FINISHED.value
        rows = work.transaction.all(
            queries.TRANSFERS_SEEN, **wanted, organization=caller.organization_id, upload_kind=kind
        )
    sealed = _age_file_of(work, version)
    if sealed is not None and op.with_payload:
        age_versions.want_payload_digest(work, version, sealed)
    return ReceiptIs(
        path=op.path,
        version=version.id,
        size=version.size,
        digest=version.digest,
        transfers=_transfers(version, rows),
        payload_digest=None if sealed is None else sealed.payload_digest,
    )


def receipted(work: Work, caller: Caller, path: str, named: str = "") -> tuple[Folder, VersionRow]:
    """Return a version of a file and its folder, to whom its receipt may be shown; else raise.

    It is the present one, or the one that is named.
    """
    if named:
        folder, name = places.find_parent(work, caller, path)
        earlier_versions.known(work, caller, folder, name, named)
    else:
        folder, file = places.find_file(work, caller, path)
        named = file.version_id
    version = work.transaction.first(version_queries.VERSION, version=named)
    if version is None:
        raise Integrity
    if version.user_id != caller.user_id or not rights.may(caller, Act.SEE, folder.granted):
        folder.demand(caller, Act.LEARN_DIGEST)
    return folder, version


class _Said(msgspec.Struct):
    """What a receipt needs of an entry's body (docs/formats/ledger.md)."""

    door: str
    download_id: int = 0
    sent: int = 0


_said_decoder = msgspec.json.Decoder(_Said)


def _transfers(version: VersionRow, rows: list[TransferRow]) -> tuple[Transfer, ...]:
    """One line an upload and one a download: a download that ended is told by its end."""
    said = {row.seq: _said_decoder.decode(row.body) for row in rows}
    ended = {said[row.seq].download_id for row in rows if row.kind == events.Kind.DOWNLOAD_ENDED.value}
    lines = []
    for row in rows:
        words = said[row.seq]
        if row.kind == events.Kind.DOWNLOAD_BEGUN.value and words.download_id in ended:
            continue
        sent_all = row.kind == events.Kind.UPLOAD_FINISHED.value
        lines.append(
            Transfer(
                kind="upload" if sent_all else "download",
                at=row.at,
                user=f"{row.user}@{row.organization}",
                door=words.door,
                size=version.size if sent_all else words.sent,
                entry=row.seq,
                leaf=row.leaf,
                ended=row.kind != events.Kind.DOWNLOAD_BEGUN.value,
            )
        )
    return tuple(lines)
