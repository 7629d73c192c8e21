"""What was never read is not shown where only what was read is shown, by whatever way it gets there.

What ends there is held back (held_back.py); this is for what comes otherwise: moved there, or had back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import exposures, held_back, versions
from sealane.domain.queries import exposures as exposure_queries
from sealane.domain.queries import held_back as queries
from sealane.operations.failures import NotReadYet

if TYPE_CHECKING:
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Work
    from sealane.ids import FolderId


def check_version(work: Work, folder_id: FolderId, version: VersionRow) -> None:
    """Raise `NotReadYet` where a folder shows only what was read, and this version was not."""
    if version.format != versions.SLOTS_FORMAT or not version.size or not held_back.holds(work, folder_id):
        return
    known_of = work.transaction.first(exposure_queries.EXPOSURE, version=version.id)
    if known_of is None or known_of.coverage == exposures.WAITING:
        raise NotReadYet


def check_folder(work: Work, folder_id: FolderId, moved: FolderId) -> None:
    """Raise `NotReadYet` where a folder shows only what was read, and something in another or below it was not."""
    if held_back.holds(work, folder_id) and work.transaction.first(
        queries.UNREAD_BELOW, folder_id=moved, format=versions.SLOTS_FORMAT, waiting=exposures.WAITING
    ):
        raise NotReadYet
