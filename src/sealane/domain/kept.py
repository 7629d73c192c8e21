"""Versions that were replaced or removed: kept for a time, so many of a name, no more than as much as a quota again.

Each is counted in the folder where it stood, in every folder above that and in the organization. Where a quota of one
of these would be passed, the oldest of the very folder go, at last the one that was just replaced: nobody drives out
by writing what is kept of another folder. Of one name, and of one folder, only so many are kept, whatever their size:
of a name exactly so many; the number in a folder is looked at now and then while something is replaced there, and what
is over then, or comes to it when folders in it go, the sweep clears (`thin_out`).
Must stay true: `kept_bytes` of a folder is the sum of the sizes of what is kept of it and of those below it, an
organization's that of all; so whoever replaces a version calls `replace`, whoever drops one `expire`, whoever lets one
be seen again `take_back`, and whoever takes a folder away `stay_behind`. A version that somebody is receiving is not
dropped before its time.
Not here: having one back (earlier_versions.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import owing, versions
from sealane.domain.queries import earlier_versions as earlier_queries
from sealane.domain.queries import folders as folder_queries
from sealane.domain.queries import inspection as inspection_queries
from sealane.domain.queries import sealing as sealing_queries
from sealane.domain.queries import versions as queries
from sealane.errors import Missing
from sealane.ledger import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.domain.places import Folder
    from sealane.domain.queries.folders import FolderRow, OrganizationUse
    from sealane.domain.queries.versions import ExpiredRow, VersionRow
    from sealane.domain.work import Work
    from sealane.ids import FolderId, OrganizationId, VersionId

_READS: Final = [
    owing.owed(digest=digest, people=True, last=last) for digest in (False, True) for last in (False, True)
]
_EARLY_MAX: Final = 64
"""Versions that one act drops before their time at most; what is over then is dropped by the next."""
_LOOK_EVERY_MAX: Final = 32
"""Replacements in one folder between two looks at how many versions are kept of it, at most."""


def replace(work: Work, version: VersionId, size: int, folder: Folder, name: str, *, at_any_rate: bool = False) -> None:
    """Take the version at a name out of sight and keep it; the oldest kept of its folder go where that is too much.

    What is kept may take as much again as a quota; without one there is no bound.
    """
    work.transaction.run(
        queries.REPLACE_VERSION,
        version=version,
        now=work.now,
        folder=folder.id,
        name=name,
        reads=_READS,
        last_reads=owing.LAST_PEOPLE,
    )
    _count(work, folder.organization_id, folder.id, size)
    over = _over(work, folder, size)
    if over > 0:
        _make_room(work, folder, over, version, spare=at_any_rate)
    _bound_number(work, folder, name, version)


def _bound_number(work: Work, folder: Folder, name: str, newest: VersionId) -> None:
    """Drop the oldest of a name where too many are kept of it; now and then, the oldest of its folder likewise."""
    counted = work.transaction.first(earlier_queries.NUMBER_OF_NAME, folder=folder.id, name=name)
    over = (counted.count if counted else 0) - work.settings.kept_versions_of_name_max
    if over > 0:
        limit = min(over, _EARLY_MAX)
        rows = work.transaction.all(queries.OLDEST_KEPT_OF_NAME, folder=folder.id, name=name, limit=limit + 1)
        _drop(work, rows, limit, but=newest)
    every = max(1, min(_LOOK_EVERY_MAX, work.settings.kept_versions_of_folder_max // _LOOK_EVERY_MAX))
    if work.tree.is_look_due(folder.id, every) and thin_out(work, folder.id, _EARLY_MAX, but=newest) == _EARLY_MAX:
        work.tree.overfull.add(folder.id)


def thin_out(work: Work, folder: FolderId, limit: int, *, but: str = "") -> int:
    """Drop the oldest that are kept of a folder, where they are too many; return how many, `limit` at most."""
    counted = work.transaction.first(earlier_queries.NUMBER_OF_FOLDER, folder=folder)
    over = (counted.count if counted else 0) - work.settings.kept_versions_of_folder_max
    if over <= 0:
        return 0
    limit = min(over, limit)
    rows = work.transaction.all(queries.OLDEST_KEPT, folder=folder, limit=limit + 1)
    return _drop(work, rows, limit, but=but)


def _drop(work: Work, rows: Sequence[ExpiredRow], limit: int, *, but: str) -> int:
    """Drop the first versions, save one that was kept only now: others may have been replaced at the same moment."""
    dropped = [row for row in rows if row.id != but][:limit]
    for row in dropped:
        expire(work, row)
    return len(dropped)


def _over(work: Work, folder: Folder, size: int) -> int:
    """Return how much more is kept than some quota above a folder, or its own, lets be kept."""
    use = work.tree.use(work.transaction, folder.organization_id)
    if use is None:
        raise Missing
    percent = work.settings.kept_versions_percent
    own, *above = work.tree.chain(work.transaction, folder.id)

    def past(one: FolderRow | OrganizationUse) -> int:
        return one.kept_bytes - one.quota_bytes * percent // 100 if one.quota_bytes else 0

    return max(past(own), min(size, max(past(one) for one in (use, *above))))


def _make_room(work: Work, folder: Folder, over: int, newest: VersionId, *, spare: bool) -> None:
    """Drop the oldest that is kept of a folder, as much as is too much; the newest too where that does not suffice."""
    rows = work.transaction.all(queries.OLDEST_KEPT, folder=folder.id, limit=_EARLY_MAX)
    for oldest in rows:
        if spare and oldest.id == newest:
            continue
        expire(work, oldest)
        over -= oldest.size
        if over <= 0:
            return
    if not spare and len(rows) == _EARLY_MAX and all(row.id != newest for row in rows):
        last = work.transaction.first(queries.KEPT_UNREAD, version=newest)
        if last is not None:
            expire(work, last)


def _count(work: Work, organization: OrganizationId, folder: FolderId | None, more: int) -> None:
    if not more:
        return
    work.transaction.run(queries.COUNT_KEPT, organization=organization, more=more)
    if folder is not None:
        work.transaction.run(folder_queries.COUNT_KEPT, charged_id=folder, more_bytes=more)
    work.tree.kept(organization, folder, more)


def take_back(work: Work, version: VersionRow) -> None:
    """Make a version that was taken out of sight a present one again; it owes what a present one owes."""
    people = owing.owes(version.owes, owing.PEOPLE)
    owed = owing.owed(digest=_lacks_digest(work, version), people=people)
    work.transaction.run(queries.TAKE_BACK_VERSION, version=version.id, owed=owed, now=work.now)
    _count(work, version.organization_id, version.kept_folder_id, -version.size)
    work.arrivals = work.arrivals or owed is not None


def stay_behind(work: Work, parent: Folder, folder: Folder) -> None:
    """Keep what stood in a folder that goes, and in those below it, with the folder where it was until now.

    There it has the name by which one came to it from there (`FOLDER/NAME`), which no file can have; it is counted
    there as before. What stood in a folder that is sealed otherwise than this one gets no name: nobody has it back.
    The tree is forgotten by whoever takes the folder away.
    """
    work.transaction.run(
        earlier_queries.STAY_BEHIND, folder_id=folder.id, parent=parent.id, sealed_by=parent.row.sealed_by or 0
    )
    work.transaction.run(folder_queries.KEEP_NOTHING, folder_id=folder.id)
    work.tree.overfull.add(parent.id)


def go_along(work: Work, source: Folder, name: str, target: Folder, target_name: str) -> None:
    """Take what is kept of a name of one folder to a name of another, of the same organization."""
    found = work.transaction.first(earlier_queries.KEPT_OF_NAME, folder=source.id, name=name)
    size = found.count if found is not None else 0
    work.transaction.run(
        earlier_queries.GO_ALONG, folder=source.id, name=name, to_folder=target.id, to_name=target_name
    )
    _count(work, source.organization_id, source.id, -size)
    _count(work, target.organization_id, target.id, size)


def is_wanted(work: Work, version: VersionRow) -> None:
    """Note that somebody has opened a version: one out of sight whose digest was not worked out owes it again."""
    if version.replaced is None or owing.owes(version.owes, owing.DIGEST) or not _lacks_digest(work, version):
        return
    people = owing.owes(version.owes, owing.PEOPLE)
    owed = owing.owed(digest=True, people=people, last=True)
    work.transaction.run(inspection_queries.OWES, version=version.id, owed=owed)
    work.arrivals = True


def _lacks_digest(work: Work, version: VersionRow) -> bool:
    """Return whether the digest of record is not there; of a version that its sender has sealed, that of its payload.

    What was sealed here has its own; the digest of its payload is worked out when somebody asks for that.
    """
    if version.damaged is not None or version.format == versions.AGE_FORMAT:
        return False
    if version.format == versions.SLOTS_FORMAT:
        return version.digest is None
    sealed = work.transaction.first(sealing_queries.AGE_FILE, version=version.id)
    return sealed is not None and sealed.payload_digest is None


def expire(work: Work, version: ExpiredRow) -> None:
    """Drop a version that was replaced, on record."""
    versions.drop_version(work, version.id)
    _count(work, version.organization_id, version.kept_folder_id, -version.size)
    work.record(
        events.VersionExpired(
            version_id=version.id,
            file_id=version.file_id,
            owner_organization_id=version.organization_id,
            size=version.size,
        )
    )
