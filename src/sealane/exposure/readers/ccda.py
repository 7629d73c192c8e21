"""C-CDA documents: the patient of the record, guardians, and the persons who take part in the patient's life.

Parsed with expat as it comes: no entity but XML's own five is resolved, none may be declared, nothing is fetched.
Authors, clinicians and custodians are not counted.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from sealane.exposure.model import DataClass, Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.people.mentions import MentionRows, marks_of
from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Batch, Found
    from sealane.exposure.readers.part import Part

_FIELDS: Final = (
    "family",
    "given",
    "suffix",
    "birth_date",
    "ssn",
    "drivers_license",
    "passport",
    "medicare_id",
    "medicaid_id",
    "member_id",
    "medical_record_number",
    "phone",
    "email",
    "line",
    "city",
    "state",
    "zip",
    "owner",
    "context",
)
_BEGINS: Final = {
    "patientRole": "patient",
    "guardian": "guardian",
    "associatedEntity": "associate",
    "relatedEntity": "associate",
}
"""Elements within which an individual's name, address and numbers stand."""
_LEAVES: Final = {
    "given": "given",
    "family": "family",
    "suffix": "suffix",
    "streetAddressLine": "line",
    "city": "city",
    "state": "state",
    "postalCode": "zip",
}
_ROOTS: Final = (
    ("2.16.840.1.113883.4.1", "ssn"),
    ("2.16.840.1.113883.4.572", "medicare_id"),
    ("2.16.840.1.113883.4.927", "medicare_id"),
    ("2.16.840.1.113883.4.3.", "drivers_license"),
    ("2.16.840.1.113883.4.330", "passport"),
)
_VALUE_CHARACTERS_MAX: Final = 4096
_MARKS: Final = {
    "11450-4": DataClass.DIAGNOSIS,
    "46240-8": DataClass.DIAGNOSIS,
    "11535-2": DataClass.DIAGNOSIS,
    "46241-6": DataClass.DIAGNOSIS,
    "51848-0": DataClass.DIAGNOSIS,
    "75310-3": DataClass.DIAGNOSIS,
    "47519-4": DataClass.PROCEDURE,
    "29549-3": DataClass.MEDICATION,
    "10160-0": DataClass.MEDICATION,
    "10183-2": DataClass.MEDICATION,
    "42346-7": DataClass.MEDICATION,
    "11369-6": DataClass.MEDICATION,
}
"""LOINC codes of sections, and what their entries tell of the patient."""
_ENTRIES: Final = {
    "substanceAdministration": DataClass.MEDICATION,
    "procedure": DataClass.PROCEDURE,
}


def read_ccda(part: Part) -> Iterator[Found]:
    """Yield the mentions of one document, and the file that it may cover.

    Raises `PartUnreadable` where it is no well-formed XML or past its limits.
    """
    document = _Document(part)
    parser = expat.ParserCreate(namespace_separator="\x1f")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = document.begin
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    parser.EntityDeclHandler = document.refuse
    taken = 0
    whole = False
    try:
        for block in part.source.blocks(1 << 18):
            taken += len(block)
            if taken > part.limits.document_bytes_max:
                raise PartUnreadable(Why.TOO_LARGE)
            parser.Parse(block, False)  # noqa: FBT003  expat's own signature
        parser.Parse(b"", True)  # noqa: FBT003
        whole = True
    except expat.ExpatError:
        pass
    yield from document.written()
    if document.body:
        yield _embedded(part, document.body, coded=document.body_is_coded)
    if not whole:
        raise PartUnreadable(Why.DAMAGED)


def _embedded(part: Part, text: str, *, coded: bool) -> Found:
    try:
        content = base64.b64decode(text, validate=False) if coded else text.encode("utf-8", "replace")
    except ValueError:
        return Unreadable("body", Why.DAMAGED)
    return Nested("body", part.inside(io.BytesIO(content)))


