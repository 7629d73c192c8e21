"""The languages of the pages: catalogues read once, the visitor's choice, and how sizes, times and numbers are written.

Catalogues are gettext's `.po` files in `languages/`; English is what the templates say. Must stay true: which language
is asked for chooses among those that are there and nothing else; no file is opened by a visitor's word.
"""

from __future__ import annotations

import functools
import gettext
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

FOLDER: Final = Path(__file__).parent / "languages"
LANGUAGES: Final = {"en": "English", "de": "Deutsch", "es": "Español"}
_CHOICES_MAX: Final = 20
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_STEP: Final = 1000
_HUNDRED, _TEN = 100, 10


class Words:
    """One language."""

    def __init__(self, language: str) -> None:
        """Read its catalogue."""
        self.language = language
        self.locale = Locale.parse(language)
        self.catalogue = _catalogue(language)

    def say(self, text: str) -> str:
        """Return a text in this language."""
        return self.catalogue.gettext(text) if text else ""

    def number(self, value: int) -> str:
        """Return a whole number with its groups of digits."""
        return format_decimal(value, locale=self.locale)

    def size(self, size_bytes: int) -> str:
        """Return a number of bytes as people read it: three digits that matter and a unit."""
        value = float(size_bytes)
        unit = 0
        while value >= _STEP and unit < len(_UNITS) - 1:
            value /= _STEP
            unit += 1
        shape = "#,##0"
        if unit and value < _HUNDRED:
            shape = "#,##0.0" if value >= _TEN else "#,##0.00"
        return f"{format_decimal(value, shape, locale=self.locale)} {_UNITS[unit]}"

    def moment(self, at: datetime | str) -> str:
        """Return a time, UTC, in the language's own order."""
        return format_datetime(_moment(at), "medium", tzinfo=UTC, locale=self.locale)

    def day(self, at: datetime | str) -> str:
        """Return a day, UTC, in the language's own order."""
        return format_date(_moment(at).astimezone(UTC), "long", locale=self.locale)

    def span(self, seconds: int) -> str:
        """Return how long something is, roughly: `3 hours`."""
        return format_timedelta(timedelta(seconds=seconds), locale=self.locale)


def _moment(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def machine_moment(at: datetime | str) -> str:
    """Return a time as `<time datetime>` has it."""
    return _moment(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _catalogue(language: str) -> gettext.NullTranslations:
    path = FOLDER / f"{language}.po"
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@functools.cache
def words_of(language: str) -> Words:
    """Return a language's words, read at its first use."""
    assert language in LANGUAGES
    return Words(language)


def chosen(accept_language: str, cookie: str = "") -> str:
    """Return the language to speak: the visitor's own choice, else what their browser likes best (RFC 9110, 12.5.4)."""
    if cookie in LANGUAGES:
        return cookie
    liked: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:_CHOICES_MAX]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            liked.append((float(weight or 1), tag.partition("-")[0].lower()))
        except ValueError:
            continue
    for weight, tag in sorted(liked, key=lambda one: -one[0]):
        if weight > 0 and tag in LANGUAGES:
            return tag
    return "en"
