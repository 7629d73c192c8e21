"""HL7 version 2 messages (ADT, ORU, ORM, DFT, SIU, …): patient, next of kin, guarantor, insured.

Messages begin with MSH (in files of any kind: MLLP frames, FHS and BHS batches, one segment a line). Field numbers are
those of chapter 3 and 6 of HL7 v2.5; delimiters are read off each MSH. Providers (PV1, ORC, OBR) are not counted.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from sealane.exposure.encodings import utf8_blocks, valid_utf8
from sealane.exposure.model import Batch, DataClass, PartUnreadable, Why
from sealane.exposure.people.mentions import MentionRows, marks_of
from sealane.exposure.readers.hl7_columns import lines_of, patients_of
from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.exposure.readers.hl7_columns import Lines
    from sealane.exposure.readers.part import Part

_FIELDS: Final = (
    "family",
    "given",
    "suffix",
    "birth_date",
    "ssn",
    "drivers_license",
    "passport",
    "medicare_id",
    "medicaid_id",
    "member_id",
    "medical_record_number",
    "account_number",
    "phone",
    "email",
    "line",
    "city",
    "state",
    "zip",
    "owner",
    "context",
)
_TOLD: Final = _FIELDS[:-2]
_MARKS: Final = {
    "DG1": marks_of([DataClass.DIAGNOSIS]),
    "PRB": marks_of([DataClass.DIAGNOSIS]),
    "PR1": marks_of([DataClass.PROCEDURE]),
    "RXA": marks_of([DataClass.MEDICATION]),
    "RXD": marks_of([DataClass.MEDICATION]),
    "RXE": marks_of([DataClass.MEDICATION]),
    "RXO": marks_of([DataClass.MEDICATION]),
}
_KINDS: Final = {
    "SS": "ssn",
    "DL": "drivers_license",
    "PPN": "passport",
    "MC": "medicare_id",
    "MCR": "medicare_id",
    "MA": "medicaid_id",
    "MCD": "medicaid_id",
    "MB": "member_id",
    "SN": "member_id",
    "AN": "account_number",
    "MR": "medical_record_number",
    "PI": "medical_record_number",
    "PT": "medical_record_number",
    "": "medical_record_number",
}
"""Identifier type codes (table 0203) of a CX."""
_NAME_PARTS: Final = ("family", "given", "", "suffix")
_ADDRESS_PARTS: Final = ("line", "", "city", "state", "zip")
_TRAILERS: Final = {b"FHS": re.compile(rb"[\r\n]FTS"), b"BHS": re.compile(rb"[\r\n]BTS")}
"""What begins with a header of a file or batch ends with its trailer (chapter 2.10.3); else some of it is cut."""
_BYTES: Final = [bytes([byte]) for byte in range(256)]
_BEGINS: Final = np.array([byte in b"\r\n\x0b\x1c" for byte in _BYTES])
"""For each byte whether a message may begin behind it."""
_DELIMITS: Final = np.array([re.fullmatch(rb"[^\w\s]", byte) is not None for byte in _BYTES])
_BLOCK_BYTES: Final = 8 << 20
_SELF: Final = frozenset({"SEL", "18", "01", "SELF"})


def read_hl7(part: Part) -> Iterator[Batch]:
    """Yield the mentions of a file of messages.

    Raises `PartUnreadable` for a message past its limit, no message, and a batch or file whose trailer is missing.
    """
    found, last = 0, b""
    for block, messages in _messages(part):
        found += len(messages)
        last = block[messages[-1] :]
        whole = valid_utf8(block)
        lines = lines_of(whole, len(messages))
        yield from _by_column(whole, lines, messages) if lines is not None else _by_message(block, messages)
    trailer = _TRAILERS.get(part.source.head.lstrip(b"\xef\xbb\xbf\r\n\x0b ")[:3])
    if not found or (trailer is not None and trailer.search(last) is None):
        raise PartUnreadable(Why.DAMAGED)


def _messages(part: Part) -> Iterator[tuple[bytes, list[int]]]:
    """Yield blocks of whole messages, and where each message in them begins."""
    left = b""
    for block in utf8_blocks(part.source.blocks(min(part.limits.block_bytes, _BLOCK_BYTES)), part.source.head):
        left += block
        starts = _starts(left)
        if len(starts) > 1:
            yield left[starts[0] : starts[-1]], [start - starts[0] for start in starts[:-1]]
        if starts:
            left = left[starts[-1] :]
        if len(left) > part.limits.record_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)
    if left.startswith(b"MSH"):
        yield left, [0]


def _starts(text: bytes) -> list[int]:
    """Return where messages begin: an MSH at the begin of a line, and a delimiter."""
    data = np.frombuffer(text, dtype=np.uint8)
    places = np.flatnonzero(data[: max(0, len(data) - 3)] == ord("M"))
    for behind, letter in ((1, "S"), (2, "H")):
        places = places[data[places + behind] == ord(letter)]
    places = places[_DELIMITS[data[places + 3]]]
    return places[(places == 0) | _BEGINS[data[np.maximum(places, 1) - 1]]].tolist()


def _by_message(block: bytes, messages: Sequence[int]) -> Iterator[Batch]:
    rows = MentionRows(_FIELDS, len(messages))
    for begin, end in itertools.pairwise([*messages, len(block)]):
        _read_message(valid_utf8(block[begin:end]).decode("utf-8"), rows)
        rows.records += 1
    yield from rows.rest()


def _by_column(block: bytes, lines: Lines, messages: Sequence[int]) -> Iterator[Batch]:
    """Read messages at once as far as they allow it, the others one by one; mentions stay in the messages' order."""
    patients, odd = patients_of(lines, block[:8].decode(), _MARKS, _KINDS)
    pieces = [patients]
    if len(odd):
        rows = MentionRows(_FIELDS, len(block))
        numbers: list[int] = []
        for number, message in lines.joined(odd):
            before = len(rows)
            _read_message(message, rows)
            numbers += [number] * (len(rows) - before)
        pieces += [each.mentions.with_columns(pl.Series("message", numbers, dtype=pl.UInt32)) for each in rows.rest()]
    mentions = pl.concat(pieces, how="diagonal_relaxed").sort("message", maintain_order=True).drop("message")
    yield Batch(records=len(messages), mentions=mentions)


