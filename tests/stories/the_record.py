"""The record of 2023 as data, and a population generated to its figures: invented people, overlapping owners."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

RECORD = tomllib.loads((Path(__file__).parent / "breach_of_2023.toml").read_text())
DATES = {name: one["on"] for name, one in RECORD["dates"].items()}
UNION = 8_493_379
OTHERS = 16
"""Further plans, whose own figures are not known: they share what the named ones leave of the union."""
OVERLAP = 20
"""One in so many of an owner's people is also the next owner's."""
ROWS = 1.73
"""Lines of the leaked file for each person of it."""
STATES = (("ME", "041"), ("MA", "021"), ("MI", "495"), ("CA", "958"), ("AR", "724"), ("TX", "787"))


@dataclass(frozen=True)
class Story:
    """The figures at a scale, and who is whose."""

    scale: int
    owners: dict
    """For each owner the numbers of its people."""

    @property
    def union(self):
        return len(set().union(*self.owners.values()))

    def scaled(self, count):
        return max(1, round(count / self.scale))

    def disclosures(self):
        return [one | {"count": self.scaled(one["count"])} for one in RECORD["disclosure"]]


def story(scale):
    """Return who is whose: the owners who told a figure have just so many."""
    told = {
        one["about"]: max(1, round(one["count"] / scale))
        for one in RECORD["disclosure"]
        if one.get("about") and one.get("unit", "people") == "people"
    }
    union = round(UNION / scale)
    owners, new = {}, 0
    for name, count in told.items():
        shared = min(count // OVERLAP, new)
        owners[name] = set(range(new - shared, new + count - shared))
        new += count - shared
    rest = union - new
    for number in range(OTHERS):
        count = rest // OTHERS + (number < rest % OTHERS)
        first = new - count // OVERLAP
        owners[f"Plan {number + 1:02d}"] = set(range(first, new + count))
        new += count
    return Story(scale, owners)


def person(number, *, again=False):
    """Return what a file says of somebody invented; told again they have moved, and no number is told."""
    letters = sha256(f"p{number}".encode()).hexdigest().translate(str.maketrans("0123456789", "ghijklmnop"))
    state, prefix = STATES[number % len(STATES)]
    born = date(1930, 1, 1) + timedelta(days=number * 37 % 30_000)
    return (
        letters[:7].title(),
        letters[7:16].title(),
        str(born),
        "" if again else f"{100_010_001 + number * 61:09d}",
        f"{number % 9000 + 1} Oak St",
        "Town",
        state,
        f"{prefix}{number % 90 + 1:02d}",
    )


HEADER = "first_name,last_name,birth_date,ssn,address,city,state,zip,diagnosis,plan name\n"


def tables(told):
    """Yield the files that the processor held: one for each owner who told a figure, one of all other plans."""
    lines, seen = {}, set()
    for owner, people in told.owners.items():
        name = "plans.csv" if owner.startswith("Plan ") else f"{owner.split()[0].strip('.').lower()}.csv"
        for number in sorted(people):
            row = ",".join((*person(number, again=number in seen), "E11.9", owner))
            copies = 2 if owner == "Sutter Health" and number % 100 < (ROWS - 1) * 100 else 1
            lines.setdefault(name, []).extend([row] * copies)
        seen |= people
    for name, rows in lines.items():
        yield name, (HEADER + "\n".join(rows) + "\n").encode()
