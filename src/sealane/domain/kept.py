"""Versions that were replaced or removed: kept for their time, counted, and never more than the quota once again.

Must stay true: an organization's `kept_bytes` is the sum of its replaced versions' sizes, so whoever replaces one calls
`replace`, whoever drops one `expire`,
and whoever lets one be seen again `take_back`. A version that somebody is receiving is not dropped before its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import versions
from sealane.domain.queries import versions as queries
from sealane.errors import Missing
from sealane.ledger import events

if TYPE_CHECKING:
    from sealane.domain.queries.versions import ExpiredRow
    from sealane.domain.work import Work
    from sealane.ids import OrganizationId, VersionId

_EARLY_MAX: Final = 64
"""Versions that one act drops before their time at most; what is over then is dropped by the next."""


def replace(work: Work, version: VersionId, size: int, organization: OrganizationId) -> None:
    """Take a version out of sight and keep it; the organization's oldest kept ones go where all together are too much.

    They may take as much again as its quota; without a quota there is no bound.
    """
    work.transaction.run(queries.REPLACE_VERSION, version=version, now=work.now)
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


def take_back(work: Work, version: VersionId, size: int, organization: OrganizationId) -> None:
    """Make a version that was taken out of sight a present one again."""
    work.transaction.run(queries.TAKE_BACK_VERSION, version=version)
    work.transaction.run(queries.COUNT_KEPT, organization=organization, more=-size)


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
