"""What a column may hold: the slots of a table, the classes they stand for, and whose they are."""

from __future__ import annotations

import enum
from typing import Final

from sealane.exposure.model import DataClass


class Slot(enum.StrEnum):
    """What one column holds."""

    GIVEN = "given"
    MIDDLE = "middle"
    FAMILY = "family"
    SUFFIX = "suffix"
    FULL_NAME = "full_name"
    BIRTH_DATE = "birth_date"
    LINE = "line"
    LINE_MORE = "line_more"
    CITY = "city"
    STATE = "state"
    ZIP = "zip"
    FULL_ADDRESS = "full_address"
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
    OWNER = "owner"
    NPI = "npi"
    OTHER = "other"


MARKING: Final = {
    Slot.DIAGNOSIS: DataClass.DIAGNOSIS,
    Slot.PROCEDURE: DataClass.PROCEDURE,
    Slot.MEDICATION: DataClass.MEDICATION,
    Slot.CLAIM: DataClass.CLAIM,
    Slot.CREDENTIAL: DataClass.CREDENTIAL,
}
"""Slots that tell a class of an individual and nothing else."""
NAMING: Final = frozenset({Slot.GIVEN, Slot.FAMILY, Slot.FULL_NAME})
IDENTIFYING: Final = NAMING | {
    Slot.SSN,
    Slot.ITIN,
    Slot.DRIVERS_LICENSE,
    Slot.PASSPORT,
    Slot.MEDICARE_ID,
    Slot.MEDICAID_ID,
    Slot.MEMBER_ID,
    Slot.MEDICAL_RECORD_NUMBER,
    Slot.ACCOUNT_NUMBER,
    Slot.CARD_NUMBER,
    Slot.EMAIL,
    Slot.PHONE,
}
"""Slots by one of which a row is of somebody."""
FIELD_OF: Final = {
    slot: slot.value
    for slot in Slot
    if slot not in MARKING and slot not in {Slot.MIDDLE, Slot.LINE_MORE, Slot.FULL_ADDRESS, Slot.NPI, Slot.OTHER}
} | {Slot.FULL_ADDRESS: "line"}
"""The field of a mention that a slot fills."""

MAIN: Final = ""
"""The role of whom a row is about."""
