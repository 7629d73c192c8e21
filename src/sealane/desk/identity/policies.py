"""The two policies, rule by rule (docs/identity.md has each in words). A change of a rule changes its policy's name.

*strict* makes the published count and the mailing list: its error that harms is to join two people into one, who then
gets no letter. So a rule wants an identifier and a check, or names, a birth date and a place; and nothing is joined
that contradicts. *loose* joins all that strict joins and what may well be the same person besides: it tells how much
lower the truth could be, and is no bound of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.desk.identity.pairs import AGREE, BIRTH_DAYS, COINCIDENCE_MAX, DIFFER, HOUSE, NEARLY, UNTOLD, Pairs

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

STRICT: Final = "strict-4"
LOOSE: Final = "loose-4"
_STRONG: Final = ("ssn", "itin", "medicare_id", "passport", "drivers_license")
_DATES_NEAR: Final = 120
"""Birth dates that are nearly a given one, about."""
_WEAK: Final = ("medicaid_id", "member_id", "medical_record_number", "account_number", "card_number")


def _any(pairs: Pairs, names: tuple[str, ...]) -> Numbers:
    found = np.zeros(len(pairs.first), dtype=bool)
    for name in names:
        if name in pairs.shared:
            found |= pairs.shared[name]
    return found


def _both_named(pairs: Pairs) -> Numbers:
    """Both names agree, one of them to the letter unless they live in one house."""
    least, most = np.minimum(pairs.given, pairs.family), np.maximum(pairs.given, pairs.family)
    return (least >= NEARLY) & ((most == AGREE) | (pairs.place >= HOUSE))


def identifier_and_name(pairs: Pairs) -> Numbers:
    """S1: a number that is one person's alone; the given name, and one of family name, birth date and place.

    Where a roster has one number for a whole family with two of one name (father and son), it must be the birth date.
    Without a given name it is the birth date to the day; or nearly, with the family name. Where no birth date is told
    either, it may be anybody of the family who has the subscriber's number.
    """
    other = (pairs.born >= NEARLY) | (~pairs.namesakes & ((pairs.family >= NEARLY) | (pairs.place >= 1)))
    family = pairs.family == AGREE
    born = ((pairs.family != DIFFER) & (pairs.born == AGREE)) | (family & (pairs.born == NEARLY))
    unnamed = (pairs.given == UNTOLD) & born
    return _any(pairs, _STRONG) & (((pairs.given >= NEARLY) & other) | unnamed)


def identifier_and_birth_date(pairs: Pairs) -> Numbers:
    """S8: a number that is one person's alone and the birth date; a mistyped one with names and place.

    With the birth date to the day it is whatever the given name is: only twins could be two people, and V4 looks for
    them. A Social Security number with a slip before its last two digits is as good (twins' numbers follow each
    other, or have nothing in common), unless so many are told that chance brings others with such a number and this
    birth date: then a name must agree, nearly.
    """
    mistyped = (pairs.born == NEARLY) & (pairs.given != DIFFER) & (pairs.family >= NEARLY) & (pairs.place >= 1)
    few = pairs.neighbours / BIRTH_DAYS <= COINCIDENCE_MAX
    slip = pairs.mistyped & (few | (pairs.given >= NEARLY) | (pairs.family >= NEARLY))
    return (_any(pairs, _STRONG) & ((pairs.born == AGREE) | mistyped)) | (slip & (pairs.born == AGREE))


def number_with_birth_date(pairs: Pairs) -> Numbers:
    """S2: a number that a family or an office may share; the given name and the birth date, or both names."""
    born = (pairs.born >= NEARLY) & (pairs.given >= NEARLY)
    return _any(pairs, _WEAK) & (born | (_both_named(pairs) & (pairs.given == AGREE)))


def names_birth_date_and_place(pairs: Pairs) -> Numbers:
    """S3: both names, birth date, and the place or a telephone or e-mail."""
    return _both_named(pairs) & (pairs.born == AGREE) & ((pairs.place >= 1) | pairs.contact)


def names_and_slipped_birth_date(pairs: Pairs) -> Numbers:
    """S4: both names to the letter, a birth date with one slip, and the whole place or a telephone or e-mail."""
    exact = (pairs.given == AGREE) & (pairs.family == AGREE)
    return exact & (pairs.born == NEARLY) & ((pairs.place >= HOUSE) | pairs.contact)


def given_name_birth_date_and_address(pairs: Pairs) -> Numbers:
    """S5: given name, birth date and whole address, whatever the family name: somebody married. Twins differ in it."""
    return (pairs.given == AGREE) & (pairs.born == AGREE) & (pairs.place >= HOUSE)


def rare_names_and_birth_date(pairs: Pairs) -> Numbers:
    """S6: both names and the birth date to the letter, of names so rare that chance does not bring them together."""
    exact = (pairs.given == AGREE) & (pairs.family == AGREE) & (pairs.born == AGREE)
    return exact & pairs.rare


def slipped_number(pairs: Pairs) -> Numbers:
    """S7: Social Security numbers one slip apart, and what tells twins apart, whose numbers follow each other.

    That is the birth date and the given name to the letter; or birth date, place and what is told of both names,
    nearly; or given name, family name nearly, and place; or, without birth date, both names to the letter and a slip
    before the last two digits. Where no place speaks, only as far as chance brings nobody else of whom all this is so.
    """
    born = pairs.born >= NEARLY
    given, family = pairs.shares
    days = np.where(pairs.born == AGREE, 1, _DATES_NEAR) / BIRTH_DAYS
    called = (pairs.given == AGREE) & (pairs.neighbours * days * given <= COINCIDENCE_MAX)
    unborn = (pairs.given == AGREE) & (pairs.family == AGREE) & (pairs.born == UNTOLD) & pairs.mistyped
    unborn &= pairs.neighbours * given * family <= COINCIDENCE_MAX
    nearly = (pairs.given >= UNTOLD) & (pairs.family >= UNTOLD) & (pairs.place >= 1)
    nearly &= (pairs.given >= NEARLY) | (pairs.family >= NEARLY)
    there = (pairs.given == AGREE) & (pairs.family >= NEARLY) & (pairs.place >= 1)
    return (pairs.social == NEARLY) & ((born & (called | nearly)) | there | unborn)


STRICT_RULES: Final = (
    identifier_and_name,
    names_birth_date_and_place,
    number_with_birth_date,
    slipped_number,
    given_name_birth_date_and_address,
    names_and_slipped_birth_date,
    rare_names_and_birth_date,
    identifier_and_birth_date,
)
"""The strongest first: where joining all would contradict, the stronger are joined."""


def identifier_alone(pairs: Pairs) -> Numbers:
    """L1: a Social Security, Medicare, tax or passport number, whatever else is told."""
    return _any(pairs, _STRONG)


def names_and_birth_date(pairs: Pairs) -> Numbers:
    """L2: both names nearly, and the birth date, wherever they live."""
    return (pairs.given >= NEARLY) & (pairs.family >= NEARLY) & (pairs.born >= NEARLY)


def names_and_place(pairs: Pairs) -> Numbers:
    """L3: both names, and place, telephone or e-mail, whatever the birth date is or where none is told."""
    return _both_named(pairs) & (pairs.born != DIFFER) & ((pairs.place >= 1) | pairs.contact)


LOOSE_RULES: Final = (identifier_alone, names_and_birth_date, names_and_place)


def contradict(pairs: Pairs) -> Numbers:
    """Tell for each pair whether what is told cannot be of one person, whatever else agrees (the veto).

    V1: birth dates of which not even two of year, month and day agree, unless names (or given name and place) and
    number agree, neither of the two is known by another number, and neither is told a second time (a son of his
    father's name).
    V2: generations that differ (Jr, Sr). V3: Social Security numbers that differ by more than a slip,
    unless given name and birth date agree, and with them the house, or the family name nearly and the place (or names
    so rare that chance did not do it); or the given name with a slip that made of it what nobody is called, family
    name, birth date and place. V4: the same family name and birth date with given names that have nothing in common:
    twins, unless both are known by one and the same Social Security number and by no other, and neither is told a
    second time; or by one with a slip before its last two digits.
    """
    named = (pairs.given >= NEARLY) & (pairs.family >= NEARLY)
    married = (pairs.given == AGREE) & (pairs.place >= 1)
    one = (named | married) & pairs.known
    no = (pairs.born == DIFFER) & ~(one & pairs.own & pairs.once)
    exact = (pairs.given == AGREE) & (pairs.born == AGREE)
    family = (pairs.family >= NEARLY) & ((pairs.place >= 1) | (pairs.rare & (pairs.family == AGREE)))
    slipped = pairs.slipped & (pairs.family == AGREE) & (pairs.born == AGREE) & (pairs.place >= 1)
    no |= (pairs.social == DIFFER) & ~((exact & (family | (pairs.place >= HOUSE))) | slipped)
    no |= (pairs.suffix == DIFFER) & (pairs.born != AGREE)
    twins = (pairs.given == DIFFER) & (pairs.family == AGREE) & (pairs.born == AGREE)
    return no | (twins & ~(pairs.known & pairs.own & pairs.once) & ~pairs.mistyped)
