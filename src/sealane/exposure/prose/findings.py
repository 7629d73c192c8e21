"""What stands in a text: numbers, mail addresses, dates of birth, by form, a check, and the words before.

A number that any nine digits could be counts only with a word before it that says what it is; a form that says so
itself (an MBI, an e-mail address, a card number that checks) needs none. `docs/exposure.md` has the figures.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.exposure.prose.births import DATES, births_in
from sealane.exposure.tables import values as looks

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEFORE: Final = 90
"""Characters before a value in which a word may say what it is."""


class Finding(NamedTuple):
    """One value in a text: which field of a mention it fills, and where it stands."""

    field: str
    value: str
    begin: int
    end: int


class _Kind(NamedTuple):
    field: str
    form: re.Pattern[str] | None
    """None of birth dates: `births.py` finds them."""
    check: Callable[[str], object] | None
    word: re.Pattern[str] | None
    """What must stand before it; None where its form is enough."""
    after: re.Pattern[str] | None = None
    """What may stand behind it instead."""


def _words(pattern: str, reach: int = 40) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})(?:\b|(?<=#))(?P<between>[^\n]{{0,{reach}}})$", re.IGNORECASE)


def _behind(pattern: str) -> re.Pattern[str]:
    """Words that speak for the value before them: no number but a date stands between, and none right behind them."""
    between = rf"(?:[^\d\n.;]{{0,8}}(?:{DATES}))?[^\d\n.;]{{0,40}}?"
    return re.compile(rf"{between}\b(?:{pattern})\b(?![^\n.;]{{0,20}}\d)", re.IGNORECASE)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _social(text: str) -> bool:
    return looks.is_ssn(_digits(text))


def _taxpayer(text: str) -> bool:
    return looks.is_itin(_digits(text))


def _dialled(text: str) -> bool:
    return 7 <= len(_digits(text)) <= 15  # noqa: PLR2004  E.164


def _bank(text: str) -> bool:
    """Tell an international bank account number by its check (ISO 13616)."""
    plain = text.replace(" ", "").upper()
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


_SOCIAL_WORDS: Final = r"ssn|social security(?: number| no)?|soc\.? sec|ss ?#|social"
_BARE: Final = r"(?<![\w$.,/+-])"
_END: Final = r"(?![\w/]|-\d|[.,]\d)"
_CODE: Final = rf"{_BARE}(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{{4,19}}{_END}"
_KINDS: Final = (
    _Kind("email", re.compile(rf"(?<![\w.+-]){looks.EMAIL.pattern}(?![\w-])"), None, None),
    _Kind("medicare_id", re.compile(rf"{_BARE}{looks.MBI.pattern}{_END}"), None, None),
    _Kind("ssn", re.compile(rf"{_BARE}\d{{3}}-\d{{2}}-\d{{4}}{_END}"), _social, None),
    _Kind("itin", re.compile(rf"{_BARE}9\d{{2}}-\d{{2}}-\d{{4}}{_END}"), _taxpayer, None),
    _Kind(
        "ssn",
        re.compile(rf"{_BARE}\d{{3}}[- ]?\d{{2}}[- ]?\d{{4}}{_END}"),
        None,
        _words(_SOCIAL_WORDS, 60),
        _behind(_SOCIAL_WORDS),
    ),
    _Kind("card_number", re.compile(rf"{_BARE}\d(?:[ -]?\d){{12,18}}{_END}"), looks.is_card, None),
    _Kind(
        "card_number",
        re.compile(rf"{_BARE}\d(?:[ -]?\d){{11,18}}{_END}"),
        None,
        _words(r"credit ?card|debit card|card(?: number| no)?|cc|visa|mastercard|amex|american express|discover"),
    ),
    _Kind("birth_date", None, None, None),
    _Kind(
        "medical_record_number",
        re.compile(_CODE),
        None,
        _words(r"mrn|medical record(?: number| no)?|chart(?: number| no)|patient id"),
    ),
    _Kind(
        "member_id",
        re.compile(_CODE),
        None,
        re.compile(
            r"\b(?:member|subscriber|policy|insurance|enrollee)"
            r"(?:(?: ?id| number| no| ?#)(?:\b|(?<=#))[^\n]{0,40}|[:# ]{1,3}(?:is |of )?)$",
            re.IGNORECASE,
        ),
    ),
    _Kind(
        "drivers_license",
        re.compile(_CODE),
        None,
        _words(r"driver'?s?'? ?licen[cs]e|licen[cs]e(?: number| no)|\bDLN?\b"),
    ),
    _Kind("passport", re.compile(_CODE), None, _words(r"passport")),
    _Kind("medicaid_id", re.compile(_CODE), None, _words(r"medicaid")),
    _Kind(
        "account_number",
        # Regardless of case, letters of other scripts would count too, of which no number can be made.
        re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b"),
        _bank,
        None,
    ),
    _Kind(
        "account_number",
        re.compile(rf"{_BARE}\d{{6,17}}{_END}"),
        None,
        _words(r"(?:bank |checking |savings )?acc(?:oun)?t"),
    ),
    _Kind("phone", re.compile(rf"(?<![\w.$/-])(?:{looks.PHONE_WRITTEN.pattern})(?!\w)"), None, None),
    _Kind(
        "phone",
        re.compile(r"(?<![\w.$])(?:\+|\()?\d[\d ().-]{5,18}\d(?!\w)"),
        _dialled,
        _words(
            r"tele ?phone|phone|tel|call(?:ed|ing)?|cell|mobile|fax|dial|reach(?:ed)?(?: me)?|text me|number (?:is|to)|"
            r"contact|answer(?:ing)?|messages?|sms|voicemail|registered|ring"
        ),
        re.compile(r"[ -]{0,3}(?:office|fax|mobile|cell|home|work|tel)\b", re.IGNORECASE),
    ),
)
_ADDRESS = re.compile(
    r"\b(?P<line>\d{1,6} [A-Z0-9][\w .'#-]{2,60}?),?\s+(?P<city>[A-Z][A-Za-z.' -]{1,30}?),?\s+(?P<state>[A-Z]{2})\s+"
    r"(?P<zip>\d{5})(?:-\d{4})?\b"
)


def findings(text: str) -> list[Finding]:
    """Return what stands in a text, in order. Where two readings overlap, the first kind above counts."""
    found: list[Finding] = []
    taken: list[tuple[int, int]] = []
    for each in _all(text):
        place = bisect.bisect_left(taken, (each.end, 0))
        if not place or taken[place - 1][1] <= each.begin:
            taken.insert(place, (each.begin, each.end))
            found.append(each)
    for match in _ADDRESS.finditer(text):
        found += [
            Finding(name, match[name], match.start(name), match.end(name)) for name in ("line", "city", "state", "zip")
        ]
    return sorted(found, key=lambda each: each.begin)


def _all(text: str) -> Iterator[Finding]:
    for kind in _KINDS:
        if kind.form is None:
            yield from (Finding(kind.field, text[begin:end], begin, end) for begin, end in births_in(text))
            continue
        for match in kind.form.finditer(text):
            before = text[max(0, match.start() - _BEFORE) : match.start()]
            behind = kind.after is not None and kind.after.match(text, match.end())
            if kind.word is not None and not behind and not kind.word.search(before):
                continue
            if kind.check is not None and not kind.check(match[0]):
                continue
            yield Finding(kind.field, match[0], match.start(), match.end())
