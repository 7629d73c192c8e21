"""Signed notes (C2SP `signed-note`) with Ed25519, the cosignatures of witnesses among them (C2SP `tlog-cosignature`).

Pure. A note is a text and signature lines over it; each line names its key and carries the key's id, four bytes. A line
by a key that is not known says nothing; one by a known key that does not verify spoils the whole note.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sealane.operations.failures import NoteInvalid, SignatureWrong

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTE_BYTES_MAX = 65_536
SIGNATURES_MAX = 64
"""Lines of one note. Sixteen must be taken by whoever reads notes (signed-note, "Format")."""
SIGNED = 0x01
COSIGNED = 0x04
_KEY_ID_BYTES = 4
_PUBLIC_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_NAME = re.compile(r"[^\s+\x00-\x1f]{1,255}")
_BEGINS = "— "
_BREAK = "\n\n"
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signatures to believe: a name and a public key (a `vkey`)."""

    name: str
    public: bytes
    kind: int = SIGNED
    """`SIGNED` for a log, `COSIGNED` for a witness."""

    @property
    def id(self) -> bytes:
        """Return the four bytes by which a signature names the key."""
        return sha256(self.name.encode() + b"\n" + bytes((self.kind,)) + self.public).digest()[:_KEY_ID_BYTES]

    def text(self) -> str:
        """Return the key as text; `verifier_key` reads it."""
        return f"{self.name}+{self.id.hex()}+{_encoded(bytes((self.kind,)) + self.public)}"

    def verify(self, text: str, signature: bytes) -> int:
        """Raise `SignatureWrong` unless it signs the text; return the seconds since 1970 that a cosignature says."""
        at, signed = 0, text.encode()
        if self.kind == COSIGNED and len(signature) == _TIME_BYTES + _SIGNATURE_BYTES:
            at, signature = int.from_bytes(signature[:_TIME_BYTES], "big"), signature[_TIME_BYTES:]
            signed = _cosigned(text, at)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed)
        except (InvalidSignature, ValueError):
            raise SignatureWrong from None
        return at


def verifier_key(text: str) -> VerifierKey:
    """Return the key that this text is. Raises `NoteInvalid`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = _decoded(encoded)
    if not is_name(name) or len(material) != 1 + _PUBLIC_BYTES or material[0] not in {SIGNED, COSIGNED}:
        raise NoteInvalid("This is not an Ed25519 verifier key: it has the form NAME+ID+KEY.")
    key = VerifierKey(name, material[1:], material[0])
    if key.id.hex() != key_id:
        raise NoteInvalid("This verifier key is damaged: its id is not that of its name and key.")
    return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note's text."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return it as it stands in a note, with its line feed."""
        return f"{_BEGINS}{self.name} {_encoded(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, ended by a line feed, and the signatures over it."""

    text: str
    signatures: tuple[Signature, ...]

    def full(self) -> str:
        """Return the note as one text; `parse` reads it."""
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """Return the note with further signatures below those it has."""
        return Note(self.text, (*self.signatures, *(one for one in more if one not in self.signatures)))

    def verified_by(self, key: VerifierKey) -> int | None:
        """Return None where the key has not signed; else the time that it says, or 0. Raises `SignatureWrong`."""
        at = None
        for signature in self.signatures:
            if (signature.name, signature.key_id) == (key.name, key.id):
                at = key.verify(self.text, signature.signature)
        return at

    def demand(self, key: VerifierKey) -> int:
        """Raise `SignatureWrong` unless the key has signed, and rightly; return as `verified_by`."""
        at = self.verified_by(key)
        if at is None:
            raise SignatureWrong
        return at


def parse(text: str) -> Note:
    """Return the note that this text is. Verifies nothing. Raises `NoteInvalid`."""
    if len(text) > NOTE_BYTES_MAX or _CONTROL.search(text):
        raise NoteInvalid("This is not a signed note.")
    shown, gap, below = text.rpartition(_BREAK)
    if not gap:
        raise NoteInvalid("This is not a signed note: it has no signatures.")
    return Note(shown + "\n", signatures(below))


def signatures(lines: str) -> tuple[Signature, ...]:
    """Return the signature lines that a text consists of, at least one. Raises `NoteInvalid`."""
    if not lines.endswith("\n") or not 1 <= lines.count("\n") <= SIGNATURES_MAX or len(lines) > NOTE_BYTES_MAX:
        raise NoteInvalid("These are not the signature lines of a note.")
    return tuple(map(_signature, lines[:-1].split("\n")))


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_BEGINS).partition(" ")
    blob = _decoded(encoded)
    if not line.startswith(_BEGINS) or not is_name(name) or len(blob) <= _KEY_ID_BYTES:
        raise NoteInvalid("A signature line of the note is malformed.")
    return Signature(name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])


def signed(text: str, name: str, key: Ed25519PrivateKey) -> Signature:
    """Return the signature over a note's text by a log's key."""
    return Signature(name, VerifierKey(name, public_of(key)).id, key.sign(text.encode()))


def cosigned(text: str, name: str, key: Ed25519PrivateKey, at: int) -> Signature:
    """Return a witness's cosignature, of the time `at` in seconds since 1970."""
    key_id = VerifierKey(name, public_of(key), COSIGNED).id
    return Signature(name, key_id, at.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(text, at)))


def public_of(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of the public half."""
    return key.public_key().public_bytes_raw()


def is_name(name: str) -> bool:
    """Return whether a key may have this name: no space, no plus, not empty."""
    return _NAME.fullmatch(name) is not None


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _encoded(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _decoded(text: str) -> bytes:
    """Return what this is the base64 of, or nothing where it is not, or not the one that `_encoded` gives."""
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return blob if _encoded(blob) == text else b""
