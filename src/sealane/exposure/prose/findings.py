"""What stands in a text: numbers, mail addresses, dates of birth, by form, a check, and the words before.

A number that any nine digits could be counts only with a word before it that says what it is; a form that says so
itself (an MBI, an e-mail address, a card number that checks) needs none. `docs/exposure.md` has the figures.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.exposure.prose.births import DATES, births_in
from sealane.exposure.prose.births import TRACE as BIRTH_TRACE
from sealane.exposure.prose.sieve import Sieve
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
    traces: tuple[str, ...] = ()
    """What is in every text that has it (`sieve.py`): all of these."""


def _words(pattern: str, reach: int = 40) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})(?:\b|(?<=#))(?P<between>[^\n]{{0,{reach}}})$", re.IGNORECASE)


def _said(words: str) -> str:
    """Return the trace of some words, whatever their case."""
    return rf"(?i:\b(?:{words}))"


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
_CARD_WORDS: Final = r"credit ?card|debit card|card(?: number| no)?|cc|visa|mastercard|amex|american express|discover"
_PHONE_WORDS: Final = (
    r"tele ?phone|phone|tel|call(?:ed|ing)?|cell|mobile|fax|dial|reach(?:ed)?(?: me)?|text me|number (?:is|to)|"
    r"contact|answer(?:ing)?|messages?|sms|voicemail|registered|ring"
)
_PHONE_WORDS_BEHIND: Final = "office|fax|mobile|cell|home|work|tel"
_RECORD_WORDS: Final = r"mrn|medical record(?: number| no)?|chart(?: number| no)|patient id"
_MEMBER_WORDS: Final = "member|subscriber|policy|insurance|enrollee"
_LICENSE_WORDS: Final = r"driver'?s?'? ?licen[cs]e|licen[cs]e(?: number| no)|\bDLN?\b"
_ACCOUNT_WORDS: Final = r"(?:bank |checking |savings )?acc(?:oun)?t"
_BARE: Final = r"(?<![\w$.,/+-])"
_END: Final = r"(?![\w/]|-\d|[.,]\d)"
_CODE: Final = rf"{_BARE}(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{{4,19}}{_END}"
_CODED: Final = r"\d[A-Z0-9-]|[A-Z0-9-]\d"
_SOCIAL: Final = r"\d{3}-\d{2}-\d{4}"
_KINDS: Final = (
    _Kind(
        "email",
        re.compile(rf"(?<![\w.+-]){looks.EMAIL.pattern}(?![\w-])"),
        None,
        None,
        traces=(r"[\w.+%'-]@[\w-]",),
    ),
    _Kind(
        "medicare_id",
        re.compile(rf"{_BARE}{looks.MBI.pattern}{_END}"),
        None,
        None,
        traces=(r"[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d{2}",),
    ),
    _Kind("ssn", re.compile(rf"{_BARE}{_SOCIAL}{_END}"), _social, None, traces=(_SOCIAL,)),
    _Kind("itin", re.compile(rf"{_BARE}9\d{{2}}-\d{{2}}-\d{{4}}{_END}"), _taxpayer, None, traces=(_SOCIAL,)),
    _Kind(
        "ssn",
        re.compile(rf"{_BARE}\d{{3}}[- ]?\d{{2}}[- ]?\d{{4}}{_END}"),
        None,
        _words(_SOCIAL_WORDS, 60),
        _behind(_SOCIAL_WORDS),
        (r"\d{3}[- ]?\d{2}[- ]?\d{4}", _said(_SOCIAL_WORDS)),
    ),
    _Kind(
        "card_number",
        re.compile(rf"{_BARE}\d(?:[ -]?\d){{12,18}}{_END}"),
        looks.is_card,
        None,
        traces=(r"\d(?:[ -]?\d){11}",),
    ),
    _Kind(
        "card_number",
        re.compile(rf"{_BARE}\d(?:[ -]?\d){{11,18}}{_END}"),
        None,
        _words(_CARD_WORDS),
        traces=(r"\d(?:[ -]?\d){11}", _said(_CARD_WORDS)),
    ),
    _Kind("birth_date", None, None, None, traces=(_said(BIRTH_TRACE),)),
    _Kind(
        "medical_record_number", re.compile(_CODE), None, _words(_RECORD_WORDS), traces=(_CODED, _said(_RECORD_WORDS))
    ),
    _Kind(
        "member_id",
        re.compile(_CODE),
        None,
        re.compile(
            rf"\b(?:{_MEMBER_WORDS})"
            r"(?:(?: ?id| number| no| ?#)(?:\b|(?<=#))[^\n]{0,40}|[:# ]{1,3}(?:is |of )?)$",
            re.IGNORECASE,
        ),
        traces=(_CODED, _said(_MEMBER_WORDS)),
    ),
    _Kind("drivers_license", re.compile(_CODE), None, _words(_LICENSE_WORDS), traces=(_CODED, _said(_LICENSE_WORDS))),
    _Kind("passport", re.compile(_CODE), None, _words(r"passport"), traces=(_CODED, _said("passport"))),
    _Kind("medicaid_id", re.compile(_CODE), None, _words(r"medicaid"), traces=(_CODED, _said("medicaid"))),
    _Kind(
        "account_number",
        # Regardless of case, letters of other scripts would count too, of which no number can be made.
        re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b"),
        _bank,
        None,
        traces=(r"\b[A-Za-z]{2}\d{2} ?[A-Za-z0-9]{4} ?[A-Za-z0-9]{4}",),
    ),
    _Kind(
        "account_number",
        re.compile(rf"{_BARE}\d{{6,17}}{_END}"),
        None,
        _words(_ACCOUNT_WORDS),
        traces=(r"\d{6}", _said(_ACCOUNT_WORDS)),
    ),
    _Kind(
        "phone",
        re.compile(rf"(?<![\w.$/-])(?:{looks.PHONE_WRITTEN.pattern})(?!\w)"),
        None,
        None,
        traces=(r"\d{3}[-. ]\d{4}|\+\d",),
    ),
    _Kind(
        "phone",
        re.compile(r"(?<![\w.$])(?:\+|\()?\d[\d ().-]{5,18}\d(?!\w)"),
        _dialled,
        _words(_PHONE_WORDS),
        re.compile(rf"[ -]{{0,3}}(?:{_PHONE_WORDS_BEHIND})\b", re.IGNORECASE),
        (r"\d[\d ().-]{5,18}\d", _said(rf"(?:{_PHONE_WORDS}|{_PHONE_WORDS_BEHIND})\b")),
    ),
)
_ADDRESS = re.compile(
    r"\b(?P<line>\d{1,6} [A-Z0-9][\w .'#-]{2,60}?),?\s+(?P<city>[A-Z][A-Za-z.' -]{1,30}?),?\s+(?P<state>[A-Z]{2})\s+"
    r"(?P<zip>\d{5})(?:-\d{4})?\b"
)


_ADDRESS_TRACE: Final = r"[A-Z]{2}\W+\d{5}"
_SIEVE: Final = Sieve([_ADDRESS_TRACE, *(trace for kind in _KINDS for trace in kind.traces)])


def findings(text: str) -> list[Finding]:
    """Return what stands in a text, in order. Where two readings overlap, the first kind above counts."""
    found: list[Finding] = []
    taken: list[tuple[int, int]] = []
    traces = _SIEVE.found(text)
    for each in _all(text, traces):
        place = bisect.bisect_left(taken, (each.end, 0))
        if not place or taken[place - 1][1] <= each.begin:
            taken.insert(place, (each.begin, each.end))
            found.append(each)
    for match in _ADDRESS.finditer(text) if traces is None or _ADDRESS_TRACE in traces else ():
        found += [
            Finding(name, match[name], match.start(name), match.end(name)) for name in ("line", "city", "state", "zip")
        ]
    return sorted(found, key=lambda each: each.begin)


@functools.lru_cache(maxsize=4096)
def _sought(traces: frozenset[str]) -> tuple[_Kind, ...]:
    """Return the kinds of which something may be in a text with these traces."""
    return tuple(kind for kind in _KINDS if traces.issuperset(kind.traces))


def _all(text: str, traces: frozenset[str] | None) -> Iterator[Finding]:
    """Yield what stands in a text, kind by kind. `traces`: those that it has; None: it may have any."""
    for kind in _KINDS if traces is None else _sought(traces):
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