class _Document:
    """What was read of one document."""

    def __init__(self, part: Part) -> None:
        self._limit = part.limits.nesting_max
        self._rows = MentionRows(_FIELDS, part.limits.batch_mentions)
        self._path: list[str] = []
        self._text: list[str] = []
        self._text_size = 0
        self._within: list[tuple[str, int, dict[str, str]]] = []
        """The individuals that are open: kind, depth, fields."""
        self._patients: list[dict[str, str]] = []
        self._others: list[dict[str, str]] = []
        self._names_seen = 0
        self._marks = 0
        self._section = ""
        self._owner = ""
        self._in_body = False
        self._body_max = part.limits.document_bytes_max
        self.body = ""
        """A document of another format that this one is only the cover of."""
        self.body_is_coded = False
        """In base64, and no plain text."""

    def refuse(self, *_: object) -> None:
        """Take a declared entity: no document of care needs one, and every XML bomb does."""
        raise PartUnreadable(Why.DAMAGED)

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element."""
        tag = name.rpartition("\x1f")[2]
        self._path.append(tag)
        self._text = []
        self._text_size = 0
        if len(self._path) > self._limit * 4:
            raise PartUnreadable(Why.TOO_LARGE)
        if tag in _BEGINS:
            self._within.append((_BEGINS[tag], len(self._path), {}))
        elif tag == "providerOrganization":
            self._within.append(("organization", len(self._path), {}))
        if tag == "text" and self._path[-2:-1] == ["nonXMLBody"]:
            self._in_body = True
            self.body_is_coded = attributes.get("representation") == "B64"
        if self._within:
            self._attributes(tag, attributes)
        elif "component" in self._path:
            self._entry(tag, attributes)

    def _entry(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "code" and self._path[-2] == "section":
            self._section = attributes.get("code", "")
        elif tag == "entry" and self._section in _MARKS:
            self._marks |= marks_of([_MARKS[self._section]])
        elif tag in _ENTRIES and "nullFlavor" not in attributes and attributes.get("negationInd") != "true":
            self._marks |= marks_of([_ENTRIES[tag]])

    def _attributes(self, tag: str, attributes: dict[str, str]) -> None:
        kind, _, fields = self._within[-1]
        if kind == "organization":
            return
        if tag == "birthTime" and "value" in attributes:
            fields.setdefault("birth_date", attributes["value"][:8])
        elif tag == "telecom" and (value := attributes.get("value", "")):
            mail = value.lower().startswith("mailto:")
            fields.setdefault("email" if mail else "phone", value.partition(":")[2] or value)
        elif tag == "id" and kind == "patient" and (number := attributes.get("extension", "")):
            root = attributes.get("root", "")
            found = next(
                (field for mark, field in _ROOTS if root == mark or (mark[-1] == "." and root.startswith(mark))), ""
            )
            found = found or ("medicare_id" if MBI.fullmatch(number) else "medical_record_number")
            fields.setdefault(found, number)

    def text(self, piece: str) -> None:
        """Take text."""
        most = self._body_max if self._in_body else _VALUE_CHARACTERS_MAX
        if (self._within or self._in_body) and self._text_size < most:
            self._text.append(piece)
            self._text_size += len(piece)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        tag = name.rpartition("\x1f")[2]
        if self._within:
            kind, depth, fields = self._within[-1]
            told = "".join(self._text).strip()
            if told:
                self._leaf(kind, tag, told, fields)
            if depth == len(self._path):
                self._within.pop()
                self._close(kind, fields)
        if self._in_body and tag == "text":
            self.body = "".join(self._text)
            self._in_body = False
        self._text = []
        self._path.pop()

    def _leaf(self, kind: str, tag: str, told: str, fields: dict[str, str]) -> None:
        if kind == "organization":
            if tag == "name" and self._path[-2] == "providerOrganization":
                self._owner = self._owner or told
        elif "birthplace" in self._path or (fields.get("_named") and tag in {"given", "family", "suffix"}):
            return
        elif tag == "name":
            fields.setdefault("family", told)
        elif tag in _LEAVES:
            fields.setdefault(_LEAVES[tag], told)
        if tag == "name" and fields.get("family"):
            fields["_named"] = "yes"

    def _close(self, kind: str, fields: dict[str, str]) -> None:
        if kind == "patient":
            self._patients.append(fields)
        elif kind != "organization" and (fields.get("family") or fields.get("given")):
            self._others.append(fields)

    def written(self) -> Iterator[Batch]:
        """Yield the mentions of what was read."""
        self._rows.records = 1
        within = ""
        for fields in self._patients:
            within = fields.get("medical_record_number") or fields.get("ssn") or fields.get("family", "")
            self._rows.add((*[fields.get(name, "") for name in _FIELDS[:-2]], self._owner, "", self._marks))
        for fields in self._others:
            self._rows.add((*[fields.get(name, "") for name in _FIELDS[:-2]], self._owner, within or "document", 0))
        yield from self._rows.rest()
