"""Arrivals that owe something to the inspector: leased, opened one at a time, answered.

A version that was finished without a digest of record owes one, and one that is to be read owes whose data is in it
(`owing.py`). A lease that is not answered runs out, with its connection or by time, and the arrival is given again;
every step may be repeated.
Must stay true: a connection of the inspector has the keys of one arrival at a time, and each is on record.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from sealane.domain import exposures, keyring, owing, reading, versions
from sealane.domain.queries import exposures as exposure_queries
from sealane.domain.queries import inspection as queries
from sealane.domain.queries import sealing as sealing_queries
from sealane.domain.queries import versions as version_queries
from sealane.errors import Integrity, Invalid, Missing
from sealane.exposure.model import Why
from sealane.ids import VersionId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.files import SealedForm
from sealane.operations.inspection import ArrivalOpened, ArrivalsAre

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealane.domain.queries.sealing import AgeFileRow
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Work
    from sealane.operations.inspection import (
        LeaseArrivals,
        OpenArrival,
        PutOff,
        Reading,
        RecordDigest,
        RecordExposure,
        ReportDamage,
    )

_DIGEST_BYTES = 32
_ANY_SIZE = 2**62
NameT = TypeVar("NameT", bound=str)


def lease_arrivals(work: Work, op: LeaseArrivals) -> ArrivalsAre:
    """Lease what owes something and is leased to nobody who is there: digests before readings, each oldest first.

    What no longer stands anywhere comes last (`owing.py`).

    Several inspectors ask: what one batch holds of large arrivals is bounded, so that none waits behind another's.
    """
    limit = max(1, min(op.limit, work.settings.inspector_batch))
    most = work.settings.inspector_small_bytes_max if op.small else _ANY_SIZE
    found = work.transaction.all(queries.OWING, size_max=most, limit=limit + work.holds.leased())
    free = [(row.id, row.size) for row in found if is_free(work, row.id, row.leased_until, small=op.small)]
    free = batch_of(work, free[:limit])
    until = work.now + timedelta(seconds=work.settings.inspector_lease_seconds)
    if free:
        work.transaction.run_many(queries.LEASE, [{"version": version, "until": until} for version in free])
    for version in free:
        work.holds.lease(version, work.connection)
    return ArrivalsAre(versions=tuple(free))


def is_free(work: Work, arrival: VersionId, leased_until: datetime | None, *, small: bool) -> bool:
    """Return whether an arrival, or an upload to be sealed, may be leased to the connection that asks."""
    if small and work.holds.is_put_off(arrival):
        return False
    in_time = leased_until is not None and leased_until > work.now
    return not work.holds.is_with_another(arrival, work.connection, in_time=in_time)


def batch_of(work: Work, free: Sequence[tuple[NameT, int]]) -> list[NameT]:
    """Return what of these (name and bytes, in order) is leased together.

    What is new to the connection comes first, one at least and no more bytes than a batch may have; then what it has
    had before and was not done with, so that this goes on after it.
    """
    left = work.settings.inspector_batch_bytes
    new: list[NameT] = []
    before: list[NameT] = []
    full = False
    for name, size in free:
        if work.holds.leaseholder(VersionId(name)) == work.connection:
            before.append(name)
            continue
        full = full or (bool(new) and size > left)
        if not full:
            new.append(name)
            left -= size
    return new + before


def put_off(work: Work, op: PutOff) -> Done:
    """Leave an arrival to who takes all: the lease is given back."""
    arrival = VersionId(op.arrival)
    if work.holds.leaseholder(arrival) != work.connection:
        raise Missing
    work.holds.end_lease(arrival)
    work.holds.put_off(arrival)
    work.arrivals = True
    return Done()


def open_arrival(work: Work, op: OpenArrival) -> ArrivalOpened:
    """Give the keys of an arrival that is leased to this connection. What it had open and unanswered is given back."""
    version = _leased(work, op.version)
    given_back = work.holds.open_arrival(work.connection, version.id)
    if given_back is not None:
        work.transaction.run(queries.GIVE_BACK, version=given_back)
    composition = versions.composition_of(work, version)
    key_ids = [row.key_id for row in composition.segments.values() if row.first_chunk is None]
    keys = keyring.open_upload_keys(work, key_ids)
    sealed = _sealed_of(work, version)
    work.record(
        events.ArrivalOpened(
            version_id=version.id,
            file_id=version.file_id,
            owner_organization_id=version.organization_id,
            key_ids=tuple(keys),
        )
    )
    return ArrivalOpened(
        version=version.id,
        size=version.size,
        extents=tuple(composition.extents),
        segments=composition.places(),
        keys=keys,
        sealed=None if sealed is None else SealedForm(sealed.start, sealed.skip, sealed.plain_size, None),
        owes_digest=owing.owes(version.owes, owing.DIGEST),
        reading=_reading_of(work, version),
    )


def _reading_of(work: Work, version: VersionRow) -> Reading | None:
    row = work.transaction.first(exposure_queries.EXPOSURE, version=version.id)
    if row is None or not owing.owes(version.owes, owing.PEOPLE):
        return None
    return reading.of_arrival(
        work,
        organization_id=row.organization_id,
        folder_id=row.folder_id,
        user_id=row.user_id,
        name=row.path.rpartition("/")[2],
    )


def _sealed_of(work: Work, version: VersionRow) -> AgeFileRow | None:
    if version.format == versions.SLOTS_FORMAT:
        return None
    return work.transaction.first(sealing_queries.AGE_FILE, version=version.id)


def record_digest(work: Work, op: RecordDigest) -> Done:
    """Take the SHA-256 of record of an arrival. The same again changes nothing; another one is an `Integrity` case."""
    if len(op.digest) != _DIGEST_BYTES:
        raise Invalid("A SHA-256 digest has 32 bytes.")
    version = _version(work, op.version)
    sealed = _sealed_of(work, version)
    if sealed is not None:
        return _record_payload_digest(work, version, sealed, op.digest)
    if version.digest is not None:
        if version.digest != op.digest:
            raise Integrity
        return Done()
    if version.damaged is not None:
        raise Missing  # reported as damaged before
    work.transaction.run(queries.SET_DIGEST, version=version.id, digest=op.digest)
    _pay(work, version, owing.DIGEST)
    work.record(
        events.DigestRecorded(
            version_id=version.id,
            file_id=version.file_id,
            owner_organization_id=version.organization_id,
            digest=op.digest.hex(),
        )
    )
    return Done()


def _record_payload_digest(work: Work, version: VersionRow, sealed: AgeFileRow, digest: bytes) -> Done:
    if sealed.payload_digest is not None:
        if sealed.payload_digest != digest:
            raise Integrity
        return Done()
    if version.damaged is not None:
        raise Missing
    work.transaction.run(sealing_queries.SET_PAYLOAD_DIGEST, version=version.id, digest=digest)
    work.transaction.run(queries.PAID, version=version.id)
    work.holds.end_lease(version.id)
    work.record(
        events.PayloadDigestRecorded(
            version_id=version.id,
            file_id=version.file_id,
            owner_organization_id=version.organization_id,
            digest=digest.hex(),
        )
    )
    return Done()


def record_exposure(work: Work, op: RecordExposure) -> Done:
    """Take what was read of an arrival. One that owes no reading any more keeps what it has."""
    version = _version(work, op.version)
    if owing.owes(version.owes, owing.PEOPLE):
        exposures.record(work, version.id, op.exposed, who=events.INSPECTOR)
        _pay(work, version, owing.PEOPLE)
    return Done()


def _pay(work: Work, version: VersionRow, what: str) -> None:
    """Note that this is owed no more; a version that owes something else stays leased."""
    left = owing.paid(version.owes, what)
    if left is not None:
        work.transaction.run(queries.OWES, version=version.id, owed=left)
        return
    work.transaction.run(queries.PAID, version=version.id)
    work.holds.end_lease(version.id)


def report_damage(work: Work, op: ReportDamage) -> Done:
    """Take note that an arrival cannot be read back. It is not delivered from now on."""
    version = _version(work, op.version)
    if version.damaged is None:
        work.transaction.run(queries.SET_DAMAGED, version=version.id, now=work.now)
        if owing.owes(version.owes, owing.PEOPLE):
            nothing = exposures.unreadable("", Why.DAMAGED)
            exposures.record(work, version.id, nothing, who=events.INSPECTOR)
        work.record(
            events.DamageFound(
                who=events.INSPECTOR,
                version_id=version.id,
                file_id=version.file_id,
                owner_organization_id=version.organization_id,
                sentence=op.sentence,
            )
        )
    work.holds.end_lease(version.id)
    return Done()


def _version(work: Work, version: str) -> VersionRow:
    row = work.transaction.first(version_queries.VERSION, version=version)
    if row is None:
        raise Missing
    return row


def _leased(work: Work, version: str) -> VersionRow:
    row = _version(work, version)
    lasts = row.leased_until is not None and row.leased_until > work.now
    if not row.owes or not lasts or work.holds.leaseholder(row.id) != work.connection:
        raise Missing
    return row
