"""What a file is, told by its content. Its name is asked only where the content leaves two readings open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sealane.exposure.encodings import is_text, text_of
from sealane.exposure.model import Format, PartUnreadable, Why
from sealane.exposure.tables.dialects import Dialect, find_dialect, find_fixed

_ENCRYPTED: Final = (
    b"age-encryption.org/v1\n",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"Salted__",
    b"PARE",
    b"\x85\x01\x0c\x03",
    b"\x85\x02\x0c\x03",
    b"\x84\x5e\x03",
    b"\xc1\xc0\x4c\x03",
    b"\x8c\x0d\x04",
    b"\xc3\x0d\x04",
)
_IMAGES: Final = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x01\x00",
    b"DICM",
)
_X12: Final = {
    "834": Format.X12_834,
    "835": Format.X12_835,
    "837": Format.X12_837,
    "270": Format.X12_270,
    "271": Format.X12_271,
    "276": Format.X12_276,
    "277": Format.X12_277,
}
ISA_BYTES: Final = 106
"""An ISA segment has fixed places, so that its delimiters can be read off it (X12.5)."""
_HEADER_LINE = re.compile(
    r"(from|to|cc|bcc|subject|date|received|return-path|mime-version|message-id|delivered-to|reply-to|sender|x-[\w-]+|"
    r"content-type|content-transfer-encoding|dkim-signature|authentication-results|list-id|in-reply-to|references):",
    re.IGNORECASE,
)
_HEADERS_LEAST: Final = 2
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_TAR_AT: Final = 257
_WHITE: Final = " \t\r\n\ufeff\x0b"


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a part is, and which reader takes it; for tables with their dialect."""

    format: Format
    reader: str
    dialect: Dialect | None = None


def recognize(head: bytes, name: str) -> Recognized:
    """Return what a part with this beginning is. Raises `PartUnreadable` where nobody here can read it."""
    _refuse(head)
    return _binary(head) or _text(head, name)


def _refuse(head: bytes) -> None:
    if head.startswith(_ENCRYPTED):
        raise PartUnreadable(Why.ENCRYPTED)
    if (
        head.startswith(_IMAGES)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or head[4:12] in {b"ftypheic", b"ftypmif1"}
    ):
        raise PartUnreadable(Why.IMAGE_ONLY)
    if head.startswith((b"Rar!", b"\x28\xb5\x2f\xfd")):
        raise PartUnreadable(Why.UNKNOWN_FORMAT)


def _binary(head: bytes) -> Recognized | None:
    for marks, kind, reader in (
        (_ZIP, Format.ARCHIVE, "zip"),
        ((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), Format.XLS, "compound"),
        ((b"PAR1",), Format.PARQUET, "parquet"),
        ((b"\x1f\x8b",), Format.ARCHIVE, "gzip"),
        ((b"BZh",), Format.ARCHIVE, "bzip2"),
        ((b"\xfd7zXZ\x00",), Format.ARCHIVE, "xz"),
        ((b"7z\xbc\xaf\x27\x1c",), Format.ARCHIVE, "seven_zip"),
    ):
        if head.startswith(marks):
            return Recognized(kind, reader)
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return Recognized(Format.ARCHIVE, "tar")
    if b"%PDF-" in head[:1024]:
        return Recognized(Format.PDF, "pdf")
    return None


def _text(head: bytes, name: str) -> Recognized:
    if not is_text(head):
        raise PartUnreadable(Why.UNKNOWN_FORMAT)
    text = text_of(head)
    start = text.lstrip(_WHITE)
    return (
        _exchanged(start)
        or _marked_up(start, name)
        or (Recognized(Format.EMAIL, "email") if is_email(text) else None)
        or _tabular(text, name)
        or Recognized(Format.TEXT, "text")
    )


def _exchanged(start: str) -> Recognized | None:
    """X12 and HL7 begin with their own segments."""
    if start.startswith("ISA") and len(start) >= ISA_BYTES:
        kind = x12_kind(start)
        if kind is None:
            raise PartUnreadable(Why.UNKNOWN_FORMAT)
        return Recognized(kind, "x12")
    if start[:4] in {"MSH|", "FHS|", "BHS|"} or re.match(r"(MSH|FHS|BHS)[^\w\s]\^~\\", start):
        return Recognized(Format.HL7V2, "hl7")
    return None


def x12_kind(start: str) -> Format | None:
    """Return the transaction set that an interchange begins with."""
    element, terminator = start[3], start[ISA_BYTES - 1]
    found = re.search(rf"{re.escape(terminator)}\s*ST{re.escape(element)}(\d{{3}})", start)
    return _X12.get(found[1]) if found else None


def _marked_up(start: str, name: str) -> Recognized | None:
    if start.startswith("<"):
        if re.search(r"<(?:\w+:)?ClinicalDocument[\s>]", start):
            return Recognized(Format.CCDA, "ccda")
        return Recognized(Format.TEXT, "markup")
    if not re.match(r'\{\s*["}]|\[\s*[\[{"\]\d-]', start):
        return None
    if start.startswith("{") and _is_lines(start, name):
        return Recognized(Format.NDJSON, "json_lines")
    return Recognized(Format.JSON, "json")


def _is_lines(start: str, name: str) -> bool:
    """One JSON object a line: the first line is whole, and a second begins one too."""
    first, _, rest = start.partition("\n")
    if not first.rstrip().endswith("}"):
        return False
    follows = rest.lstrip()[:1]
    return follows == "{" or (not follows and name.lower().endswith((".ndjson", ".jsonl")))


def is_email(text: str) -> bool:
    """Tell whether a text begins with the header of a message (RFC 5322), or of a mailbox of them."""
    lines = text.split("\n", 40)[:40]
    if lines and lines[0].startswith("From ") and "@" in lines[0]:
        lines = lines[1:]
    known = 0
    for line in lines:
        if not line.strip():
            break
        if line[0] in " \t":
            continue
        if not re.match(r"[!-9;-~]+:", line):
            return False
        known += bool(_HEADER_LINE.match(line))
    return known >= _HEADERS_LEAST


def _tabular(text: str, name: str) -> Recognized | None:
    dialect = find_dialect(text, name)
    if dialect is not None:
        return Recognized(Format.CSV, "delimited", dialect)
    if find_fixed(text):
        return Recognized(Format.FIXED, "fixed")
    return None
