"""Seven sources about one invented population, in the manner of pseudopeople: some without birth dates, some without
Social Security numbers, one with the subscriber's number for the whole household; twins, sons of their father's name,
new names of the married; slips, gaps, moves, borrowed numbers.

The truth is the person behind each row. Nothing here is of a real person.
"""

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

ONSETS = "b br c ch d dr f g gr h j k l m n p r s sh st t th v w z".split()  # noqa: SIM905
VOWELS = "a e i o u ai ea ee ia".split()  # noqa: SIM905
ENDS = "n l r s th nd ck m rt ss y".split()  # noqa: SIM905
COLUMNS = ("given", "family", "suffix", "birth_date", "ssn", "line", "city", "state", "zip", "owner")
SHORT = {"william": "bill", "robert": "bob", "elizabeth": "liz", "katherine": "kate", "michael": "mike", "james": "jim"}
STATES = (("ME", "041"), ("MA", "021"), ("TX", "787"), ("FL", "331"), ("WA", "981"), ("CO", "802"))


@dataclass(frozen=True)
class Person:
    number: int
    house: int
    given: str
    family: str
    suffix: str
    born: date
    ssn: int
    place: tuple


def names(dice, count, syllables):
    """Return invented names, the first ones the most frequent."""
    made = dict.fromkeys(SHORT) if syllables == 2 else {}
    while len(made) < count:
        parts = [dice.choice(ONSETS) + dice.choice(VOWELS) for _ in range(dice.randint(1, syllables))]
        made["".join(parts) + dice.choice(ENDS)] = None
    return list(made)


def drawn(dice, all_names):
    """Draw a name, the earlier ones more often (about as Zipf has it)."""
    return all_names[min(len(all_names) - 1, int(len(all_names) ** dice.random()) - 1)]


def population(seed, households):
    """Return people in households."""
    dice = random.Random(seed)
    given, family = names(dice, 1500, 2), names(dice, 6000, 3)
    numbers = iter(dice.sample(range(1_010_001, 700_000_000), households * 6))
    made = []
    for house in range(households):
        last = drawn(dice, family)
        place = new_place(dice)
        ages = [dice.randint(22, 75)] + [dice.randint(22, 75)] * (dice.random() < 0.6)
        ages += dice.sample(range(0, 21, 2), dice.choice((0, 0, 1, 2, 3)))  # of one mother, so a year apart at least
        firsts = []
        for place_in_house, age in enumerate(ages):
            born = date(2023, 5, 30) - timedelta(days=age * 365 + dice.randint(0, 364))
            first = drawn(dice, given)
            suffix = ""
            if place_in_house >= 2 and dice.random() < 0.03:
                first, suffix = firsts[0], "Jr"
            while first in firsts and not suffix:  # no two children have one name
                first = drawn(dice, given)
            firsts.append(first)
            ssn = next(numbers)
            made.append(Person(len(made), house, first, last, suffix, born, ssn, place))
            if age < 21 and dice.random() < 0.03:  # twins; half of them with numbers that follow each other
                other = drawn(dice, given)
                if other != first:
                    theirs = ssn + 1 if dice.random() < 0.5 else next(numbers)
                    made.append(Person(len(made), house, other, last, "", born, theirs, place))
    return made


def new_place(dice):
    state, prefix = dice.choice(STATES)
    ways = "Main Oak Maple Cedar Elm Lake Hill Pine River Park".split()  # noqa: SIM905
    return (f"{dice.randint(1, 9999)} {dice.choice(ways)} St", "Town", state, f"{prefix}{dice.randint(1, 99):02d}")


SOURCES = {  # which columns each has, whom, and how many of them
    "census": ({"born", "place"}, lambda _: True, 0.95),
    "security": ({"born", "ssn", "suffix"}, lambda _: True, 0.95),
    "wages": ({"ssn", "place"}, lambda person: person.born < date(2005, 1, 1), 0.7),
    "taxes": ({"ssn", "place"}, lambda person: person.born < date(2003, 1, 1), 0.7),
    "children": ({"born", "place"}, lambda person: person.born > date(2018, 1, 1), 0.6),
    "plan": ({"born", "ssn", "place"}, lambda _: True, 0.5),
    "roster": ({"born", "ssn", "place"}, lambda person: person.house % 8 == 0, 0.8),
}


