"""Who signs checkpoints, and since when: the long-term key and the key of the hour (docs/formats/ledger.md, 6).

Pure. The long-term key is what an outsider is told once. The key of the hour lives in the keeper's memory only, signs
its successor and is destroyed, so that whoever breaks in later cannot sign an earlier hour anew.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from sealane.ledger import notes
from sealane.ledger.checkpoints import Checkpoint, hour_name
from sealane.ledger.notes import Note, VerifierKey
from sealane.operations.failures import SignatureWrong, SigningKeyWrong

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_HEAD = "sealane/signing-key/v1"
_PUBLIC_BYTES = 32


def statement(before: Checkpoint, public: bytes) -> bytes:
    """Return what appoints a key: its public half, and the ledger as it stands before the entry that says so."""
    root = base64.b64encode(before.root).decode()
    return f"{_HEAD}\n{before.origin}\n{before.size}\n{root}\n{public.hex()}\n".encode()


def check_appointed(before: Checkpoint, public: bytes, signature: bytes, *, by: bytes) -> None:
    """Raise `SigningKeyWrong` unless the key with the public half `by` has appointed this one."""
    if len(public) != _PUBLIC_BYTES:
        raise SigningKeyWrong
    try:
        VerifierKey("", by).verify(statement(before, public).decode(), signature)
    except SignatureWrong:
        raise SigningKeyWrong from None


def signed(checkpoint: Checkpoint, *, long_term: Ed25519PrivateKey, hour: Ed25519PrivateKey) -> Note:
    """Return the checkpoint as a note with both signatures."""
    text, origin = checkpoint.text(), checkpoint.origin
    return Note(text, (notes.signed(text, origin, long_term), notes.signed(text, hour_name(origin), hour)))
