"""What a column's header says: its slot and whose column it is, by the words it is made of.

Headers come as `SubscriberLastName`, `MBR_DOB`, `patient.name.family`, `Date of Birth`: all are brought to words first.
A provider's, a payer's or an employer's name is nobody's whose data this is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from sealane.exposure.tables.slots import MAIN, Slot


class Meaning(NamedTuple):
    """What a header says; `OTHER` is a known word that names no individual, None is a header that says nothing."""

    slot: Slot | None
    role: str


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ROLES: Final = {
    "subscriber": "subscriber",
    "subs": "subscriber",
    "sub": "subscriber",
    "policyholder": "subscriber",
    "insured": "subscriber",
    "spouse": "spouse",
    "partner": "spouse",
    "dependent": "dependent",
    "dependant": "dependent",
    "child": "dependent",
    "dep": "dependent",
    "guarantor": "guarantor",
    "beneficiary": "beneficiary",
    "guardian": "guardian",
    "parent": "guardian",
    "mother": "mother",
    "father": "father",
    "emergency": "contact",
    "kin": "contact",
    "nok": "contact",
    "contact": "contact",
    "cosigner": "cosigner",
    "coborrower": "cosigner",
    "joint": "cosigner",
}
_MAIN_WORDS: Final = _set("patient pat pt member mbr memb employee emp enrollee person customer cust client")
_PERSON_WORDS: Final = _set(
    "full patient pat pt member mbr employee emp enrollee person customer cust client applicant student borrower "
    "holder account legal complete display primary participant individual resident recipient claimant worker your "
    "cardholder taxpayer depositor donor owner acct the of human contributor payee"
) | frozenset(_ROLES)
_NOT_PEOPLE: Final = _set(
    "provider prov physician doctor doc prescriber pcp attending referring rendering operating facility hospital "
    "pharmacy pharmacist payer payor insurer carrier employer agent broker vendor merchant company organization org "
    "department dept branch bank school plan group product drug file user created updated modified county country "
    "practice clinic supplier lab laboratory manufacturer npi dea taxonomy street service item project event table "
    "column sheet server host domain store site location"
)
_NOT_PARTS_OF_NAMES: Final = _set("date visit payment seen login updated modified digits four 4")
_NOT_BIRTHS: Final = _set("place city state country county weight order sex gender name")
_NUMBER: Final = r"(?: (?:id|ids|no|num|number|nbr|nr|identifier|ident|code|key|value|#))"

_RULES: Final = tuple(
    (slot, re.compile(rf"\b(?:{pattern})\b"))
    for slot, pattern in (
        (
            Slot.CREDENTIAL,
            r"password|passwd|pwd|passcode|passphrase|secret|pin(?: (?:code|number|no))?|api key|security answer",
        ),
        (Slot.ITIN, r"itin"),
        (Slot.SSN, r"ssn|ssno|ssnum|soc(?:ial)? sec(?:urity)?(?: \w+)?|ss(?: ?n)?(?: (?:no|num|number|nbr|#))|us ssn"),
        (Slot.MEDICARE_ID, r"mbi|hicn?|medicare(?: beneficiary)?(?: (?:id|no|num|number|identifier|claim))?"),
        (Slot.MEDICAID_ID, rf"medicaid{_NUMBER}?|medi cal{_NUMBER}?|cin"),
        (Slot.NPI, rf"npi|dea{_NUMBER}?|provider{_NUMBER}|taxonomy"),
        (
            Slot.DRIVERS_LICENSE,
            rf"driver'?s?(?: s)? ?licen[cs]e?|drivers?lic\w*|dl{_NUMBER}?|dln|driver lic|licen[cs]e{_NUMBER}",
        ),
        (Slot.PASSPORT, r"passport(?: \w+)?"),
        (
            Slot.BIRTH_DATE,
            r"dob|d o b|birth ?(?:date|day|dt|dte|time)?|birthdate|date of birth|born|bdate|bday|fecha nac\w*|"
            r"geburtsdatum|nacimiento|naissance",
        ),
        (
            Slot.MEDICAL_RECORD_NUMBER,
            rf"mrn|med(?:ical)? rec(?:ord)?{_NUMBER}?|chart{_NUMBER}?|(?:patient|pat|pt){_NUMBER}|patientid",
        ),
        (Slot.EMAIL, r"e ?mail(?: addr(?:ess)?)?|email\w*"),
        (Slot.PHONE, r"(?:tele)?phone\w*|tel|mobile|cell(?:phone)?|fax|telefon"),
        (
            Slot.CARD_NUMBER,
            rf"(?:credit|debit|payment) ?card{_NUMBER}?|card{_NUMBER}|cardnumber|cc{_NUMBER}|pan|creditcard",
        ),
        (
            Slot.MEMBER_ID,
            rf"(?:member|mbr|memb|subscriber|subs|sub|enrollee|insured|policy|policyholder|beneficiary|bene|"
            rf"certificate|cert|participant|insurance|coverage|recipient|health plan){_NUMBER}|policy|memberid|"
            rf"subscriberid|hcid|umi",
        ),
        (Slot.ACCOUNT_NUMBER, rf"iban|(?:bank )?acc(?:oun)?t{_NUMBER}?|accountnumber|acctno|account"),
        (Slot.CLAIM, r"claims?(?: \w+)?|clm(?: \w+)?|claimid|icn|dcn"),
        (Slot.DIAGNOSIS, r"diag\w*|dx\w*|icd(?: ?(?:9|10))?(?: \w+)?|condition|problem"),
        (Slot.PROCEDURE, r"proc(?:edure)?s?(?: \w+)?|cpt\w*|hcpcs|px|service code|treatment"),
        (Slot.MEDICATION, r"medications?|meds?|drugs?|ndc|rx|prescription|medicine"),
        (Slot.SUFFIX, r"suffix|sfx|generation|name suffix"),
        (Slot.MIDDLE, r"middle(?: \w+)?|mi|mname|middlename|mid"),
        (
            Slot.GIVEN,
            r"(?:first|given|fore) ?names?|f ?name|firstname|first|given|vorname|prenom|nombres?|fst nm|first nm",
        ),
        (
            Slot.FAMILY,
            r"(?:last|sur|family) ?names?|l ?name|lastname|surname|last|family|nachname|apellidos?|nom|last nm",
        ),
        (Slot.ZIP, r"zip\w*|zip ?(?:code|cd)?|post(?:al)? ?code|postcode|plz"),
        (Slot.STATE, r"state(?: (?:code|cd|abbr))?|st|province|stateprovince"),
        (Slot.CITY, r"city|town|municipality|ort|ciudad|ville|cty"),
        (Slot.LINE_MORE, r"(?:addr(?:ess)?|street)(?: (?:line|ln))? ?[23]|apt|unit|suite|apartment|line ?[23]"),
        (Slot.LINE, r"addr(?:ess)?(?: (?:line|ln))? ?1?|street(?: addr(?:ess)?)?|line ?1?|strasse|direccion|adresse"),
    )
)
_OWNERS = re.compile(
    r"\b(?:covered entity|data owner|client(?: name)?|(?:plan )?sponsor|health plan|plan name|employer(?: name)?|"
    r"payer(?: name)?|payor(?: name)?|group name|facility(?: name)?|carrier|insurer|organization|company)\b"
)
_NOT_AN_ACCOUNT = re.compile(r"\b(?:name|type|status|manager|balance|owner|holder|date|amount|amt|count)\b")
_NOT_THE_VALUE = re.compile(
    r"\b(?:date|dt|type|status|amount|amt|flag|ind|indicator|desc|count|qty|paid|total|version|valid)\b"
)
_VALUED: Final = frozenset(
    {
        Slot.CLAIM,
        Slot.MEMBER_ID,
        Slot.ACCOUNT_NUMBER,
        Slot.CARD_NUMBER,
        Slot.PASSPORT,
        Slot.DRIVERS_LICENSE,
        Slot.MEDICARE_ID,
        Slot.MEDICAID_ID,
        Slot.EMAIL,
        Slot.PHONE,
        Slot.SSN,
    }
)
_STREETS: Final = {Slot.LINE, Slot.LINE_MORE}
_NOT_OF_PROVIDERS: Final = frozenset(Slot) - {Slot.NPI, Slot.DIAGNOSIS, Slot.PROCEDURE, Slot.MEDICATION, Slot.CLAIM}
_SAYS_NOTHING = re.compile(r"(?:(?:field|col|column|f|c|var|v|x|attr|unnamed|item|value|data) ?\d*|\d+|)")
_KNOWN_OTHERS: Final = _set(
    "sex gender amount amt balance date status type code description notes note age race ethnicity language salary "
    "premium deductible copay paid charge total quantity qty effective start end term termination hire relationship "
    "rel department title position count currency country county weight height"
)


def words_of(header: str) -> str:
    """Return a header as lower-case words between single spaces."""
    spaced = re.sub(r"[^A-Za-z0-9#'À-ɏ]+", " ", _CAMEL.sub(" ", header.strip()[:200]))
    return " ".join(spaced.lower().split())


@lru_cache(maxsize=4096)
def meaning_of(header: str) -> Meaning:
    """Return what a header says."""
    words = words_of(header)
    if _SAYS_NOTHING.fullmatch(words):
        return Meaning(None, MAIN)
    tokens = frozenset(words.split())
    slot = _last_slot(header) or _slot(words, tokens)
    if slot in {None, Slot.OTHER, Slot.FULL_NAME} and _OWNERS.search(words) and not tokens & _MAIN_WORDS:
        return Meaning(Slot.OWNER, MAIN)
    of_others = frozenset() if tokens & (_MAIN_WORDS | _ROLES.keys()) else tokens & _NOT_PEOPLE
    if of_others and slot in _NOT_OF_PROVIDERS and not (slot in _STREETS and of_others <= {"street"}):
        return Meaning(slot if slot is Slot.MEMBER_ID else Slot.OTHER, MAIN)
    return Meaning(slot, _role(words, tokens))


def _last_slot(header: str) -> Slot | None:
    """Return what the last step of a path says by itself (`claims.diagnosis`); none where it needs those before it."""
    last = words_of(header.rpartition(".")[2]) if "." in header.strip(". ") else ""
    slot = _slot(last, frozenset(last.split())) if last else None
    return None if slot in {Slot.OTHER, Slot.FULL_NAME} else slot


def _role(words: str, tokens: frozenset[str]) -> str:
    if tokens & _MAIN_WORDS and not tokens & {"contact", "emergency", "spouse", "guarantor"}:
        return MAIN
    for word in words.split():
        if word in _ROLES:
            return _ROLES[word]
    return MAIN


def _slot(words: str, tokens: frozenset[str]) -> Slot | None:
    for slot, pattern in _RULES:
        if pattern.search(words) and not _denied(slot, words, tokens):
            return slot
    if ("name" in tokens and tokens - {"name"} <= _PERSON_WORDS) or words in _MAIN_WORDS or words in {"fullname", "nm"}:
        return Slot.FULL_NAME
    if "name" in tokens and tokens & _PERSON_WORDS and not tokens & _NOT_PEOPLE:
        return Slot.FULL_NAME
    if tokens & _NOT_PEOPLE or tokens & _KNOWN_OTHERS:
        return Slot.OTHER
    return None


_TURNING: Final = {
    Slot.BIRTH_DATE: _NOT_BIRTHS,
    Slot.GIVEN: _NOT_PARTS_OF_NAMES,
    Slot.FAMILY: _NOT_PARTS_OF_NAMES,
    Slot.STATE: _set("status date birth license plan"),
    Slot.LINE: _set("ip mac email business service order item claim"),
}


def _denied(slot: Slot, words: str, tokens: frozenset[str]) -> bool:
    """Words that turn a rule's meaning: the date of a claim is no claim, the name of an account no account."""
    if slot is Slot.ACCOUNT_NUMBER:
        return bool(_NOT_AN_ACCOUNT.search(words))
    if slot in _VALUED:
        return bool(_NOT_THE_VALUE.search(words))
    return bool(tokens & _TURNING.get(slot, frozenset()))
