"""Operations on the ledger: reading it, verifying it, its checkpoint."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from sealane.operations.accounts import AdminOperation
from sealane.operations.envelope import Answer


class LedgerEntry(msgspec.Struct, frozen=True, array_like=True):
    """An entry as stored, with the openings of its commitments that are still kept."""

    seq: int
    body: bytes
    """Canonical JSON (RFC 8785)."""
    leaf: bytes
    chain: bytes
    openings: dict[str, tuple[str, str]] | None
    """Salt in hex and clear value by field name; None where they are erased."""
    misfiled: bool = False
    """What a search finds it by is not what its body says: a search would miss it, or find it wrongly."""
    unreadable: bool = False
    """What is stored is no entry: a value has the wrong type, is missing or far too large. Then only `seq` counts."""


class EntriesAre(Answer, frozen=True):
    """A page of entries in order; `after` is 0 at the end."""

    entries: tuple[LedgerEntry, ...]
    after: int


class ReadLedger(AdminOperation, frozen=True):
    """Entries after a sequence number, those that match every filter given."""

    answer: ClassVar[type[Answer]] = EntriesAre
    after: int = 0
    limit: int = 500
    since: datetime | None = None
    user: str = ""
    path: str = ""
    """`ORG:/PATH` or `/PATH` in any organization."""
    kind: str = ""


class CheckpointIs(Answer, frozen=True):
    """Size and head of the ledger."""

    size: int
    head: bytes
    origin: str


class Checkpoint(AdminOperation, frozen=True):
    """The present size and head."""

    answer: ClassVar[type[Answer]] = CheckpointIs
