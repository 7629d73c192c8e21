"""The words of tus 1.0: its headers, parsed and checked. Pure; what is done with them is in `uploads.py`.

Source: the tus resumable upload protocol, version 1.0.0, with the extensions named in `EXTENSIONS`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sealane.doors.http.digests import CHECKSUM_BYTES
from sealane.doors.http.problems import HeaderInvalid

if TYPE_CHECKING:
    from starlette.datastructures import Headers

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation"
CHECKSUM_ALGORITHMS = ",".join(CHECKSUM_BYTES)
MEDIA_TYPE = "application/offset+octet-stream"

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,128}")
_UPLOAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_METADATA_CHARACTERS_MAX = 16 * 1024


def number_of(headers: Headers, name: str) -> int | None:
    """Return a header that is a whole number of bytes, None where it is absent. Raises `HeaderInvalid`."""
    value = headers.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise HeaderInvalid(f"{name} is not a whole number of bytes.")
    return int(value)


def parse_metadata(field_value: str) -> dict[str, bytes]:
    """Return the members of `Upload-Metadata`: `key base64, key, …`; keys are unique, ASCII, without space and comma.

    Raises `HeaderInvalid` for anything else.
    """
    if len(field_value) > _METADATA_CHARACTERS_MAX:
        raise HeaderInvalid("Upload-Metadata is too long.")
    members: dict[str, bytes] = {}
    if not field_value.strip():
        return members
    for member in field_value.split(","):
        key, _, encoded = member.strip(" ").partition(" ")
        if not _KEY.fullmatch(key) or key in members:
            raise HeaderInvalid("Upload-Metadata has a key that is empty, malformed or there twice.")
        try:
            members[key] = base64.b64decode(encoded.strip(" ").encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise HeaderInvalid("Upload-Metadata has a value that is not base64.") from None
    return members


def length_of(word: str, value: bytes) -> int:
    """Return a length that a member of the metadata says, or raise `HeaderInvalid`."""
    text = value.decode("ascii", "replace")
    if not _NUMBER.fullmatch(text):
        raise HeaderInvalid(f"Upload-Metadata: {word} is not a whole number of bytes.")
    return int(text)


def moment_of(text: str) -> datetime | None:
    """Return the time that `mtime` says: seconds since 1970 (a fraction may follow) or RFC 3339 with its zone.

    None where it is neither: a client's own use of the word is no reason to refuse its file.
    """
    try:
        if re.fullmatch(r"-?\d{1,11}(\.\d{1,9})?", text, re.ASCII):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)


def keep_words(metadata: str, concatenation: str) -> str:
    """Return what is kept of a joined upload, to be told again: both headers as the client wrote them."""
    return f"{metadata}\n{concatenation}"


def words_of(kept: str) -> tuple[str, str]:
    """Return `Upload-Metadata` and `Upload-Concat` of what was kept; the second is "" where there was none."""
    metadata, _, concatenation = kept.partition("\n")
    return metadata, concatenation


def is_upload_id(text: str) -> bool:
    """Say whether a text can be the id of an upload at all."""
    return _UPLOAD_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Concatenation:
    """What `Upload-Concat` says: this is a part, or the whole made of these parts."""

    partial: bool
    parts: tuple[str, ...] = field(default=())
    """Ids of the uploads to join, in order."""


def concatenation_of(value: str | None, base: str, *, parts_max: int) -> Concatenation | None:
    """Return what `Upload-Concat` says; parts are named by the addresses that creation gave, below `base`.

    An address may be a path or an absolute URL: of a URL only the path counts, since uploads are looked for here and
    nowhere else. Raises `HeaderInvalid`.
    """
    if value is None:
        return None
    if value.strip() == "partial":
        return Concatenation(partial=True)
    kind, _, listed = value.strip().partition(";")
    addresses = listed.split()
    if kind != "final" or not addresses or len(addresses) > parts_max:
        raise HeaderInvalid("Upload-Concat is neither 'partial' nor 'final;' with the addresses of parts.")
    return Concatenation(partial=False, parts=tuple(upload_named(address, base) for address in addresses))


def upload_named(address: str, base: str) -> str:
    """Return the id of the upload at an address below `base`, or raise `HeaderInvalid`."""
    path = re.sub(r"^https?://[^/]*", "", address)
    upload = path.removeprefix(f"{base}/")
    if upload == path or not is_upload_id(upload):
        raise HeaderInvalid("Upload-Concat names something that is no upload of this server.")
    return upload
