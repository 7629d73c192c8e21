"""The chain: each entry's leaf, and the head that binds all entries before it (docs/formats/ledger.md, 4).

Pure. The leaf is the one of RFC 6962, section 2.1, so that a Merkle tree can stand on the same leaves.
"""

from __future__ import annotations

import hashlib

EMPTY = bytes(32)
"""The head of a ledger without entries."""
HASH_BYTES = 32


def leaf_of(body: bytes) -> bytes:
    """SHA-256 of 0x00 and the body."""
    return hashlib.sha256(b"\x00" + body).digest()


def link(head: bytes, leaf: bytes) -> bytes:
    """Return the head after this leaf: SHA-256 of 0x01, the head before and the leaf."""
    return hashlib.sha256(b"\x01" + head + leaf).digest()
