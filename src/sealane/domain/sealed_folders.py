"""The administrator's side of sealed folders: which are sealed, for how long they settle, the off-line recovery keys.

A folder is sealed with all below it and never opened again: what is in it opens by its recipients' clients alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import accounts, named_folders, places, recipients, rows
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.errors import AlreadyExists, Invalid
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import CredentialMissing, NoRecipients, RecipientsDiffer, TooManyRecipients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.domain.queries.folders import FolderRow
    from sealane.domain.work import Work
    from sealane.ids import OrganizationId
    from sealane.operations.accounts import ListSealed, RowsAre, SealFolder, SetRecovery
    from sealane.operations.administering import ListRecovery

_SETTLE_SECONDS_MAX: Final = 7 * 24 * 3600


def seal_folder(work: Work, op: SealFolder) -> Done:
    """Seal a folder with all below it, or change how it is sealed. Files that are there follow, one after another."""
    folder = named_folders.find(work, op.folder)
    seal(
        work,
        folder,
        op.folder,
        settle_seconds=op.settle_seconds,
        plain_names=op.plain_names,
        recovery=op.recovery,
    )
    return Done()


def seal(
    work: Work,
    folder: FolderRow,
    shown: str,
    *,
    settle_seconds: int | None,
    plain_names: bool | None,
    recovery: Sequence[str],
) -> None:
    """Seal a folder, or change how it is sealed; what is not said stays, or is as the settings say."""
    if folder.parent_id is None:
        raise Invalid("An organization's root cannot be sealed; seal a folder in it.")
    if settle_seconds is not None and not 0 <= settle_seconds <= _SETTLE_SECONDS_MAX:
        raise Invalid("The settle time is a number of seconds up to a week.")
    for text in recovery:
        _add_recovery(work, folder.organization_id, text, may_exist=True)
    before = None
    if folder.sealed_by == folder.id:
        before = work.transaction.first(sealed_queries.SEALED_FOLDER, folder=folder.id)
    if folder.sealed_by is not None and before is None:
        raise AlreadyExists("This folder is sealed with the one above it.")
    settle = settle_seconds
    if settle is None:
        settle = work.settings.settle_seconds if before is None else before.settle_seconds
    plain = plain_names if plain_names is not None else before is not None and before.plain_names
    if before is None:
        work.transaction.run(
            sealed_queries.ADD_SEALED_FOLDER,
            folder_id=folder.id,
            settle_seconds=settle,
            plain_names=plain,
            since=work.now,
            converted_to=0,
        )
        work.transaction.run(sealed_queries.SEAL_TREE, folder=folder.id, sealed_by=folder.id)
        work.arrivals = True
    else:
        work.transaction.run(
            sealed_queries.SET_SEALED_FOLDER, folder=folder.id, settle_seconds=settle, plain_names=plain
        )
    work.tree.forget()
    work.views.forget()
    work.record(
        events.FolderSealed(
            folder_id=folder.id,
            owner_organization_id=folder.organization_id,
            path=shown,
            settle_seconds=settle,
            plain_names=plain,
        )
    )


def set_recovery(work: Work, op: SetRecovery) -> Done:
    """Add a recovery key's public half to an organization, or take it away."""
    organization = accounts.find_organization(work, op.organization)
    if op.present:
        _add_recovery(work, organization.id, op.recipient, may_exist=False)
        return Done()
    gone = recipients.checked(op.recipient)
    if not work.transaction.run(sealed_queries.REMOVE_RECOVERY, organization=organization.id, gone=gone):
        raise CredentialMissing("The organization has no such recovery key.")
    work.record(events.RecoverySet(owner_organization_id=organization.id, recipient=gone, present=False))
    return Done()


def _add_recovery(work: Work, organization: OrganizationId, text: str, *, may_exist: bool) -> None:
    recipient = recipients.checked(text)
    there = {row.recipient for row in work.transaction.all(sealed_queries.RECOVERIES, organization=organization)}
    if recipient in there:
        if may_exist:
            return
        raise AlreadyExists("The organization has this recovery key already.")
    work.transaction.run(sealed_queries.ADD_RECOVERY, organization_id=organization, recipient=recipient, made=work.now)
    work.record(events.RecoverySet(owner_organization_id=organization, recipient=recipient, present=True))


def list_sealed(work: Work, op: ListSealed) -> RowsAre:
    """List sealed folders: how they are sealed, how many different people or keys can open what arrives, what waits."""
    found = []
    for row in work.transaction.all(sealed_queries.SEALED_FOLDERS):
        folder = places.of_organization(work, row.folder_id)
        if op.organization not in {"", folder.path.partition(":")[0]}:
            continue
        try:
            recipe = recipients.of_folder(work, folder.id, folder.organization_id)
            ways, kind, without, problem = recipe.ways, recipe.kind, recipe.without_key, ""
        except (NoRecipients, RecipientsDiffer, TooManyRecipients) as failure:
            ways, kind, without, problem = 0, "", (), failure.sentence
        plain = work.transaction.first(sealed_queries.COUNT_PLAIN, folder=folder.id)
        waiting = work.transaction.first(sealed_queries.COUNT_WAITING, folder=folder.id)
        found.append(
            (
                folder.path,
                row.settle_seconds,
                row.plain_names,
                ways,
                kind,
                without,
                plain.count if plain else 0,
                waiting.count if waiting else 0,
                problem,
            )
        )
    return rows.listing(
        ("folder", "settle_seconds", "plain_names", "ways", "kind", "without_key", "not_sealed", "waiting", "problem"),
        sorted(found),
    )


def list_recovery(work: Work, op: ListRecovery) -> RowsAre:
    """List the public halves of an organization's off-line recovery keys."""
    organization = accounts.find_organization(work, op.organization)
    found = work.transaction.all(sealed_queries.RECOVERIES, organization=organization.id)
    return rows.listing(("recipient",), ((row.recipient,) for row in found))
