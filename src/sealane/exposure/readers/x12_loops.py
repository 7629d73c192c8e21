"""The loops of X12 health care sets: which segments begin an individual, add to them, or end them.

Sources: the implementation guides 005010X220A1 (834), X221A1 (835), X222A2, X223A3, X224A2 (837), X279A1 (270, 271),
X212 (276, 277), and their 4010 forebears, of which real files are still sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealane.exposure.model import DataClass
from sealane.exposure.people.mentions import MentionRows, marks_of
from sealane.exposure.readers.x12_individuals import (
    Individual,
    element_of,
    household_of,
    readable,
    take_name,
    take_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_FIELDS: Final = (
    "family",
    "given",
    "suffix",
    "birth_date",
    "ssn",
    "medicare_id",
    "medicaid_id",
    "member_id",
    "medical_record_number",
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
_PEOPLE: Final = {"IL": "insured", "74": "insured", "QC": "patient", "03": "patient"}
"""Entity codes (NM101) of those whom a set is about."""
_RESPONSIBLE: Final = frozenset({"S3", "6Y", "9K", "E1", "EI", "EXS", "GB", "GD", "J6", "LR", "QD", "S1", "TZ", "X4"})
"""Of an 834: custodial parents, guardians and others who are responsible for a member (loops 2100F, 2100G)."""
_OWNERS: Final = {
    "834": ("IN", "P5"),
    "835": ("PR",),
    "837": ("85",),
    "270": ("1P",),
    "271": ("PR",),
    "276": ("1P",),
    "277": ("PR",),
}
_CLAIM: Final = marks_of([DataClass.CLAIM])
_DIAGNOSIS: Final = marks_of([DataClass.DIAGNOSIS])
_PROCEDURE: Final = marks_of([DataClass.PROCEDURE])
_MEDICATION: Final = marks_of([DataClass.MEDICATION])
_PROCEDURES_IN_HI: Final = frozenset({"BBR", "BR", "BBQ", "BQ", "BO", "BP", "CAH"})
_DIAGNOSES_IN_HI: Final = frozenset({"ABK", "BK", "ABF", "BF", "ABJ", "BJ", "APR", "PR", "ABN", "BN", "DR"})


@dataclass(frozen=True, slots=True)
class Marks:
    """The class bits that segments of a claim stand for, and the codes of an HI by what they tell."""

    claim: int
    procedure: int
    medication: int
    of_codes: Mapping[int, frozenset[str]]


MARKED: Final = Marks(_CLAIM, _PROCEDURE, _MEDICATION, {_DIAGNOSIS: _DIAGNOSES_IN_HI, _PROCEDURE: _PROCEDURES_IN_HI})


class Loops:
    """Follows the segments of transaction sets and writes down the individuals."""

    def __init__(self, batch: int) -> None:
        """No set has begun."""
        self.rows = MentionRows(_FIELDS, batch)
        self.takes: dict[str, Callable[[Sequence[str], str], None]] = {
            "ST": self._st,
            "SE": self._se,
            "HL": self._hl,
            "INS": self._ins,
            "CLP": self._clp,
            "SBR": self._sbr,
            "LX": self._lx,
            "CLM": self._clm,
            "N1": self._n1,
            "NM1": self._nm1,
            "N3": self._n3,
            "N4": self._n4,
            "DMG": self._dmg,
            "REF": self._ref,
            "PER": self._per,
            "HI": self._hi,
            "SVC": self._service,
            "SV1": self._service,
            "SV2": self._service,
            "SV3": self._service,
            "LIN": self._lin,
            "TRN": self._trn,
            "STC": self._trn,
        }
        self._set = ""
        self._open = False
        self._claims = 0
        self._begin()

    def _begin(self) -> None:
        self._owner = ""
        self._owner_rank = 99
        self._subscriber: Individual | None = None
        self._patient: Individual | None = None
        self._other: Individual | None = None
        self._now: Individual | None = None
        """Whose N3, N4, DMG and REF come next."""
        self._pending: dict[str, str] = {}
        self._others: list[Individual] = []
        self._other_is_patient = False
        self._in_other = False
        self._in_claim = False

    @property
    def kind(self) -> str:
        """The set that is read, as ST01 tells it; nothing before the first."""
        return self._set

    @property
    def owner(self) -> str:
        """The data owner that holds now."""
        return self._owner

    def settle(self, owner: str) -> None:
        """Write down who is left: loops that somebody else has read follow, behind which this is the data owner."""
        self._flush()
        self._owner, self._owner_rank = owner, 0 if owner else 99

    def finished(self) -> bool:
        """Write down who is left; return whether the last set was whole."""
        self._flush()
        return not self._open

    # --- sets and loops ----------------------------------------------------------------------------------------------

    def _st(self, segment: Sequence[str], _: str) -> None:
        self._flush()
        self._begin()
        self._set = element_of(segment, 1)
        self._open = True

    def _se(self, _segment: Sequence[str], _: str) -> None:
        self._flush()
        self._open = False

    def _hl(self, segment: Sequence[str], _: str) -> None:
        level = element_of(segment, 3)
        if level == "23":
            if self._patient is not None:
                self._write_patient()
            self._patient = Individual()
            self._now = None
        else:
            self._flush()
            if level == "20":
                self._owner, self._owner_rank = "", 99
            self._subscriber = Individual() if level == "22" else None
            self._now = None
        self._in_claim = self._in_other = False
        self._pending = {}

    def _ins(self, _segment: Sequence[str], _: str) -> None:
        self._flush()
        self._subscriber = Individual()
        self._now = None

    def _clp(self, _segment: Sequence[str], _: str) -> None:
        self._flush()
        self._subscriber = Individual()
        self._subscriber.marks |= _CLAIM
        self._now = None

    def _sbr(self, segment: Sequence[str], _: str) -> None:
        if self._in_claim:  # loop 2320: another insurance of the patient
            self._in_other = True
            self._other_is_patient = element_of(segment, 2) == "18"
        self._now = None

    def _lx(self, _segment: Sequence[str], _: str) -> None:
        self._in_other = False
        self._now = None

    def _clm(self, _segment: Sequence[str], _: str) -> None:
        self._in_claim, self._in_other, self._now = True, False, None
        self._mark(_CLAIM)

    def _mark(self, bits: int) -> None:
        """Say what is told of whom the claim is for: the patient, else the subscriber."""
        person = self._patient or self._subscriber
        if person is not None:
            person.marks |= bits

    # --- names -------------------------------------------------------------------------------------------------------

    def _n1(self, segment: Sequence[str], _: str) -> None:
        self._now = None
        self._own(element_of(segment, 1), element_of(segment, 2))

    def _own(self, code: str, name: str) -> None:
        wanted = _OWNERS.get(self._set, ())
        if name and code in wanted and wanted.index(code) < self._owner_rank:
            self._owner, self._owner_rank = readable(name), wanted.index(code)

    def _nm1(self, segment: Sequence[str], _: str) -> None:
        self._now = None
        if len(segment) < 3:  # noqa: PLR2004  who, and what kind of who
            return
        code, kind = segment[1], segment[2]
        if code in _PEOPLE and kind != "2":
            self._now = self._individual(code)
            if self._now is not None:
                take_name(self._now, segment)
                if self._pending:
                    self._now.fields = self._pending | self._now.fields
                    self._pending = {}
        elif self._set == "834" and code in _RESPONSIBLE and kind == "1":
            self._now = self._another(segment)
        elif self._set == "834" and code == "31":
            self._now = Individual()  # where a member's mail goes is no place of theirs by itself
        elif code in {"85", "1P", "PR"} and self._set != "834":
            name = (
                " ".join(filter(None, (element_of(segment, 4), element_of(segment, 3))))
                if kind == "1"
                else element_of(segment, 3)
            )
            self._own(code, name)

    def _individual(self, code: str) -> Individual | None:
        if self._in_other:
            return (self._patient or self._subscriber) if self._other_is_patient else self._another(())
        if self._set == "835":
            return self._subscriber if code == "QC" else self._another(())
        if code == "QC" or self._patient is not None:
            self._patient = self._patient or Individual()
            return self._patient
        self._subscriber = self._subscriber or Individual()
        return self._subscriber

    def _another(self, segment: Sequence[str]) -> Individual:
        person = Individual()
        if segment:
            take_name(person, segment)
        self._others.append(person)
        return person

    # --- what is told of them ----------------------------------------------------------------------------------------

    def _n3(self, segment: Sequence[str], _: str) -> None:
        if self._now is not None:
            self._now.fields.setdefault("line", " ".join(segment[1:3]))

    def _n4(self, segment: Sequence[str], _: str) -> None:
        if self._now is not None:
            for name, value in zip(("city", "state", "zip"), segment[1:4], strict=False):
                self._now.fields.setdefault(name, value)

    def _dmg(self, segment: Sequence[str], _: str) -> None:
        if self._now is not None:
            self._now.fields.setdefault("birth_date", element_of(segment, 2))
        elif not self._in_other:
            self._pending["birth_date"] = element_of(segment, 2)  # 276 and 277 tell it before the name

    def _ref(self, segment: Sequence[str], _: str) -> None:
        person = self._now
        if person is None and self._set == "834" and not (self._subscriber and self._subscriber.named):
            person = self._subscriber
        if person is None:
            return
        code, value = element_of(segment, 1), element_of(segment, 2)
        if code == "SY":
            person.fields["ssn"] = value
        elif code in {"0F", "1W"} and (code == "1W" or self._is_subscriber_number(person, value)):
            take_number(person, value)
        elif code == "EA":
            person.fields["medical_record_number"] = value
        elif code == "F6":
            person.fields["medicare_id"] = value
        if code == "0F":
            person.context = value

    def _is_subscriber_number(self, person: Individual, value: str) -> bool:
        return bool(value) and "member_id" not in person.fields

    def _per(self, segment: Sequence[str], _: str) -> None:
        if self._now is None:
            return
        for code, value in zip(segment[3::2], segment[4::2], strict=False):
            if code in {"TE", "HP", "WP", "CP", "AP", "NP"}:
                self._now.fields.setdefault("phone", value)
            elif code == "EM":
                self._now.fields.setdefault("email", value)

    def _hi(self, segment: Sequence[str], component: str) -> None:
        for composite in segment[1:]:
            code = composite.partition(component)[0].partition(">")[0]
            if code in _DIAGNOSES_IN_HI:
                self._mark(_DIAGNOSIS)
            elif code in _PROCEDURES_IN_HI:
                self._mark(_PROCEDURE)

    def _service(self, segment: Sequence[str], component: str) -> None:
        code = element_of(segment, 2 if segment[0] == "SV2" else 1).partition(component)[0].partition(">")[0]
        if code == "N4":
            self._mark(_MEDICATION)
        elif code:
            self._mark(_PROCEDURE)

    def _lin(self, segment: Sequence[str], _: str) -> None:
        if "N4" in segment[2::2]:
            self._mark(_MEDICATION)

    def _trn(self, _segment: Sequence[str], _: str) -> None:
        self._now = None
        if self._set in {"276", "277"}:
            self._mark(_CLAIM)

    # --- writing down ------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        subscriber = self._subscriber
        if self._patient is not None:
            self._write_patient()
        if subscriber is not None and subscriber.named:
            self._write(subscriber, records=1)
        self._write_others(subscriber)
        self._subscriber = self._patient = self._now = None

    def _write_patient(self) -> None:
        patient, subscriber = self._patient, self._subscriber
        assert patient is not None, "asked only where there is one"
        if patient.named:
            patient.context = patient.context or household_of(subscriber)
            self._write(patient, records=1)
        self._write_others(patient if patient.named else subscriber)
        self._patient = None

    def _write_others(self, of: Individual | None) -> None:
        for person in self._others:
            if person.named:
                person.context = person.context or household_of(of)
                self._write(person, records=0)
        self._others = []

    def _write(self, person: Individual, *, records: int) -> None:
        told = person.fields.get
        self.rows.records += records
        row = [told(name, "") for name in _TOLD]
        if not "".join(row).isascii():
            row = [readable(value) for value in row]
        self.rows.add((*row, self._owner, person.context, person.marks))
