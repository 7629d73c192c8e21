"""Whose the findings of a text are: of the name before them in their paragraph, or of the form they are in.

Two kinds of text are told apart line by line. A form has labels (`Date of birth: 4/30/1961`), whose words are those
of table headers. Running text has names: words with capitals of which one is a common name at its place. A name
alone, with nothing told of it in its paragraph, is not counted: a text that only mentions somebody exposes nothing of
them.
"""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING, Final

from sealane.exposure.model import BIT
from sealane.exposure.people.mentions import FIELDS
from sealane.exposure.prose.findings import Finding, findings
from sealane.exposure.tables.headers import meaning_of
from sealane.exposure.tables.names import FAMILY, GIVEN
from sealane.exposure.tables.slots import FIELD_OF, IDENTIFYING, MARKING, NAMING, Slot

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL = re.compile(
    r"(?:^|\s{2,}|[|;\t])\s*(?P<label>[A-Za-z][A-Za-z0-9 /_.#'()-]{0,40}?)\s*[:=]\s*"
    r"(?P<value>[^|;\t\n]*?)(?=\s{2,}|[|;\t]|$)"
)
_NAME = re.compile(
    r"\b(?:(?:Mr|Mrs|Ms|Miss|Mx)\.? )?(?P<given>[A-Z][\w'-]{1,40})(?: (?:[A-Z]\.?|[A-Z][\w'-]{1,40}))??"
    r" (?P<family>(?:(?:van|von|de|del|der|la|di|da|dos|bin|al) ){0,4}[A-Z][\w'-]{1,40})"
    r"(?:,? (?P<suffix>Jr|Sr|II|III|IV)\b)?"
)
_NUMBERED = re.compile(r"[\d@]")
"""Without one of these nothing can be found."""
_WIDE = re.compile(r"[^\S\n]{3,}")
"""Space wider than any pattern here needs: a line of nothing else would cost the cube of its length."""
_TURNED = re.compile(r"\b(?P<family>[A-Z][\w'-]{1,40}), (?P<given>[A-Z][\w'-]{1,40})\b")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NOT_NAMES: Final = _set(
    "dear the this that our your medicare social security date birth member patient account policy health insurance "
    "hospital clinic street avenue road drive new north south east west united states claim number phone email january "
    "february march april june july august september october november december monday tuesday wednesday thursday friday"
)
_OF_ONE: Final = frozenset(
    {"full_name", "given", "family", "birth_date", "ssn", "medicare_id", "medical_record_number"}
)
_ALONE: Final = frozenset({"city", "state", "zip"})
_VALUE_MAX: Final = 200
_NEIGHBOURS: Final = 8
"""Findings before a place of which one may reach up to it: an address is four, beside one of each other kind."""
_SENTENCE_MAX: Final = 2000


