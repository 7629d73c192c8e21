"""One individual of an X12 set, and what segments say of them: names, numbers, text.

`x12_loops.py` knows whom a segment is about; here nothing is known of loops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Sequence


class Individual:
    """Whom a loop is about, as far as it was read."""

    __slots__ = ("context", "fields", "marks")

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.fields: dict[str, str] = {}
        self.marks = 0
        self.context = ""

    @property
    def named(self) -> bool:
        """Whether a name or a number was told."""
        return bool(self.fields.keys() & {"family", "given", "ssn", "member_id", "medicare_id", "medicaid_id"})


def household_of(person: Individual | None) -> str:
    """Return what a dependant's name counts once within: their subscriber's number, or name."""
    if person is None:
        return ""
    fields = person.fields
    told = person.context or fields.get("member_id") or fields.get("ssn") or fields.get("medicare_id")
    return told or "|".join(fields.get(name, "") for name in ("family", "given", "birth_date"))


def take_name(person: Individual, segment: Sequence[str]) -> None:
    """Take what an NM1 says: a name, and a number of the kind that it tells."""
    fields = person.fields
    size = len(segment)
    for name, place in (("family", 3), ("given", 4), ("suffix", 7)):
        if place < size and segment[place]:
            fields.setdefault(name, segment[place])
    told = segment[8:10]
    kind, value = (told[0], told[1].strip()) if len(told) == 2 else ("", "")  # noqa: PLR2004  a kind and a value
    match kind:
        case "34":
            fields["ssn"] = value
        case "MI" | "ZZ" | "II":
            take_number(person, value)
        case "HN":
            fields["medicare_id"] = value
        case "MR":
            fields["medicaid_id"] = value
        case _:
            pass


def take_number(person: Individual, value: str) -> None:
    """Take a member number; one that has the form of Medicare's own is that."""
    if value and MBI.fullmatch(value):
        person.fields["medicare_id"] = value
    elif value:
        person.fields.setdefault("member_id", value)


def element_of(segment: Sequence[str], place: int) -> str:
    """Return an element of a segment without space around it, nothing where there is none."""
    return segment[place].strip() if place < len(segment) else ""


def readable(text: str) -> str:
    """Return text that was read byte by byte as the UTF-8 or Windows-1252 that it is."""
    if text.isascii():
        return text
    raw = text.encode("latin-1", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
