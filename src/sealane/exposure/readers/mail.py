"""E-mail messages (RFC 5322, MIME) and mailboxes of them: sender and recipients, the text, the attachments.

Correspondents are individuals: a name and an address of mail is what a message tells of them.
"""

from __future__ import annotations

import base64
import email
import email.policy
import io
import re
from email import errors
from email.message import EmailMessage
from email.utils import getaddresses
from typing import TYPE_CHECKING, Final

from sealane.exposure.model import Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.people.mentions import MentionRows
from sealane.exposure.readers.prose import people_of_text, without_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part

_CORRESPONDENTS: Final = ("from", "to", "cc", "bcc", "reply-to", "sender")
_NOT_A_PERSON: Final = ("noreply", "no-reply", "donotreply", "mailer-daemon", "postmaster")
_CODINGS: Final = frozenset(
    {"", "7bit", "8bit", "binary", "quoted-printable", "x-uuencode", "uuencode", "uue", "x-uue"}
)
_CUT: Final = (
    errors.StartBoundaryNotFoundDefect,
    errors.CloseBoundaryNotFoundDefect,
    errors.NoBoundaryInMultipartDefect,
    errors.MultipartInvariantViolationDefect,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_HEADER_MAX: Final = 1_000_000
_PARAMETERS_MAX: Final = 8_000
_BOUNDARIES_MAX: Final = 500
"""Messages of many pieces inside one another: the parser holds each line against the boundaries of all."""
_ENCRYPTED: Final = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")


def read_email(part: Part) -> Iterator[Found]:
    """Yield what a message, or a mailbox of messages, holds. Raises `PartUnreadable` past `document_bytes_max`."""
    for number, raw in enumerate(message for message in _messages(part) if not message.isspace()):
        prefix = f"message {number + 1}/" if number else ""
        yield from _message(part, raw, prefix)


def _messages(part: Part) -> Iterator[bytes]:
    if not part.source.head.startswith(b"From "):
        yield part.source.whole(part.limits.document_bytes_max)
        return
    left = b""
    for block in part.source.blocks(1 << 20):
        searched = max(5, len(left) - 5)
        left += block
        begin = 0
        while (end := left.find(b"\nFrom ", max(searched, begin + 5))) >= 0:
            yield left[begin : end + 1].partition(b"\n")[2]
            begin = end + 1
        left = left[begin:]
        if len(left) > part.limits.document_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)
    yield left.partition(b"\n")[2]


def _message(part: Part, raw: bytes, prefix: str) -> Iterator[Found]:
    message, pieces = _taken_apart(raw)
    yield from _correspondents(part, message)
    yield from people_of_text(part, _subjects(pieces))
    for number, piece in enumerate(pieces, start=1):
        part.budget.part()
        kind = piece.get_content_type()
        if any(isinstance(defect, _CUT) for defect in piece.defects):
            yield Unreadable(f"{prefix}{_name(piece, number)}", Why.DAMAGED)
        if kind in _ENCRYPTED:
            yield Unreadable(f"{prefix}{kind}", Why.ENCRYPTED)
        if piece.is_multipart() or kind in _ENCRYPTED:
            continue
        name = _name(piece, number)
        body, whole = _payload(piece)
        if not whole:
            yield Unreadable(f"{prefix}{name}", Why.DAMAGED)
        if piece.get_content_maintype() == "text" and name == _numbered(number):
            text = _decoded(body, _charset(piece))
            yield from people_of_text(part, [without_tags(text) if kind == "text/html" else text])
        elif body:
            yield Nested(f"{prefix}{name}", part.inside(io.BytesIO(body)))


def _taken_apart(raw: bytes) -> tuple[EmailMessage, Sequence[Message]]:
    """Return a message and all its pieces. Raises `PartUnreadable`."""
    if raw.lower().count(b"boundary=") > _BOUNDARIES_MAX:
        raise PartUnreadable(Why.TOO_LARGE)
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        pieces = list(message.walk())
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError, IndexError):
        raise PartUnreadable(Why.DAMAGED) from None  # the standard library's parser gives up on some hostile headers
    assert isinstance(message, EmailMessage), "this policy makes such messages"
    if any(_is_overlong(piece) for piece in pieces):
        raise PartUnreadable(Why.TOO_LARGE)
    return message, pieces


def _subjects(pieces: Sequence[Message]) -> Iterator[str]:
    """Yield the subjects of a message and of those inside it."""
    for piece in pieces:
        try:
            subject = str(piece.get("subject", ""))
        except (ValueError, LookupError, AttributeError, TypeError, IndexError):
            continue  # a header that the parser cannot read
        if any(character.isdigit() for character in subject):
            yield f"{subject}\n\n"


def _name(piece: object, number: int) -> str:
    try:
        name = piece.get_filename() if isinstance(piece, EmailMessage) else None
    except (ValueError, LookupError, AttributeError, TypeError, IndexError):
        name = None
    return (name or _numbered(number))[:255].replace("/", "_")


def _numbered(number: int) -> str:
    return f"part {number}"


def _charset(piece: Message) -> str | None:
    try:
        return piece.get_content_charset("utf-8")
    except (ValueError, LookupError, AttributeError, TypeError, IndexError):
        return None  # hostile parameters


def _payload(piece: Message) -> tuple[bytes, bool]:
    """Return what a piece holds, as far as it can be decoded, and whether that is all of it."""
    try:
        coding = str(piece.get("content-transfer-encoding", "")).strip().lower()
        if coding == "base64":
            return _from_base64(str(piece.get_payload()))
        body = piece.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, AttributeError, TypeError, IndexError):
        return b"", False
    return (body, coding in _CODINGS) if isinstance(body, bytes) else (b"", False)


def _from_base64(text: str) -> tuple[bytes, bool]:
    """Decode up to where it breaks off. The standard library gives back the text itself where a letter is missing."""
    plain = "".join(text.split())
    letters = _BASE64.match(plain)
    assert letters is not None, "it matches nothing at least"
    kept = letters[0]
    left = plain[len(kept) :]
    whole = not left.strip("=") and len(kept) % 4 != 1
    return base64.b64decode(kept[: len(kept) // 4 * 4] + _rest(kept)), whole


def _rest(letters: str) -> str:
    """Return the last letters, which are no four, filled up; a single one says nothing."""
    left = letters[len(letters) // 4 * 4 :]
    return left + "=" * (4 - len(left)) if len(left) > 1 else ""


def _is_overlong(piece: Message) -> bool:
    """Return whether a header is too long for the standard library, whose effort grows with the square of it."""
    return any(
        len(str(value)) > (_PARAMETERS_MAX if name.lower().startswith("content-") else _HEADER_MAX)
        for name, value in piece.raw_items()
    )


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # an encoding that nobody knows, or one with a NUL in its name
        return body.decode("utf-8", "replace")


def _correspondents(part: Part, message: EmailMessage) -> Iterator[Found]:
    rows = MentionRows(("full_name", "email"), part.limits.batch_mentions)
    rows.records = 1
    told: list[str] = []
    for header in _CORRESPONDENTS:
        try:
            told += [str(value) for value in message.get_all(header, [])]
        except (ValueError, LookupError, AttributeError, TypeError, IndexError):
            continue  # a header that the parser cannot read names nobody
    for name, address in getaddresses(told):
        if "@" in address and not address.lower().startswith(_NOT_A_PERSON):
            rows.add((name if " " in name and "@" not in name else "", address, 0))
    yield from rows.rest()
