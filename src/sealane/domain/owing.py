"""What a version owes to the inspector: its digest of record, whose data is in it, both, or nothing. Pure words.

Must stay true: what owes a digest sorts before what does not, since the queue is in the order of these words.
"""

from __future__ import annotations

from typing import Final

DIGEST: Final = "digest"
"""The digest of record; of a sealed version, that of its payload."""
PEOPLE: Final = "people"
"""Whose data is in it."""


def owed(*, digest: bool, people: bool) -> str | None:
    """Return what is owed as it is stored; None: nothing."""
    return " ".join(word for word, is_owed in ((DIGEST, digest), (PEOPLE, people)) if is_owed) or None


def owes(stored: str | None, what: str) -> bool:
    """Return whether this is among what is owed."""
    return stored is not None and what in stored.split()


def paid(stored: str | None, what: str) -> str | None:
    """Return what is still owed when this is no more."""
    left = {word for word in (stored or "").split() if word != what}
    return owed(digest=DIGEST in left, people=PEOPLE in left)
