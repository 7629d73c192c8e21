"""A signed statement of figures and notices: whoever has the desk's public key can hold a filing against it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sealane.desk.failures import DeskDamaged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.records import Incident

_CONTEXT: Final = b"sealane/attestation/v1\n"


class Attestation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is stated."""

    incident: str
    occurred: str
    discovered: str
    people: int
    by_state: dict[str, int]
    policy: str
    files: str
    """SHA-256 over the exposed files, as the answer cites it."""
    checkpoint: str
    notices: dict[str, str]
    """SHA-256 of every notice, by its name."""
    stated: str


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attestation with its signature."""

    attestation: Attestation
    key: str
    signature: str


def signed(
    incident: Incident, figures: Figures, notices: Mapping[str, bytes], stated: str, key: Ed25519PrivateKey
) -> bytes:
    """Return the signed statement as JSON."""
    told = Attestation(
        incident=incident.title,
        occurred=str(incident.occurred.date()),
        discovered=str(incident.discovered.date()),
        people=figures.people["strict"],
        by_state=figures.by_state,
        policy=figures.policy,
        files=figures.cited.files,
        checkpoint=figures.checkpoint,
        notices={name: sha256(content).hexdigest() for name, content in sorted(notices.items())},
        stated=stated,
    )
    signature = key.sign(_CONTEXT + _canonical(told))
    whole = Signed(told, key.public_key().public_bytes_raw().hex(), signature.hex())
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def verify(content: bytes, key: str) -> Attestation:
    """Return what is stated, if this key signed it. Raises `DeskDamaged`."""
    try:
        told = msgspec.json.decode(content, type=Signed)
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(told.signature), _CONTEXT + _canonical(told.attestation))
    except (ValueError, InvalidSignature):
        raise DeskDamaged("The attestation is not one that this key signed.") from None
    return told.attestation


def _canonical(told: Attestation) -> bytes:
    return msgspec.json.encode(told, order="sorted")