class _Message:
    """One message's delimiters and whom it is about."""

    def __init__(self, start: str) -> None:
        self.field = start[3]
        marks = start[4:8].ljust(4)
        self.component, self.repetition = marks[0], marks[1]
        self.patient: dict[str, str] = {}
        self.others: list[dict[str, str]] = []
        self.marks = 0
        self.owner = ""


def _read_message(text: str, rows: MentionRows) -> None:
    message = _Message(text)
    for line in (text.replace("\n", "\r") if "\n" in text else text).split("\r"):
        segment = line[:3]
        if segment in _READS:
            _READS[segment](message, line.split(message.field))
        elif segment in _MARKS:
            message.marks |= _MARKS[segment]
    _write(message, rows)


def _write(message: _Message, rows: MentionRows) -> None:
    patient = message.patient
    within = (
        patient.get("medical_record_number") or patient.get("ssn") or f"{patient.get('family')}|{patient.get('given')}"
    )
    if patient:
        told = patient.get
        rows.add((*[told(name, "") for name in _TOLD], message.owner, "", message.marks))
    for other in message.others:
        if other.get("family") or other.get("given") or other.get("ssn"):
            rows.add((*[other.get(name, "") for name in _TOLD], message.owner, within, 0))


def _at(fields: Sequence[str], place: int) -> str:
    return fields[place] if place < len(fields) and fields[place] != '""' else ""


def _msh(message: _Message, fields: Sequence[str]) -> None:
    message.owner = _at(fields, 3).partition(message.component)[0].strip()  # MSH-4: counting begins at the delimiter


def _pid(message: _Message, fields: Sequence[str]) -> None:
    person = message.patient
    for place in (3, 2, 4):
        if value := _at(fields, place):
            _identifiers(message, value, person)
    _name(message, _at(fields, 5), person)
    person["birth_date"] = _at(fields, 7)[:8]
    _address(message, _at(fields, 11), person)
    _phones(message, (_at(fields, 13), _at(fields, 14)), person)
    if account := _at(fields, 18).partition(message.component)[0]:
        person["account_number"] = account
    if social := _at(fields, 19).partition(message.component)[0]:
        person["ssn"] = social
    if license_number := _at(fields, 20).partition(message.component)[0]:
        person["drivers_license"] = license_number


