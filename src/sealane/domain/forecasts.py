"""What a theft would reach today: sums over the files of a folder, of a user's reach, of an organization, of all.

Each sum counts an individual once a file, so it says how many it is at most; only the desk, with the lists open, can
say how many they are. Files that nobody has read are counted beside, never as nobody. Not here: one file's counts.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import accounts, exposures, names, people_lists, rights, versions
from sealane.domain.queries import exposures as queries
from sealane.domain.rights import Right
from sealane.errors import Invalid, Missing
from sealane.operations.exposures import ForecastIs, Reach

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.queries.exposures import ClassSumRow, SumRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId
    from sealane.operations.exposures import Forecast, ForecastAll

_NOT_READ = "not-read"


def forecast(work: Work, caller: Caller, op: Forecast) -> ForecastIs:
    """Say what a theft of a folder, of a user's reach or of an organization would reach, to who audits it."""
    rights.demand_audit(caller)
    if op.path and op.user:
        raise Invalid("Name a folder or a user, not both.")
    if op.user:
        return _of_folders(work, _reach_of(work, caller, op.user))
    folder = people_lists.own_folder(work, caller, paths.parse(op.path or "/"))
    if folder is None:
        raise Missing
    return _of_folders(work, [folder])


def forecast_all(work: Work, op: ForecastAll) -> ForecastIs:
    """Say what a theft of the whole server would reach, to its operator."""
    del op
    return _of_folders(work, [row.id for row in work.transaction.all(queries.ROOTS)])


def _reach_of(work: Work, caller: Caller, user: str) -> list[FolderId]:
    """Return the folders of the caller's organization that a user may read, none of them inside another."""
    found = accounts.find_user(work, user)
    view = work.views.of(
        work.transaction,
        user_id=found.id,
        organization_id=found.organization_id,
        organization=names.parse_account(user).organization,
        kept_max=work.settings.views_kept_max,
    )
    readable = {folder for folder, granted in view.granted.items() if Right.READ in granted}
    outermost = []
    for folder in sorted(readable):
        chain = work.tree.chain(work.transaction, folder)
        own = bool(chain) and chain[0].organization_id == caller.organization_id
        if own and not any(link.id in readable for link in chain[1:]):
            outermost.append(folder)
    return outermost


class _Pile:
    """Adds up to a `Reach`."""

    def __init__(self) -> None:
        self.files = self.people = 0
        self.classes: Counter[str] = Counter()
        self.coverage: Counter[str] = Counter()

    def add(self, row: SumRow) -> None:
        """Count files that were read alike."""
        self.files += row.files
        self.people += row.people or 0
        self.coverage[row.coverage or _NOT_READ] += row.files

    def reach(self) -> Reach:
        """Return the sums."""
        return Reach(self.files, self.people, dict(self.classes), dict(self.coverage))


def _of_folders(work: Work, folders: Iterable[FolderId]) -> ForecastIs:
    open_, sealed, kept = _Pile(), _Pile(), _Pile()

    def pile_of(row: SumRow | ClassSumRow) -> _Pile:
        return open_ if row.format == versions.SLOTS_FORMAT else sealed

    for folder in folders:
        for row in work.transaction.all(queries.SUMS, folder=folder):
            pile_of(row).add(row)
        for one in work.transaction.all(queries.CLASS_SUMS, folder=folder):
            pile_of(one).classes[one.data_class] += one.people
        for row in work.transaction.all(queries.KEPT_SUMS, folder=folder):
            (kept if row.format == versions.SLOTS_FORMAT else sealed).add(row)
        for one in work.transaction.all(queries.KEPT_CLASS_SUMS, folder=folder):
            (kept if one.format == versions.SLOTS_FORMAT else sealed).classes[one.data_class] += one.people
    return ForecastIs(open_.reach(), sealed.reach(), kept.reach())


assert exposures.WAITING != _NOT_READ, "what waits is told apart from what is not read"
