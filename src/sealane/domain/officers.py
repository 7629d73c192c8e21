"""To whom people lists are sealed: an organization's privacy officers, their recovery keys, a folder's data owner.

An organization has one or more keys, all post-quantum or all classic, since they share a header. Where it has none,
only counts and coverage are made. Not here: making lists (inspector), handing them out (people_lists.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sealane.domain import accounts, recipients, rows
from sealane.domain.queries import exposures as exposure_queries
from sealane.domain.queries import reading as queries
from sealane.errors import Invalid
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import RecipientsDiffer
from sealane.vault.age import keys as age_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.work import Work
    from sealane.ids import FolderId, OrganizationId
    from sealane.operations.accounts import RowsAre
    from sealane.operations.exposures import ListOfficers, SetOfficer

OFFICER_KEYS_MAX: Final = 7
"""Of one organization, recovery keys included: with a data owner's all of them fit one entry of the ledger."""
_texts = msgspec.msgpack.Decoder(tuple[str, ...])


def set_officer(work: Work, op: SetOfficer) -> Done:
    """Say to whom people lists are sealed from now on, instead of what was said before."""
    organization = accounts.find_organization(work, op.organization)
    chosen = {recipients.checked(text): False for text in op.recipients}
    if not chosen:
        raise Invalid("Name one key of the officer at least: --recipient age1…")
    chosen |= {recipients.checked(text): True for text in op.recovery}
    if len(chosen) > OFFICER_KEYS_MAX:
        raise Invalid(f"An organization has {OFFICER_KEYS_MAX} officers' and recovery keys at most.")
    check_together([*chosen, *_owners_of(work, organization.id)])
    work.transaction.run(queries.REMOVE_OFFICERS, organization=organization.id)
    for text, recovery in chosen.items():
        work.transaction.run(
            queries.ADD_OFFICER, organization_id=organization.id, recipient=text, recovery=recovery, made=work.now
        )
    work.record(events.OfficerSet(owner_organization_id=organization.id, recipients=recipients.on_record(chosen)))
    return Done()


def list_officers(work: Work, op: ListOfficers) -> RowsAre:
    """List to whom people lists are sealed, and how many lists name others."""
    by_name: dict[str, list[tuple[str, bool]]] = {}
    for row in work.transaction.all(queries.ALL_OFFICERS):
        there = by_name.setdefault(row.organization, [])
        if row.recipient is not None:
            there.append((row.recipient, bool(row.recovery)))
    told = []
    for name, there in by_name.items():
        if op.organization not in {"", name}:
            continue
        organization = accounts.find_organization(work, name)
        present = {text for text, _ in there}
        lists = {
            row.recipients: row.count
            for row in work.transaction.all(exposure_queries.LIST_RECIPIENTS, organization=organization.id)
        }
        outdated = sum(count for named, count in lists.items() if not present.issubset(_texts.decode(named)))
        told.append(
            (
                name,
                tuple(text for text, recovery in there if not recovery),
                tuple(text for text, recovery in there if recovery),
                len(there),
                sum(lists.values()),
                outdated,
            )
        )
    return rows.listing(("organization", "recipients", "recovery", "ways", "lists", "outdated"), told)


def of_organization(work: Work, organization: OrganizationId) -> tuple[str, ...]:
    """Return the keys to which people lists of an organization are sealed; none: it has no officer."""
    return tuple(row.recipient for row in work.transaction.all(queries.OFFICERS, organization=organization))


def of_folder(work: Work, organization: OrganizationId, folder_id: FolderId) -> tuple[str, ...]:
    """Return the keys to which lists of a folder's files are sealed: the officers' and the data owner's."""
    present = of_organization(work, organization)
    said = work.tree.reading(work.transaction, folder_id)
    if not present or said is None or said.owner_recipient is None or said.owner_recipient in present:
        return present
    return (*present, said.owner_recipient)


def check_together(texts: Iterable[str]) -> None:
    """Raise `RecipientsDiffer` unless these keys may share a header."""
    if len({age_keys.recipient(text).label for text in texts}) > 1:
        raise RecipientsDiffer(
            "A people list is sealed to post-quantum keys (age1pq…) only or to classic keys (age1…, ssh-ed25519) only."
            " Officers, recovery keys and data owners of an organization need keys of one kind."
        )


def _owners_of(work: Work, organization: OrganizationId) -> list[str]:
    """Return the data owners' keys in an organization's folders."""
    found = []
    for row in work.transaction.all(queries.READ_FOLDERS):
        folder = work.tree.folder(work.transaction, row.folder_id)
        if row.owner_recipient is not None and folder is not None and folder.organization_id == organization:
            found.append(row.owner_recipient)
    return found
