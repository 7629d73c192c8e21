"""The words of this room: formats, data classes, reasons, and what a reader hands over."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

    from sealane.exposure.sources import Source


class Format(enum.StrEnum):
    """What a file is, by its content."""

    CSV = "csv"
    FIXED = "fixed"
    XLSX = "xlsx"
    XLS = "xls"
    XLSB = "xlsb"
    ODS = "ods"
    PARQUET = "parquet"
    JSON = "json"
    NDJSON = "ndjson"
    X12_834 = "x12-834"
    X12_835 = "x12-835"
    X12_837 = "x12-837"
    X12_270 = "x12-270"
    X12_271 = "x12-271"
    X12_276 = "x12-276"
    X12_277 = "x12-277"
    HL7V2 = "hl7v2"
    FHIR = "fhir"
    CCDA = "ccda"
    PDF = "pdf"
    TEXT = "text"
    EMAIL = "email"
    ARCHIVE = "archive"
    UNKNOWN = "unknown"


class Why(enum.StrEnum):
    """Why a part could not be read."""

    ENCRYPTED = "encrypted"
    IMAGE_ONLY = "image-only"
    DAMAGED = "damaged"
    TOO_LARGE = "too-large"
    UNKNOWN_FORMAT = "unknown-format"
    SEALED_BY_SENDER = "sealed-by-sender"
    SWITCHED_OFF = "switched-off"
    NO_OFFICER = "no-officer"
    READER_FAILED = "reader-failed"


class Coverage(enum.StrEnum):
    """How much of a file could be read."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"


class DataClass(enum.StrEnum):
    """A kind of personal data. The order is that of the bits in a people list: add at the end only."""

    NAME = "name"
    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    PHONE = "phone"
    EMAIL = "email"
    SSN = "ssn"
    ITIN = "itin"
    DRIVERS_LICENSE = "drivers_license"
    PASSPORT = "passport"
    MEDICARE_ID = "medicare_id"
    MEDICAID_ID = "medicaid_id"
    MEMBER_ID = "member_id"
    MEDICAL_RECORD_NUMBER = "medical_record_number"
    DIAGNOSIS = "diagnosis"
    PROCEDURE = "procedure"
    MEDICATION = "medication"
    CLAIM = "claim"
    ACCOUNT_NUMBER = "account_number"
    CARD_NUMBER = "card_number"
    CREDENTIAL = "credential"


BIT: Final = {kind: 1 << place for place, kind in enumerate(DataClass)}
"""The bit of each class in a mask of 32."""

UNTOLD: Final = "unknown"
"""The owner or state of whom the file does not tell."""


def classes_of(mask: int) -> tuple[DataClass, ...]:
    """Return the classes whose bits are set."""
    return tuple(kind for kind, bit in BIT.items() if mask & bit)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part that could not be read, by its name within the file."""

    part: str
    why: Why


class PartUnreadable(Exception):
    """This part, or what is left of it, cannot be read."""

    def __init__(self, why: Why) -> None:
        """Take the reason."""
        self.why = why
        super().__init__(why.value)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a part, and the mentions of individuals in them (columns of `people.mentions.FIELDS`)."""

    records: int
    mentions: pl.DataFrame
    day_first: bool | None = None
    """Whether its dates put the day before the month, where the reader knows."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A part inside a part. It must be read before the reader that handed it over goes on."""

    name: str
    source: Source
    alone: bool = False
    """It is all that is inside (a compressed stream), and bears the name of what it is in."""


Found = Batch | Nested | Unreadable
"""What a reader yields. An `Unreadable` names a part inside the one that is read."""