class Speaker:
    """Reads a text paragraph by paragraph and hands over whom it speaks of."""

    def __init__(self) -> None:
        """Nobody is open."""
        self._form: dict[str, str] = {}
        self._marks = 0
        self._lead = ""
        """The label that forms of this text begin with."""

    def paragraph(self, text: str) -> Iterator[tuple[str | int | None, ...]]:
        """Take one paragraph; yield mentions: the fields of `FIELDS` in order, then marks."""
        loose: list[str] = []
        text = _WIDE.sub("  ", text)
        for line in text.split("\n"):
            if ":" not in line and "=" not in line:
                loose.append(line)
                continue
            labels = [(match["label"], match["value"].strip()) for match in _LABEL.finditer(line)]
            known = [(meaning_of(label).slot, value) for label, value in labels]
            if any(slot not in {None, Slot.OTHER} for slot, _ in known) and not _is_told(known):
                for slot, value in known:
                    yield from self._labelled(slot, value)
            else:
                loose.append(line)
        yield from self._running("\n".join(loose))

    def rest(self) -> Iterator[tuple[str | int | None, ...]]:
        """Yield who is still open at the end."""
        yield from self._closed()

    def _labelled(self, slot: Slot | None, value: str) -> Iterator[tuple[str | int | None, ...]]:
        if not value or slot is None:
            return
        if slot in MARKING:
            self._marks |= BIT[MARKING[slot]]
            return
        field = FIELD_OF.get(slot)
        if field is None:
            return
        value = _fitting(field, value[:_VALUE_MAX])
        again = self._form.get(field)
        if not self._lead:
            self._lead = field
        # A form begins where its first label comes again, and where it would be of two people.
        if again is not None and (field == self._lead or (again != value and field in _OF_ONE)):
            yield from self._closed()
        self._form.setdefault(field, value)

    def _closed(self) -> Iterator[tuple[str | int | None, ...]]:
        form, marks = self._form, self._marks
        self._form = {}
        self._marks = 0
        if form.keys() & {slot.value for slot in IDENTIFYING}:
            yield _row(form, marks)

    def _running(self, text: str) -> Iterator[tuple[str | int | None, ...]]:
        found = findings(text) if _NUMBERED.search(text) else []
        if not found:
            return
        names = _names(text, found)
        groups = _grouped(found, [place for place, _ in names])
        if not names and self._form and not self._form.keys() & groups[0][1].keys():
            self._form |= groups.pop(0)[1]
        for name, fields in groups:
            if not fields.keys() <= _ALONE:
                yield _row(fields | (names[name][1] if name >= 0 else {}), 0)


def _grouped(found: list[Finding], names: list[int]) -> list[tuple[int, dict[str, str]]]:
    """Return findings by whose they are: of the last name before them (-1 is none), the first name where none is.

    A second number of a kind of which everybody has one is of somebody else, whose name is not known.
    """
    groups: list[tuple[int, dict[str, str]]] = []
    of_name: dict[int, dict[str, str]] = {}
    for each in found:
        name = bisect.bisect_left(names, each.begin) - 1
        name = 0 if name < 0 and names else name
        fields = of_name.get(name)
        other = fields is not None and each.field in _OF_ONE and fields.get(each.field, each.value) != each.value
        if fields is None or other:
            fields = of_name[name] = dict[str, str]()
            groups.append((-1 if other else name, fields))
        fields.setdefault(each.field, each.value)
    return groups


def _is_told(known: list[tuple[Slot | None, str]]) -> bool:
    """Return whether behind the label of a name a whole sentence stands, which tells more of them than a name."""
    return any(slot in NAMING and findings(value[:_SENTENCE_MAX]) for slot, value in known)


def _fitting(field: str, value: str) -> str:
    """Of what stands behind a label only the value: a date, not the words after it."""
    if field in {"ssn", "birth_date", "email", "phone"}:
        for each in findings(f"{field.replace('_', ' ')} {value}"):
            if each.field == field:
                return each.value
    return value


def _names(text: str, found: list[Finding]) -> list[tuple[int, dict[str, str]]]:
    """Return the names of a text with their places; none that lies in another finding."""
    names: dict[int, dict[str, str]] = {}
    places = [each.begin for each in found]
    for pattern in (_TURNED, _NAME):
        begin = 0
        while match := pattern.search(text, begin):
            given, family = match["given"].lower(), match["family"].lower()
            likely = (
                (given in GIVEN or family.rpartition(" ")[2] in FAMILY)
                and given not in _NOT_NAMES
                and family not in _NOT_NAMES
            )
            place = bisect.bisect_left(places, match.end())
            inside = any(match.start() < each.end for each in found[max(0, place - _NEIGHBOURS) : place])
            if likely and not inside:
                names.setdefault(match.start("given"), {k: v for k, v in match.groupdict().items() if v})
                begin = match.end()
            else:
                begin = match.end("given") if pattern is _NAME else match.end()
    return sorted(names.items())


def _row(fields: dict[str, str], marks: int) -> tuple[str | int | None, ...]:
    return (*[fields.get(name, "") for name in FIELDS], marks)


assert NAMING <= IDENTIFYING, "a name is enough to count somebody in a form"
