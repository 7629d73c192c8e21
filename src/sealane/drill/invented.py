"""Invented people and the files that they are in, so that what a theft took is known before anybody counts. Pure.

Nobody here is anybody: names are made of syllables, numbers are reckoned from a number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

ORGANIZATION: Final = "hospital"
PLAN: Final = "Northern Health Plan"
CLINIC: Final = "Harbor Clinic"
_STATES: Final = (("ME", "041", "Portland"), ("NH", "031", "Concord"), ("MA", "021", "Boston"), ("VT", "054", "Essex"))
_SYLLABLES: Final = (
    "ba",
    "del",
    "fo",
    "gar",
    "hin",
    "ka",
    "lor",
    "mi",
    "nes",
    "pol",
    "ri",
    "sul",
    "ta",
    "ven",
    "wy",
    "zor",
)
_FIRST_BIRTHDAY: Final = date(1931, 2, 3)
_ADULTS_DAYS: Final = 27_000

COLUMNS: Final = {
    PLAN: ("first_name", "last_name", "birth_date", "ssn", "address", "city", "state", "zip", "plan name"),
    CLINIC: ("first_name", "last_name", "birth_date", "address", "city", "state", "zip", "diagnosis", "plan name"),
}
CLASSES: Final = {
    PLAN: frozenset({"name", "birth_date", "ssn", "address"}),
    CLINIC: frozenset({"name", "birth_date", "address", "diagnosis"}),
}


@dataclass(frozen=True, slots=True)
class InventedFile:
    """A file and who is in it."""

    path: str
    people: range
    owner: str
    sealed: bool = False

    @property
    def name(self) -> str:
        """Its last name."""
        return self.path.rpartition("/")[2]

    def content(self) -> bytes:
        """Return its bytes: a table, or, where nobody is told in it, a picture that no reader reads."""
        if not self.people:
            return b"II*\x00" + b"".join(sha256(f"{self.path}{number}".encode()).digest() for number in range(16_384))
        columns = COLUMNS[self.owner]
        rows = [",".join(columns)]
        rows += [",".join(_cells(number, self.owner)[column] for column in columns) for number in self.people]
        return ("\n".join(rows) + "\n").encode()


ENROLMENT: Final = InventedFile("/claims/enrolment-2026.csv", range(240), PLAN)
CLAIMS: Final = InventedFile("/claims/claims-march.csv", range(150, 300), CLINIC)
DENIALS: Final = InventedFile("/claims/denials-april.csv", range(280, 340), CLINIC)
FAX: Final = InventedFile("/claims/fax-0412.tif", range(0), CLINIC)
STAFF: Final = InventedFile("/payroll/staff.csv", range(400, 425), CLINIC)
TUMOURS: Final = InventedFile("/oncology/tumour-board.csv", range(320, 380), CLINIC, sealed=True)
FILES: Final = (ENROLMENT, CLAIMS, DENIALS, FAX, STAFF, TUMOURS)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the desk must answer about a set of files, since they were made so."""

    people: int
    by_owner: dict[str, int]
    by_state: dict[str, int]
    by_class: dict[str, int]
    shared: int

    @classmethod
    def of(cls, files: Iterable[InventedFile]) -> Truth:
        """Return what is true of these files together."""
        owners: dict[str, set[int]] = {}
        classes: dict[int, frozenset[str]] = {}
        for file in files:
            if file.people:
                owners.setdefault(file.owner, set()).update(file.people)
            for number in file.people:
                classes[number] = classes.get(number, frozenset()) | CLASSES[file.owner]
        times = Counter(number for people in owners.values() for number in people)
        return cls(
            people=len(classes),
            by_owner={owner: len(people) for owner, people in sorted(owners.items())},
            by_state=dict(sorted(Counter(_STATES[number % len(_STATES)][0] for number in classes).items())),
            by_class=dict(sorted(Counter(kind for kinds in classes.values() for kind in kinds).items())),
            shared=sum(count > 1 for count in times.values()),
        )


def names_and_numbers() -> list[bytes]:
    """Return what would show an individual if it lay anywhere in clear: family names and Social Security numbers."""
    numbers = sorted({number for file in FILES for number in file.people})
    found: list[bytes] = []
    for number in numbers:
        cells = _cells(number, PLAN)
        found += [cells["last_name"].encode(), cells["ssn"].encode()]
    return found


def _cells(number: int, owner: str) -> dict[str, str]:
    spelled = sha256(f"drill {number}".encode()).digest()
    given, family = _word(spelled[:3]), _word(spelled[3:8])
    state, prefix, city = _STATES[number % len(_STATES)]
    return {
        "first_name": given,
        "last_name": family,
        "birth_date": str(_FIRST_BIRTHDAY + timedelta(days=number * 6_151 % _ADULTS_DAYS)),
        "ssn": f"{219_000_101 + number * 7_919:09d}",
        "address": f"{number * 3 + 1} Invented St",
        "city": city,
        "state": state,
        "zip": f"{prefix}{number % 90 + 10}",
        "diagnosis": ("E11.9", "I10", "J45.909", "C50.911")[number % 4],
        "plan name": owner,
    }


def _word(choices: bytes) -> str:
    return "".join(_SYLLABLES[one % len(_SYLLABLES)] for one in choices).title()