def rows_about(people, seed):
    """Return a frame of a people list's columns, and the number of the person behind each row."""
    dice = random.Random(seed + 7919)
    by_house = {}
    for person in people:
        by_house.setdefault(person.house, []).append(person)
    moved = {person.number: new_place(dice) for person in people if dice.random() < 0.1}
    families = names(dice, 6000, 3)
    married = {
        person.number: drawn(dice, families)
        for person in people
        if person.born < date(2000, 1, 1) and dice.random() < 0.02
    }
    rows, truth = [], []
    for source, (columns, has, share) in SOURCES.items():
        for person in people:
            if has(person) and dice.random() < share:
                later = source in {"taxes", "plan"}
                place = moved.get(person.number, person.place) if later else person.place
                told = replace(person, family=married[person.number]) if later and person.number in married else person
                if source == "roster":
                    told = replace(told, ssn=by_house[person.house][0].ssn)
                rows.append(row(dice, told, columns, place, by_house[person.house], source))
                truth.append(person.number)
    order = list(range(len(rows)))
    dice.shuffle(order)
    schema = {name: pl.Date if name == "birth_date" else pl.String for name in COLUMNS}
    return pl.DataFrame([rows[place] for place in order], schema=schema, orient="row"), [truth[p] for p in order]


def row(dice, person, columns, place, house, source):
    given, family, born, ssn = person.given, person.family, person.born, person.ssn
    if given in SHORT and dice.random() < 0.1:
        given = SHORT[given]
    given, family = slip(dice, given), slip(dice, family)
    if dice.random() < 0.01:
        given, family = family, given
    if dice.random() < 0.01:
        given = given[0]
    if dice.random() < 0.02:  # somebody else's of the household
        ssn = dice.choice(house).ssn
    elif dice.random() < 0.01:
        ssn = wrong_digit(dice, ssn)
    if dice.random() < 0.01:
        born = date(born.year, born.day, born.month) if born.day <= 12 else born
    elif dice.random() < 0.01:
        born = date(born.year + dice.choice((-10, -1, 1)), born.month, min(born.day, 28))
    line, city, state, code = place
    gaps = {name for name in ("given", "born", "ssn", "line", "zip", "suffix") if dice.random() < 0.01}
    at_home = "place" in columns
    return (
        None if "given" in gaps else given,
        family,
        person.suffix or None if "suffix" in columns and "suffix" not in gaps else None,
        born if "born" in columns and "born" not in gaps else None,
        f"{ssn:09d}" if "ssn" in columns and "ssn" not in gaps else None,
        line if at_home and "line" not in gaps else None,
        city if at_home else None,
        state if at_home else None,
        code if at_home and "zip" not in gaps else None,
        source,
    )


def slip(dice, name):
    if len(name) < 3 or dice.random() > 0.015:
        return name
    at = dice.randint(1, len(name) - 1)
    kind = dice.randrange(3)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + dice.choice("abcdefghijklmnopqrstuvwxyz") + name[at:]
    return name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :]


def wrong_digit(dice, number):
    text = f"{number:09d}"
    at = dice.randrange(9)
    return int(text[:at] + dice.choice("0123456789") + text[at + 1 :])


@dataclass(frozen=True)
class Score:
    """How well rows were joined."""

    precision: float
    recall: float
    hidden: int
    """People who own no individual of the map: who would get no letter."""
    people: int
    found: int


def score(truth, roots):
    """Compare a map with the truth, pair by pair and person by person."""
    frame = pl.DataFrame({"truth": truth, "root": list(roots)})

    def pairs(*keys):
        sizes = frame.group_by(*keys).len()["len"].cast(pl.Int64)
        return int((sizes * (sizes - 1) // 2).sum())

    both, joined, true = pairs("truth", "root"), pairs("root"), pairs("truth")
    owners = frame.group_by("root", "truth").len().sort("root", "len", "truth", descending=[False, True, False])
    owned = owners.unique("root", keep="first", maintain_order=True)["truth"].n_unique()
    people = frame["truth"].n_unique()
    return Score(both / max(1, joined), both / max(1, true), people - owned, people, frame["root"].n_unique())
