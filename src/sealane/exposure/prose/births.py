"""Which dates of a text are birth dates: a word that says so claims one, and those that are joined to it.

A word claims the date behind it; where none stands there, one before it in the same sentence, of several the earliest
(people are born before they are seen, billed or insured). A date that another word speaks for is nobody's birth date.
"""

from __future__ import annotations

import bisect
import re
from datetime import date
from typing import TYPE_CHECKING, Final

from sealane.exposure.people.dates import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
DATES: Final = (
    r"\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|"
    rf"{_MONTHS}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th)? {_MONTHS}\.?,? \d{{4}}"
)
_DATE: Final = re.compile(rf"(?<![\w$.,/+-])(?:{DATES})(?![\w/-])", re.IGNORECASE)
_WORD: Final = re.compile(
    r"\b(?:born|d\.o\.b\b\.?|dob\b|birth[ -]?da(?:te|y)s?\b"
    r"|births?\b(?! (?:weight|control|certificate|defect|place|plan|parent|mother|father|center|name)))"
    r"(?!\W{0,3}(?:(?:is|was|are) )?(?:not\b|unknown\b|missing\b|n/a\b))",
    re.IGNORECASE,
)
TRACE: Final = r"born|d\.o\.b|dob|birth"
"""What is in every text that says of a date that somebody was born then."""
_EVENTS: Final = (
    r"seen|visit(?:ed)?|admi(?:tted|ssion)|discharged?|effective|dated|issued|paid|received|shipped|sent|signed|due|"
    r"expir(?:es?|ed|y)|ends?|ended|begins?|began|since|until|appointment|opened|closed|checked|installed|service|dos|"
    r"statement|filed|mailed|hired|enrolled|died|deceased|death|moved"
)
_EVENT: Final = re.compile(rf"\b(?:{_EVENTS})\b", re.IGNORECASE)
_INTRODUCED: Final = re.compile(
    rf"\b(?:{_EVENTS}|on|by|from|of|in|to|at)\b\W{{0,3}}(?:(?:on|at|of|by|from|date|day)\b\W{{0,3}}){{0,2}}$",
    re.IGNORECASE,
)
_SENTENCE_ENDS: Final = re.compile(r"[.!?;]\s+(?=[^\W\d])|\n")
_NEXT_LINE: Final = re.compile(r"[ \t:]*\n[ \t]*")
"""A label on a line of its own, its value below."""
_JOINED: Final = re.compile(r"[ ,;/]*(?:to|or|and|not|-)?[ ,;/]*", re.IGNORECASE)
_BEHIND: Final = 40
"""Characters between a word and the date behind it."""
_BEFORE: Final = 90
"""Characters between a date and the word behind it."""
_INTRODUCTION: Final = 25
_CANDIDATES_MAX: Final = 8
_TODAY: Final = date.max
_YEAR_WRITTEN_MAX: Final = 9899
"""Two digits of a year come out above this where `_TODAY` is the last day of all."""

Span = tuple[int, int]


def births_in(text: str) -> Iterator[Span]:
    """Yield where birth dates stand in a text, each once, in no order."""
    words = [match.span() for match in _WORD.finditer(text)]
    if not words:
        return
    dates = [match.span() for match in _DATE.finditer(text) if parse_date(match[0], today=_TODAY) is not None]
    begins = [begin for begin, _ in dates]
    claimed: set[Span] = set()
    waiting: list[Span] = []
    for place, word in enumerate(words):
        upto = words[place + 1][0] if place + 1 < len(words) else len(text)
        found = _behind(text, word, upto, dates, bisect.bisect_left(begins, word[1]))
        claimed.update(found)
        if not found:
            waiting.append(word)
    for word in waiting:
        claimed.update(_before(text, word, dates[: bisect.bisect_left(begins, word[0])], claimed))
    yield from claimed


def _behind(text: str, word: Span, upto: int, dates: list[Span], place: int) -> list[Span]:
    """Return the date that a word stands before, with those joined to it; nothing where another thing comes first."""
    if place == len(dates) or dates[place][0] > min(upto, word[1] + _BEHIND):
        return []
    between = text[word[1] : dates[place][0]]
    if _EVENT.search(between) or (_SENTENCE_ENDS.search(between) and not _NEXT_LINE.fullmatch(between)):
        return []
    found = [dates[place]]
    for each in dates[place + 1 :]:
        if _JOINED.fullmatch(text, found[-1][1], each[0]) is None:
            break
        found.append(each)
    return found


def _before(text: str, word: Span, dates: list[Span], claimed: set[Span]) -> list[Span]:
    """Return the one date before a word that it may speak for."""
    free: list[Span] = []
    for begin, end in reversed(dates[-_CANDIDATES_MAX:]):
        if word[0] - end > _BEFORE or _SENTENCE_ENDS.search(text, end, word[0]):
            break
        spoken_for = _INTRODUCED.search(text[max(0, begin - _INTRODUCTION) : begin])
        if (begin, end) not in claimed and not spoken_for:
            free.append((begin, end))
    days = [parse_date(text[begin:end], today=_TODAY) or _TODAY for begin, end in free]
    if any(day.year > _YEAR_WRITTEN_MAX for day in days):
        return free[:1]  # two digits of a year do not tell which is the earliest: the nearest, then
    return [free[days.index(min(days))]] if free else []
