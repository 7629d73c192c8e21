"""What the columns of a table hold: the header's words where it has them, checked by the values; else the values alone.

Pure: a header and samples in, a layout out. Costs the same for any file: at most `sample_values` of each column.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealane.exposure.people.dates import is_day_first, parse_date
from sealane.exposure.tables import values as looks
from sealane.exposure.tables.headers import meaning_of
from sealane.exposure.tables.slots import IDENTIFYING, MAIN, NAMING, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

_MOST: Final = 0.9
_NEARLY_ALL: Final = 0.995
_SSN_VALUES_LEAST: Final = 20
"""Fewer bare nine-digit values obey the rules by chance too often."""
_BIRTH_SPAN_YEARS: Final = 35
_COMMON_NAMES_LEAST: Final = 0.2
_HEAD_ROWS: Final = 20
_REPEATING: Final = frozenset({Slot.DIAGNOSIS, Slot.PROCEDURE, Slot.STATE})


@dataclass(frozen=True, slots=True)
class Column:
    """What one column holds, and whose it is."""

    slot: Slot
    role: str = MAIN
    day_first: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table's columns hold, in order."""

    columns: tuple[Column, ...]

    @property
    def of_people(self) -> bool:
        """Whether its rows are of individuals at all."""
        return any(column.slot in IDENTIFYING for column in self.columns)


def find_layout(header: Sequence[str] | None, samples: Sequence[Sequence[str]], *, today: date) -> Layout:
    """Return what each column holds. `samples`: values of each column that are not empty."""
    meanings = [meaning_of(name) for name in header] if header else [None] * len(samples)
    columns: list[Column | None] = []
    for meaning, sample in zip(meanings, samples, strict=True):
        told = meaning.slot if meaning else None
        if told is not None and _may_be(told, sample):
            role = meaning.role if meaning else MAIN
            columns.append(Column(told, role, day_first=told is Slot.BIRTH_DATE and is_day_first(sample)))
        elif told is not None and told is not Slot.OTHER:
            columns.append(_by_values(sample, today))
        else:
            columns.append(Column(Slot.OTHER) if told is Slot.OTHER else None)
    guessed = _guess(columns, samples, today)
    return Layout(_one_of_each(guessed, samples))


