"""Versions that were replaced or removed: kept for their time, counted, and never more than the quota once again.

Must stay true: an organization's `kept_bytes` is the sum of its replaced versions' sizes, so whoever replaces one calls
`replace`, whoever drops one `expire`,
and whoever lets one be seen again `take_back`. A version that somebody is receiving is not dropped before its time.
Not here: having one back (earlier_versions.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import owing, versions
from sealane.domain.queries import inspection as inspection_queries
from sealane.domain.queries import sealing as sealing_queries
from sealane.domain.queries import versions as queries
from sealane.errors import Missing
from sealane.ledger import events

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.versions import ExpiredRow, VersionRow
    from sealane.domain.work import Work
    from sealane.ids import VersionId

_READS: Final = [
    owing.owed(digest=digest, people=True, last=last) for digest in (False, True) for last in (False, True)
]
_EARLY_MAX: Final = 64
"""Versions that one act drops before their time at most; what is over then is dropped by the next."""


def replace(work: Work, version: VersionId, size: int, folder: Folder, name: str) -> None:
    """Take the version at a name out of sight and keep it; the oldest kept go where all together are too much.

    They may take as much again as its quota; without a quota there is no bound.
    """
    organization = folder.organization_id
    work.transaction.run(
        queries.REPLACE_VERSION,
        version=version,
        now=work.now,
        folder=folder.id,
        name=name,
        reads=_READS,
        last_reads=owing.LAST_PEOPLE,
    )
    work.transaction.run(queries.COUNT_KEPT, organization=organization, more=size)
    use = work.tree.use(work.transaction, organization)
    if use is None:
        raise Missing
    if not use.quota_bytes:
        return
    kept = work.transaction.first(queries.KEPT_BYTES, organization=organization)
    over = kept.count - use.quota_bytes * work.settings.kept_versions_percent // 100 if kept else 0
    if over <= 0:
        return
    for oldest in work.transaction.all(queries.OLDEST_KEPT, organization=organization, limit=_EARLY_MAX):
        expire(work, oldest)
        over -= oldest.size
        if over <= 0:
            return


def take_back(work: Work, version: VersionRow) -> None:
    """Make a version that was taken out of sight a present one again; it owes what a present one owes."""
    people = owing.owes(version.owes, owing.PEOPLE)
    owed = owing.owed(digest=_lacks_digest(work, version), people=people)
    work.transaction.run(queries.TAKE_BACK_VERSION, version=version.id, owed=owed)
    work.transaction.run(queries.COUNT_KEPT, organization=version.organization_id, more=-version.size)
    work.arrivals = work.arrivals or owed is not None


def is_wanted(work: Work, version: VersionRow) -> None:
    """Note that somebody has opened a version: one out of sight whose digest was not worked out owes it again."""
    if version.replaced is None or owing.owes(version.owes, owing.DIGEST) or not _lacks_digest(work, version):
        return
    people = owing.owes(version.owes, owing.PEOPLE)
    owed = owing.owed(digest=True, people=people, last=True)
    work.transaction.run(inspection_queries.OWES, version=version.id, owed=owed)
    work.arrivals = True


def _lacks_digest(work: Work, version: VersionRow) -> bool:
    """Return whether the digest of record is not there; of a sealed version, that of its payload."""
    if version.damaged is not None:
        return False
    if version.format == versions.SLOTS_FORMAT:
        return version.digest is None
    sealed = work.transaction.first(sealing_queries.AGE_FILE, version=version.id)
    return sealed is not None and sealed.payload_digest is None


def expire(work: Work, version: ExpiredRow) -> None:
    """Drop a version that was replaced, on record."""
    versions.drop_version(work, version.id)
    work.transaction.run(queries.COUNT_KEPT, organization=version.organization_id, more=-version.size)
    work.record(
        events.VersionExpired(
            version_id=version.id,
            file_id=version.file_id,
            owner_organization_id=version.organization_id,
            size=version.size,
        )
    )
