"""The witnesses of the settings: where each is asked, and the key whose cosignatures count. Pure."""

from __future__ import annotations

from typing import NamedTuple

from sealane.errors import Invalid
from sealane.ledger.notes import COSIGNED, VerifierKey, verifier_key

WITNESSES_MAX = 16
_SCHEMES = ("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")


class Witness(NamedTuple):
    """Who watches this ledger from outside."""

    url: str
    """Its submission prefix (C2SP tlog-witness), without a slash at the end."""
    key: VerifierKey


def parse(text: str) -> tuple[Witness, ...]:
    """Return the witnesses that the setting names: `URL VKEY`, several separated by commas. Raises `Invalid`."""
    found = tuple(_witness(part) for part in text.split(",") if part.strip())
    names = {witness.key.name for witness in found}
    if len(found) > WITNESSES_MAX or len(names) != len(found):
        raise Invalid("The setting 'witnesses' names too many, or one of them twice.")
    return found


def _witness(part: str) -> Witness:
    words = part.split()
    if len(words) != 2 or not words[0].startswith(_SCHEMES):  # noqa: PLR2004  # where, and whose key
        raise Invalid("The setting 'witnesses' needs for each `URL VKEY`, with https:// except on loopback.")
    key = verifier_key(words[1])
    if key.kind != COSIGNED:
        raise Invalid(f"The key {key.name} in the setting 'witnesses' is a log's and not a witness's.")
    return Witness(words[0].rstrip("/"), key)
