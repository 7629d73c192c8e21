"""Invented populations with exact truth: families, twins, Jr and Sr, slips, missing fields, names of the world.

A population is people; a roster is rows about them (some people several times, with slips and gaps). Whatever a row
lacks, enough is left that a careful reader could tell whom it means; the truth is the number of people, not of rows.
"""

import random
from dataclasses import dataclass, field, replace

GIVEN = """
    James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth Wei Priya Mohammed Fatima José María
    Søren Zoë Olga Dmitri Yuki Hiroshi Chidi Amara Nguyễn Łukasz François Chloé Jean-Luc Anna-Lena D'Angelo
    Siobhán Björn
""".split()  # noqa: SIM905  to be read
FAMILY = """
    Smith Johnson Williams Brown Jones García Müller O'Brien Nguyen Kowalski Ødegård Smith-Jones van_der_Berg
    Okafor Tanaka Singh Hernández Li Kim Papadopoulos MacDonald Ivanov Haddad Fernández St._Clair Lee Clark
    Lewis Walker Hall
""".split()  # noqa: SIM905  to be read
PLACES = (
    ("Portland", "ME", "041"), ("Boston", "MA", "021"), ("Austin", "TX", "787"), ("Miami", "FL", "331"),
    ("Seattle", "WA", "981"), ("Denver", "CO", "802"), ("Chicago", "IL", "606"), ("Phoenix", "AZ", "850"),
)  # fmt: skip
STREETS = ["Main", "Oak", "Maple", "Cedar", "Elm", "Washington", "Lake", "Hill", "Pine", "River"]


@dataclass(frozen=True)
class Person:
    given: str
    family: str
    suffix: str
    born: str
    ssn: str
    member: str
    line: str
    city: str
    state: str
    zip: str
    phone: str
    email: str
    household: str


@dataclass(frozen=True)
class Row:
    """What one record says of a person; empty is missing."""

    person: Person = field(repr=False)
    given: str
    family: str
    suffix: str
    born: str
    ssn: str
    member: str
    line: str
    city: str
    state: str
    zip: str
    phone: str
    email: str
    diagnosis: str


def people(seed: int, households: int) -> list[Person]:
    """Return invented people, in households."""
    dice = random.Random(seed)
    made: list[Person] = []
    numbers = iter(dice.sample(range(10_000_000, 600_000_000), households * 6))
    for house in range(households):
        family = dice.choice(FAMILY).replace("_", " ")
        city, state, prefix = dice.choice(PLACES)
        line = f"{dice.randint(1, 9999)} {dice.choice(STREETS)} St"
        place = (line, city, state, f"{prefix}{dice.randint(1, 99):02d}")
        names = dice.sample(GIVEN, 4)
        years = [dice.randint(1935, 1965), dice.randint(1935, 1965), dice.randint(1985, 2010)]
        twin_day = f"{years[2]}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        shape = dice.random()
        members: list[tuple[str, str, str]] = [(names[0], "", _day(dice, years[0]))]
        if shape > 0.3:
            members.append((names[1], "", _day(dice, years[1])))
        if shape > 0.6:  # twins
            members += [(names[2], "", twin_day), (names[3], "", twin_day)]
        elif shape > 0.5:  # a son with his father's name
            members[0] = (names[0], "Sr", members[0][2])
            members.append((names[0], "Jr", _day(dice, years[2])))
        for number, (given, suffix, born) in enumerate(members):
            made.append(_person(dice, next(numbers), (given, family, suffix, born), place, house, number))
    return made


def _person(dice, number, names, place, house, count):
    given, family, suffix, born = names
    social = f"{number:09d}"
    social = (
        social
        if social[3:5] != "00" and social[5:] != "0000" and social[:3] not in {"000", "666"}
        else f"{number + 111_011:09d}"
    )
    return Person(
        given, family, suffix, born, social, f"H{house:06d}{count:02d}", *place,
        f"{dice.randint(201, 989)}{dice.randint(201, 989)}{dice.randint(0, 9999):04d}",
        f"p{house}.{count}@example.org", f"H{house:06d}",
    )  # fmt: skip


def _day(dice, year):
    return f"{year}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"


def roster(population: list[Person], seed: int, *, harsh: bool = False) -> list[Row]:
    """Return rows about all of a population, some people several times, in no order.

    `harsh`: later rows of a person lack many things at once and have several slips. What is left to know them by is
    their Social Security number, their member number, or their birth date at their home.
    """
    dice = random.Random(seed + 1)
    rows = []
    for person in population:
        made = [_row(dice, person, spoiled=number > 0) for number in range(dice.choice((1, 1, 1, 2, 3)))]
        rows += [made[0], *(_harsher(dice, row) if harsh else row for row in made[1:])]
    dice.shuffle(rows)
    return rows


def _harsher(dice, row):
    gaps = {"ssn": 0.3, "member": 0.3, "born": 0.1, "zip": 0.1, "line": 0.1, "phone": 0.3, "email": 0.4}
    person = row.person
    row = replace(row, **{gap: "" for gap, share in gaps.items() if dice.random() < share})
    for name in ("given", "family"):
        if dice.random() < 0.1:
            row = replace(row, **{name: _slip(dice, getattr(row, name))})
    at_home = row.born and row.city == person.city and (row.zip or row.line)
    return row if row.ssn or row.member or at_home else replace(row, member=person.member)


def _row(dice, person, *, spoiled):
    row = Row(
        person, person.given, person.family, person.suffix, person.born, person.ssn, person.member, person.line,
        person.city, person.state, person.zip, person.phone, person.email, dice.choice(("E11.9", "I10", "J45.909", "")),
    )  # fmt: skip
    for gap, share in (("email", 0.3), ("phone", 0.3), ("diagnosis", 0.2)):
        if dice.random() < share:
            row = replace(row, **{gap: ""})
    if not spoiled:
        return row
    kind = dice.randrange(6)
    if kind == 0:
        row = replace(row, ssn="")
    elif kind == 1:
        row = replace(row, given=_slip(dice, row.given))
    elif kind == 2:
        row = replace(row, family=_slip(dice, row.family))
    elif kind == 3:  # moved
        city, state, prefix = dice.choice(PLACES)
        row = replace(row, line=f"{dice.randint(1, 9999)} New Rd", city=city, state=state, zip=f"{prefix}77")
    elif kind == 4:
        row = replace(row, member="", phone="")
    return row


def _slip(dice, name):
    """Two neighbouring letters swapped, behind the first."""
    places = [place for place in range(1, len(name) - 1) if name[place : place + 2].isalpha() and name.isalpha()]
    if not places:
        return name
    place = dice.choice(places)
    return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
