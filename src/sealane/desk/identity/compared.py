"""What two aliases are compared by: all that they tell, and what is known of it only once all aliases are seen.

Some 40 bytes an alias, so that those of a whole campaign fit a desk's memory; nothing here is a Python object of one
alias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sealane.desk.ahead import each_ahead
from sealane.desk.identity.blocks import repeated_rows
from sealane.desk.identity.hashes import together
from sealane.desk.identity.names import names_of
from sealane.desk.identity.slips import one_slip
from sealane.desk.identity.telling import COLUMNS, CONTACTS, HASHED, SOCIAL, telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from sealane.desk.identity.names import Names
    from sealane.desk.identity.telling import Telling

    Numbers = npt.NDArray[Any]
    Rows = slice | Numbers


@dataclass(slots=True)
class Compared:
    """The properties of all aliases, each an array of as many, in which 0 is that nothing is told."""

    count: int
    names: Names
    given: Numbers
    """Which of `names`, as `family`."""
    family: Numbers
    born: Numbers
    suffix: Numbers
    social: Numbers
    hashed_identifiers: dict[str, Numbers]
    """All but Social Security numbers, as far as anybody has one."""
    contacts: dict[str, Numbers]
    line: Numbers
    zip: Numbers
    once: Numbers
    """Whether no other alias has just these names and this birth date."""
    number_of_name: Numbers
    """The one Social Security number by which everybody of these names and this birth date goes, where it is one."""
    of_many: Numbers
    """Whether under this alias's Social Security number people are told who have nothing in common."""
    of_namesakes: Numbers
    """Whether two of them have one given name, such as father and son."""
    borne: Numbers
    """By name: how many aliases have it as given name; and as family name."""
    borne_family: Numbers

    @property
    def identifiers(self) -> dict[str, Numbers]:
        """Social Security numbers, and all else that anybody has."""
        return {SOCIAL: self.social, **self.hashed_identifiers}

    def named(self, rows: Rows) -> Numbers:
        """Whether anything of a name is told."""
        return (self.given[rows] != 0) | (self.family[rows] != 0)

    def sound(self, rows: Rows) -> Numbers:
        """Return what the family name sounds like, with the given's initial."""
        return together(self.names.sounds[self.family[rows]], self.names.initials[self.given[rows]])

    def both(self, rows: Rows) -> Numbers:
        """Return both names, in whatever order."""
        first, last = self.names.hashes[self.given[rows]], self.names.hashes[self.family[rows]]
        low, high = np.minimum(first, last), np.maximum(first, last)
        return together(low, high)

    def who(self, rows: Rows) -> Numbers:
        """Return both names and the birth date."""
        hashes = self.names.hashes
        return together(hashes[self.given[rows]], hashes[self.family[rows]], self.born[rows])


def compared(aliases: pl.DataFrame | Iterable[pl.DataFrame], seed: int) -> Compared:
    """Return what these aliases (columns of a people list) are compared by. `seed`: this desk's own secret number.

    Of frames that come one after another no more is held than the arrays that are made of them.
    """
    frames: Iterable[pl.DataFrame] = [aliases] if isinstance(aliases, pl.DataFrame) else aliases
    told = _joined(list(_told(frames, seed)), seed)
    _settle(told)
    return told


def _told(frames: Iterable[pl.DataFrame], seed: int) -> Iterator[Telling]:
    yield telling(pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)), seed)
    yield from each_ahead(lambda frame: telling(frame, seed), frames)


def _joined(parts: list[Telling], seed: int) -> Compared:
    """Return what all parts tell, one after the other; each part is let go of as it is taken."""
    count = sum(part.count for part in parts)
    names, numbers = names_of([words for part in parts for words in (part.given_names, part.family_names)], seed)
    for place, part in enumerate(parts):
        part.given, part.family = numbers[2 * place][part.given], numbers[2 * place + 1][part.family]

    def column(name: str) -> Numbers:
        made = np.concatenate([getattr(part, name) for part in parts])
        for part in parts:
            setattr(part, name, made[:0])
        return made

    def keys(kind: str, wanted: tuple[str, ...]) -> dict[str, Numbers]:
        found = {}
        for name in wanted:
            if any(name in getattr(part, kind) for part in parts):
                found[name] = np.zeros(count, dtype=np.uint64)
                begin = 0
                for part in parts:
                    if (key := getattr(part, kind).pop(name, None)) is not None:
                        found[name][begin : begin + part.count] = key
                    begin += part.count
        return found

    given, family = column("given"), column("family")
    return Compared(
        count=count,
        names=names,
        given=given,
        family=family,
        born=column("born"),
        suffix=column("suffix"),
        social=column("social"),
        hashed_identifiers=keys("identifiers", HASHED),
        contacts=keys("contacts", CONTACTS),
        line=column("line"),
        zip=column("zip"),
        once=np.ones(count, dtype=np.bool_),
        number_of_name=np.zeros(count, dtype=np.uint32),
        of_many=np.zeros(count, dtype=np.bool_),
        of_namesakes=np.zeros(count, dtype=np.bool_),
        borne=np.bincount(given, minlength=len(names.hashes)),
        borne_family=np.bincount(family, minlength=len(names.hashes)),
    )


def _settle(told: Compared) -> None:
    """Work out, in place, what is known only of all aliases: who is told once, and by which number each is known."""
    unknown = (told.given == 0) | (told.family == 0) | (told.born == 0)
    several = repeated_rows(told.who, told.count)
    told.once[several] = False
    if np.count_nonzero(unknown) > 1:
        told.once[unknown] = False
    told.number_of_name = np.where(unknown, np.uint32(0), told.social)
    told.number_of_name[several] = 0
    rows = several[told.social[several] != 0]
    if not len(rows):
        return
    numbers, times = np.unique(told.social[~unknown], return_counts=True)
    often = times[np.searchsorted(numbers, told.social[rows])]
    told.number_of_name[several] = _numbers_of_names(told.who(several), told.who(rows), told.social[rows], often)


def _numbers_of_names(wanted: Numbers, who: Numbers, social: Numbers, often: Numbers) -> Numbers:
    """Return for each of some people the Social Security number that all who are told as they go by; else 0.

    Slips of that number are passed over, and one that is told a single time while theirs is told more often; whoever
    goes by two numbers is told none. `who`, `social`, `often`: one for each alias with a number, and how often it is.
    """
    order = np.lexsort((social, -often, who))
    who, social, often = who[order], social[order], often[order]
    begins = np.flatnonzero(np.concatenate(([True], who[1:] != who[:-1])))
    sizes = np.diff(np.append(begins, len(who)))
    first = np.repeat(social[begins], sizes)
    leads = np.repeat(often[begins] > 1, sizes)
    other = (social != first) & ~one_slip(social, first) & ~(leads & (often == 1))
    told = np.where(np.logical_or.reduceat(other, begins), np.uint32(0), social[begins])
    known = who[begins]
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, told[places], np.uint32(0))
