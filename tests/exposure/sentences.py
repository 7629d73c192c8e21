"""Labelled sentences as people of health care and banks write them, with decoys: a second set beside the public one.

Written without a look at what the patterns of `exposure/prose` find. Both halves have been read since (`HELD_BACK`
was held back at first): patterns may be tried on them. What is told of quality is told of `composed.py`.
"""

import random
from dataclasses import dataclass

from tests.exposure.populations import FAMILY, GIVEN

SENTENCES = """
Patient {name} (DOB {birth_date}) called from {phone} about her bill.
SSN on file: {ssn}. Please do not leave messages at {phone}.
{name}, born {birth_date}, Medicare number {medicare_id}, was discharged on {day}.
The card ending was entered in full by mistake: {card_number}. Expires {expiry}.
Send the statement to {email} and copy {email}.
His social security number is {ssn} and his date of birth is {birth_date}.
Invoice {invoice} for ${amount} was paid on {day}; reference {reference}.
Member called back: tel. {phone}, alternate {phone}.
MBI: {medicare_id} / eligibility checked on {day}.
D.O.B.: {birth_date}  Sex: F  Phone: {phone}  E-mail: {email}
Tax form lists {ssn} as the recipient's social security no.
Please charge my Visa {card_number} for the copay of ${amount}.
The specimen (lab no. {invoice}) was received on {day} at 14:05.
Tracking number {reference}, order {invoice}, shipped {day}.
For questions dial {phone} or write to {email}.
{name} was born on {birth_date} in Portland.
Last four of the SSN do not match; the full number given was {ssn}.
Credit card number: {card_number}, name on card {name}.
Beneficiary {medicare_id} has no secondary coverage.
Fax the records to {phone}, attention {name}.
Birthdate {birth_date}; SS# {ssn}; cell {phone}.
NPI {npi}, taxonomy 207Q00000X, effective {day}.
Room 1204, bed 2, weight 72.5 kg, BP 120/80, pulse 64.
{name} <{email}> wrote on {day}:
Please update the date of birth from {birth_date} to {birth_date}.
""".strip().splitlines()
HELD_BACK = """
Hi, this is {name}. You can reach me at {phone} until five.
We need the claimant's SSN ({ssn}) and birth date ({birth_date}) to proceed.
Medicare ID {medicare_id} was rejected by the clearinghouse on {day}.
My e-mail changed to {email}; the old one was {email}.
I gave the agent my card, {card_number}, and was charged ${amount} twice.
{name} | {birth_date} | {ssn} | date of birth and SSN as told by the caller
Date of Birth: {birth_date}, Social Security Number: {ssn}, Mobile: {phone}
Batch {reference} of {day} holds 1,204 claims for ${amount}.
Call {phone} and ask for extension 12.
The insured (born {birth_date}) moved to Texas in 2019.
Her Medicare card shows {medicare_id}.
Payment by Mastercard {card_number} approved, auth code {invoice}.
Contact: {name}, {email}, {phone}
The policy was issued on {day} and ends on {day}.
Account review for {name}: SSN {ssn}, no changes since {day}.
Patient's DOB is {birth_date}, seen on {day} by Dr. Ray.
Ticket {invoice}: caller could not sign in as {email}.
MBI {medicare_id}, DOB {birth_date}, phone {phone}.
Serial {reference}, firmware 4.12.1, installed {day}.
Refund to card {card_number} within 5 days.
Our provider's NPI is {npi}; the group's is {npi}.
{name}'s number is {phone}, she prefers text messages.
The applicant was born on {birth_date} and holds SSN {ssn}.
""".strip().splitlines()
CLASSES = ("ssn", "birth_date", "phone", "email", "card_number", "medicare_id")
MONTHS = """
    January February March April May June July August September October November December
""".split()  # noqa: SIM905  to be read


@dataclass(frozen=True)
class Labelled:
    text: str
    spans: tuple[tuple[str, int, int], ...]
    """What stands where: one of CLASSES, where it begins and where it ends."""


def labelled(templates: list[str], seed: int, count: int) -> list[Labelled]:
    """Return sentences with invented values, and where the values of CLASSES stand."""
    dice = random.Random(seed)
    return [filled(dice.choice(templates), dice) for _ in range(count)]


def filled(template, dice):
    text, spans = "", []
    for piece in template.replace("}", "{").split("{"):
        made = VALUES.get(piece)
        value = made(dice) if made else piece
        if piece in CLASSES:
            spans.append((piece, len(text), len(text) + len(value)))
        text += value
    return Labelled(text, tuple(spans))


