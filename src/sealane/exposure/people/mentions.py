"""Mentions: one row for each time that a file speaks of an individual, as readers write them down.

A mention's columns are `FIELDS`, all text and absent (null) where nothing is told, and `marks`: the bits of the classes
that have no column of their own. Values are as the file has them; `alike.py` makes them comparable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from sealane.exposure.model import BIT, Batch, DataClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IDENTIFIERS: Final = {
    "ssn": DataClass.SSN,
    "itin": DataClass.ITIN,
    "medicare_id": DataClass.MEDICARE_ID,
    "medicaid_id": DataClass.MEDICAID_ID,
    "member_id": DataClass.MEMBER_ID,
    "medical_record_number": DataClass.MEDICAL_RECORD_NUMBER,
    "drivers_license": DataClass.DRIVERS_LICENSE,
    "passport": DataClass.PASSPORT,
    "account_number": DataClass.ACCOUNT_NUMBER,
    "card_number": DataClass.CARD_NUMBER,
}
"""Columns that name one individual by themselves, or nearly, and their class."""
CLASS_OF: Final = IDENTIFIERS | {
    "given": DataClass.NAME,
    "family": DataClass.NAME,
    "full_name": DataClass.NAME,
    "birth_date": DataClass.BIRTH_DATE,
    "line": DataClass.ADDRESS,
    "city": DataClass.ADDRESS,
    "zip": DataClass.ADDRESS,
    "phone": DataClass.PHONE,
    "email": DataClass.EMAIL,
}
"""The class that a filled-in column stands for."""
FIELDS: Final = (
    "given",
    "family",
    "suffix",
    "full_name",
    "birth_date",
    *IDENTIFIERS,
    "phone",
    "email",
    "line",
    "city",
    "state",
    "zip",
    "owner",
    "reference",
    "context",
)
"""`full_name` is a name in one piece. `reference` names the individual within this file only (a FHIR resource).
`context` names whoever the mention belongs to (a dependant's subscriber): a name counts once within it."""
MARKED: Final = frozenset(DataClass) - frozenset(CLASS_OF.values())
"""Classes that are told by `marks` alone."""
MARKS: Final = "marks"


class MentionRows:
    """Collects mentions of a reader that meets them one by one, and hands them over in batches."""

    def __init__(self, fields: tuple[str, ...], batch_mentions: int) -> None:
        """Collect rows of these fields of `FIELDS`, in this order, each row ending in its marks."""
        assert set(fields) <= set(FIELDS), "mentions have known fields"
        self._fields = fields
        self._batch = batch_mentions
        self._rows: list[tuple[str | int | None, ...]] = []
        self.records = 0

    def __len__(self) -> int:
        """Return how many were collected and not handed over yet."""
        return len(self._rows)

    def add(self, row: tuple[str | int | None, ...]) -> None:
        """Take one mention: its fields in order, then its marks. Empty text means absent."""
        self._rows.append(row)

    def full(self) -> Iterator[Batch]:
        """Yield a batch where enough was collected."""
        if len(self._rows) >= self._batch:
            yield self._taken()

    def rest(self) -> Iterator[Batch]:
        """Yield what was collected since, and the records without anybody."""
        if self._rows or self.records:
            yield self._taken()

    def _taken(self) -> Batch:
        columns = list(zip(*self._rows, strict=True)) or [()] * (len(self._fields) + 1)
        frame = pl.DataFrame(
            [
                *(
                    pl.Series(name, _absent(values), dtype=pl.String)
                    for name, values in zip(self._fields, columns, strict=False)
                ),
                pl.Series(MARKS, columns[-1], dtype=pl.UInt32),
            ]
        )
        batch = Batch(records=self.records, mentions=frame)
        self._rows = []
        self.records = 0
        return batch


def _absent(values: Iterable[str | int | None]) -> list[str | int | None]:
    return [value or None for value in values]


def marks_of(classes: Iterable[DataClass]) -> int:
    """Return the bits of some classes."""
    mask = 0
    for kind in classes:
        mask |= BIT[kind]
    return mask