def _may_be(slot: Slot, sample: Sequence[str]) -> bool:
    """Whether values can be what their header says. A typed slot is believed unless it is plainly something else."""
    test = _PLAINLY.get(slot)
    return test is None or not sample or looks.share(sample[:: max(1, len(sample) // _LOOKED_AT)], test) > _SOME


def _wordy(value: str) -> bool:
    return not _numbered(value) or _numbered_name(value)


def _numbered(value: str) -> bool:
    return _DIGIT.search(value) is not None


def _much_numbered(value: str) -> bool:
    return len(_DIGIT.findall(value)) >= _SSN_DIGITS_LEAST


def _regional(value: str) -> bool:
    return not _numbered(value) and (len(value) <= _CODE_CHARACTERS_MAX or looks.is_state(value))


_DIGIT: Final = re.compile(r"\d")
_SOME: Final = 0.4
_LOOKED_AT: Final = 200
_SSN_DIGITS_LEAST: Final = 4
_CODE_CHARACTERS_MAX: Final = 3


def _numbered_name(value: str) -> bool:
    """Tell a made-up name with a number behind it, as generators of test data write them."""
    return value.rstrip("0123456789").isalpha() and value[:1].isupper()


_PLAINLY: Final[dict[Slot, Callable[[str], bool]]] = {
    Slot.GIVEN: _wordy,
    Slot.FAMILY: _wordy,
    Slot.FULL_NAME: _wordy,
    Slot.CITY: _wordy,
    Slot.MIDDLE: _wordy,
    Slot.STATE: _regional,
    Slot.SSN: _much_numbered,
    Slot.ITIN: _much_numbered,
    Slot.EMAIL: lambda value: "@" in value,
    Slot.PHONE: _numbered,
    Slot.ZIP: _numbered,
    Slot.CARD_NUMBER: _much_numbered,
}


def _by_values(sample: Sequence[str], today: date) -> Column | None:
    """Return what values are that need no neighbours to be known, or None."""
    if not sample:
        return Column(Slot.OTHER)
    for slot, test, least in (
        (Slot.EMAIL, looks.EMAIL.fullmatch, _MOST),
        (Slot.MEDICARE_ID, looks.MBI.fullmatch, _MOST),
        (Slot.CARD_NUMBER, looks.is_card, 0.95),
        (Slot.NPI, looks.is_npi, 0.95),
        (Slot.MEDICATION, looks.NDC.fullmatch, _MOST),
        (Slot.STATE, looks.is_state, 0.95),
        (Slot.DIAGNOSIS, looks.ICD.fullmatch, 0.95),
        (Slot.PROCEDURE, looks.HCPCS.fullmatch, 0.95),
    ):
        if looks.share(sample, test) >= least and not (slot in _REPEATING and _unique(sample)):
            return Column(slot)
    return _numbers(sample) or _births(sample, today)


def _unique(sample: Sequence[str]) -> bool:
    """Whether hardly any value comes twice: the codes of a classification do, the numbers of things do not."""
    return len(sample) >= _SSN_VALUES_LEAST and len(set(sample)) > len(sample) * _MOST


def _numbers(sample: Sequence[str]) -> Column | None:
    plain = [value.replace("-", "").replace(" ", "") for value in sample]
    written = looks.share(sample, looks.SSN_WRITTEN.fullmatch)
    bare = looks.share(sample, looks.NINE.fullmatch)
    if written >= _MOST or (bare >= _NEARLY_ALL and len(sample) >= _SSN_VALUES_LEAST):
        if looks.share(plain, looks.is_itin) >= _NEARLY_ALL:
            return Column(Slot.ITIN)
        if written >= _MOST or (looks.share(plain, looks.is_ssn) >= _NEARLY_ALL and not _counted(plain)):
            return Column(Slot.SSN)
    least = _NEARLY_ALL if bare > 0.5 else 0.95  # noqa: PLR2004  random digits begin like a ZIP code 92 times in 100
    if looks.share(sample, looks.is_zip) >= least and _several(sample) and not (bare and _counted(plain)):
        return Column(Slot.ZIP)
    if looks.share(sample, looks.is_phone) >= 0.95:  # noqa: PLR2004
        return Column(Slot.PHONE)
    return None


def _counted(plain: Sequence[str]) -> bool:
    """Whether numbers mostly rise one by one, as a program that counts would give them."""
    numbers = [int(value) for value in plain if value.isdecimal()]
    steps = [b - a for a, b in itertools.pairwise(numbers)]
    return bool(steps) and sum(0 < step <= 10 for step in steps) > len(steps) * 0.8  # noqa: PLR2004


def _several(sample: Sequence[str]) -> bool:
    return len(sample) < 10 or len(set(sample)) > 1  # noqa: PLR2004


def _births(sample: Sequence[str], today: date) -> Column | None:
    days = is_day_first(sample)
    if not any(character in sample[0] for character in "-/. ") and len(sample[0]) != 8:  # noqa: PLR2004  YYYYMMDD
        return None
    dates = [made for value in sample if (made := parse_date(value, today=today, day_first=days))]
    if len(dates) < len(sample) * _MOST:
        return None
    years = sorted(made.year for made in dates)
    if years[-1] - years[0] >= _BIRTH_SPAN_YEARS:
        return Column(Slot.BIRTH_DATE, day_first=days)
    return Column(Slot.OTHER)


def _guess(columns: Sequence[Column | None], samples: Sequence[Sequence[str]], today: date) -> list[Column]:
    """Fill in what no header told."""
    known: list[Column | None] = [
        column if column is not None else _by_values(sample, today)
        for column, sample in zip(columns, samples, strict=True)
    ]
    told = {column.slot for column in columns if column is not None}
    if not told & NAMING:
        _guess_names(known, samples)
    _guess_places(known, samples)
    _guess_codes(known, samples, told)
    return [column or Column(Slot.OTHER) for column in known]


def _guess_names(known: list[Column | None], samples: Sequence[Sequence[str]]) -> None:
    open_ones = [
        place
        for place, column in enumerate(known)
        if column is None
        and looks.share(samples[place], looks.WORDS.fullmatch) > _MOST
        and len(set(samples[place])) > 1
    ]
    for place in open_ones:
        if looks.share(samples[place], looks.is_full_name) > 0.35:  # noqa: PLR2004
            known[place] = Column(Slot.FULL_NAME)
            return
    given = {place: looks.share(samples[place], looks.is_given) for place in open_ones}
    family = {place: looks.share(samples[place], looks.is_family) for place in open_ones}
    best = max(open_ones, key=lambda place: given[place] - family[place], default=None)
    if best is None or given[best] < _COMMON_NAMES_LEAST:
        return
    known[best] = Column(Slot.GIVEN)
    rest = [place for place in open_ones if place != best and family[place] >= _COMMON_NAMES_LEAST / 2]
    last = max(rest, key=lambda place: family[place], default=None)
    if last is None:
        near = [place for place in open_ones if abs(place - best) == 1]
        last = near[0] if near else None
    if last is not None:
        known[last] = Column(Slot.FAMILY)


def _guess_places(known: list[Column | None], samples: Sequence[Sequence[str]]) -> None:
    for place, column in enumerate(known):
        if column is None and looks.share(samples[place], looks.STREET.fullmatch) > 0.6:  # noqa: PLR2004
            known[place] = Column(Slot.LINE)
    regions = {Slot.STATE, Slot.ZIP, Slot.LINE}
    for place, column in enumerate(known):
        beside = {near.slot for near in known[max(0, place - 1) : place + 2] if near}
        if column is None and beside & regions and looks.share(samples[place], looks.WORDS.fullmatch) > _MOST:
            known[place] = Column(Slot.CITY)


def _guess_codes(known: list[Column | None], samples: Sequence[Sequence[str]], told: set[Slot]) -> None:
    """Take the first column of well-formed codes for the member number, where there are names and no other number."""
    found = {column.slot for column in known if column}
    if Slot.MEMBER_ID in found | told or not found & NAMING:
        return
    for place, column in enumerate(known):
        sample = samples[place]
        if (
            column is None
            and looks.share(sample, looks.CODED.fullmatch) > _MOST
            and len(set(sample)) > len(sample) * 0.5
        ):
            shapes = Counter(len(value) for value in sample)
            if shapes.most_common(1)[0][1] > len(sample) * _MOST:
                known[place] = Column(Slot.MEMBER_ID)
                return


def _one_of_each(columns: Sequence[Column], samples: Sequence[Sequence[str]]) -> tuple[Column, ...]:
    """Keep one column of births a person: of several that no header told apart, the one of the widest span."""
    births = [place for place, column in enumerate(columns) if column.slot is Slot.BIRTH_DATE]
    by_role = Counter(columns[place].role for place in births)
    if not births or by_role.most_common(1)[0][1] == 1:
        return tuple(columns)
    widest = max(births, key=lambda place: _span(samples[place]))
    return tuple(
        Column(Slot.OTHER) if place in births and place != widest and column.role == columns[widest].role else column
        for place, column in enumerate(columns)
    )


def _span(sample: Sequence[str]) -> int:
    years = sorted(
        int(piece)
        for value in sample
        for piece in [next((part for part in (value[:4], value[-4:]) if part.isdecimal()), "")]
        if piece
    )
    return years[-1] - years[0] if years else 0


def is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table's first row names its columns. `rest`: the rows after it."""
    cells = [cell.strip() for cell in first]
    filled = [cell for cell in cells if cell]
    if not filled or len(filled) < len(cells) * 0.5:
        return False
    if any(_is_value(cell) for cell in filled):
        return False
    known = sum(meaning_of(cell).slot is not None for cell in filled)
    names = sum(looks.is_given(cell) or looks.is_family(cell) for cell in filled)
    if known > names and known >= max(1, len(filled) * 0.2):
        return True
    if not rest:
        return known > 0 and known >= names
    differing = sum(
        not any(character.isdigit() for character in cell) or cell[:1].isalpha()
        for place, cell in enumerate(cells)
        if cell and _valued(rest, place)
    )
    return differing > 0 and len(set(filled)) == len(filled)


def _valued(rest: Sequence[Sequence[str]], place: int) -> bool:
    below = [row[place].strip() for row in rest[:_HEAD_ROWS] if place < len(row) and row[place].strip()]
    return bool(below) and looks.share(below, _is_value) > _MOST


def _is_value(cell: str) -> bool:
    """Numbers, dates, addresses of mail: what no header is."""
    plain = (
        cell.replace(",", "")
        .replace(".", "")
        .replace("-", "")
        .replace("/", "")
        .replace(" ", "")
        .lstrip("$+(")
        .rstrip(")%")
    )
    return plain.isdecimal() or "@" in cell or bool(looks.MBI.fullmatch(cell))