def _ssn(dice):
    area, group, serial = dice.choice([*range(1, 666), *range(667, 900)]), dice.randint(1, 99), dice.randint(1, 9999)
    return dice.choice(["{:03d}-{:02d}-{:04d}"] * 3 + ["{:03d} {:02d} {:04d}", "{:03d}{:02d}{:04d}"]).format(
        area, group, serial
    )


def _date(dice, first, last):
    year, month, day = dice.randint(first, last), dice.randint(1, 12), dice.randint(1, 28)
    word = MONTHS[month - 1]
    shapes = [
        f"{month:02d}/{day:02d}/{year}",
        f"{month}/{day}/{year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{word} {day}, {year}",
        f"{day} {word[:3]} {year}",
        f"{month:02d}/{day:02d}/{year % 100:02d}",
    ]
    return dice.choice(shapes)


def _phone(dice):
    area, office, line = dice.randint(201, 989), dice.randint(201, 989), dice.randint(0, 9999)
    shapes = ["({}) {}-{:04d}", "{}-{}-{:04d}", "{}.{}.{:04d}", "+1 {} {} {:04d}", "1-{}-{}-{:04d}", "{} {} {:04d}"]
    return dice.choice(shapes).format(area, office, line)


def _email(dice):
    name = f"{dice.choice(GIVEN)}{dice.choice(['.', '_', ''])}{dice.choice(FAMILY)}".lower()
    plain = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "._"))
    return f"{plain}{dice.randint(1, 99)}@{dice.choice(['example.org', 'mail.example.com', 'clinic.example'])}"


def _card(dice):
    digits = dice.choice(["4", "51", "55", "37", "6011"])
    digits += "".join(str(dice.randint(0, 9)) for _ in range((15 if digits == "37" else 16) - len(digits) - 1))
    digits += next(check for check in "0123456789" if _luhn(digits + check))
    apart = dice.choice(["", " ", "-"])
    groups = (4, 10, 15) if len(digits) == 15 else (4, 8, 12, 16)
    return apart.join(digits[begin:end] for begin, end in zip((0, *groups), groups, strict=False))


def _luhn(digits):
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _npi(dice):
    digits = "1" + "".join(str(dice.randint(0, 9)) for _ in range(8))
    return digits + next(check for check in "0123456789" if _luhn("80840" + digits + check))


def _medicare(dice):
    letters = "ACDEFGHJKMNPQRTUVWXY"
    kinds = {"C": "123456789", "A": letters, "N": "0123456789", "B": letters + "0123456789"}
    made = "".join(dice.choice(kinds[kind]) for kind in "CABNABNAANN")
    return dice.choice([made, f"{made[:4]}-{made[4:7]}-{made[7:]}"])


VALUES = {
    "name": lambda dice: f"{dice.choice(GIVEN)} {dice.choice(FAMILY)}".replace("_", " "),
    "ssn": _ssn,
    "birth_date": lambda dice: _date(dice, 1930, 2015),
    "day": lambda dice: _date(dice, 2018, 2026),
    "phone": _phone,
    "email": _email,
    "card_number": _card,
    "medicare_id": _medicare,
    "npi": _npi,
    "expiry": lambda dice: f"{dice.randint(1, 12):02d}/{dice.randint(27, 31)}",
    "invoice": lambda dice: str(dice.randint(10**5, 10**9)),
    "reference": lambda dice: dice.choice(["", "AX-", "1Z"]) + str(dice.randint(10**8, 10**11)),
    "amount": lambda dice: f"{dice.randint(1, 9999):,}.{dice.randint(0, 99):02d}",
}


def scores(pairs, find):
    """Return the F1 of each class; `pairs`: texts and their spans; `find`: the spans that stand in a text."""
    counts = {}
    for text, spans in pairs:
        found = find(text)
        for kind, begin, end in spans:
            hits = [one for one in found if one[0] == kind and one[1] < end and begin < one[2]]
            counts.setdefault(kind, [0, 0, 0])[0 if hits else 2] += 1
            found = [one for one in found if one not in hits]
        for one in found:
            counts.setdefault(one[0], [0, 0, 0])[1] += 1
    return {kind: 2 * right / max(1, 2 * right + more + less) for kind, (right, more, less) in counts.items()}
