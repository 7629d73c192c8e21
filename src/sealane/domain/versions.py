"""Versions and what keeps them readable: authenticated when opened, dropped when their time is over.

A segment lives as long as a version or an upload needs it, a key as long as a segment or an unfinished upload does. The
blob of a segment that dies is noted in `dead_blobs` by the same transaction and deleted from the store later
(sweep.py), so that a crash between the two leaves a blob too many and never one too few.
Not here: making a version (publish.py), what a version's bytes are (vault).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.domain import keyring, pending, upload_map
from sealane.domain.queries import exposures as exposure_queries
from sealane.domain.queries import versions as queries
from sealane.errors import Integrity
from sealane.operations.files import SegmentPlace
from sealane.vault.keys import AuthenticatedSegment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealane.domain.queries.uploads import SegmentRow, UploadRow
    from sealane.domain.queries.versions import DyingRow, VersionRow
    from sealane.domain.work import Work
    from sealane.ids import SegmentId, UploadId, VersionId
    from sealane.vault.extents import ExtentMap

SLOTS_FORMAT = "slots-1"
"""Segments of AES-256-GCM slots (docs/formats/segment.md)."""
AGE_FORMAT = "age-1"
"""Segments of age chunks, whose key is destroyed."""
SENT_SEALED_FORMAT = "sent-age-1"
"""Segments of slots that hold an age file which its sender made."""
_NAMES_AT_ONCE = 500
"""Segments that one statement names."""
_FORMATS = frozenset({SLOTS_FORMAT, AGE_FORMAT, SENT_SEALED_FORMAT})


@dataclass(frozen=True, slots=True)
class Composition:
    """What a content is made of: its map, and the row of every segment that the map names."""

    extents: ExtentMap
    segments: Mapping[str, SegmentRow]

    def places(self) -> tuple[SegmentPlace, ...]:
        """Return where the segments' ciphertext is, for whoever reads."""
        return tuple(
            SegmentPlace(row.id, row.key_id, row.length, row.inline, row.first_chunk) for row in self.segments.values()
        )


def authenticated_segments(composition: Composition) -> list[AuthenticatedSegment]:
    """Return what an authenticator binds of the segments."""
    return [
        AuthenticatedSegment(row.id, row.key_id, row.length, row.tags_digest) for row in composition.segments.values()
    ]


def composition_of(work: Work, version: VersionRow) -> Composition:
    """Return what a version is made of. Raises `Integrity` unless all of it is what was written at its end."""
    if version.damaged is not None or version.format not in _FORMATS:
        raise Integrity
    extents = upload_map.unpacked(work, version.extents)
    rows: dict[str, SegmentRow] = {
        row.id: row for row in work.transaction.all(queries.SEGMENTS_OF_VERSION, version=version.id)
    }
    named = extents.segments()
    if extents.size != version.size or len(rows) != len(named) or not all(segment in rows for segment in named):
        raise Integrity
    composition = Composition(extents, rows)
    keyring.organization_key(work, version.organization_id).check(
        version.authenticator,
        version=version.id,
        file=version.file_id,
        size=version.size,
        extents=version.extents,
        segments=authenticated_segments(composition),
    )
    return composition


def drop_version(work: Work, version: VersionId) -> None:
    """Delete a version and whatever nothing else needs. What is known of whose data was in it stays for its time."""
    dying = work.transaction.all(queries.DYING_WITH_VERSION, version=version)
    work.transaction.run(queries.DELETE_VERSION_SEGMENTS, version=version)
    work.transaction.run(queries.DELETE_FORMER_HEADERS, version=version)
    work.transaction.run(queries.DELETE_AGE_FILE, version=version)
    work.transaction.run(exposure_queries.GONE, version=version, now=work.now)
    work.transaction.run(queries.DELETE_VERSION, version=version)
    _bury(work, dying)


def let_segments_go(work: Work, upload: UploadId) -> None:
    """Note that an upload needs no segments any more; those that no version needs either die."""
    dying = work.transaction.all(queries.DYING_WITH_UPLOAD, upload=upload)
    work.transaction.run(queries.DELETE_UPLOAD_SEGMENTS, upload=upload)
    _bury(work, dying)


def bury_superseded(work: Work, upload: UploadRow, named: Iterable[str], extents: ExtentMap) -> int:
    """Let go of those of the segments `named` until now that an upload's map names no more; most die.

    Return how many bytes that the upload had stored itself are to be gone from the store. No chunk number is free
    again by it: which may be used next is told by the upload's seal, not by what is there.
    """
    gone = sorted(set(named).difference(extents.segments()))
    freed = 0
    for begin in range(0, len(gone), _NAMES_AT_ONCE):
        names = gone[begin : begin + _NAMES_AT_ONCE]
        dying = work.transaction.all(queries.DYING_OF_UPLOAD, upload=upload.id, names=names)
        work.transaction.run(queries.LET_SEGMENTS_GO, upload=upload.id, names=names)
        _bury(work, dying)
        freed += pending.stored_of(dying, upload.key_id)
    return freed


def need_segments(work: Work, version: VersionId, segments: Iterable[SegmentId]) -> None:
    """Note that a version needs segments."""
    rows = [{"version": version, "segment": segment} for segment in segments]
    if rows:
        work.transaction.run_many(queries.ADD_VERSION_SEGMENT, rows)


def _bury(work: Work, dying: list[DyingRow]) -> None:
    if not dying:
        return
    stored = [{"segment_id": row.id, "since": work.now} for row in dying if not row.is_inline]
    if stored:
        work.transaction.run_many(queries.INSERT_DEAD_BLOB, stored)
        work.dead_bytes += sum(row.length for row in dying if not row.is_inline)
    work.transaction.run_many(queries.DELETE_SEGMENT, [{"segment": row.id} for row in dying])
    for key in {row.key_id for row in dying}:
        work.transaction.run(queries.DELETE_UNUSED_KEY, key=key)
        work.transaction.run(queries.DESTROY_UNUSED_KEY, key=key)
