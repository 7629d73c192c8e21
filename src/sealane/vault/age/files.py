"""Whole age files: what is written before the payload, and what must be known to read one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from sealane.vault.age import armor, header, keys
from sealane.vault.age.failures import HeaderCut
from sealane.vault.age.payload import NONCE_BYTES, PayloadKey
from sealane.vault.age.streams import Opener, Sealer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.vault.age.keys import Identity, Recipient


class Begun(NamedTuple):
    """The beginning of a file: its header and nonce as written, and the key of what follows."""

    prefix: bytes
    payload: PayloadKey


def begin(recipients: Sequence[Recipient], *, file_key: bytes | None = None, nonce: bytes | None = None) -> Begun:
    """Begin a file to these recipients, with a fresh file key and nonce unless they are given (to go on with one).

    Raises `RecipientsMixed`, `KeyInvalid`.
    """
    keys.check_together(recipients)
    file_key = file_key or secrets.token_bytes(header.FILE_KEY_BYTES)
    nonce = nonce or secrets.token_bytes(NONCE_BYTES)
    written = header.make([one.wrap(file_key) for one in recipients], file_key).written()
    return Begun(written + nonce, PayloadKey(file_key, nonce))


def open_prefix(start: bytes, identities: Sequence[Identity]) -> tuple[PayloadKey, int]:
    """Return the payload's key and where its chunks begin. Raises `HeaderCut` if `start` is too short to tell."""
    parsed, length = header.parse(start)
    file_key = keys.find_file_key(parsed, identities)
    nonce = start[length : length + NONCE_BYTES]
    if len(nonce) < NONCE_BYTES:
        raise HeaderCut
    return PayloadKey(file_key, nonce), length + NONCE_BYTES


def seal(plain: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Seal something small in memory."""
    begun = begin(recipients)
    sealer = Sealer(begun.payload)
    return begun.prefix + sealer.update(plain) + sealer.finish()


def open_sealed(sealed: bytes, identities: Sequence[Identity]) -> bytes:
    """Open something small in memory, binary or armoured. Raises what is wrong with it; gives all or nothing."""
    data = armor.open_armor(sealed) if armor.is_armored(sealed) else sealed
    key, begins = open_prefix(data, identities)
    opener = Opener(key)
    return bytes(opener.update(data[begins:]) + opener.finish())
