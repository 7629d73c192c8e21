"""Labelled lines put together at random of words, layouts and decoys: the set that quality is told of.

Written before the patterns of `exposure/prose` were last changed, and looked at once, behind those changes. Whoever
changes patterns again writes another one: what has been read is `tests/exposure/sentences.py`'s.
"""

import random

from tests.exposure.sentences import CLASSES, Labelled, filled

SAID = {
    "ssn": """
SSN {ssn}|social security number {ssn}|Social Security No. {ssn}|SS# {ssn}|soc. sec. number {ssn}|her SSN is {ssn}|
Social: {ssn}|a social security number of {ssn}|SSN on the form: {ssn}|SSN ({ssn})|TIN/SSN {ssn}|
his social, {ssn},""",
    "birth_date": """
DOB {birth_date}|date of birth {birth_date}|born {birth_date}|born on {birth_date}|D.O.B. {birth_date}|
birth date {birth_date}|
birthdate: {birth_date}|date of birth is {birth_date}|birthday, {birth_date},|DOB ({birth_date})|
was born {birth_date}|
DOB of record {birth_date}|a date of birth of {birth_date}|{birth_date} (date of birth)|
{birth_date} as birth date""",
    "phone": """
phone {phone}|call {phone}|tel {phone}|telephone: {phone}|cell {phone}|mobile number {phone}|reachable at {phone}|
phone no. {phone}|fax {phone}|contact number {phone}|call back on {phone}|home phone {phone}|work phone: {phone}""",
    "email": """
e-mail {email}|email: {email}|write to {email}|{email}|mail to {email}|address {email}|her e-mail is {email}""",
    "card_number": """
card {card_number}|card number {card_number}|Visa {card_number}|credit card no. {card_number}|
charged to {card_number}|
debit card {card_number}|the card on file, {card_number},|CC# {card_number}|Amex/Visa {card_number}""",
    "medicare_id": """
MBI {medicare_id}|Medicare number {medicare_id}|Medicare ID {medicare_id}|HICN/MBI: {medicare_id}|
beneficiary {medicare_id}|
Medicare no. {medicare_id}|the Medicare card reads {medicare_id}|ID {medicare_id}""",
}
DECOYS = """
seen on {day}|visit {day}|claim {invoice} of {day}|effective {day}|room 1204|paid ${amount}|ref. {reference}|
invoice {invoice}|
NPI {npi}|statement date {day}|order no. {invoice}|next appointment {day}|BP 120/80|dated {day}|lot {reference}|
signed {day}|
case {invoice} opened {day}|version 4.12.1|ZIP 04101-1234|due {day}|tracking {reference}|balance ${amount}|ext. 12|
coverage ends {day}|discharged {day}|provider NPI {npi}|tax year 2019|since {day}|on {day} at 14:05|
batch {reference}"""
OPENINGS = """
Please note: |Re {name}: |{name}, |Patient {name}, |The member, |We spoke with {name}; |From our files: |Caller: |
Mr. {name} ||
Verified today: |Note to file - |Regarding the claimant, |Ms. {name} (|As requested, |Demographics: |
Insured: {name}, |FYI |"""
CLOSINGS = """
|.|. Thank you.|. Please call us.|; see chart|)|. No changes.| - verified| as told by the caller|, thanks|. Closed."""
JOINTS = (", ", "; ", " / ", " | ", " and ", ", ", " - ", "  ", ". ", ", then ")
BEHIND = (
    "{birth_date} | {ssn} | DOB and SSN of the applicant",
    "{ssn}, {birth_date} - SSN and date of birth, as on the form",
    "{phone} / {email} (phone and e-mail)",
    "{birth_date} {phone}: birth date and phone number",
    "{birth_date}, {day} (birth date, first visit)",
    "{ssn} is the SSN and {birth_date} the birth date",
    "{medicare_id}; {birth_date}; {phone} - MBI, DOB, phone",
)


def composed(seed: int, count: int) -> list[Labelled]:
    """Return lines of one to four values each, with decoys between them."""
    dice = random.Random(seed)
    return [filled(_line(dice), dice) for _ in range(count)]


def _line(dice):
    if dice.random() < 0.08:
        return dice.choice(BEHIND)
    kinds = dice.sample(sorted(SAID), dice.randint(1, 3)) if dice.random() < 0.88 else []
    pieces = [dice.choice(_words(SAID[kind])) for kind in kinds]
    pieces += [dice.choice(_words(DECOYS)) for _ in range(dice.choice((0, 1, 1, 2)))]
    dice.shuffle(pieces)
    joint = dice.choice(JOINTS)
    return dice.choice(_words(OPENINGS)) + joint.join(pieces) + dice.choice(_words(CLOSINGS))


def _words(text):
    return text.replace("\n", "").split("|")


assert set(SAID) == set(CLASSES), "each class is said in several ways"
