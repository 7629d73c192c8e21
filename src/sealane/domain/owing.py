"""What a version owes to the inspector: its digest of record, whose data is in it, both, or nothing. Pure words.

Must stay true: the queue is in the order of these words. What owes a digest, for which a client may wait, sorts before
what is only to be read; what no longer stands anywhere comes after both, and owes no digest until somebody wants it.
"""

from __future__ import annotations

from typing import Final

DIGEST: Final = "digest"
"""The digest of record; of a sealed version, that of its payload."""
PEOPLE: Final = "people"
"""Whose data is in it."""
LAST: Final = "z"
"""It comes after everything else. Nothing is owed by this alone."""
LAST_PEOPLE: Final = f"{LAST} {PEOPLE}"
"""What is left of all that a version owed once it was written over or removed."""


def owed(*, digest: bool, people: bool, last: bool = False) -> str | None:
    """Return what is owed as it is stored; None: nothing. `last`: after all that others owe."""
    words = " ".join(word for word, is_owed in ((DIGEST, digest), (PEOPLE, people)) if is_owed)
    return (f"{LAST} {words}" if last else words) if words else None


def owes(stored: str | None, what: str) -> bool:
    """Return whether this is among what is owed."""
    return stored is not None and what in stored.split()


def paid(stored: str | None, what: str) -> str | None:
    """Return what is still owed when this is no more."""
    left = {word for word in (stored or "").split() if word != what}
    return owed(digest=DIGEST in left, people=PEOPLE in left, last=LAST in left)
