"""What values look like: one test a kind of value, each told as the share of a column's sample that passes.

A single value decides little (random nine digits obey the rules of a Social Security number 88 times in 100); a column
of which nearly all pass decides much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealane.exposure.people.places import STATE_OF_NAME, STATE_OF_PREFIX, STATES
from sealane.exposure.tables.names import FAMILY, GIVEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?"
    r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
)
"""A Medicare beneficiary identifier by its places (CMS): C A AN N A AN N A A N N, without S, L, O, I, B and Z."""
SSN_WRITTEN: Final = re.compile(r"\d{3}[- ]\d{2}[- ]\d{4}")
NINE: Final = re.compile(r"\d{9}")
EMAIL: Final = re.compile(r"[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
PHONE_WRITTEN: Final = re.compile(
    r"(?:\+?1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?: ?(?:x|ext\.?) ?\d{1,6})?|"
    r"\+\d{1,3}[-. ]?\d[-. \d()]{6,14}\d"
)
TEN: Final = re.compile(r"1?\d{10}")
ICD: Final = re.compile(r"[A-TV-Z]\d[0-9AB](?:\.?[0-9A-Z]{1,4})?")
HCPCS: Final = re.compile(r"[A-V]\d{4}")
NDC: Final = re.compile(r"\d{4,5}-\d{3,4}-\d{1,2}")
ZIP: Final = re.compile(r"\d{5}(?:-?\d{4})?")
STREET: Final = re.compile(
    r"(?:\d{1,6}[A-Za-z]?|p\.? ?o\.? box \d+)[ ,].*[A-Za-z]{2}.*|(?:apt|po box|p\.o\. box) .*", re.IGNORECASE
)
WORDS: Final = re.compile(r"[^\W\d_][^\d_@#$%&*()<>/\\|=+:;\"!?]*")
CODED: Final = re.compile(r"(?=.*[A-Za-z])(?=.*\d)[A-Za-z0-9-]{4,20}")
_REPEATED = re.compile(r"(\d)\1{8}")


def share(values: Sequence[str], test: Callable[[str], object]) -> float:
    """Return the share of values that pass a test."""
    return sum(1 for value in values if test(value)) / len(values) if values else 0.0


def is_ssn(digits: str) -> bool:
    """Tell whether nine digits may be a Social Security number (not 000, 666 or 9xx, group 00, serial 0000)."""
    if not NINE.fullmatch(digits) or _REPEATED.fullmatch(digits):
        return False
    return digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def is_itin(digits: str) -> bool:
    """Tell whether nine digits may be an ITIN (IRS Publication 1915: 9xx, group 50-65, 70-88, 90-99 but 93)."""
    if not NINE.fullmatch(digits) or digits[0] != "9":
        return False
    group = int(digits[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or (90 <= group <= 99 and group != 93)  # noqa: PLR2004  IRS Publication 1915


def luhn(digits: str) -> bool:
    """Tell whether the last digit checks (ISO/IEC 7812)."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        number = int(character)
        if place % 2:
            number = number * 2 - 9 * (number > 4)  # noqa: PLR2004  the digits of what is doubled are added
        total += number
    return total % 10 == 0


def is_npi(text: str) -> bool:
    """Tell whether this may be a national provider identifier: ten digits, checked with 80840 before them."""
    return len(text) == 10 and text.isdecimal() and text[0] in "12" and luhn("80840" + text)  # noqa: PLR2004


def is_card(text: str) -> bool:
    """Tell whether this may be the number of a payment card."""
    digits = text.replace(" ", "").replace("-", "")
    return 13 <= len(digits) <= 19 and digits.isascii() and digits.isdecimal() and digits[0] in "3456" and luhn(digits)  # noqa: PLR2004  ISO/IEC 7812


def is_phone(text: str) -> bool:
    """Tell whether this may be a telephone number, written out or as ten bare digits of North America."""
    if PHONE_WRITTEN.fullmatch(text):
        return True
    return bool(TEN.fullmatch(text)) and text[-10] not in "01" and text[-7] not in "01"


def is_zip(text: str) -> bool:
    """Tell whether this is a ZIP code in use: its first three digits lie in some state."""
    return bool(ZIP.fullmatch(text)) and text[:3] in STATE_OF_PREFIX


def is_state(text: str) -> bool:
    """Tell whether this is a state's code or name."""
    return text.upper() in STATES or text.upper() in STATE_OF_NAME


def is_given(text: str) -> bool:
    """Tell whether this begins with a common given name."""
    return text.lower().split(" ", 1)[0] in GIVEN


def is_family(text: str) -> bool:
    """Tell whether this is a common family name."""
    return text.lower().replace("'", "") in FAMILY


def is_full_name(text: str) -> bool:
    """Tell whether this is a name of two to five words, one of them a common name at its place."""
    if not WORDS.fullmatch(text):
        return False
    if "," in text:
        family, _, given = text.partition(",")
        return bool(given.strip()) and (is_given(given.strip()) or is_family(family.strip()))
    words = text.lower().split()
    return 2 <= len(words) <= 5 and (words[0] in GIVEN or words[-1] in FAMILY)  # noqa: PLR2004