def _nk1(message: _Message, fields: Sequence[str]) -> None:
    person: dict[str, str] = {}
    _name(message, _at(fields, 2), person)
    _address(message, _at(fields, 4), person)
    _phones(message, (_at(fields, 5), _at(fields, 6)), person)
    person["birth_date"] = _at(fields, 16)[:8]
    person["ssn"] = _at(fields, 37).partition(message.component)[0]
    message.others.append(person)


def _gt1(message: _Message, fields: Sequence[str]) -> None:
    person: dict[str, str] = {}
    _name(message, _at(fields, 3), person)
    _address(message, _at(fields, 5), person)
    _phones(message, (_at(fields, 6), _at(fields, 7)), person)
    person["birth_date"] = _at(fields, 8)[:8]
    person["ssn"] = _at(fields, 12).partition(message.component)[0]
    _one_more(message, person, _at(fields, 11))


def _in1(message: _Message, fields: Sequence[str]) -> None:
    person: dict[str, str] = {}
    _name(message, _at(fields, 16), person)
    person["birth_date"] = _at(fields, 18)[:8]
    _address(message, _at(fields, 19), person)
    policy = _at(fields, 36).partition(message.component)[0]
    relation = _at(fields, 17)
    if policy:
        kind = "medicare_id" if MBI.fullmatch(policy) else "member_id"
        message.patient.setdefault(kind, policy)
        person[kind] = policy
    _one_more(message, person, relation)


def _in2(message: _Message, fields: Sequence[str]) -> None:
    """More of the insured that the IN1 before it named; Medicare's and Medicaid's numbers are the patient's."""
    social = _at(fields, 2).partition(message.component)[0]
    insured = message.others[-1] if message.others else message.patient
    if social:
        insured.setdefault("ssn", social)
    for place, kind in ((6, "medicare_id"), (8, "medicaid_id"), (61, "member_id")):
        if value := _at(fields, place).partition(message.component)[0]:
            message.patient.setdefault(kind, value)


def _one_more(message: _Message, person: dict[str, str], relation: str) -> None:
    """Take a guarantor or an insured; who is the patient themselves only adds to what is known of the patient."""
    patient = message.patient
    code = relation.partition(message.component)[0].upper()
    same = all(person.get(name, "").upper() == patient.get(name, "").upper() for name in ("family", "given"))
    born = {person.get("birth_date"), patient.get("birth_date")} - {"", None}
    if code in _SELF or (same and len(born) <= 1):
        for name, value in person.items():
            if value:
                patient.setdefault(name, value)
    else:
        message.others.append(person)


def _identifiers(message: _Message, value: str, person: dict[str, str]) -> None:
    for each in value.split(message.repetition):
        parts = each.split(message.component)
        kind = _KINDS.get(_at(parts, 4).upper())
        if kind and parts[0]:
            kind = "medicare_id" if MBI.fullmatch(parts[0]) else kind
            person.setdefault(kind, parts[0])


def _name(message: _Message, value: str, person: dict[str, str]) -> None:
    if not value:
        return
    parts = value.partition(message.repetition)[0].split(message.component)
    for name, part in zip(_NAME_PARTS, parts, strict=False):
        if part and name and part != '""':
            person[name] = part.partition("&")[0]


def _address(message: _Message, value: str, person: dict[str, str]) -> None:
    if not value:
        return
    parts = value.partition(message.repetition)[0].split(message.component)
    for name, part in zip(_ADDRESS_PARTS, parts, strict=False):
        if part and name and part != '""':
            person[name] = part.partition("&")[0]


def _phones(message: _Message, values: Sequence[str], person: dict[str, str]) -> None:
    for each in (one for value in values if value for one in value.split(message.repetition)):
        parts = each.split(message.component)
        if "@" in each:
            person.setdefault("email", next(part for part in parts if "@" in part))
        elif number := parts[0] or f"{_at(parts, 5)}{_at(parts, 6)}":
            person.setdefault("phone", number)


_READS: Final = {"MSH": _msh, "PID": _pid, "NK1": _nk1, "GT1": _gt1, "IN1": _in1, "IN2": _in2}
