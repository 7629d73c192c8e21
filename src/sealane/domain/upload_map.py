"""What an upload is made of so far: its segments, and the map that the edits of its records add up to.

A record that only appends is kept as it is beside the packed map (`upload_edits`), so that recording costs the same at
the end of a long upload as at its begin; any other record, and whoever needs the whole map, folds them in.
Lives here: checking what a door reports, and the rows of it. Not here: who may (receive.py, finish.py), what is
published (publish.py). Must stay true: an upload names only segments that it made itself or that its base had.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.domain import pending
from sealane.domain.queries import uploads as queries
from sealane.errors import NotASegment, TooLarge, TooMany
from sealane.ids import SegmentId
from sealane.operations.uploads import Edit, NewSegment, Place
from sealane.settings import SLOT_BYTES
from sealane.vault.extents import ExtentMap
from sealane.vault.segments import stored_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sealane.domain.queries.uploads import SegmentRow, UploadRow
    from sealane.domain.work import Work
    from sealane.ids import KeyId, UploadId

_DIGEST_BYTES: Final = 32
_SEGMENT_ID_DIGITS: Final = 32
_HEX: Final = frozenset("0123456789abcdef")
_edits_decoder = msgspec.msgpack.Decoder(tuple[Edit, ...])


def empty(work: Work) -> ExtentMap:
    """Return the map of a file of no bytes."""
    return ExtentMap(extents_max=work.settings.extents_max)


def unpacked(work: Work, packed: bytes) -> ExtentMap:
    """Return the map of a packed form, or raise `Integrity`."""
    return ExtentMap.unpack(packed, extents_max=work.settings.extents_max)


def current(work: Work, upload: UploadRow) -> ExtentMap:
    """Return the map of an upload as recorded, edits not yet folded in included."""
    stored = work.transaction.first(queries.UPLOAD_EXTENTS, upload=upload.id)
    assert stored is not None, "the row of an upload was read in this transaction"
    extents = unpacked(work, stored.extents)
    for row in work.transaction.all(queries.EDITS, upload=upload.id):
        apply(extents, _edits_decoder.decode(row.edits))
    return extents


def apply(extents: ExtentMap, edits: Iterable[Edit]) -> None:
    """Apply edits in order."""
    for edit in edits:
        if isinstance(edit, Place):
            extents.place(edit.offset, edit.length, SegmentId(edit.segment), edit.start)
        else:
            extents.resize(edit.size)


def is_unknown(work: Work, upload: str, new: Sequence[NewSegment]) -> bool:
    """Return whether neither the upload, nor a version of it, nor its one segment is known, if it has but one."""
    if len(new) > 1:
        return False
    segment = new[0].segment if new else ""
    return work.transaction.first(queries.KNOWN, upload=upload, segment=segment) is None


def check(
    work: Work, upload: UploadId, new: Sequence[NewSegment], edits: Sequence[Edit], *, unknown: bool = False
) -> None:
    """Raise `NotASegment`, `TooMany` or `TooLarge` unless a door may report this of this upload.

    `unknown`: that the segments' names are free was found already.
    """
    if len(new) > work.settings.segments_per_record_max or len(edits) > work.settings.extents_max:
        raise TooMany
    lengths: dict[str, int] = {}
    for segment in new:
        _check_new(work, segment, unknown=unknown)
        if segment.segment in lengths:
            raise NotASegment
        lengths[segment.segment] = segment.length
    for edit in edits:
        if isinstance(edit, Place):
            if edit.segment not in lengths:
                lengths[edit.segment] = _length_of(work, upload, edit.segment)
            if edit.offset < 0 or edit.start < 0 or edit.length < 1 or edit.start + edit.length > lengths[edit.segment]:
                raise NotASegment
        elif edit.size < 0:
            raise NotASegment
        reach = edit.offset + edit.length if isinstance(edit, Place) else edit.size
        if reach > work.settings.file_bytes_max:
            raise TooLarge


def _length_of(work: Work, upload: UploadId, segment: str) -> int:
    known = work.transaction.first(queries.SEGMENT_OF_UPLOAD, upload=upload, segment=segment)
    if known is None:
        raise NotASegment
    return known.length


def _check_new(work: Work, segment: NewSegment, *, unknown: bool) -> None:
    settings = work.settings
    name = segment.segment
    if len(name) != _SEGMENT_ID_DIGITS or not _HEX.issuperset(name) or len(segment.tags_digest) != _DIGEST_BYTES:
        raise NotASegment
    longest = settings.segment_bytes_max if segment.inline is None else settings.inline_bytes_max
    if not 0 < segment.length <= max(longest, SLOT_BYTES if segment.inline is None else 0):
        raise NotASegment
    chunks = segment.first_chunk is not None
    if segment.inline is not None and len(segment.inline) != stored_length(segment.length, chunks=chunks):
        raise NotASegment
    if segment.first_chunk is not None and segment.first_chunk < 0:
        raise NotASegment
    if not unknown and work.transaction.first(queries.SEGMENT_TAKEN, segment=name) is not None:
        raise NotASegment


def add_segments(work: Work, key_id: KeyId, new: Sequence[NewSegment]) -> None:
    """Add the rows of new segments. Whoever calls says right after it who needs them."""
    if not new:
        return
    work.transaction.run_many(
        queries.INSERT_SEGMENT,
        [
            {
                "id": segment.segment,
                "key_id": key_id,
                "length": segment.length,
                "tags_digest": segment.tags_digest,
                "inline": segment.inline,
                "made": work.now,
                "first_chunk": segment.first_chunk,
            }
            for segment in new
        ],
    )


def rows_of(key_id: KeyId, new: Sequence[NewSegment]) -> dict[str, SegmentRow]:
    """Return the rows of new segments by their id, as `add_segments` adds them."""
    return {
        segment.segment: queries.SegmentRow(
            SegmentId(segment.segment),
            key_id,
            segment.length,
            segment.tags_digest,
            segment.inline,
            segment.first_chunk,
        )
        for segment in new
    }


def need_segments(work: Work, upload: UploadId, segments: Iterable[str]) -> None:
    """Note that an upload needs segments."""
    rows = [{"upload": upload, "segment": segment} for segment in segments]
    if rows:
        work.transaction.run_many(queries.ADD_UPLOAD_SEGMENT, rows)


def segments_of(work: Work, upload: UploadId) -> dict[str, SegmentRow]:
    """Return every segment that an upload needs, by its id."""
    return {row.id: row for row in work.transaction.all(queries.SEGMENTS_OF_UPLOAD, upload=upload)}


def appended(upload: UploadRow, edits: Sequence[Edit], *, extents_max: int) -> int | None:
    """Return how many bytes these edits append, if appending at the end of what is contiguous is all they do."""
    at = upload.size
    if upload.contiguous != at or upload.pieces + len(edits) > extents_max:
        return None
    for edit in edits:
        if not isinstance(edit, Place) or edit.offset != at:
            return None
        at += edit.length
    return at - upload.size


def keep_edits(work: Work, upload: UploadRow, number: int, edits: Sequence[Edit]) -> None:
    """Keep the edits of a record that only appends, until the map is needed."""
    work.transaction.run(
        queries.INSERT_EDITS, upload=upload.id, number=number, edits=msgspec.msgpack.encode(tuple(edits))
    )


def fold(work: Work, upload: UploadRow, extents: ExtentMap, *, recorded: int, stored: int | None = None) -> int:
    """Store the whole map, edits included, and the number of the last record that is in it; return what it holds.

    `stored`: how many bytes its own segments are now, where that has changed.
    """
    stored = upload.stored if stored is None else stored
    held = pending.held_now(upload, stored=stored, size=extents.size) if upload.session_id else 0
    pending.changed(work, upload, held)
    work.transaction.run(queries.DELETE_EDITS, upload=upload.id)
    work.transaction.run(
        queries.FOLD,
        upload=upload.id,
        extents=extents.pack(),
        recorded=recorded,
        size=extents.size,
        contiguous=extents.contiguous,
        pieces=len(extents),
        expires=expiry(work),
        stored=stored,
        held=held,
    )
    return held


def expiry(work: Work) -> datetime:
    """Return until when an upload that moved now can be resumed."""
    return work.now + timedelta(seconds=work.settings.upload_keep_seconds)


def finished_expiry(work: Work) -> datetime:
    """Return until when an upload that is finished now still answers for itself."""
    return work.now + timedelta(seconds=work.settings.finished_upload_keep_seconds)
