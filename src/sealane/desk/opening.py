"""One people list on its way to the desk: proven against the ledger, opened, read to its end, before any of it counts.

Must stay true: what is wrong with one list is told as one of `REFUSALS`, and what is wrong with the source is not: of a
refused list nothing is taken, and the sync goes on with the others (`refusals.py`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from sealane.desk.failures import ListMissing, ListSwapped
from sealane.errors import Kind, Missing, PeopleListInvalid, SealaneError, TooLarge
from sealane.exposure.people.lists import read_tables
from sealane.vault.age import failures, files, header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealane.desk.history import Reading
    from sealane.desk.sources import ListedFile, Source
    from sealane.vault.age.keys import Identity

REFUSALS: Final = (
    ListMissing,
    ListSwapped,
    TooLarge,
    PeopleListInvalid,
    failures.HeaderInvalid,
    failures.HeaderForged,
    failures.NoIdentityMatches,
    failures.PayloadDamaged,
    failures.VersionUnsupported,
)
"""What may be wrong with a list itself; the code of each is the reason that is told."""
_ROWS_MAX: Final = 200_000_000
"""Rows of one list: no file is read to more individuals."""
_ROWS_HELD: Final = 500_000
"""Rows that are kept in memory while the rest of their list is looked at; a longer list is read twice."""


def payload_digest(sealed: bytes) -> str:
    """Return the SHA-256 of a sealed list's payload, which sealing it to other keys leaves alone. `HeaderInvalid`."""
    _, length = header.parse(sealed)
    return sha256(memoryview(sealed)[length:]).hexdigest()


def open_list(
    source: Source, listed: ListedFile, read: Reading | None, identities: Sequence[Identity]
) -> Iterable[pa.Table]:
    """Return the individuals of a list, all of which can be read (`read_tables`); nobody where there is no list.

    `read`: what the ledger says of its file. Raises one of `REFUSALS`, and what asking the source does.
    """
    named = read.list_digest if read is not None else ""
    if not listed.digest:
        if named:
            raise ListMissing
        return ()
    sealed = _fetched(source, listed.version_id)
    if not payload_digest(sealed) == listed.digest == named:
        raise ListSwapped
    return _whole(files.open_sealed(sealed, identities))


def _fetched(source: Source, version_id: str) -> bytes:
    try:
        return source.sealed_list(version_id)
    except Missing as problem:
        raise ListMissing from problem
    except SealaneError as problem:
        if problem.kind is Kind.INTEGRITY:  # what the server stored is not what it wrote
            raise ListSwapped from problem
        raise


def _whole(content: bytes) -> Iterable[pa.Table]:
    """Return the tables of a list once the last of them was read."""
    held: list[pa.Table] = []
    rows = 0
    for table in read_tables(pa.BufferReader(content)):
        rows += len(table)
        if rows > _ROWS_MAX:
            raise PeopleListInvalid
        if rows <= _ROWS_HELD:
            held.append(table)
    if rows <= _ROWS_HELD:
        return held
    held.clear()
    return read_tables(pa.BufferReader(content))
